//! `ask`, `execute_nl`, `run`: SQL, and rows.

use super::options;
use crate::flow::{answer, execute};
use crate::pg::guc;
use crate::pg::rows::JsonText;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{JsonB, iter::SetOfIterator};

/// Writes SQL that answers `question`; runs nothing.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn ask(
    question: Option<&str>,
    database: default!(Option<&str>, "NULL"),
    options: default!(Option<JsonB>, "NULL"),
) -> Result<Option<String>, ErrorReport> {
    let Some(question) = question else { return Ok(None) };
    let answered = answer::answer(question, database, &self::options(options.as_ref())?)?;
    let annotation = answered.annotation().filter(|_| guc::annotate());
    let sql = answered.result?.sql;
    Ok(Some(match annotation {
        Some(annotation) => format!("{sql} {annotation}"),
        None => sql,
    }))
}

/// The rows that answer `question`, one json object each.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn execute_nl(
    question: Option<&str>,
    database: default!(Option<&str>, "NULL"),
    max_rows: default!(Option<i32>, "NULL"),
    options: default!(Option<JsonB>, "NULL"),
) -> Result<SetOfIterator<'static, JsonText>, ErrorReport> {
    let Some(question) = question else { return Ok(SetOfIterator::empty()) };
    let job = execute::job(question, database, &self::options(options.as_ref())?)?;
    let rows = execute::rows(&job, max_rows)?;
    Ok(SetOfIterator::new(rows.json.into_iter().map(JsonText)))
}

/// The rows of exactly the SQL that request `request_id` showed.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn run(
    request_id: Option<i64>,
    max_rows: default!(Option<i32>, "NULL"),
) -> Result<SetOfIterator<'static, JsonText>, ErrorReport> {
    let Some(request_id) = request_id else { return Ok(SetOfIterator::empty()) };
    let rows = execute::rows(&execute::job_of(request_id)?, max_rows)?;
    Ok(SetOfIterator::new(rows.json.into_iter().map(JsonText)))
}
