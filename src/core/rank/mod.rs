//! Which tables and columns a question is about.
//!
//! [`Index::build`] once per catalogue, [`Index::rank`] once per question. Each
//! part of the evidence scores all tables by itself; the parts are brought to
//! one scale by z-scores and added with the weights of [`Fusion`]. What is
//! looked up elsewhere (vectors, stored values) is handed in.

mod closure;
mod columns;
mod index;
mod lexical;
mod question;
#[cfg(test)]
mod tests;
mod trigram;
mod values;

pub use closure::Closure;
pub use index::Index;
pub use question::spans;

use crate::schema::{Catalog, ValueHit};
use question::Question;

/// Tables beyond these are not returned: nothing reads that far.
const LONGEST: usize = 200;

/// What a table's distance to the best one takes from the scores of its columns.
const STANDING: f32 = 0.15;

/// How near a table's or a column's text is to the question. Only the nearest
/// need be given: what is missing counts as the least that was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorScore {
    pub table: usize,
    /// None for the text of the table itself.
    pub column: Option<usize>,
    pub cosine: f32,
}

/// What each part of the evidence weighs; 0 switches it off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fusion {
    /// Embeddings: the best of a table's own text and its columns'.
    pub vector: f32,
    /// BM25 over names and comments.
    pub bm25: f32,
    /// How much of a table's name the question says.
    pub names: f32,
    /// Likeness of spelling: joined words, typing errors.
    pub trigram: f32,
    /// Stored values that the question says.
    pub values: f32,
    /// What the neighbourhood (same schema) says of the question as a whole.
    pub pool: f32,
    /// Tables that are needed to join the best ones.
    pub closure: f32,
}

impl Default for Fusion {
    fn default() -> Self {
        Self { vector: 0.5, bm25: 1.0, names: 0.3, trigram: 0.3, values: 0.5, pool: 2.0, closure: 0.8 }
    }
}

impl Fusion {
    /// Nothing at all; to switch on single parts.
    pub const OFF: Self =
        Self { vector: 0.0, bm25: 0.0, names: 0.0, trigram: 0.0, values: 0.0, pool: 0.0, closure: 0.0 };
}

/// A table's score by part, weights applied; they add up to the score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    pub vector: f32,
    pub bm25: f32,
    pub names: f32,
    pub trigram: f32,
    pub values: f32,
    pub pool: f32,
    pub closure: f32,
}

/// A table that the question may be about.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub table: usize,
    pub score: f32,
    /// All columns of the table with their scores, best first; the scores of
    /// columns of different tables may be compared.
    pub columns: Vec<(usize, f32)>,
    /// Where the score comes from.
    pub why: Parts,
}

impl Index {
    /// Tables of `catalog` (the one that the index was built from), best first,
    /// at most 200.
    pub fn rank(
        &self,
        catalog: &Catalog,
        question: &str,
        vectors: &[VectorScore],
        values: &[ValueHit],
        fusion: &Fusion,
    ) -> Vec<Ranked> {
        let question = Question::new(question, catalog);
        let lexical = self.lexical(&question);
        let trigram = if fusion.trigram == 0.0 { Vec::new() } else { self.spelt_alike(&question) };
        let values = values::evidence(self, &question, values);
        let pool = self.pooled(&question, &values);

        let mut parts = vec![Parts::default(); catalog.tables.len()];
        let add = |parts: &mut [Parts], scores: &[f32], weight: f32, part: fn(&mut Parts) -> &mut f32| {
            if weight != 0.0 {
                for (of_table, z) in parts.iter_mut().zip(z_scores(scores)) {
                    *part(of_table) = weight * z;
                }
            }
        };
        add(&mut parts, &nearest(catalog.tables.len(), vectors), fusion.vector, |p| &mut p.vector);
        add(&mut parts, &lexical.bm25, fusion.bm25, |p| &mut p.bm25);
        add(&mut parts, &lexical.names, fusion.names, |p| &mut p.names);
        add(&mut parts, &trigram, fusion.trigram, |p| &mut p.trigram);
        add(&mut parts, &values.tables, fusion.values, |p| &mut p.values);
        add(&mut parts, &pool, fusion.pool, |p| &mut p.pool);
        let order = by_score(parts.iter().map(Parts::sum));
        if fusion.closure != 0.0 {
            self.lift_bridges(&order, &mut parts, fusion.closure);
        }

        let mut order = by_score(parts.iter().map(Parts::sum));
        order.truncate(LONGEST);
        let columns = columns::Evidence::new(&question, vectors, &values);
        let best = order.first().map_or(0.0, |&table| parts[table].sum());
        order
            .into_iter()
            .map(|table| {
                let score = parts[table].sum();
                let standing = STANDING * (score - best);
                Ranked { table, score, columns: self.columns(catalog, table, &columns, standing), why: parts[table] }
            })
            .collect()
    }
}

impl Parts {
    fn sum(&self) -> f32 {
        self.vector + self.bm25 + self.names + self.trigram + self.values + self.pool + self.closure
    }
}

/// Table indices, highest score first, ties in catalogue order.
fn by_score(scores: impl Iterator<Item = f32>) -> Vec<usize> {
    let scores: Vec<f32> = scores.collect();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
}

/// Best cosine per table; tables without any get the least one.
fn nearest(tables: usize, vectors: &[VectorScore]) -> Vec<f32> {
    let given = || vectors.iter().filter(|v| v.cosine.is_finite() && v.table < tables);
    let least = given().map(|v| v.cosine).fold(f32::INFINITY, f32::min);
    let mut best = vec![if least.is_finite() { least } else { 0.0 }; tables];
    for score in given() {
        best[score.table] = best[score.table].max(score.cosine);
    }
    best
}

/// Distance from the mean in standard deviations; all zero where all are alike.
fn z_scores(scores: &[f32]) -> impl Iterator<Item = f32> + '_ {
    let count = scores.len().max(1) as f32;
    let mean = scores.iter().sum::<f32>() / count;
    let deviation = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f32>() / count).sqrt();
    let scale = if deviation > 1e-6 { 1.0 / deviation } else { 0.0 };
    scores.iter().map(move |s| (s - mean) * scale)
}
