//! What comes out of answering: candidates on the way, [`Answered`] at the end.

use super::LONGEST_QUESTION;
use crate::error::{Error, Result};
use crate::flow::scope::Scope;
use crate::pg::kb::learn::Request;
use crate::pg::role;
use crate::pg::seal::Checked;
use serde_json::{Value, json};
use std::time::Instant;

/// What `options jsonb` may say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A hint that goes with the question.
    pub evidence: Option<String>,
    /// Whether an earlier answer of a model may be used again.
    pub cache: Option<bool>,
}

impl Options {
    /// Reads the argument; unknown names and wrong types are errors, so that a typo is noticed.
    pub fn read(options: Option<&Value>) -> Result<Options> {
        let mut read = Options::default();
        let Some(options) = options else { return Ok(read) };
        let wrong =
            |message: String| Error::argument(message, "options is an object with: evidence (text), cache (boolean).");
        let object = options.as_object().ok_or_else(|| wrong("options must be a json object".into()))?;
        for (name, value) in object {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("evidence", Value::String(text)) if text.len() > LONGEST_QUESTION => {
                    return Err(Error::TooLong { what: "evidence", length: text.len(), limit: LONGEST_QUESTION });
                }
                ("evidence", Value::String(text)) => read.evidence = Some(text.clone()),
                ("cache", Value::Bool(on)) => read.cache = Some(*on),
                ("evidence" | "cache", _) => return Err(wrong(format!("option \"{name}\" has the wrong type"))),
                _ => return Err(wrong(format!("there is no option \"{name}\""))),
            }
        }
        Ok(read)
    }
}

/// SQL that the guard accepted, and how it came about.
#[derive(Debug)]
pub struct Candidate {
    pub sql: String,
    pub engine: &'static str,
    pub confidence: f32,
    pub trusted: bool,
    pub sample_id: Option<i64>,
    pub explanation: String,
    pub assumptions: Vec<String>,
    /// Other readings: how they understand the question, and their SQL.
    pub readings: Vec<(String, String)>,
    pub warnings: Vec<String>,
    pub checked: Checked,
}

impl Candidate {
    /// Below the threshold an answer is a guess: say what was understood instead.
    pub fn too_unsure(self) -> Error {
        let mut readings = vec![(self.explanation, self.sql)];
        readings.extend(self.readings);
        let assumed = match self.assumptions.as_slice() {
            [] => String::new(),
            assumptions => format!("Assumed: {}. ", assumptions.join("; ")),
        };
        Error::Unanswerable {
            message: format!("not sure enough of the question's meaning (confidence {:.2})", self.confidence),
            detail: Some(assumed + &list_readings(&readings)),
            hint: "Name the table and column as they are called, or lower t2sql.min_confidence to get the best guess."
                .into(),
            final_word: false,
        }
    }
}

/// Readings that are shown.
const SHOWN_READINGS: usize = 3;

/// Competing readings as a numbered list, each with its ready-to-run SQL.
pub fn list_readings(readings: &[(String, String)]) -> String {
    let lines = readings
        .iter()
        .take(SHOWN_READINGS)
        .enumerate()
        .map(|(i, (explanation, sql))| format!("{}. {explanation}:\n{sql}", i + 1));
    format!("Possible readings:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Where time went, and what each stage saw; shown by `explain()`.
#[derive(Debug, Default)]
pub struct Trace {
    pub lines: Vec<String>,
    pub timings: serde_json::Map<String, Value>,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    /// What left the database.
    pub sent: Option<Value>,
}

impl Trace {
    pub fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Adds to what left the database what went to an embedding model.
    pub fn note_embedding(&mut self, scope: &Scope) {
        let Some(embedded) = scope.embedded() else { return };
        let sent = self.sent.get_or_insert_with(|| json!({}));
        for (name, more) in [("calls", embedded.calls), ("bytes", embedded.bytes)] {
            sent[name] = json!(sent[name].as_u64().unwrap_or(0) + more);
        }
        sent["embedder"] = json!(embedded);
    }

    /// Notes the milliseconds since `from` under `stage`.
    pub fn time(&mut self, stage: &str, from: Instant) {
        let ms = (from.elapsed().as_secs_f64() * 1e5).round() / 100.0;
        let so_far = self.timings.get(stage).and_then(Value::as_f64).unwrap_or(0.0);
        self.timings.insert(stage.into(), json!(so_far + ms));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    NeedsClarification,
    Refused,
    Error,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::NeedsClarification => "needs_clarification",
            Status::Refused => "refused",
            Status::Error => "error",
        }
    }

    fn of(error: &Error) -> Status {
        match error {
            Error::Unanswerable { final_word: false, .. } => Status::NeedsClarification,
            Error::Unanswerable { final_word: true, .. }
            | Error::Refused { .. }
            | Error::Privilege { .. }
            | Error::Limit { .. } => Status::Refused,
            _ => Status::Error,
        }
    }
}

/// The end of the story of one question.
pub struct Answered {
    pub scope: Scope,
    pub request_id: Option<i64>,
    pub question: String,
    pub result: Result<Candidate>,
    pub trace: Trace,
}

impl Answered {
    pub fn status(&self) -> Status {
        self.result.as_ref().map_or_else(Status::of, |_| Status::Ok)
    }

    /// `/* t2sql 42 builtin 0.93; … */`: what stands behind the SQL of `ask()`.
    pub fn annotation(&self) -> Option<String> {
        let candidate = self.result.as_ref().ok()?;
        let mut parts = vec![format!(
            "t2sql {} {} {:.2}",
            self.request_id.map_or_else(|| "-".into(), |id| id.to_string()),
            candidate.engine,
            candidate.confidence
        )];
        parts.extend(candidate.assumptions.iter().cloned());
        // a value in an assumption could end the comment, open one, or steer a terminal
        let text = parts.join("; ").replace("*/", "* /").replace("/*", "/ *");
        Some(format!("/* {} */", text.chars().filter(|c| !c.is_control()).collect::<String>()))
    }

    /// Lines for `explain()`: the stages in order, the verdict, then timings.
    pub fn lines(self) -> Vec<String> {
        let status = self.status();
        let mut lines = self.trace.lines;
        match &self.result {
            Ok(c) => {
                lines.push(format!("answer: {} by {}, confidence {:.2}", status.as_str(), c.engine, c.confidence));
                lines.push(format!("sql: {}", c.sql));
                lines.push(format!("understood: {}", c.explanation));
                lines.extend(c.assumptions.iter().map(|a| format!("assumed: {a}")));
                lines.extend(c.warnings.iter().map(|w| format!("warning: {w}")));
                lines.extend(c.checked.run_as.iter().map(|role| format!("runs as: {role}")));
                lines.push(format!("plan: cost {:.0}, about {:.0} rows", c.checked.est_cost, c.checked.est_rows));
            }
            Err(error) => {
                lines.push(format!("answer: {}, {}: {error}", status.as_str(), error.sqlstate()));
                lines.extend(error.hint().map(|hint| format!("hint: {hint}")));
            }
        }
        if let Some(sent) = &self.trace.sent {
            lines.push(format!(
                "sent: {sent}; {} prompt and {} completion tokens",
                self.trace.prompt_tokens, self.trace.completion_tokens
            ));
        }
        let timings: Vec<String> = self.trace.timings.iter().map(|(stage, ms)| format!("{stage} {ms} ms")).collect();
        lines.push(format!("time: {}", timings.join(", ")));
        // what a table's owner wrote must not steer the terminal
        lines.iter().map(|l| l.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()).collect()
    }

    /// What is recorded of it.
    pub fn request(&self) -> Request {
        let candidate = self.result.as_ref().ok();
        let error = self.result.as_ref().err();
        Request {
            database_id: self.scope.context.id,
            user_name: self.scope.caller.clone(),
            user_key: role::key(role::current()),
            question: self.question.clone(),
            status: self.status().as_str(),
            engine: candidate.map(|c| c.engine),
            sql: candidate.map(|c| c.sql.clone()),
            search_path: self.scope.context.schemas.clone(),
            confidence: candidate.map(|c| c.confidence),
            sql_sample_id: candidate.and_then(|c| c.sample_id),
            trusted: candidate.is_some_and(|c| c.trusted),
            assumptions: candidate.map(|c| c.assumptions.clone()).unwrap_or_default(),
            explanation: candidate.map(|c| c.explanation.clone()),
            error: error.map(|e| format!("{}: {e}", e.sqlstate())),
            rule: error.and_then(rule),
            timings: Value::Object(self.trace.timings.clone()),
            prompt_tokens: (self.trace.prompt_tokens > 0).then_some(self.trace.prompt_tokens),
            completion_tokens: (self.trace.completion_tokens > 0).then_some(self.trace.completion_tokens),
            sent: self.trace.sent.clone(),
        }
    }

    /// The audit line: never text, never a key.
    pub fn log_line(&self) -> String {
        format!(
            "t2sql: request {} by {} in {}: {}, engine {}, rule {}, sent {} bytes, question {}",
            self.request_id.map_or_else(|| "-".into(), |id| id.to_string()),
            self.scope.caller,
            self.scope.context.name,
            self.status().as_str(),
            self.result.as_ref().map_or("-", |c| c.engine),
            self.result.as_ref().err().and_then(rule).unwrap_or("-"),
            self.trace.sent.as_ref().and_then(|s| s.get("bytes")).and_then(Value::as_u64).unwrap_or(0),
            t2sql_core::text::content_hash(&self.question),
        )
    }
}

/// The guard's rule that was broken, if that was the reason.
pub fn rule(error: &Error) -> Option<&'static str> {
    match error {
        Error::Refused { rule, .. } => Some(rule),
        _ => None,
    }
}
