//! Stored values that the question says: strong evidence when a value is rare
//! and looks like one, noise when it is a common word.

use std::collections::HashMap;

use super::index::Index;
use super::question::{Question, term};
use crate::schema::ValueHit;
use crate::text::words;

/// Evidence by table, by column and by pool (schema).
pub(super) struct Evidence {
    pub tables: Vec<f32>,
    pub columns: HashMap<(usize, usize), f32>,
    pub pools: Vec<f32>,
}

pub(super) fn evidence(index: &Index, question: &Question, hits: &[ValueHit]) -> Evidence {
    let mut evidence = Evidence {
        tables: vec![0.0; index.table_words.len()],
        columns: HashMap::new(),
        pools: vec![0.0; index.pool_sizes.len()],
    };
    let mut by_text: HashMap<&str, Vec<&ValueHit>> = HashMap::new();
    for hit in hits.iter().filter(|h| h.table < index.table_words.len()) {
        by_text.entry(&hit.matched).or_default().push(hit);
    }
    let mut texts: Vec<(&str, Vec<&ValueHit>)> = by_text.into_iter().collect();
    // "new york" first, so that "york" counts only where "new york" is not
    texts.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then(a.0.cmp(b.0)));
    let mut longer: Vec<&str> = Vec::new();
    for (text, hits) in texts {
        if longer.iter().any(|l| l.contains(text)) {
            continue;
        }
        longer.push(text);
        let weight = looks_like_value(index, question, text);
        let mut tables: Vec<usize> = hits.iter().map(|h| h.table).collect();
        tables.sort_unstable();
        tables.dedup();
        let mut pools: HashMap<usize, f32> = HashMap::new();
        for &table in &tables {
            let best = hits.iter().filter(|h| h.table == table).map(|h| h.similarity).fold(0.0, f32::max);
            // the same value in many tables says little about each
            evidence.tables[table] += best * weight / (tables.len() as f32).sqrt();
            let pool = pools.entry(index.pools[table] as usize).or_insert(0.0);
            *pool = pool.max(best);
        }
        let rarity = (1.0 + index.pool_sizes.len() as f32 / pools.len() as f32).ln();
        for (pool, best) in pools {
            evidence.pools[pool] += best * weight * rarity;
        }
        for hit in &hits {
            let column = evidence.columns.entry((hit.table, hit.column)).or_insert(0.0);
            *column = column.max(hit.similarity * weight);
        }
    }
    evidence
}

/// 0..1: whether a piece of the question is meant as a value. Capitals inside
/// the sentence, digits, quotes and several words speak for it; a word that is
/// part of the schema's vocabulary speaks against.
fn looks_like_value(index: &Index, question: &Question, text: &str) -> f32 {
    let words = words(text);
    if words.len() > 1 || text.chars().any(|c| c.is_numeric()) && text.chars().any(char::is_alphabetic) {
        return 1.0;
    }
    if quoted(&question.folded, text) || capitalised(&question.typed, text) {
        return 1.0;
    }
    if text.chars().all(char::is_numeric) {
        return 0.2;
    }
    if words.iter().all(|w| index.terms.contains_key(&term(w))) { 0.2 } else { 0.6 }
}

fn quoted(question: &str, text: &str) -> bool {
    question.match_indices(text).any(|(at, _)| {
        let before = question[..at].chars().next_back();
        before.is_some_and(|c| "\"'“”‘’«»".contains(c))
    })
}

/// Whether the question writes it with a capital letter, other than at its start.
fn capitalised(question: &str, text: &str) -> bool {
    let mut start = true;
    for word in question.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let same = word.to_lowercase() == text;
        if same && !start && word.chars().next().is_some_and(char::is_uppercase) {
            return true;
        }
        start = false;
    }
    false
}
