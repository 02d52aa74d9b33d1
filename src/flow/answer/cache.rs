//! Earlier answers of a model to the same question of the same role.

use super::outcome::{Candidate, Options, Trace};
use super::{check, told};
use crate::error::Result;
use crate::flow::scope::Scope;
use crate::pg::clock;
use crate::pg::kb::answers::{self, Kept};
use t2sql_core::text::{content_hash, fold};

/// The kept answer, if nothing it depends on changed and the guard still accepts it.
pub fn find(scope: &Scope, question: &str, options: &Options, trace: &mut Trace) -> Result<Option<Candidate>> {
    if options.cache == Some(false) {
        return Ok(None);
    }
    let Some(kept) = answers::find(&scope.context, &key(question, options))? else { return Ok(None) };
    match check(scope, &kept.sql) {
        Ok(checked) => {
            trace.say("cache: the model answered this before");
            Ok(Some(Candidate {
                sql: kept.sql,
                engine: "cache",
                confidence: kept.confidence,
                trusted: false,
                sample_id: None,
                explanation: kept.explanation,
                assumptions: kept.assumptions,
                readings: Vec::new(),
                warnings: checked.warnings.clone(),
                checked,
            }))
        }
        Err(problem) => {
            trace.say(format!("cache: the kept answer no longer works: {}", told(&problem)));
            Ok(None)
        }
    }
}

/// Keeps what the model answered.
pub fn keep(scope: &Scope, question: &str, options: &Options, candidate: &Candidate) -> Result<()> {
    let kept = Kept {
        sql: candidate.sql.clone(),
        confidence: candidate.confidence,
        explanation: candidate.explanation.clone(),
        assumptions: candidate.assumptions.clone(),
    };
    answers::keep(&scope.context, &key(question, options), &kept)
}

/// Relative dates make yesterday's answer wrong today, so the day is part of the key.
fn key(question: &str, options: &Options) -> String {
    let evidence = options.evidence.as_deref().unwrap_or_default();
    content_hash(&format!("{}\n{}\n{}", fold(question), fold(evidence), clock::today()))
}
