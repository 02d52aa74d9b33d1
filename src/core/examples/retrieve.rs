//! Ranks tables for a file of questions, to measure retrieval.
//!
//!     retrieve [--all CATALOG] [--catalogs DIR] [--top N] [--off PART]... [--set PART=WEIGHT]... < questions.jsonl > retrieved.jsonl
//!
//! A catalogue is the JSON of `t2sql_core::schema::Catalog`; beside `x.json` lies `x.values.jsonl` with one
//! `[table, column, "value"]` per line. With `--catalogs` each question asks the catalogue named by its `db`,
//! with `--all` every question asks the same one. Vectors come from the built-in embedder.
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use t2sql_core::embed;
use t2sql_core::rank::{Fusion, Index, VectorScore, spans};
use t2sql_core::schema::{Catalog, ValueHit};
use t2sql_core::text::fold;

/// A catalogue with everything that the database would have indexed.
struct Indexed {
    catalog: Catalog,
    index: Index,
    vectors: Vec<(usize, Option<usize>, Vec<f32>)>,
    values: HashMap<String, Vec<ValueHit>>,
}

fn main() {
    let mut all: Option<PathBuf> = None;
    let mut directory: Option<PathBuf> = None;
    let mut top = 200;
    let mut fusion = Fusion::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("an argument is missing");
        match argument.as_str() {
            "--all" => all = Some(value().into()),
            "--catalogs" => directory = Some(value().into()),
            "--top" => top = value().parse().expect("a number"),
            "--off" => *part(&mut fusion, &value()) = 0.0,
            "--set" => {
                let value = value();
                let (name, weight) = value.split_once('=').expect("PART=WEIGHT");
                *part(&mut fusion, name) = weight.parse().expect("a number");
            }
            other => panic!("unknown argument {other}"),
        }
    }
    let mut loaded: HashMap<PathBuf, Indexed> = HashMap::new();
    let mut times = Vec::new();
    let out = std::io::stdout();
    let mut out = out.lock();
    for line in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line.unwrap()).expect("JSON");
        let path = match (&all, &directory) {
            (Some(path), _) => path.clone(),
            (None, Some(dir)) => dir.join(format!("{}.json", question["db"].as_str().unwrap())),
            (None, None) => panic!("--all or --catalogs"),
        };
        let indexed = loaded.entry(path.clone()).or_insert_with(|| load(&path));
        let text = question["question"].as_str().unwrap();
        let vectors = indexed.search(text, top);
        let values: Vec<ValueHit> =
            spans(text).iter().flat_map(|span| indexed.values.get(span)).flatten().cloned().collect();
        let start = Instant::now();
        let ranked = indexed.index.rank(&indexed.catalog, text, &vectors, &values, &fusion);
        times.push(start.elapsed());
        let name = |t: usize| format!("{}.{}", indexed.catalog.tables[t].schema, indexed.catalog.tables[t].name);
        let tables: Vec<String> = ranked.iter().take(25).map(|r| name(r.table)).collect();
        let mut columns: Vec<(f32, String)> = Vec::new();
        for r in ranked.iter().take(10) {
            for &(c, score) in &r.columns {
                let column = format!("{}.{}", name(r.table), indexed.catalog.column(r.table, c).name);
                columns.push((score, column));
            }
        }
        columns.sort_by(|a, b| b.0.total_cmp(&a.0));
        let columns: Vec<&str> = columns.iter().take(60).map(|c| c.1.as_str()).collect();
        let why: Vec<String> =
            ranked.iter().take(12).map(|r| format!("{} {:.2} {:?}", name(r.table), r.score, r.why)).collect();
        writeln!(out, "{}", json!({"id": question["id"], "tables": tables, "columns": columns, "why": why})).unwrap();
    }
    times.sort();
    if let (Some(middle), Some(last)) = (times.get(times.len() / 2), times.get(times.len() * 99 / 100)) {
        eprintln!("{} questions; rank: median {middle:?}, 99th percentile {last:?}", times.len());
    }
}

fn part<'a>(fusion: &'a mut Fusion, name: &str) -> &'a mut f32 {
    match name {
        "vector" => &mut fusion.vector,
        "bm25" => &mut fusion.bm25,
        "names" => &mut fusion.names,
        "trigram" => &mut fusion.trigram,
        "values" => &mut fusion.values,
        "pool" => &mut fusion.pool,
        "closure" => &mut fusion.closure,
        other => panic!("unknown part {other}"),
    }
}

fn load(path: &Path) -> Indexed {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut catalog: Catalog = serde_json::from_str(&text).expect("a catalogue");
    let inferred = t2sql_core::relate::infer(&catalog);
    catalog.edges.extend(inferred);
    let start = Instant::now();
    let index = Index::build(&catalog);
    let built = start.elapsed();
    if catalog.tables.len() > 100 {
        eprintln!("index of {} tables built in {built:?}", catalog.tables.len());
    }
    let mut vectors = Vec::new();
    for (t, table) in catalog.tables.iter().enumerate() {
        vectors.extend(embed::document(&embed::table_text(table)).map(|v| (t, None, v)));
        for (c, column) in table.columns.iter().enumerate() {
            vectors.extend(embed::document(&embed::column_text(table, column)).map(|v| (t, Some(c), v)));
        }
    }
    let mut values: HashMap<String, Vec<ValueHit>> = HashMap::new();
    let text = std::fs::read_to_string(path.with_extension("values.jsonl")).unwrap_or_default();
    for line in text.lines() {
        let (table, column, value): (usize, usize, String) = serde_json::from_str(line).expect("a value");
        let matched = fold(&value);
        let hit = ValueHit { table, column, value, matched: matched.clone(), similarity: 1.0 };
        values.entry(matched).or_default().push(hit);
    }
    Indexed { catalog, index, vectors, values }
}

impl Indexed {
    fn search(&self, question: &str, top: usize) -> Vec<VectorScore> {
        let Some(query) = embed::query(question, &|stem| self.index.idf(stem)) else {
            return Vec::new();
        };
        // a question touches few of the dimensions
        let query: Vec<(usize, f32)> = query.into_iter().enumerate().filter(|d| d.1 != 0.0).collect();
        let score = |vector: &[f32]| query.iter().map(|&(d, x)| x * vector[d]).sum();
        let mut scores: Vec<VectorScore> = self
            .vectors
            .iter()
            .map(|(table, column, vector)| VectorScore { table: *table, column: *column, cosine: score(vector) })
            .collect();
        scores.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        scores.truncate(top);
        scores
    }
}
