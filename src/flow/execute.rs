//! Rows of an answer: executed in the seal, counted, recorded.

use crate::error::{Error, Result};
use crate::flow::answer::{self, Options};
use crate::flow::scope::Scope;
use crate::pg::guc::{self, OnTruncate};
use crate::pg::kb::learn;
use crate::pg::rows::TypedRows;
use crate::pg::seal::{self, Limits, Problem, Rows};
use std::time::Instant;

/// SQL that is to run, and the request it belongs to.
pub struct Job {
    pub scope: Scope,
    pub request_id: Option<i64>,
    pub sample_id: Option<i64>,
    pub question: String,
    pub sql: String,
    pub search_path: Vec<String>,
}

/// Answers `question` and returns what is to run; raises when there is no answer.
pub fn job(question: &str, database: Option<&str>, options: &Options) -> Result<Job> {
    let answered = answer::answer(question, database, options)?;
    let (request_id, scope) = (answered.request_id, answered.scope);
    let candidate = answered.result?;
    let search_path = scope.context.schemas.clone();
    Ok(Job {
        scope,
        request_id,
        sample_id: candidate.sample_id,
        question: question.into(),
        sql: candidate.sql,
        search_path,
    })
}

/// The SQL of an earlier request, for whoever asked it.
pub fn job_of(request_id: i64) -> Result<Job> {
    let missing = || {
        Error::argument(
            format!("there is no request {request_id} of yours with SQL"),
            "SELECT id, question, sql FROM t2sql.my_requests lists yours.",
        )
    };
    let recorded = learn::request(request_id)?.ok_or_else(missing)?;
    let sql = recorded.sql.ok_or_else(missing)?;
    let scope = Scope::open(Some(&recorded.database))?;
    Ok(Job {
        scope,
        request_id: Some(request_id),
        sample_id: recorded.sql_sample_id,
        question: recorded.question,
        sql,
        search_path: recorded.search_path,
    })
}

/// Runs a job and returns its rows as json.
pub fn rows(job: &Job, max_rows: Option<i32>) -> Result<Rows> {
    let limits = limits(max_rows)?;
    let result = seal::fetch(&job.sql, &job.scope.seal(&job.search_path), &limits);
    note(job, result.as_ref().map(|rows| rows.elapsed.as_secs_f64() * 1e3).map_err(Clone::clone))?;
    let rows = result?;
    if rows.truncated {
        match guc::on_truncate() {
            OnTruncate::Error => return Err(Problem::RowCap { max_rows: limits.max_rows }.into()),
            OnTruncate::Warning => pgrx::warning!(
                "the result was cut after {} rows; raise t2sql.max_rows or t2sql.max_bytes, or ask for less",
                rows.json.len()
            ),
        }
    }
    Ok(rows)
}

/// Runs a job into the result of a set-returning function; too many rows are an error there.
pub fn fill(job: &Job, target: &mut TypedRows) -> Result<()> {
    let started = Instant::now();
    let result = seal::fill(&job.sql, &job.scope.seal(&job.search_path), &limits(None)?, target);
    note(job, result.as_ref().map(|()| started.elapsed().as_secs_f64() * 1e3).map_err(Clone::clone))?;
    Ok(result?)
}

/// Caps of one execution; an explicit `max_rows` goes before the setting.
pub fn limits(max_rows: Option<i32>) -> Result<Limits> {
    let mut limits = Limits::from_settings();
    if let Some(max_rows) = max_rows {
        if max_rows < 1 {
            return Err(Error::argument("max_rows must be 1 or more", "Leave it out for the value of t2sql.max_rows."));
        }
        limits.max_rows = max_rows.into();
    }
    Ok(limits)
}

/// Records how an execution ended.
pub fn note(job: &Job, outcome: Result<f64, Problem>) -> Result<()> {
    let (elapsed, error) = match outcome {
        Ok(elapsed) => (elapsed, None),
        Err(problem) => (0.0, Some(Error::from(problem).sqlstate())),
    };
    learn::record_usage(job.scope.context.id, job.request_id, job.sample_id, &job.question, elapsed, error.as_deref())
}
