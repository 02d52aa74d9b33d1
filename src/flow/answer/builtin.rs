//! The built-in engine, with what it could not know: whether PostgreSQL accepts its SQL.

use super::outcome::{Candidate, Options, Trace, list_readings};
use super::{check, told};
use crate::error::{Error, Result};
use crate::flow::scope::{Scope, Values};
use crate::flow::{probe, retrieve};
use crate::pg::{clock, guc};
use std::collections::HashMap;
use std::time::Instant;
use t2sql_core::engine::{self, Outcome, Reading, Reason, Refusal};
use t2sql_core::rank::Fusion;
use t2sql_core::schema::{Catalog, Edge, ValueHit, ValueSource};

/// Readings that are tried when PostgreSQL refuses the best one.
const SECOND_CHANCES: usize = 2;
/// The engine considers every table up to here; beyond, the best-ranked ones and their joins.
const MOST_TABLES: usize = 60;

pub fn answer(scope: &Scope, question: &str, options: &Options, trace: &mut Trace) -> Result<Candidate> {
    let started = Instant::now();
    let outcome = read(scope, question, options)?;
    trace.time("builtin", started);
    let answer = match outcome {
        Outcome::Answer(answer) => answer,
        Outcome::Refusal(refusal) => {
            trace.lines.extend(refusal.trace.iter().cloned());
            trace.say(format!("builtin: refused, {}", refusal.message));
            return Err(refused(refusal));
        }
    };
    trace.lines.extend(answer.trace.iter().cloned());
    trace.say(format!("builtin: form {}, confidence {:.2}", answer.form, answer.confidence));
    let first = Reading { sql: answer.sql.clone(), explanation: answer.explanation.clone(), score: answer.confidence };
    let mut problem = None;
    for (rank, reading) in std::iter::once(&first).chain(answer.alternatives.iter().take(SECOND_CHANCES)).enumerate() {
        let guarded = Instant::now();
        let checked = check(scope, &reading.sql);
        trace.time("guard", guarded);
        match checked {
            Ok(checked) => {
                return Ok(Candidate {
                    sql: reading.sql.clone(),
                    engine: "builtin",
                    // a second choice is a guess, whatever the first was worth
                    confidence: if rank == 0 { answer.confidence } else { answer.confidence * 0.5 },
                    trusted: false,
                    sample_id: None,
                    explanation: reading.explanation.clone(),
                    assumptions: answer.assumptions.clone(),
                    readings: answer
                        .alternatives
                        .iter()
                        .filter(|r| r.sql != reading.sql)
                        .map(|r| (r.explanation.clone(), r.sql.clone()))
                        .collect(),
                    warnings: checked.warnings.clone(),
                    checked,
                });
            }
            Err(found) => {
                trace.say(format!("guard: {}", told(&found)));
                problem.get_or_insert(found);
            }
        }
    }
    Err(problem.map_or_else(|| Error::Internal("no reading was checked".into()), Error::from))
}

fn read(scope: &Scope, question: &str, options: &Options) -> Result<Outcome> {
    let request = engine::Request { question, evidence: options.evidence.as_deref(), today: clock::today() };
    let catalog = &scope.view.catalog;
    if catalog.tables.len() <= MOST_TABLES {
        return twice(scope, question, |mut values| {
            let outcome = engine::answer(catalog, &mut values, &request);
            values.done().map(|()| outcome)
        });
    }
    let near = retrieve::retrieve(scope, question, &Fusion::default())?
        .closed(scope, usize::try_from(guc::retrieve_tables()).unwrap_or(1));
    let places: Places = near.iter().enumerate().map(|(place, &table)| (table, place)).collect();
    let part = part_of(catalog, &near, &places);
    twice(scope, question, |values| {
        let mut narrowed = Narrowed { values, places: &places };
        let outcome = engine::answer(&part, &mut narrowed, &request);
        narrowed.values.done().map(|()| outcome)
    })
}

/// Reads once; and where words are left that mean nothing, but are stored somewhere, once more with these.
fn twice(scope: &Scope, question: &str, read: impl Fn(Values) -> Result<Outcome>) -> Result<Outcome> {
    let outcome = read(scope.values(question))?;
    let unknown = match &outcome {
        Outcome::Answer(answer) => &answer.unknown,
        Outcome::Refusal(refusal) => &refusal.unknown,
    };
    let found = if unknown.is_empty() { Vec::new() } else { probe::look_up_unknown(scope, question, unknown)? };
    if found.is_empty() { Ok(outcome) } else { read(scope.values(question).with(found)) }
}

/// Where the chosen tables of a catalogue stand in its part.
type Places = HashMap<usize, usize>;

/// A value index that speaks of some tables only, by their places in the part.
struct Narrowed<'a> {
    values: Values<'a>,
    places: &'a Places,
}

impl Narrowed<'_> {
    fn narrow(&self, hits: Vec<ValueHit>) -> Vec<ValueHit> {
        let place = |hit: ValueHit| {
            let table = *self.places.get(&hit.table)?;
            Some(ValueHit { table, ..hit })
        };
        hits.into_iter().filter_map(place).collect()
    }
}

impl ValueSource for Narrowed<'_> {
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit> {
        let hits = self.values.equal(folded);
        self.narrow(hits)
    }

    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit> {
        let hits = self.values.similar(folded, limit);
        self.narrow(hits)
    }
}

/// The catalogue of some tables only.
fn part_of(catalog: &Catalog, tables: &[usize], places: &Places) -> Catalog {
    let inside = |table: usize| places.get(&table).copied();
    Catalog {
        tables: tables.iter().map(|&t| catalog.tables[t].clone()).collect(),
        edges: catalog
            .edges
            .iter()
            .filter_map(|e| Some(Edge { from: inside(e.from)?, to: inside(e.to)?, ..e.clone() }))
            .collect(),
        terms: catalog.terms.clone(),
    }
}

fn refused(refusal: Refusal) -> Error {
    let final_word = matches!(refusal.reason, Reason::Command | Reason::Empty);
    let mut hint = Vec::new();
    if !refusal.suggestions.is_empty() {
        hint.push(format!("Try: {}.", refusal.suggestions.join(" or ")));
    }
    if refusal.reason == Reason::Command {
        hint.push("Ask for what you want to see; to change data, write SQL yourself.".into());
    } else if refusal.reason == Reason::Language {
        hint.push("The built-in engine reads English; a model can be set with t2sql.set_llm().".into());
    } else if hint.is_empty() {
        hint.push("Use the names of tables and columns (SELECT * FROM t2sql.search('…') finds them), or set a model with t2sql.set_llm().".into());
    }
    let mut detail = Vec::new();
    if !refusal.understood.is_empty() {
        detail.push(format!("Understood: {}.", refusal.understood.join(", ")));
    }
    if !refusal.unknown.is_empty() {
        detail.push(format!("Not understood: {}.", refusal.unknown.join(", ")));
    }
    if !refusal.readings.is_empty() {
        let readings: Vec<_> = refusal.readings.iter().map(|r| (r.explanation.clone(), r.sql.clone())).collect();
        detail.push(list_readings(&readings));
    }
    Error::Unanswerable {
        message: refusal.message,
        detail: (!detail.is_empty()).then(|| detail.join(" ")),
        hint: hint.join(" "),
        final_word,
    }
}
