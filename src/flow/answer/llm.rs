//! The model's turn: filter tables, write SQL, check it, repair it.

use super::outcome::{Candidate, Options, Trace};
use super::{check, qualified, told};
use crate::error::{Error, Result};
use crate::flow::retrieve::{self, Retrieved};
use crate::flow::scope::Scope;
use crate::pg::endpoint::Endpoint;
use crate::pg::kb::context::LlmModel;
use crate::pg::seal::{Phase, Problem};
use crate::pg::{clock, guc};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Instant;
use t2sql_core::prompt::{self, Failed, Prompt, SendValues};
use t2sql_core::rank::Fusion;
use t2sql_core::reply::{self, Filtered, Generated};
use t2sql_core::wire::{ChatRequest, Message};

/// A model says nothing of how sure it is: SQL that passed at once, and SQL that needed repair.
const AT_ONCE: f32 = 0.75;
const REPAIRED: f32 = 0.6;
/// Tables that go along although the model did not choose them.
const SPARE_TABLES: usize = 2;

pub fn answer(scope: &Scope, question: &str, options: &Options, trace: &mut Trace) -> Result<Candidate> {
    let model = scope.context.llm.as_ref().ok_or_else(|| {
        Error::setup(
            format!("no language model is set for database \"{}\"", scope.context.name),
            "Set one with SELECT t2sql.set_llm('server', 'model'), or set t2sql.engine to auto or builtin.",
        )
    })?;
    let endpoint = Endpoint::open(&model.server)?;
    let started = Instant::now();
    let retrieved = retrieve::retrieve(scope, question, &Fusion::default())?;
    trace.time("retrieve", started);
    let material = Material::new(scope, question, options, &retrieved);
    let mut call = Call { endpoint, model, trace };
    let tables = call.choose(scope, &material)?;
    let first = prompt::generate(&material.context(&tables));
    call.trace.say(format!(
        "prompt: {} tables, {} columns, about {} tokens; left out: {} tables, {} columns",
        first.tables.len(),
        first.columns,
        first.tokens,
        first.dropped_tables,
        first.dropped_columns
    ));
    let mut text = call.chat(&first)?;
    for attempt in 0..=guc::max_repairs() {
        let sql = match reply::sql(&text)? {
            Generated::Sql(sql) => sql,
            Generated::Declined(reason) => return Err(declined(&reason)),
        };
        let started = Instant::now();
        let problem = match check(scope, &sql) {
            Ok(checked) => {
                call.trace.time("guard", started);
                call.trace.say(format!("guard: accepted attempt {}", attempt + 1));
                let sql = qualified(sql, &checked);
                return Ok(Candidate {
                    sql,
                    engine: "llm",
                    confidence: if attempt == 0 { AT_ONCE } else { REPAIRED },
                    trusted: false,
                    sample_id: None,
                    explanation: format!("written by {} from {} tables", model.model_name, first.tables.len()),
                    assumptions: options.evidence.iter().map(|e| format!("evidence: {e}")).collect(),
                    readings: Vec::new(),
                    warnings: checked.warnings.clone(),
                    checked,
                });
            }
            Err(problem) => problem,
        };
        call.trace.time("guard", started);
        call.trace.say(format!("guard: refused attempt {}: {}", attempt + 1, told(&problem)));
        if attempt == guc::max_repairs() {
            return Err(problem.into());
        }
        text = call.chat(&material.repair(scope, &tables, &sql, &problem))?;
    }
    Err(Error::Internal("the repair loop ended without a verdict".into()))
}

/// Exactly what would be sent first, without sending it.
pub fn preview(scope: &Scope, question: &str, options: &Options) -> Result<Vec<Message>> {
    let retrieved = retrieve::retrieve(scope, question, &Fusion::default())?;
    let material = Material::new(scope, question, options, &retrieved);
    Ok(match material.offer(scope) {
        Some(offered) => prompt::filter(&material.context(&offered)).messages,
        None => prompt::generate(&material.context(&material.all(scope))).messages,
    })
}

/// One conversation with one model.
struct Call<'a> {
    endpoint: Endpoint,
    model: &'a LlmModel,
    trace: &'a mut Trace,
}

impl Call<'_> {
    /// Tables for the prompt: all where they are few, else those that the model picks.
    fn choose(&mut self, scope: &Scope, material: &Material) -> Result<Vec<usize>> {
        let Some(offered) = material.offer(scope) else { return Ok(material.all(scope)) };
        let filter = prompt::filter(&material.context(&offered));
        match reply::tables(&self.chat(&filter)?, &filter.names) {
            Ok(Filtered::Nothing) => Err(declined("no table answers it")),
            Err(unusable) => {
                // a model that names no table leaves the choice to retrieval
                self.trace.say(format!("filter: {unusable}; all {} tables stay", offered.len()));
                Ok(offered)
            }
            Ok(Filtered::Tables(chosen)) => {
                let mut seeds: Vec<usize> = chosen.iter().map(|&i| filter.tables[i]).collect();
                self.trace.say(format!("filter: {} of {} tables chosen", seeds.len(), filter.tables.len()));
                seeds.extend(offered.iter().take(SPARE_TABLES));
                Ok(scope.view.index.closure(&seeds).tables)
            }
        }
    }

    fn chat(&mut self, prompt: &Prompt) -> Result<String> {
        let started = Instant::now();
        let request = ChatRequest {
            model: self.model.model_name.clone(),
            messages: prompt.messages.clone(),
            temperature: Some(self.model.temperature),
            ..ChatRequest::default()
        };
        self.note_sent(prompt);
        let reply = self.endpoint.chat(&request)?;
        self.trace.time("llm", started);
        self.trace.prompt_tokens += i64::from(reply.prompt_tokens);
        self.trace.completion_tokens += i64::from(reply.completion_tokens);
        Ok(reply.text)
    }

    fn note_sent(&mut self, prompt: &Prompt) {
        let bytes: usize = prompt.messages.iter().map(|m| m.content.len()).sum();
        let before = self.trace.sent.as_ref();
        let sum = |name: &str| before.and_then(|s| s[name].as_u64()).unwrap_or(0);
        // the first call may offer more than the next one names
        let earlier = before.and_then(|s| s["tables"].as_array()).into_iter().flatten().filter_map(|t| t.as_str());
        let tables: BTreeSet<&str> = earlier.chain(prompt.names.iter().map(String::as_str)).collect();
        self.trace.sent = Some(json!({
            "server": self.model.server,
            "calls": sum("calls") + 1,
            "bytes": sum("bytes") + bytes as u64,
            "tables": tables,
            "columns": sum("columns").max(prompt.columns as u64),
        }));
    }
}

/// What prompts of one question are made of.
struct Material<'a> {
    scope: &'a Scope,
    question: &'a str,
    evidence: Option<&'a str>,
    retrieved: &'a Retrieved,
    columns: Vec<(usize, usize)>,
    samples: Vec<(String, String)>,
    notes: Vec<String>,
    today: String,
}

impl<'a> Material<'a> {
    fn new(scope: &'a Scope, question: &'a str, options: &'a Options, retrieved: &'a Retrieved) -> Self {
        let samples = retrieved
            .samples
            .iter()
            .map(|&(place, _)| &scope.view.samples[place].0)
            .map(|sample| (sample.question.clone(), sample.sql.clone()))
            .collect();
        Material {
            scope,
            question,
            evidence: options.evidence.as_deref(),
            retrieved,
            columns: retrieved.columns(),
            samples,
            notes: scope.context.description.iter().chain(&scope.context.instructions).cloned().collect(),
            today: clock::today().to_string(),
        }
    }

    fn context<'b>(&'b self, tables: &'b [usize]) -> prompt::Context<'b> {
        prompt::Context {
            catalog: &self.scope.view.catalog,
            question: self.question,
            tables,
            columns: &self.columns,
            samples: &self.samples,
            values: &self.retrieved.values,
            terms: &self.scope.view.catalog.terms,
            evidence: self.evidence,
            notes: &self.notes,
            today: &self.today,
            send_values: match guc::send_values() {
                guc::SendValues::None => SendValues::None,
                guc::SendValues::Enums => SendValues::Enums,
                guc::SendValues::Samples => SendValues::Samples,
            },
            budget: usize::try_from(guc::max_prompt_tokens()).unwrap_or(usize::MAX),
        }
    }

    /// All tables, best first.
    fn all(&self, scope: &Scope) -> Vec<usize> {
        let mut tables: Vec<usize> = self.retrieved.tables.iter().map(|r| r.table).collect();
        tables.extend(
            (0..scope.view.catalog.tables.len()).filter(|t| !self.retrieved.tables.iter().any(|r| r.table == *t)),
        );
        tables
    }

    /// Tables that the model is to choose from; None where the whole schema fits the prompt.
    fn offer(&self, scope: &Scope) -> Option<Vec<usize>> {
        let all = self.all(scope);
        let whole = prompt::generate(&self.context(&all));
        if whole.dropped_tables + whole.dropped_columns == 0 {
            return None;
        }
        Some(self.retrieved.closed(scope, usize::try_from(guc::retrieve_tables()).unwrap_or(1)))
    }

    fn repair(&self, scope: &Scope, tables: &[usize], sql: &str, problem: &Problem) -> Prompt {
        // only what parse analysis says may leave: later phases may quote stored values
        let (sqlstate, message, hint) = match problem {
            Problem::Sql { phase: Phase::Parse | Phase::Analyze, sqlstate, message, hint, .. } => {
                (sqlstate.clone(), Some(message.clone()), hint.clone())
            }
            Problem::Sql { sqlstate, .. } => (sqlstate.clone(), None, None),
            // as if it did not exist
            Problem::Refused { rule: "protected-column", .. } => ("42703".to_owned(), None, None),
            Problem::Refused { message, hint, .. } => ("38003".to_owned(), Some(message.clone()), Some(hint.clone())),
            other => ("54000".to_owned(), Some(told(other)), None),
        };
        let nearest = nearest_names(scope, message.as_deref().unwrap_or_default());
        let failed =
            Failed { sql, sqlstate: &sqlstate, message: message.as_deref(), hint: hint.as_deref(), nearest: &nearest };
        prompt::repair(&self.context(tables), &failed)
    }
}

/// Names of the schema that look like the one PostgreSQL did not find.
fn nearest_names(scope: &Scope, message: &str) -> Vec<String> {
    let Some(wanted) = message.split('"').nth(1).or_else(|| message.split(' ').nth(1)) else { return Vec::new() };
    let wanted = wanted.rsplit('.').next().unwrap_or(wanted);
    let mut scored: Vec<(f64, String)> = Vec::new();
    for table in &scope.view.catalog.tables {
        scored.push((strsim::jaro_winkler(wanted, &table.name), table.name.clone()));
        scored.extend(
            table.columns.iter().map(|c| (strsim::jaro_winkler(wanted, &c.name), format!("{}.{}", table.name, c.name))),
        );
    }
    scored.retain(|(score, _)| *score > 0.8);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(5).map(|(_, name)| name).collect()
}

fn declined(reason: &str) -> Error {
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
    Error::Unanswerable {
        message: "the model says that this database can't answer the question".into(),
        detail: Some(format!("Its reason: {reason}")),
        hint: "Ask about what is stored here; SELECT * FROM t2sql.search('…') finds it.".into(),
        final_word: true,
    }
}
