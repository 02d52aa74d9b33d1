//! Answers questions from files, without a database: for measuring the built-in engine.
//!
//! `cargo run --release -p t2sql-core --example answer -- CATALOGS.jsonl QUESTIONS.jsonl > PREDICTIONS.jsonl`
//!
//! Catalogs: one `{"db", "catalog", "values": [[table, column, [value …]] …]}` per line.
//! Questions: one `{"id", "db", "question", "evidence"}` per line.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use serde::Deserialize;
use t2sql_core::engine::{Outcome, Request, answer};
use t2sql_core::relate;
use t2sql_core::schema::{Catalog, Origin, ValueHit, ValueSource};
use t2sql_core::text::fold;

#[derive(Deserialize)]
struct Entry {
    db: String,
    catalog: Catalog,
    #[serde(default)]
    values: Vec<(usize, usize, Vec<String>)>,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    db: String,
    question: String,
    evidence: Option<String>,
}

type Place = (usize, usize, String);

struct Values(HashMap<String, Vec<Place>>);

impl ValueSource for Values {
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit> {
        let hit = |matched: &String, (table, column, value): &Place| ValueHit {
            table: *table,
            column: *column,
            value: value.clone(),
            matched: matched.clone(),
            similarity: 1.0,
        };
        folded.iter().flat_map(|f| self.0.get(f).into_iter().flatten().map(move |p| hit(f, p))).collect()
    }

    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit> {
        let mut hits: Vec<ValueHit> = Vec::new();
        for (text, places) in &self.0 {
            let similarity = trigram_similarity(folded, text);
            let contains = text.contains(folded);
            if similarity >= 0.4 || contains {
                hits.extend(places.iter().map(|(table, column, value)| ValueHit {
                    table: *table,
                    column: *column,
                    value: value.clone(),
                    matched: folded.to_string(),
                    similarity: if contains { similarity.max(0.5) } else { similarity },
                }));
            }
        }
        hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then_with(|| a.value.cmp(&b.value)));
        hits.truncate(limit);
        hits
    }
}

/// Like pg_trgm's `similarity`.
fn trigram_similarity(a: &str, b: &str) -> f32 {
    let grams = |text: &str| -> std::collections::HashSet<String> {
        text.split_whitespace()
            .flat_map(|word| {
                let padded: Vec<char> = format!("  {word} ").chars().collect();
                padded.windows(3).map(|w| w.iter().collect::<String>()).collect::<Vec<_>>()
            })
            .collect()
    };
    let (a, b) = (grams(a), grams(b));
    let shared = a.intersection(&b).count() as f32;
    shared / (a.len() as f32 + b.len() as f32 - shared).max(1.0)
}

fn read<T: for<'a> Deserialize<'a>>(path: &str) -> Vec<T> {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    std::io::BufReader::new(file)
        .lines()
        .map(|line| serde_json::from_str(&line.expect("readable")).unwrap_or_else(|e| panic!("{path}: {e}")))
        .collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [catalogs, questions] = &arguments[..] else {
        eprintln!("usage: answer CATALOGS.jsonl QUESTIONS.jsonl");
        std::process::exit(2);
    };
    let mut databases: HashMap<String, (Catalog, Values)> = HashMap::new();
    for mut entry in read::<Entry>(catalogs) {
        // exported ones are those of the build that indexed
        entry.catalog.edges.retain(|edge| edge.origin != Origin::Inferred);
        let inferred = relate::infer(&entry.catalog);
        entry.catalog.edges.extend(inferred);
        let mut map: HashMap<String, Vec<Place>> = HashMap::new();
        for (table, column, values) in entry.values {
            for value in values {
                map.entry(fold(&value)).or_default().push((table, column, value));
            }
        }
        databases.insert(entry.db, (entry.catalog, Values(map)));
    }
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut times: Vec<Duration> = Vec::new();
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for question in read::<Question>(questions) {
        let Some((catalog, values)) = databases.get_mut(&question.db) else {
            continue;
        };
        let start = Instant::now();
        let outcome = answer(
            catalog,
            values,
            &Request { question: &question.question, evidence: question.evidence.as_deref(), today },
        );
        let took = start.elapsed();
        times.push(took);
        let line = match outcome {
            Outcome::Answer(a) => serde_json::json!({
                "id": question.id, "seconds": took.as_secs_f64(), "sql": a.sql, "confidence": a.confidence, "form": a.form, "explanation": a.explanation,
                "assumptions": a.assumptions, "trace": a.trace, "alternatives": a.alternatives.iter().map(|r| &r.sql).collect::<Vec<_>>(),
            }),
            Outcome::Refusal(r) => serde_json::json!({
                "id": question.id, "seconds": took.as_secs_f64(), "sql": null, "reason": format!("{:?}", r.reason), "message": r.message, "unknown": r.unknown,
                "suggestions": r.suggestions, "trace": r.trace,
            }),
        };
        writeln!(out, "{line}").expect("writable");
    }
    times.sort();
    if let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) {
        let p95 = times[times.len() * 95 / 100];
        eprintln!("{} questions: median {median:?}, p95 {p95:?}, worst {worst:?}", times.len());
    }
}
