//! `answer`, `explain`, `prompt`: one question, looked at from outside and inside.

use super::options;
use crate::error::Error;
use crate::flow::answer::{self, Answered};
use crate::pg::rows;
use pgrx::JsonB;
use pgrx::iter::{SetOfIterator, TableIterator};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

type Row = (
    name!(request_id, Option<i64>),
    name!(status, String),
    name!(sql, Option<String>),
    name!(engine, Option<String>),
    name!(confidence, Option<f32>),
    name!(trusted, Option<bool>),
    name!(columns, Option<String>),
    name!(explanation, Option<String>),
    name!(assumptions, Vec<String>),
    name!(clarification, Option<String>),
    name!(est_rows, Option<f64>),
    name!(est_cost, Option<f64>),
    name!(warnings, Vec<String>),
    name!(error, Option<String>),
);

/// Everything there is to say about `question` in one row; never raises for its sake.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn answer(
    question: Option<&str>,
    database: default!(Option<&str>, "NULL"),
    options: default!(Option<JsonB>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(request_id, Option<i64>),
            name!(status, String),
            name!(sql, Option<String>),
            name!(engine, Option<String>),
            name!(confidence, Option<f32>),
            name!(trusted, Option<bool>),
            name!(columns, Option<String>),
            name!(explanation, Option<String>),
            name!(assumptions, Vec<String>),
            name!(clarification, Option<String>),
            name!(est_rows, Option<f64>),
            name!(est_cost, Option<f64>),
            name!(warnings, Vec<String>),
            name!(error, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let Some(question) = question else { return Ok(TableIterator::empty()) };
    let options = self::options(options.as_ref())?;
    let row = match answer::answer(question, database, &options) {
        Ok(answered) => row(answered),
        // a question that is no question is the question's fault, too
        Err(error @ (Error::Argument { .. } | Error::TooLong { .. })) if answer::validate(question).is_err() => {
            failed(None, "error", &error)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(TableIterator::once(row))
}

fn row(answered: Answered) -> Row {
    let status = answered.status().as_str();
    match answered.result {
        Ok(c) => (
            answered.request_id,
            status.into(),
            Some(c.sql),
            Some(c.engine.into()),
            Some(c.confidence),
            Some(c.trusted),
            Some(rows::column_list(&c.checked.columns)),
            Some(c.explanation),
            c.assumptions,
            None,
            Some(c.checked.est_rows),
            Some(c.checked.est_cost),
            c.warnings,
            None,
        ),
        Err(error) => failed(answered.request_id, status, &error),
    }
}

fn failed(request_id: Option<i64>, status: &str, error: &Error) -> Row {
    let clarification = match error {
        Error::Unanswerable { detail, hint, .. } => {
            Some(detail.iter().cloned().chain([hint.clone()]).collect::<Vec<_>>().join(" "))
        }
        other => other.hint(),
    };
    let message = format!("{}: {error}", error.sqlstate());
    (
        request_id,
        status.into(),
        None,
        None,
        None,
        None,
        None,
        None,
        Vec::new(),
        clarification,
        None,
        None,
        Vec::new(),
        Some(message),
    )
}

/// Every stage that a question went through, a line each.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn explain(
    question: Option<&str>,
    database: default!(Option<&str>, "NULL"),
    options: default!(Option<JsonB>, "NULL"),
) -> Result<SetOfIterator<'static, String>, ErrorReport> {
    let Some(question) = question else { return Ok(SetOfIterator::empty()) };
    let answered = answer::answer(question, database, &self::options(options.as_ref())?)?;
    Ok(SetOfIterator::new(answered.lines()))
}

/// Exactly what would be sent to the model for `question`.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn prompt(
    question: Option<&str>,
    database: default!(Option<&str>, "NULL"),
    options: default!(Option<JsonB>, "NULL"),
) -> Result<Option<String>, ErrorReport> {
    let Some(question) = question else { return Ok(None) };
    Ok(Some(answer::prompt(question, database, &self::options(options.as_ref())?)?))
}
