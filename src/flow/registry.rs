//! Contexts and descriptions.

use crate::error::{Error, Result};
use crate::flow::scope::Scope;
use crate::pg::catalog;
use crate::pg::kb;
use crate::pg::kb::context::{self, Definition};
use t2sql_core::text::split_name;

/// Longest description, in bytes; longer COMMENTs are cut when they are indexed.
const LONGEST_DESCRIPTION: usize = 4_000;

pub struct Registration<'a> {
    pub name: &'a str,
    pub schemas: Vec<String>,
    pub description: Option<&'a str>,
    pub include: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    pub enforce: bool,
}

/// Registers a context or changes it; returns its id.
pub fn register(r: &Registration) -> Result<i64> {
    kb::require_write("contexts")?;
    if r.name.trim().is_empty() {
        return Err(Error::argument(
            "name must not be empty",
            "Name the context as people will call it, for example 'sales'.",
        ));
    }
    if r.schemas.is_empty() {
        return Err(Error::argument(
            "at least one schema is needed",
            "For example: SELECT t2sql.register_database('sales', ARRAY['sales', 'public']).",
        ));
    }
    let missing = catalog::missing_schemas(&r.schemas)?;
    if !missing.is_empty() {
        return Err(Error::argument(
            format!("schema {} does not exist", missing.join(", ")),
            "Name schemas of this database in the order of their search_path.",
        ));
    }
    context::put(&Definition {
        name: r.name,
        schemas: &r.schemas,
        description: r.description,
        include: r.include.as_deref(),
        exclude: r.exclude.as_deref(),
        enforce: r.enforce,
        is_current: r.name == context::current_database()?,
    })
}

pub fn unregister(name: &str) -> Result<bool> {
    kb::require_write("contexts")?;
    context::remove(name)
}

/// Describes `schema.table`, `table`, `table.column` or `schema.table.column`.
pub fn describe(object: &str, description: Option<&str>, database: Option<&str>) -> Result<bool> {
    kb::require_write("descriptions")?;
    if let Some(text) = description
        && text.len() > LONGEST_DESCRIPTION
    {
        return Err(Error::TooLong { what: "description", length: text.len(), limit: LONGEST_DESCRIPTION });
    }
    // what the caller may not read looks as if it were not there
    let scope = Scope::open(database)?;
    let context = &scope.context;
    let names = split_name(object);
    let parts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for table in &scope.view.catalog.tables {
        let column = |name: &str| table.columns.iter().any(|c| c.name == name);
        match parts.as_slice() {
            [t] if *t == table.name => found.push((table, None)),
            [s, t] if *s == table.schema && *t == table.name => found.push((table, None)),
            [t, c] if *t == table.name && column(c) => found.push((table, Some((*c).to_owned()))),
            [s, t, c] if *s == table.schema && *t == table.name && column(c) => {
                found.push((table, Some((*c).to_owned())))
            }
            _ => {}
        }
    }
    match found.as_slice() {
        [(table, column)] => {
            kb::catalog::describe(context.id, &table.schema, &table.name, column.as_deref(), description)?;
            context::bump(context.id, false)?;
            Ok(true)
        }
        [] => Err(Error::argument(
            format!("\"{object}\" is no indexed table or column"),
            "Write schema.table or schema.table.column; new ones need SELECT * FROM t2sql.index_schema() first.",
        )),
        _ => Err(Error::argument(format!("\"{object}\" is not unique"), "Put the schema in front of it.")),
    }
}
