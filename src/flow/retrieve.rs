//! Retrieval: which tables, columns and samples a question is about.

use crate::error::Result;
use crate::flow::embedder::Embedder;
use crate::flow::scope::Scope;
use crate::pg::kb::vectors;
use std::collections::HashMap;
use t2sql_core::rank::{Fusion, Ranked, VectorScore, spans};
use t2sql_core::schema::{ValueHit, ValueSource};

/// Neighbours that one vector search returns: beyond them a text says nothing of a question.
const NEIGHBOURS: usize = 400;
const SAMPLES: usize = 3;

/// What was found for one question.
pub struct Retrieved {
    /// Tables, best first.
    pub tables: Vec<Ranked>,
    pub values: Vec<ValueHit>,
    /// Samples (positions in the scope's view) with their similarity, best first.
    pub samples: Vec<(usize, f32)>,
}

impl Retrieved {
    /// The best `k` tables together with those that join them.
    pub fn closed(&self, scope: &Scope, k: usize) -> Vec<usize> {
        let seeds: Vec<usize> = self.tables.iter().take(k).map(|r| r.table).collect();
        scope.view.index.closure(&seeds).tables
    }

    /// Columns in the order of their score over all tables.
    pub fn columns(&self) -> Vec<(usize, usize)> {
        let mut scored: Vec<(f32, usize, usize)> = self
            .tables
            .iter()
            .flat_map(|r| r.columns.iter().map(move |&(column, score)| (score, r.table, column)))
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.into_iter().map(|(_, table, column)| (table, column)).collect()
    }
}

/// Retrieves for `question`; only objects that the scope's reader may read take part.
pub fn retrieve(scope: &Scope, question: &str, fusion: &Fusion) -> Result<Retrieved> {
    let mut source = scope.values(question);
    let values = source.equal(&spans(question));
    source.done()?;
    let mut scores = Vec::new();
    let mut samples = Vec::new();
    if fusion.vector > 0.0 {
        for (collection, id, similarity) in neighbours(scope, question)? {
            match collection.as_str() {
                "table" => {
                    scores.extend(scope.place(id).map(|table| VectorScore { table, column: None, cosine: similarity }))
                }
                "column" => scores.extend(scope.column_place(id).map(|(table, column)| VectorScore {
                    table,
                    column: Some(column),
                    cosine: similarity,
                })),
                _ => samples.extend(sample_place(scope, id).map(|place| (place, similarity))),
            }
        }
    }
    samples.truncate(SAMPLES);
    let tables = scope.view.index.rank(&scope.view.catalog, question, &scores, &values, fusion);
    Ok(Retrieved { tables, values, samples })
}

fn neighbours(scope: &Scope, question: &str) -> Result<Vec<(String, i64, f32)>> {
    let Some(model) = &scope.context.embedding else { return Ok(Vec::new()) };
    let idf = |stem: &str| scope.view.index.idf(stem);
    let Some(query) = Embedder::open(model)?.query(question, &idf, &|server, bytes| scope.note_sent(server, bytes))?
    else {
        return Ok(Vec::new());
    };
    vectors::nearest(scope.context.id, model.id, &["table", "column", "sample_question"], &query, NEIGHBOURS)
}

fn sample_place(scope: &Scope, id: i64) -> Option<usize> {
    let place = scope.view.samples.iter().position(|(s, _)| s.id == id)?;
    let (sample, _) = &scope.view.samples[place];
    (sample.verified || sample.is_callers()).then_some(place)
}

/// Positions of tables and columns by their keys in the knowledge base.
pub struct Places {
    tables: HashMap<i64, usize>,
    columns: HashMap<i64, (usize, usize)>,
}

impl Places {
    pub fn of(catalog: &t2sql_core::schema::Catalog) -> Places {
        let mut places = Places { tables: HashMap::new(), columns: HashMap::new() };
        for (t, table) in catalog.tables.iter().enumerate() {
            places.tables.insert(table.id, t);
            for (c, column) in table.columns.iter().enumerate() {
                places.columns.insert(column.id, (t, c));
            }
        }
        places
    }

    pub fn table(&self, id: i64) -> Option<usize> {
        self.tables.get(&id).copied()
    }

    pub fn column(&self, id: i64) -> Option<(usize, usize)> {
        self.columns.get(&id).copied()
    }
}
