//! `register_database`, `unregister_database`, `set_description`: what is asked about.

use super::names;
use crate::flow::registry::{self, Registration};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Makes `schemas` a context to ask in under `name`; returns its id.
#[pg_extern(volatile, parallel_unsafe)]
fn register_database(
    name: Option<&str>,
    schemas: Option<Vec<Option<String>>>,
    description: default!(Option<&str>, "NULL"),
    include: default!(Option<Vec<Option<String>>>, "NULL"),
    exclude: default!(Option<Vec<Option<String>>>, "NULL"),
    enforce: default!(Option<bool>, "false"),
) -> Result<Option<i64>, ErrorReport> {
    let (include, exclude) = (names(include, "include")?, names(exclude, "exclude")?);
    let (Some(name), Some(schemas)) = (name, names(schemas, "schemas")?) else { return Ok(None) };
    let enforce = enforce.unwrap_or(false);
    Ok(Some(registry::register(&Registration { name, schemas, description, include, exclude, enforce })?))
}

/// Forgets the context `name` with all that was indexed and learnt for it; false where there was none.
#[pg_extern(volatile, parallel_unsafe)]
fn unregister_database(name: Option<&str>) -> Result<Option<bool>, ErrorReport> {
    let Some(name) = name else { return Ok(None) };
    Ok(Some(registry::unregister(name)?))
}

/// Describes a table or column (`schema.table`, `table.column`, `schema.table.column`) for those who ask; NULL goes
/// back to its COMMENT.
#[pg_extern(volatile, parallel_unsafe)]
fn set_description(
    object: Option<&str>,
    description: Option<&str>,
    database: default!(Option<&str>, "NULL"),
) -> Result<Option<bool>, ErrorReport> {
    let Some(object) = object else { return Ok(None) };
    Ok(Some(registry::describe(object, description, database)?))
}
