//! Learns half of the questions of each database as samples and asks the other
//! half, to measure how many samples answer and how many answers are right.
//!
//!     samples --catalogs DIR < questions.jsonl > predictions.jsonl
//!
//! Questions need `id`, `db`, `question` and `gold_sql`; catalogues are those of the `retrieve` example.
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;

use serde_json::{Value, json};
use t2sql_core::sample::Template;
use t2sql_core::schema::{Catalog, ValueHit, ValueSource};
use t2sql_core::text::fold;

#[derive(Default)]
struct Values(HashMap<String, Vec<ValueHit>>);

impl ValueSource for Values {
    fn equal(&mut self, folded: &[String]) -> Vec<ValueHit> {
        folded.iter().filter_map(|f| self.0.get(f)).flatten().cloned().collect()
    }

    fn similar(&mut self, folded: &str, limit: usize) -> Vec<ValueHit> {
        let containing = self.0.iter().filter(|(value, _)| value.contains(folded));
        containing.flat_map(|(_, hits)| hits).take(limit).cloned().collect()
    }
}

struct Known {
    catalog: Catalog,
    values: Values,
    templates: Vec<(Value, Template)>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [option, directory] = &arguments[..] else { panic!("samples --catalogs DIR") };
    assert_eq!(option, "--catalogs");
    let questions: Vec<Value> =
        std::io::stdin().lock().lines().map(|line| serde_json::from_str(&line.unwrap()).expect("JSON")).collect();
    let mut known: HashMap<String, Known> = HashMap::new();
    let db = |question: &Value| question["db"].as_str().unwrap().to_owned();
    for question in questions.iter().filter(|q| is_sample(q)) {
        let known = known.entry(db(question)).or_insert_with_key(|db| load(&Path::new(directory).join(db)));
        let sql = question["gold_sql"][0].as_str().unwrap();
        let text = question["question"].as_str().unwrap();
        let template = Template::learn(&known.catalog, &mut known.values, text, sql);
        known.templates.push((question["id"].clone(), template));
    }
    let out = std::io::stdout();
    let mut out = out.lock();
    let (mut asked, mut answered) = (0, 0);
    for question in questions.iter().filter(|q| !is_sample(q)) {
        let Some(known) = known.get_mut(&db(question)) else { continue };
        let text = question["question"].as_str().unwrap();
        asked += 1;
        let bound =
            known.templates.iter().find_map(|(id, t)| Some((id, t, t.bind(&known.catalog, &mut known.values, text)?)));
        if let Some((sample, template, bound)) = bound {
            answered += 1;
            let line = json!({"id": question["id"], "sql": bound.sql, "question": text, "sample": sample,
                "learnt": template.question, "signature": template.signature(), "assumptions": bound.assumptions});
            writeln!(out, "{line}").unwrap();
        }
    }
    eprintln!("{asked} asked, {answered} answered by a sample");
}

/// The half that is learnt, the same in every run.
fn is_sample(question: &Value) -> bool {
    let id = question["id"].as_str().unwrap();
    id.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte)) >> 3 & 1 == 0
}

fn load(path: &Path) -> Known {
    let text = std::fs::read_to_string(path.with_extension("json")).expect("a catalogue");
    let mut values = Values::default();
    let lines = std::fs::read_to_string(path.with_extension("values.jsonl")).unwrap_or_default();
    for line in lines.lines() {
        let (table, column, value): (usize, usize, String) = serde_json::from_str(line).expect("a value");
        let matched = fold(&value);
        let hit = ValueHit { table, column, value, matched: matched.clone(), similarity: 1.0 };
        values.0.entry(matched).or_default().push(hit);
    }
    Known { catalog: serde_json::from_str(&text).expect("a catalogue"), values, templates: Vec::new() }
}
