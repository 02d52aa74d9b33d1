//! `check_sql`: the guard's opinion of a text.

use crate::error::printable;
use crate::flow::check;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Whether generated SQL like `sql` could run, by which rule not, and what the planner expects; runs nothing.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn check_sql(
    sql: Option<&str>,
    database: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ok, bool),
            name!(rule, Option<String>),
            name!(sqlstate, Option<String>),
            name!(message, Option<String>),
            name!(hint, Option<String>),
            name!(est_rows, Option<f64>),
            name!(est_cost, Option<f64>),
            name!(warnings, Vec<String>),
        ),
    >,
    ErrorReport,
> {
    let Some(sql) = sql else { return Ok(TableIterator::empty()) };
    let verdict = check::check(sql, database)?;
    let error = verdict.error.as_ref();
    Ok(TableIterator::once((
        error.is_none(),
        verdict.rule.map(str::to_owned),
        error.map(|e| e.sqlstate()),
        error.map(|e| printable(&e.to_string())),
        error.and_then(|e| e.hint()).map(|hint| printable(&hint)),
        verdict.est_rows,
        verdict.est_cost,
        verdict.warnings,
    )))
}
