//! From a question to checked SQL: a cascade from the cheapest way to the dearest.
//!
//! Cache of models' answers → verified sample → built-in engine → model. Whatever
//! wrote the SQL, it is an answer only once the guard accepted it.

mod builtin;
mod cache;
mod llm;
mod outcome;
mod sample;

pub use outcome::{Answered, Options, rule};

use crate::error::{Error, Result};
use crate::flow::scope::Scope;
use crate::pg::guc::{self, Engine};
use crate::pg::kb::learn;
use crate::pg::{log, seal};
use outcome::{Candidate, Trace};
use std::time::Instant;
use t2sql_core::text::fold;
use t2sql_core::wire::Message;

/// Longest question, and longest text that goes with one, in bytes.
pub const LONGEST_QUESTION: usize = 16 * 1024;

/// Refuses what can't be a question.
pub fn validate(question: &str) -> Result<()> {
    if question.len() > LONGEST_QUESTION {
        return Err(Error::TooLong { what: "question", length: question.len(), limit: LONGEST_QUESTION });
    }
    if question.contains('\0') {
        return Err(Error::argument("question contains a NUL character", "Send plain text."));
    }
    if fold(question).is_empty() {
        return Err(Error::argument(
            "question must not be empty",
            "Ask something, for example: SELECT t2sql.ask('how many orders are there').",
        ));
    }
    Ok(())
}

/// Answers `question`. Faults of the question, of a model or of an endpoint come back inside
/// [`Answered`]; only wrong arguments and a missing index are errors here.
pub fn answer(question: &str, database: Option<&str>, options: &Options) -> Result<Answered> {
    validate(question)?;
    let started = Instant::now();
    let scope = Scope::open(database)?;
    let mut trace = Trace::default();
    trace.time("open", started);
    let result = cascade(&scope, question, options, &mut trace);
    trace.note_embedding(&scope);
    trace.time("total", started);
    let mut answered = Answered { scope, request_id: None, question: question.into(), result, trace };
    answered.request_id = learn::record(&answered.request())?;
    log::outcome(&answered.log_line());
    Ok(answered)
}

/// Exactly what would be sent to the model first, without sending it.
pub fn prompt(question: &str, database: Option<&str>, options: &Options) -> Result<String> {
    validate(question)?;
    let scope = Scope::open(database)?;
    let messages = llm::preview(&scope, question, options)?;
    let text = |m: &Message| format!("[{}]\n{}", m.role.as_str(), m.content);
    Ok(messages.iter().map(text).collect::<Vec<_>>().join("\n\n"))
}

fn cascade(scope: &Scope, question: &str, options: &Options, trace: &mut Trace) -> Result<Candidate> {
    let engine = guc::engine();
    if engine != Engine::Llm {
        if let Some(candidate) = sample::answer(scope, question, trace)? {
            return Ok(candidate);
        }
        let builtin = builtin::answer(scope, question, options, trace);
        let alone = engine == Engine::Builtin || scope.context.llm.is_none();
        let enough = if alone { guc::min_confidence() } else { guc::builtin_min_confidence() };
        match builtin {
            Ok(candidate) if f64::from(candidate.confidence) >= enough => return Ok(candidate),
            Ok(candidate) if alone => return Err(candidate.too_unsure()),
            Err(error) if alone || !can_help(&error) => return Err(error),
            draft => return with_model(scope, question, options, trace, draft),
        }
    }
    ask_model(scope, question, options, trace)
}

/// The model, or what it answered before.
fn ask_model(scope: &Scope, question: &str, options: &Options, trace: &mut Trace) -> Result<Candidate> {
    if let Some(candidate) = cache::find(scope, question, options, trace)? {
        return Ok(candidate);
    }
    let candidate = llm::answer(scope, question, options, trace)?;
    cache::keep(scope, question, options, &candidate)?;
    Ok(candidate)
}

/// Asks the model; the built-in engine's draft stands in when the endpoint is out of order.
fn with_model(
    scope: &Scope,
    question: &str,
    options: &Options,
    trace: &mut Trace,
    draft: Result<Candidate>,
) -> Result<Candidate> {
    match ask_model(scope, question, options, trace) {
        Err(error @ (Error::Core(_) | Error::Busy { .. })) => match draft {
            Ok(mut candidate) if f64::from(candidate.confidence) >= guc::min_confidence() => {
                candidate
                    .warnings
                    .push(format!("the model could not be asked ({error}); the built-in engine answered"));
                Ok(candidate)
            }
            _ => Err(error),
        },
        other => other,
    }
}

/// Whether a model may do better than the built-in engine did.
fn can_help(error: &Error) -> bool {
    !matches!(error, Error::Unanswerable { final_word: true, .. })
}

/// Runs the guard over a candidate's SQL under the context's search_path.
fn check(scope: &Scope, sql: &str) -> Result<seal::Checked, seal::Problem> {
    seal::check(sql, &scope.seal(&scope.context.schemas), &seal::Limits::from_settings())
}

/// SQL that means the same under the caller's search_path: as written where it does, else deparsed.
fn qualified(sql: String, checked: &seal::Checked) -> String {
    if checked.as_written { sql } else { checked.qualified.clone() }
}

/// A problem in one line, for traces.
fn told(problem: &seal::Problem) -> String {
    Error::from(problem.clone()).to_string()
}
