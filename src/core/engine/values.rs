//! Stored values that the question names. One lookup asks for all of its word
//! groups at once.

use std::collections::HashMap;

use super::lattice::is_money;
use super::operator::Found as Operator;
use super::token::{Kind, Token};
use crate::link::{Lexicon, is_function_word};
use crate::schema::{Catalog, ValueHit, ValueSource};
use crate::text::fold;

/// Longest value that is looked for, in tokens.
const MAX_WORDS: usize = 7;

/// A value at tokens `start..end`, in one or several columns.
#[derive(Clone, Debug)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    pub hits: Vec<ValueHit>,
    /// How much it looks like a value: quoted, capitalised, several words.
    pub score: f32,
}

/// Values in the question.
pub fn find(
    catalog: &Catalog,
    lexicon: &Lexicon,
    source: &mut dyn ValueSource,
    question: &str,
    tokens: &[Token],
    operators: &[Operator],
) -> Vec<Found> {
    let mut spans: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
    let mut others: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
    for start in 0..tokens.len() {
        for end in start + 1..=(start + MAX_WORDS).min(tokens.len()) {
            if !may_be_value(&tokens[start..end], operators, start) {
                continue;
            }
            let text = if end == start + 1 {
                tokens[start].folded.clone()
            } else {
                fold(&question[tokens[start].start..tokens[end - 1].end])
            };
            // `professors` for the value `Professor`, `sofa` for `Sofas`
            for other in other_number(&text, &tokens[end - 1]) {
                others.entry(other).or_default().push((start, end));
            }
            spans.entry(text).or_default().push((start, end));
        }
    }
    for (text, places) in others {
        spans.entry(text).or_insert(places);
    }
    let asked: Vec<String> = {
        let mut asked: Vec<String> = spans.keys().cloned().collect();
        asked.sort();
        asked
    };
    let mut hits = source.equal(&asked);
    hits.retain(|h| h.table < catalog.tables.len() && h.column < catalog.tables[h.table].columns.len());
    let mut found: Vec<Found> = Vec::new();
    let mut by_text: HashMap<String, Vec<ValueHit>> = HashMap::new();
    for hit in hits {
        by_text.entry(hit.matched.clone()).or_default().push(hit);
    }
    for (text, hits) in by_text {
        for (start, end) in spans.get(&text).into_iter().flatten() {
            let after = tokens.get(*end).map_or("", |t| t.folded.as_str());
            let score = plausibility(&tokens[*start..*end], after, &hits);
            found.push(Found { start: *start, end: *end, hits: hits.clone(), score });
        }
    }
    found.extend(known_words(catalog, lexicon, tokens));
    // quoted strings that are stored nowhere as they stand: what contains them
    for (i, token) in tokens.iter().enumerate().filter(|(_, t)| t.kind == Kind::Quoted).take(4) {
        if !found.iter().any(|f| f.start == i && f.end == i + 1) && !token.folded.is_empty() {
            let mut hits = source.similar(&token.folded, 8);
            hits.retain(|h| {
                h.table < catalog.tables.len()
                    && h.column < catalog.tables[h.table].columns.len()
                    && h.similarity >= 0.45
            });
            if !hits.is_empty() {
                found.push(Found { start: i, end: i + 1, hits, score: 1.0 });
            }
        }
    }
    found.sort_by_key(|f| (f.start, f.end));
    found
}

/// The singular of what looks like a plural and the plural of what does not; nothing for names, numbers and quotes.
fn other_number(text: &str, last: &Token) -> Vec<String> {
    if last.kind != Kind::Word || last.proper || last.folded.len() < 4 {
        return Vec::new();
    }
    let mut forms = Vec::new();
    if let Some(stem) = text.strip_suffix("ies") {
        forms.push(format!("{stem}y"));
    } else if let Some(stem) = text.strip_suffix('s').filter(|stem| !stem.ends_with('s')) {
        forms.push(stem.to_owned());
        forms.extend(stem.strip_suffix('e').map(str::to_owned));
    } else {
        forms.push(format!("{text}s"));
    }
    forms
}

/// Whether the tokens may be a value at all: not punctuation or operators alone.
fn may_be_value(tokens: &[Token], operators: &[Operator], start: usize) -> bool {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return false;
    };
    if tokens.len() == 1 && first.kind == Kind::Quoted {
        return !first.folded.is_empty();
    }
    let symbol = |t: &Token| matches!(t.kind, Kind::Symbol(c) if !matches!(c, '#' | '+'));
    if symbol(first)
        || symbol(last) && last.text != "."
        || tokens.iter().any(|t| t.kind == Kind::Quoted)
        || first.folded == "'s"
    {
        return false;
    }
    if tokens.iter().all(|t| is_function_word(&t.folded)) {
        return false;
    }
    // one plain word that is an operator is the operator
    let capital = tokens[0].proper;
    !(tokens.len() == 1 && !capital && operators.iter().any(|o| o.start == start && o.end == start + 1))
}

/// `after` is the word that follows.
fn plausibility(tokens: &[Token], after: &str, hits: &[ValueHit]) -> f32 {
    let first = &tokens[0];
    // `shipped to Oslo`: a verb, though a status may be called the same
    let verb = !first.proper
        && (first.folded.ends_with("ed") || first.folded == "paid")
        && matches!(after, "to" | "by" | "from" | "with" | "via");
    let exact_case = hits.iter().any(|h| h.value == first.text);
    match first.kind {
        Kind::Quoted => 1.4,
        Kind::Number(_) if tokens.len() == 1 => 0.85,
        _ if tokens.len() == 1 && verb => 0.1,
        _ if tokens.len() == 1 && is_money(&first.folded) => 0.6,
        _ if tokens.len() == 1 && first.proper => 1.15,
        _ if tokens.len() == 1 && first.folded.len() <= 2 => 0.3,
        _ if tokens.len() == 1 && exact_case => 0.97,
        _ if tokens.len() == 1 => 0.9,
        // several words in a row are seldom a value by chance
        _ => 1.1,
    }
}

/// Words for values that are stored as codes: `female` as `F`.
fn known_words(catalog: &Catalog, lexicon: &Lexicon, tokens: &[Token]) -> Vec<Found> {
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let codes: &[&str] = match token.folded.as_str() {
            "female" | "females" | "woman" | "women" | "girl" | "girls" => &["f", "female", "woman"],
            "male" | "males" | "man" | "men" | "boy" | "boys" => &["m", "male", "man"],
            _ => continue,
        };
        let mut hits = Vec::new();
        for (t, table) in catalog.tables.iter().enumerate() {
            for (c, column) in table.columns.iter().enumerate() {
                if !lexicon.column(t, c).has_any(&["sex", "gender"]) {
                    continue;
                }
                if let Some(value) = column.common.iter().find(|v| codes.contains(&fold(v).as_str())) {
                    hits.push(ValueHit {
                        table: t,
                        column: c,
                        value: value.clone(),
                        matched: token.folded.clone(),
                        similarity: 1.0,
                    });
                }
            }
        }
        if !hits.is_empty() {
            found.push(Found { start: i, end: i + 1, hits, score: 1.15 });
        }
    }
    found
}
