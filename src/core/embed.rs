//! The built-in embedder: hashed words, character n-grams and word pairs.
//!
//! No model file and no endpoint: a text costs microseconds, and the same text
//! gives the same vector on every machine. It finds words that are spelt alike,
//! not words that mean the same; that is what other embedders are for.

use crate::schema::{Column, Table};
use crate::text::{stem, words};

/// Length of every vector.
pub const DIMENSIONS: usize = 1024;

/// Name under which the vectors are stored. A change of the features below is
/// a new model: raise the number, so that old vectors are replaced.
pub const MODEL: &str = "builtin-hash-1024-v1";

/// Weight of a pair of neighbouring words, against 1 for a word.
const PAIR: f32 = 0.5;
/// Character n-grams of these lengths are taken from `<word>`.
const GRAMS: std::ops::RangeInclusive<usize> = 3..=5;

/// The vector of a text that is searched for. None for a text without any
/// letter or digit; otherwise of length 1, never zero, never NaN.
pub fn document(text: &str) -> Option<Vec<f32>> {
    embed(text, |_| 1.0)
}

/// The vector of a question: as [`document`], but each word weighs the square
/// of `idf(stem)`. Rare words decide, and stored vectors need not be computed
/// again when the catalogue changes.
pub fn query(text: &str, idf: &dyn Fn(&str) -> f32) -> Option<Vec<f32>> {
    embed(text, |stem| {
        let weight = idf(stem);
        if weight.is_finite() { weight * weight } else { 0.0 }
    })
    // every word weighs nothing: then none is rarer than another
    .or_else(|| document(text))
}

/// Text under which a table is indexed: its name in words, then its comment.
pub fn table_text(table: &Table) -> String {
    with_comment(words(&table.name).join(" "), table.comment.as_deref())
}

/// Text under which a column is indexed: "table column: comment".
pub fn column_text(table: &Table, column: &Column) -> String {
    let mut name = words(&table.name);
    name.extend(words(&column.name));
    with_comment(name.join(" "), column.comment.as_deref())
}

fn with_comment(name: String, comment: Option<&str>) -> String {
    match comment.map(str::trim).filter(|c| !c.is_empty()) {
        Some(comment) => format!("{name}: {comment}"),
        None => name,
    }
}

fn embed(text: &str, weight: impl Fn(&str) -> f32) -> Option<Vec<f32>> {
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    let words: Vec<String> = words(text).into_iter().filter(|w| !w.is_empty()).collect();
    let weighted: Vec<(String, f32)> = words
        .iter()
        .map(|word| {
            let stem = stem(word);
            let weight = weight(&stem);
            (stem, weight)
        })
        .collect();
    let mut features = Vec::new();
    for (word, (stem, weight)) in words.iter().zip(&weighted) {
        features.push((hash(b"w", &[stem]), *weight));
        grams(word, *weight, &mut features);
    }
    for pair in weighted.windows(2) {
        let [(first, a), (second, b)] = pair else {
            continue;
        };
        let weight = PAIR * (a * b).max(0.0).sqrt();
        features.push((hash(b"b", &[first, second]), weight));
    }
    if words.is_empty() {
        // letters that folding leaves nothing of: still a text of its own
        features.push((hash(b"t", &[text]), 1.0));
    }
    normalised(&features)
}

/// Adds the n-grams of one word. The block weighs as much as the word itself,
/// however long it is.
fn grams(word: &str, weight: f32, features: &mut Vec<(u64, f32)>) {
    let marked: Vec<char> = std::iter::once('<').chain(word.chars()).chain(['>']).collect();
    let first = features.len();
    for size in GRAMS {
        for gram in marked.windows(size) {
            let gram: String = gram.iter().collect();
            features.push((hash(b"g", &[&gram]), 0.0));
        }
    }
    let each = weight / ((features.len() - first).max(1) as f32).sqrt();
    for feature in &mut features[first..] {
        feature.1 = each;
    }
}

/// Buckets and signs; then length 1. None when all weights are zero.
fn normalised(features: &[(u64, f32)]) -> Option<Vec<f32>> {
    // signs make collisions cancel on average; should a short text cancel
    // altogether, the second round adds without signs
    for signed in [true, false] {
        let mut vector = vec![0.0f32; DIMENSIONS];
        for &(hash, weight) in features {
            let negative = signed && hash >> 63 == 1;
            vector[hash as usize % DIMENSIONS] += if negative { -weight } else { weight };
        }
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 1e-6 && norm.is_finite() {
            vector.iter_mut().for_each(|x| *x /= norm);
            return Some(vector);
        }
    }
    None
}

/// FNV-1a with a final mix: plain FNV-1a carries the last letters of a short
/// word into the low and middle bits only, and the sign is the highest one.
pub(crate) fn hash(kind: &[u8], parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    eat(kind);
    for part in parts {
        eat(&[0]);
        eat(part.as_bytes());
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let (a, b) = (document(a).unwrap(), document(b).unwrap());
        a.iter().zip(&b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn vectors_have_length_one_and_never_change() {
        let vector = document("solid oak bookshelf").unwrap();
        assert_eq!(vector.len(), DIMENSIONS);
        let norm: f32 = vector.iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-5);
        assert_eq!(vector, document("Solid  OAK bookshelf").unwrap());
        // stored vectors outlive a release: where this fails, MODEL needs a new number
        let buckets: Vec<usize> = (0..DIMENSIONS).filter(|d| vector[*d] != 0.0).take(4).collect();
        assert_eq!(buckets, [31, 32, 37, 57]);
    }

    #[test]
    fn texts_without_letters_have_no_vector() {
        for text in ["", "  ", "?!", "--", "…"] {
            assert!(document(text).is_none(), "{text:?}");
            assert!(query(text, &|_| 1.0).is_none(), "{text:?}");
        }
    }

    #[test]
    fn odd_letters_still_have_a_vector() {
        for text in ["x", "7", "é", "\u{345}", "½", "漢字", "a\u{301}"] {
            let vector = document(text).unwrap();
            assert!(vector.iter().all(|x| x.is_finite()), "{text:?}");
        }
    }

    #[test]
    fn alike_words_are_near() {
        assert!(cosine("order lines", "order_line") > 0.7);
        assert!(cosine("bookshelf", "bookshelves") > cosine("bookshelf", "armchair") + 0.3);
        assert!(cosine("unitPrice", "price per unit") > cosine("unitPrice", "birthday"));
    }

    #[test]
    fn rare_words_decide_a_question() {
        let near = |question: &[f32], text: &str| -> f32 {
            let document = document(text).unwrap();
            question.iter().zip(&document).map(|(x, y)| x * y).sum()
        };
        let idf = |stem: &str| if stem == "name" { 0.2 } else { 2.0 };
        let question = query("name of the librarian", &idf).unwrap();
        assert!(near(&question, "librarian salary") > near(&question, "shelf name"));
        assert!(query("name", &|_| 0.0).is_some());
        assert!(query("name", &|_| f32::NAN).is_some());
    }

    #[test]
    fn texts_for_indexing_hold_words_and_comments() {
        let column = Column { name: "unitPrice".into(), comment: Some("net, in euro".into()), ..Column::default() };
        let table = Table { name: "order_line".into(), comment: Some(" ".into()), ..Table::default() };
        assert_eq!(table_text(&table), "order line");
        assert_eq!(column_text(&table, &column), "order line unit price: net, in euro");
    }
}
