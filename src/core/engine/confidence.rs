//! How likely a reading is right: a logistic over cheap features. The weights
//! were fitted by `examples/fit.py` (command there) on answers that were executed
//! and compared; databases that the fit has not seen are kept for checking it.

use super::forms::Reading;
use super::ir::{Expr, Query};
use super::join::Tree;

/// How many features there are.
const FEATURES: usize = 24;

/// Names of the features, in the order of [`features`] and [`WEIGHTS`].
pub const NAMES: [&str; FEATURES] = [
    "bias",
    "unknown_share",
    "unused_operators",
    "unused_mentions",
    "unused_values",
    "unused_numbers",
    "no_measure_or_date",
    "guessed",
    "joins",
    "inferred",
    "unnamed",
    "length",
    "grouped",
    "ordered",
    "filters",
    "quality",
    "margin",
    "exists_or_set",
    "outputs",
    "evidence",
    "sentences",
    "having",
    "ratio",
    "tables",
];

/// Fitted weights; that of `evidence` is a guess, since few questions of the fit came with formulas.
const WEIGHTS: [f32; FEATURES] = [
    0.14, -2.77, -1.32, -0.59, -0.62, -1.29, 0.14, -1.32, -0.05, -0.03, -0.06, -0.46, -0.37, -0.23, -0.13, 0.82, 1.47,
    0.26, -0.06, -0.5, -0.32, -0.29, 0.57, 0.03,
];

/// Most that an answer is worth which leaves something telling out.
pub const GUESS: f32 = 0.45;

/// What a reading is judged by besides itself.
pub struct Evidence {
    /// Share of the content words that are not understood.
    pub unknown_share: f32,
    /// Mean score of mentions and values on the path.
    pub quality: f32,
    /// Distance to the next different reading.
    pub margin: f32,
    /// Number of tokens.
    pub length: usize,
    /// The question comes with formulas, which the engine does not read.
    pub hinted: bool,
    /// Number of sentences.
    pub sentences: usize,
    /// Tables of the catalog.
    pub tables: usize,
    pub tree: Option<Tree>,
    /// Joins of the tree that no constraint declares.
    pub inferred: usize,
}

/// Tables in the join tree that the question does not name.
pub fn unnamed(tree: &Tree, reading: &Reading) -> usize {
    tree.tables().filter(|t| !reading.named.contains(t)).count()
}

pub fn features(reading: &Reading, evidence: &Evidence) -> [f32; FEATURES] {
    let query: &Query = &reading.query;
    let t = &reading.trouble;
    let flag = |b: bool| if b { 1.0 } else { 0.0 };
    let tree = evidence.tree.as_ref();
    let exists = query.filters.iter().any(|f| matches!(f, super::ir::Condition::Exists { .. }))
        || query.set.is_some()
        || query.counted;
    [
        1.0,
        evidence.unknown_share,
        (t.unused_operators as f32).min(3.0),
        (t.unused_mentions as f32).min(3.0),
        (t.unused_values as f32).min(2.0),
        (t.unused_numbers as f32).min(2.0),
        flag(t.no_measure || t.no_date),
        flag(t.guessed_output),
        (tree.map_or(0, |t| t.joins.len()) as f32).min(4.0),
        (evidence.inferred as f32).min(3.0),
        (tree.map_or(0, |t| unnamed(t, reading)) as f32).min(3.0),
        (evidence.length as f32 / 10.0).min(5.0),
        flag(query.outputs.iter().any(Expr::is_aggregate) && !query.group.is_empty()),
        flag(!query.order.is_empty()),
        (query.filters.len() as f32).min(4.0),
        evidence.quality,
        evidence.margin.min(1.0),
        flag(exists),
        (query.outputs.len() as f32).min(5.0),
        flag(evidence.hinted),
        (evidence.sentences as f32 - 1.0).clamp(0.0, 3.0),
        flag(!query.having.is_empty()),
        flag(reading.form == "ratio"),
        (evidence.tables as f32).max(1.0).ln().min(5.0),
    ]
}

pub fn confidence(features: &[f32; FEATURES]) -> f32 {
    let z: f32 = features.iter().zip(&WEIGHTS).map(|(f, w)| f * w).sum();
    1.0 / (1.0 + (-z).exp())
}

/// Score by which readings are ranked: what speaks against one, in points of mention score.
pub fn penalty(reading: &Reading, tree: &Tree) -> f32 {
    let t = &reading.trouble;
    0.7 * t.unused_operators as f32
        + 0.35 * t.unused_mentions as f32
        + 0.8 * t.unused_values as f32
        + 0.6 * t.unused_numbers as f32
        + if t.missing_value { 1.0 } else { 0.0 }
        + if t.no_measure { 0.8 } else { 0.0 }
        + if t.no_date { 0.8 } else { 0.0 }
        + 0.2 * tree.joins.len() as f32
        + 0.25 * unnamed(tree, reading) as f32
        + 0.3 * (tree.cost - tree.joins.len() as f32).max(0.0)
}
