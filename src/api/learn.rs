//! `feedback`, `add_sample`: what makes the next answer better.

use super::names;
use crate::flow::learn::{self, Given, Said};
use crate::pg::role;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// What you think of the answer of request `request_id`; returns the feedback's id.
#[pg_extern(volatile, parallel_unsafe)]
fn feedback(
    request_id: Option<i64>,
    is_correct: Option<bool>,
    correction: default!(Option<&str>, "NULL"),
    rating: default!(Option<i32>, "NULL"),
    feedback_text: default!(Option<&str>, "NULL"),
) -> Result<Option<i64>, ErrorReport> {
    let (Some(request_id), Some(is_correct)) = (request_id, is_correct) else { return Ok(None) };
    let said = Said { is_correct, correction, rating, text: feedback_text };
    Ok(Some(learn::feedback_on(request_id, &said)?))
}

/// The same where no request was recorded.
#[pg_extern(name = "feedback", volatile, parallel_unsafe)]
fn feedback_on_question(
    question: Option<&str>,
    sql: Option<&str>,
    is_correct: Option<bool>,
    correction: default!(Option<&str>, "NULL"),
    rating: default!(Option<i32>, "NULL"),
    feedback_text: default!(Option<&str>, "NULL"),
    database: default!(Option<&str>, "NULL"),
) -> Result<Option<i64>, ErrorReport> {
    let (Some(question), Some(sql), Some(is_correct)) = (question, sql, is_correct) else { return Ok(None) };
    let said = Said { is_correct, correction, rating, text: feedback_text };
    Ok(Some(learn::feedback(question, sql, database, &said)?))
}

/// Stores a question with SQL that you vouch for; returns its id.
#[pg_extern(volatile, parallel_unsafe)]
fn add_sample(
    question: Option<&str>,
    sql: Option<&str>,
    database: default!(Option<&str>, "NULL"),
    tags: default!(Option<Vec<Option<String>>>, "'{}'"),
    performance_notes: default!(Option<&str>, "NULL"),
) -> Result<Option<i64>, ErrorReport> {
    let (Some(question), Some(sql)) = (question, sql) else { return Ok(None) };
    let given = Given { question, sql, tags: names(tags, "tags")?.unwrap_or_default(), notes: performance_notes };
    Ok(Some(learn::add_sample(&given, database)?))
}

/// What tells the caller from another role that had its name; `my_requests` asks for it.
#[pg_extern(stable, parallel_safe)]
fn _role_key() -> String {
    role::key(role::current())
}
