//! `index_schema`, and what the procedure `reindex` calls.

use super::names;
use crate::flow::index::{self, Report};
use crate::pg::kb::context::Context;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

type Row = (
    name!(success, bool),
    name!(tables_indexed, i32),
    name!(columns_indexed, i32),
    name!(relationships_indexed, i32),
    name!(values_indexed, i32),
    name!(embeddings_generated, i32),
    name!(unchanged, i32),
    name!(skipped_no_privilege, i32),
    name!(removed, i32),
    name!(message, String),
);

/// Looks at the schemas (all of users without `schemas`) and keeps what changed.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn index_schema(
    schemas: default!(Option<Vec<Option<String>>>, "NULL"),
    force: default!(Option<bool>, "false"),
    database: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(success, bool),
            name!(tables_indexed, i32),
            name!(columns_indexed, i32),
            name!(relationships_indexed, i32),
            name!(values_indexed, i32),
            name!(embeddings_generated, i32),
            name!(unchanged, i32),
            name!(skipped_no_privilege, i32),
            name!(removed, i32),
            name!(message, String),
        ),
    >,
    ErrorReport,
> {
    let schemas = names(schemas, "schemas")?;
    let (context, report) = index::run(database, schemas, force.unwrap_or(false), &|line| notice!("t2sql: {line}"))?;
    Ok(TableIterator::once(row(&context, &report)?))
}

/// As above, for one schema.
#[pg_extern(name = "index_schema", volatile, parallel_unsafe, cost = 100000)]
fn index_one_schema(
    schema: Option<&str>,
    force: default!(Option<bool>, "false"),
    database: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(success, bool),
            name!(tables_indexed, i32),
            name!(columns_indexed, i32),
            name!(relationships_indexed, i32),
            name!(values_indexed, i32),
            name!(embeddings_generated, i32),
            name!(unchanged, i32),
            name!(skipped_no_privilege, i32),
            name!(removed, i32),
            name!(message, String),
        ),
    >,
    ErrorReport,
> {
    index_schema(schema.map(|s| vec![Some(s.to_owned())]), force, database)
}

fn row(context: &Context, report: &Report) -> Result<Row, ErrorReport> {
    let count = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
    Ok((
        true,
        count(report.tables),
        count(report.columns),
        count(report.relationships),
        count(report.values),
        count(report.embeddings),
        count(report.unchanged),
        count(report.hidden),
        count(report.removed),
        index::message(context, report)?,
    ))
}

/// Begins a run that commits batch by batch; returns its number in `index_runs`.
#[pg_extern(volatile, parallel_unsafe)]
fn _index_begin(database: Option<&str>) -> Result<i64, ErrorReport> {
    Ok(index::batch::begin(database)?)
}

/// Does the next batch of a run; false when the run is complete.
#[pg_extern(volatile, parallel_unsafe)]
fn _index_batch(run_id: i64) -> Result<bool, ErrorReport> {
    Ok(index::batch::next(run_id)?)
}

/// Ends a run before it is complete: the next one goes on where it stopped.
#[pg_extern(volatile, parallel_unsafe)]
fn _index_stop(run_id: i64) -> Result<(), ErrorReport> {
    Ok(index::batch::stop(run_id)?)
}
