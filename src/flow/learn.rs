//! Learning: feedback on answers and verified samples.

use crate::error::{Error, Result};
use crate::flow::answer::{LONGEST_QUESTION, validate};
use crate::flow::embedder::Embedder;
use crate::flow::scope::Scope;
use crate::pg::kb::learn::{self, Feedback, Sample};
use crate::pg::kb::require_write;
use crate::pg::kb::vectors::{self, Chunk};
use crate::pg::role;
use crate::pg::seal::{self, Limits};
use t2sql_core::sample::Template;
use t2sql_core::text::{content_hash, fold};

/// What a user says of an answer.
pub struct Said<'a> {
    pub is_correct: bool,
    pub correction: Option<&'a str>,
    pub rating: Option<i32>,
    pub text: Option<&'a str>,
}

/// A sample as given by a curator.
pub struct Given<'a> {
    pub question: &'a str,
    pub sql: &'a str,
    pub tags: Vec<String>,
    pub notes: Option<&'a str>,
}

/// Feedback on a recorded request; returns its id.
pub fn feedback_on(request_id: i64, said: &Said) -> Result<i64> {
    require_write("feedback")?;
    let missing = || {
        Error::argument(
            format!("there is no request {request_id} of yours"),
            "SELECT id, question FROM t2sql.my_requests lists yours; without one, use t2sql.feedback(question, sql, is_correct).",
        )
    };
    let request = learn::request(request_id)?.ok_or_else(missing)?;
    store(
        Some(&request.database),
        Some(request_id),
        request.sql_sample_id,
        &request.question,
        request.sql.as_deref(),
        said,
    )
}

/// Feedback where no request was recorded (standby, READ ONLY).
pub fn feedback(question: &str, sql: &str, database: Option<&str>, said: &Said) -> Result<i64> {
    validate(question)?;
    store(database, None, None, question, Some(sql), said)
}

fn store(
    database: Option<&str>,
    request_id: Option<i64>,
    sample_id: Option<i64>,
    question: &str,
    sql: Option<&str>,
    said: &Said,
) -> Result<i64> {
    require_write("feedback")?;
    if let Some(rating) = said.rating
        && !(1..=5).contains(&rating)
    {
        return Err(Error::argument("rating must be between 1 and 5", "1 is worst, 5 is best; leave it out for none."));
    }
    for (what, text, limit) in [
        ("feedback_text", said.text, LONGEST_QUESTION),
        ("sql", sql, seal::LONGEST_SQL),
        ("correction", said.correction, seal::LONGEST_SQL),
    ] {
        if let Some(text) = text
            && text.len() > limit
        {
            return Err(Error::TooLong { what, length: text.len(), limit });
        }
    }
    if said.is_correct && said.correction.is_some() {
        return Err(Error::argument(
            "a correct answer needs no correction",
            "Pass is_correct => false with a correction, or leave the correction out.",
        ));
    }
    let scope = Scope::open(database)?;
    // a correct answer, or the correction of a wrong one, answers the same question next time
    let lesson = if said.is_correct { sql } else { said.correction };
    if !said.is_correct
        && let Some(sample) = sample_id
        && is_own(&scope, sample)
    {
        learn::disable_sample(sample)?;
    }
    if let Some(sql) = lesson {
        let given = Given { question, sql, tags: Vec::new(), notes: None };
        keep(&scope, &given, "feedback")?;
    }
    let id = learn::store_feedback(&Feedback {
        database_id: scope.context.id,
        request_id,
        sample_id,
        question,
        sql,
        is_correct: said.is_correct,
        correction: said.correction,
        rating: said.rating,
        text: said.text,
        user: &scope.caller,
    })?;
    Ok(id)
}

/// A user may take back what only he sees, a curator everything.
fn is_own(scope: &Scope, sample: i64) -> bool {
    scope.view.samples.iter().any(|(s, _)| s.id == sample && (s.is_callers() && !s.verified || role::is_curator()))
}

/// Stores a verified question; returns its id.
pub fn add_sample(given: &Given, database: Option<&str>) -> Result<i64> {
    validate(given.question)?;
    require_write("samples")?;
    let scope = Scope::open(database)?;
    keep(&scope, given, "user")
}

/// Checks, generalises, embeds and stores a sample. A curator's serves everybody, a user's only himself.
fn keep(scope: &Scope, given: &Given, source: &str) -> Result<i64> {
    let sql = given.sql.trim().trim_end_matches(';').trim_end();
    let checked = seal::check(sql, &scope.seal(&scope.context.schemas), &Limits::from_settings())?;
    let touched: Vec<String> = checked.relations.iter().map(|(schema, name)| format!("{schema}.{name}")).collect();
    let known = |name: &String| scope.view.catalog.tables.iter().any(|t| format!("{}.{}", t.schema, t.name) == *name);
    if let Some(foreign) = touched.iter().find(|name| !known(name)) {
        return Err(Error::argument(
            format!("{foreign} is not indexed in database \"{}\"", scope.context.name),
            "A sample reads tables of its context; run SELECT * FROM t2sql.index_schema() if the table is new.",
        ));
    }
    // names must mean the same for whoever asks later, whatever the search_path
    let sql = if checked.as_written { sql.to_owned() } else { checked.qualified.clone() };
    let mut values = scope.values(given.question);
    let template = Template::learn(&scope.view.catalog, &mut values, given.question, &sql);
    values.done()?;
    let id = learn::store_sample(&Sample {
        database_id: scope.context.id,
        question: given.question,
        sql: &sql,
        normalised: &fold(given.question),
        signature: Some(content_hash(&template.signature())),
        masked: Some(template.signature()),
        template: serde_json::to_string(&template).ok(),
        complexity: complexity(&sql, checked.relations.len()),
        tags: given.tags.clone(),
        source,
        verified: role::is_curator(),
        owner: &scope.caller,
        owner_key: &role::key(role::current()),
        touched,
        notes: given.notes,
    })?;
    embed(scope, id, given.question)?;
    Ok(id)
}

fn embed(scope: &Scope, id: i64, question: &str) -> Result<()> {
    let Some(model) = &scope.context.embedding else { return Ok(()) };
    let texts = [question.to_owned()];
    if let Some(Some(vector)) = Embedder::open(model)?.documents(&texts)?.pop() {
        let chunk = Chunk {
            collection: "sample_question",
            object_id: id,
            source_id: id.to_string(),
            text: question.to_owned(),
            hash: content_hash(question),
        };
        vectors::store(scope.context.id, model.id, &[chunk], &[vector])?;
    }
    Ok(())
}

/// 1 to 10, from what the SQL visibly does; for choosing examples, not for judging anything.
fn complexity(sql: &str, relations: usize) -> i32 {
    let lower = sql.to_lowercase();
    let count = |word: &str| lower.matches(word).count();
    let parts = relations
        + count("select")
        + count("group by")
        + count("having")
        + count(" over")
        + count("union")
        + count("except");
    i32::try_from(parts).unwrap_or(10).clamp(1, 10)
}
