//! A question, prepared for ranking: its words, their stems, what may be values.

use std::collections::HashMap;

use crate::embed::hash;
use crate::link::vocabulary::{normalize, synonyms};
use crate::schema::Catalog;
use crate::text::{fold, stem, words};

/// Words that say nothing about what is asked for.
const STOP: &[&str] = &[
    "a", "about", "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "both", "but", "by", "can",
    "could", "d", "did", "do", "does", "each", "either", "ever", "every", "find", "for", "from", "get", "give", "had",
    "has", "have", "he", "her", "here", "his", "how", "i", "if", "in", "is", "it", "its", "just", "list", "ll", "many",
    "me", "more", "most", "much", "my", "no", "not", "of", "on", "or", "our", "out", "please", "return", "s", "she",
    "show", "so", "some", "such", "t", "tell", "than", "that", "the", "their", "them", "then", "there", "these",
    "they", "this", "those", "to", "up", "us", "ve", "was", "we", "were", "what", "when", "where", "which", "who",
    "whom", "whose", "why", "will", "with", "would", "you", "your",
];

/// What a word that only means the same weighs against the word itself.
const SYNONYM: f32 = 0.3;

/// Longest run of words that is looked up as a stored value.
const LONGEST_SPAN: usize = 7;

/// Whether a folded word carries no content of its own.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP.binary_search(&word).is_ok()
}

pub(super) struct Question {
    /// Folded as a whole, for the place of a value in it.
    pub folded: String,
    /// As typed, for capitals.
    pub typed: String,
    /// Words without stop words, folded, in order; with the stem's hash.
    pub content: Vec<(String, u64)>,
    /// Stem hash (single words, and neighbours written together) and weight.
    pub terms: Vec<(u64, f32)>,
}

impl Question {
    pub fn new(question: &str, catalog: &Catalog) -> Self {
        let all = words(question);
        let mut content: Vec<(String, u64)> = Vec::new();
        let mut weights: HashMap<u64, f32> = HashMap::new();
        let mut add = |hash: u64, weight: f32| {
            let old = weights.entry(hash).or_insert(0.0);
            *old = old.max(weight);
        };
        for word in &all {
            if !is_stop_word(word) {
                let hash = term(word);
                add(hash, 1.0);
                content.push((word.clone(), hash));
                for synonym in synonyms(&normalize(word)) {
                    add(stem_hash(synonym), SYNONYM);
                }
            }
        }
        for pair in all.windows(2) {
            if !is_stop_word(&pair[0]) && !is_stop_word(&pair[1]) {
                add(term(&pair.concat()), 1.0);
            }
        }
        for (word, weight) in glossary(&all, catalog) {
            add(term(&word), weight);
        }
        let mut terms: Vec<(u64, f32)> = weights.into_iter().collect();
        // float sums depend on the order: keep answers the same in every run
        terms.sort_by_key(|t| t.0);
        Self { folded: fold(question), typed: question.to_owned(), content, terms }
    }
}

/// The hash under which a folded word is indexed.
pub(super) fn term(word: &str) -> u64 {
    stem_hash(&normalize(word))
}

/// The hash under which a stem is indexed.
pub(super) fn stem_hash(stem: &str) -> u64 {
    hash(b"w", &[stem])
}

/// Words that the glossary adds to a question: those of a term's definition,
/// expression and other names, when the question says one of its names.
fn glossary(question: &[String], catalog: &Catalog) -> Vec<(String, f32)> {
    const WEIGHT: f32 = 0.5;
    let stems: Vec<String> = question.iter().map(|w| stem(w)).collect();
    let says = |name: &str| {
        let name: Vec<String> = words(name).iter().map(|w| stem(w)).collect();
        !name.is_empty() && stems.windows(name.len()).any(|run| run == name)
    };
    let mut added = Vec::new();
    for entry in &catalog.terms {
        if std::iter::once(&entry.name).chain(&entry.synonyms).any(|name| says(name)) {
            let texts = [Some(&entry.name), Some(&entry.definition), entry.expression.as_ref()];
            let texts = texts.into_iter().flatten().chain(&entry.synonyms);
            let new = texts.flat_map(|text| words(text)).filter(|w| !is_stop_word(w));
            added.extend(new.map(|word| (word, WEIGHT)));
        }
    }
    added
}

/// What of a question may be a stored value: its runs of one to seven words as
/// [`fold`] writes them, without the punctuation around them. Longest first.
/// Runs of stop words alone are left out.
pub fn spans(question: &str) -> Vec<String> {
    let folded = fold(question).replace(['’', '‘'], "'").replace(['“', '”', '„'], "\"");
    let tokens: Vec<&str> = folded.split(' ').filter(|t| !t.is_empty()).collect();
    let mut spans: Vec<String> = Vec::new();
    let mut add = |span: &str| {
        let wordy = words(span).iter().any(|w| !is_stop_word(w));
        if wordy && !spans.iter().any(|s| s == span) {
            spans.push(span.to_owned());
        }
    };
    for length in (1..=LONGEST_SPAN.min(tokens.len())).rev() {
        for run in tokens.windows(length) {
            let run = run.join(" ");
            let bare = run.trim_matches(|c: char| !c.is_alphanumeric());
            add(bare);
            // "bookshelf's" and "the authors' books"
            if let Some(owner) = bare.strip_suffix("'s") {
                add(owner);
            }
            // values may end in what was trimmed: "st.", "c++", "yes!"
            let closed = run.trim_matches(|c: char| "\"'()[]{},;:".contains(c)).trim_end_matches(['?', '.']);
            add(closed);
            add(run.trim_matches(|c: char| "\"'()[]{},;:?".contains(c)));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP.is_sorted());
    }

    #[test]
    fn spans_find_values_inside_punctuation() {
        let spans = spans("Which loans did \"Café Noir\", St. John's or O'Brien's shop make?");
        for value in ["cafe noir", "st. john's", "o'brien", "loans"] {
            assert!(spans.iter().any(|s| s == value), "{value} in {spans:?}");
        }
        assert!(!spans.iter().any(|s| s == "which"));
    }
}
