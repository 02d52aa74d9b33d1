//! Requests, feedback, usage and verified samples.

use crate::error::{Error, Result};
use crate::pg::frame::Frame;
use crate::pg::kb::can_write;
use crate::pg::{log, role, spi};
use serde::{Deserialize, Serialize};

/// What is recorded of one question.
#[derive(Debug, Default, Serialize)]
pub struct Request {
    pub database_id: i64,
    pub user_name: String,
    pub user_key: String,
    pub question: String,
    pub status: &'static str,
    pub engine: Option<&'static str>,
    pub sql: Option<String>,
    pub search_path: Vec<String>,
    pub confidence: Option<f32>,
    pub sql_sample_id: Option<i64>,
    pub trusted: bool,
    pub assumptions: Vec<String>,
    pub explanation: Option<String>,
    pub error: Option<String>,
    pub rule: Option<&'static str>,
    pub timings: serde_json::Value,
    pub prompt_tokens: Option<i64>,
    pub completion_tokens: Option<i64>,
    pub sent: Option<serde_json::Value>,
}

/// Records a request; None where nothing can be written.
pub fn record(request: &Request) -> Result<Option<i64>> {
    if !can_write() {
        log::nothing_recorded();
        return Ok(None);
    }
    let document =
        serde_json::to_string(request).map_err(|e| Error::Internal(format!("a request could not be recorded: {e}")))?;
    let _frame = Frame::owner();
    Ok(spi::write(
        "INSERT INTO t2sql.requests (database_id, user_name, user_key, question, status, engine, sql, search_path, confidence, sql_sample_id, trusted,
                                     assumptions, explanation, error, rule, timings, prompt_tokens, completion_tokens, sent)
         SELECT database_id, user_name, user_key, question, status, engine, sql, search_path, confidence, sql_sample_id, trusted,
                assumptions, explanation, error, rule, timings, prompt_tokens, completion_tokens, sent
         FROM jsonb_to_record($1::jsonb) AS r(database_id bigint, user_name text, user_key text, question text, status text, engine text, sql text,
             search_path text[], confidence real, sql_sample_id bigint, trusted boolean, assumptions text[], explanation text, error text,
             rule text, timings jsonb, prompt_tokens integer, completion_tokens integer, sent jsonb)
         RETURNING id",
        &[document.into()],
    )?
    .1)
}

/// A recorded request.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    pub database: String,
    user_name: String,
    user_key: Option<String>,
    pub question: String,
    pub sql: Option<String>,
    pub search_path: Vec<String>,
    pub sql_sample_id: Option<i64>,
}

/// The caller's request `id`.
pub fn request(id: i64) -> Result<Option<Recorded>> {
    Ok(request_of_anybody(id)?.filter(|found| role::is_current(&found.user_name, found.user_key.as_deref())))
}

fn request_of_anybody(id: i64) -> Result<Option<Recorded>> {
    let _frame = Frame::owner();
    spi::json(
        "SELECT jsonb_build_object('database', d.name, 'user_name', r.user_name, 'user_key', r.user_key, 'question', r.question, 'sql', r.sql,
                                   'search_path', r.search_path, 'sql_sample_id', r.sql_sample_id)::text
         FROM t2sql.requests r JOIN t2sql.databases d ON d.id = r.database_id WHERE r.id = $1",
        &[id.into()],
    )
}

/// What a user said of an answer.
pub struct Feedback<'a> {
    pub database_id: i64,
    pub request_id: Option<i64>,
    pub sample_id: Option<i64>,
    pub question: &'a str,
    pub sql: Option<&'a str>,
    pub is_correct: bool,
    pub correction: Option<&'a str>,
    pub rating: Option<i32>,
    pub text: Option<&'a str>,
    pub user: &'a str,
}

pub fn store_feedback(f: &Feedback) -> Result<i64> {
    let _frame = Frame::owner();
    let (_, id) = spi::write::<i64>(
        "INSERT INTO t2sql.query_feedback (database_id, request_id, sql_sample_id, nl_query, generated_sql, is_correct, correction, rating,
                                           feedback_text, user_name)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        &[
            f.database_id.into(),
            f.request_id.into(),
            f.sample_id.into(),
            f.question.into(),
            f.sql.into(),
            f.is_correct.into(),
            f.correction.into(),
            f.rating.into(),
            f.text.into(),
            f.user.into(),
        ],
    )?;
    if let Some(sample) = f.sample_id {
        spi::execute(
            "UPDATE t2sql.sql_samples s SET feedback_count = s.feedback_count + 1, last_feedback_date = now(),
                 avg_rating = (SELECT avg(q.rating) FROM t2sql.query_feedback q WHERE q.sql_sample_id = s.id)
             WHERE s.id = $1",
            &[sample.into()],
        )?;
    }
    id.ok_or_else(|| Error::Internal("feedback was stored without an id".into()))
}

/// Takes a sample out of use, e.g. because its answer was called wrong.
pub fn disable_sample(id: i64) -> Result<()> {
    let _frame = Frame::owner();
    spi::execute("UPDATE t2sql.sql_samples SET enabled = false WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// A verified question to keep.
pub struct Sample<'a> {
    pub database_id: i64,
    pub question: &'a str,
    pub sql: &'a str,
    pub normalised: &'a str,
    pub masked: Option<String>,
    pub template: Option<String>,
    pub signature: Option<String>,
    pub complexity: i32,
    pub tags: Vec<String>,
    pub source: &'a str,
    pub verified: bool,
    pub owner: &'a str,
    pub owner_key: &'a str,
    pub touched: Vec<String>,
    pub notes: Option<&'a str>,
}

/// Stores a sample; one for the same question (and, unverified, the same owner) is replaced.
pub fn store_sample(s: &Sample) -> Result<i64> {
    let _frame = Frame::owner();
    let args = [
        s.database_id.into(),
        s.normalised.into(),
        s.verified.into(),
        s.owner.into(),
        s.question.into(),
        s.sql.into(),
        s.masked.clone().into(),
        s.template.clone().into(),
        s.signature.clone().into(),
        s.complexity.into(),
        s.tags.clone().into(),
        s.source.into(),
        s.touched.clone().into(),
        s.notes.into(),
        s.owner_key.into(),
    ];
    let (_, id) = spi::write::<i64>(
        "UPDATE t2sql.sql_samples SET question = $5, sql = $6, masked_question = $7, template = $8::jsonb, signature = $9, complexity = $10,
             tags = $11, source = $12, touched = $13, performance_notes = $14, owner_name = $4, owner_key = $15, enabled = true
         WHERE database_id = $1 AND md5(normalised) = md5($2) AND normalised = $2 AND verified = $3 AND (verified OR owner_name = $4) RETURNING id",
        &args,
    )?;
    let id = match id {
        Some(id) => Some(id),
        None => spi::write::<i64>(
            "INSERT INTO t2sql.sql_samples (database_id, normalised, verified, owner_name, question, sql, masked_question, template, signature,
                                            complexity, tags, source, touched, performance_notes, owner_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
            &args,
        )?
        .1,
    };
    id.ok_or_else(|| Error::Internal("a sample was stored without an id".into()))
}

/// Records an execution; a no-op where nothing can be written.
pub fn record_usage(
    database: i64,
    request: Option<i64>,
    sample: Option<i64>,
    question: &str,
    elapsed_ms: f64,
    error: Option<&str>,
) -> Result<()> {
    if !can_write() {
        return Ok(());
    }
    let _frame = Frame::owner();
    spi::execute(
        "INSERT INTO t2sql.query_usage_stats (database_id, request_id, sql_sample_id, nl_query, execution_time_ms, success, error_message)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            database.into(),
            request.into(),
            sample.into(),
            question.into(),
            elapsed_ms.into(),
            error.is_none().into(),
            error.into(),
        ],
    )?;
    Ok(())
}
