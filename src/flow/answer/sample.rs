//! Verified samples: the same question, or the same question with other values.

use super::outcome::{Candidate, Trace};
use super::{check, qualified};
use crate::error::{Error, Result};
use crate::flow::scope::Scope;
use std::time::Instant;
use t2sql_core::text::fold;

/// What a sample's answer is worth: a person vouched for it; only the binding of values is ours.
const SAME_QUESTION: f32 = 0.99;
const OTHER_VALUES: f32 = 0.97;

/// The answer of a sample, if one fits exactly.
pub fn answer(scope: &Scope, question: &str, trace: &mut Trace) -> Result<Option<Candidate>> {
    let started = Instant::now();
    let found = find(scope, question)?;
    trace.time("samples", started);
    let Some(found) = found else {
        trace.say("sample: none fits");
        return Ok(None);
    };
    // a sample may have been overtaken by a change of the schema: then it no longer answers
    match check(scope, &found.sql) {
        Ok(checked) => {
            trace.say(format!("sample {}: {}", found.id, found.question));
            let sql = qualified(found.sql, &checked);
            Ok(Some(Candidate {
                sql,
                engine: "sample",
                confidence: if found.assumptions.is_empty() { SAME_QUESTION } else { OTHER_VALUES },
                trusted: found.verified,
                sample_id: Some(found.id),
                explanation: format!("verified question {}: {}", found.id, found.question),
                assumptions: found.assumptions,
                readings: Vec::new(),
                warnings: checked.warnings.clone(),
                checked,
            }))
        }
        Err(problem) => {
            trace.say(format!("sample {} no longer works: {}", found.id, Error::from(problem).sqlstate()));
            Ok(None)
        }
    }
}

struct Found {
    id: i64,
    question: String,
    sql: String,
    verified: bool,
    assumptions: Vec<String>,
}

fn find(scope: &Scope, question: &str) -> Result<Option<Found>> {
    let folded = fold(question);
    let same = scope.samples().find(|(sample, _)| sample.normalised == folded);
    if let Some((sample, _)) = same {
        return Ok(Some(Found {
            id: sample.id,
            question: sample.question.clone(),
            sql: sample.sql.clone(),
            verified: sample.verified,
            assumptions: Vec::new(),
        }));
    }
    let mut values = scope.values(question);
    let found = scope.samples().find_map(|(sample, template)| {
        let bound = template.as_ref()?.bind(&scope.view.catalog, &mut values, question)?;
        Some(Found {
            id: sample.id,
            question: sample.question.clone(),
            sql: bound.sql,
            verified: sample.verified,
            assumptions: bound.assumptions,
        })
    });
    values.done()?;
    Ok(found)
}
