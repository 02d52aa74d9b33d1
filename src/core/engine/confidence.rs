//! How likely a reading is right: a logistic over cheap features. The weights
//! were fitted by `src/core/examples/fit.py` on predictions that were executed.

use super::forms::Reading;
use super::ir::{Expr, Query};
use super::join::Tree;

/// Names of the features, in the order of [`features`] and [`WEIGHTS`].
pub const NAMES: [&str; 19] = [
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
    "mention_quality",
    "margin",
    "exists_or_set",
    "outputs",
];

/// Fitted weights.
const WEIGHTS: [f32; 19] =
    [1.6, -3.0, -1.2, -0.6, -1.5, -0.8, -1.5, -0.8, -0.5, -0.3, -0.5, -0.4, -0.3, -0.1, -0.1, 0.5, 0.6, -0.3, -0.1];

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
    pub tree: Option<Tree>,
    /// Joins of the tree that no constraint declares.
    pub inferred: usize,
}

/// Tables in the join tree that the question does not name.
pub fn unnamed(tree: &Tree, reading: &Reading) -> usize {
    tree.tables().filter(|t| !reading.named.contains(t)).count()
}

pub fn features(reading: &Reading, evidence: &Evidence) -> [f32; 19] {
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
    ]
}

pub fn confidence(features: &[f32; 19]) -> f32 {
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
        + if t.no_measure { 0.8 } else { 0.0 }
        + if t.no_date { 0.8 } else { 0.0 }
        + 0.2 * tree.joins.len() as f32
        + 0.25 * unnamed(tree, reading) as f32
        + 0.3 * (tree.cost - tree.joins.len() as f32).max(0.0)
}
