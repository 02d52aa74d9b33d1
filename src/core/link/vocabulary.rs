//! What the engine knows of English: base forms, abbreviations, synonyms and a
//! word list. All of it is data (`src/core/data`); this file reads and applies it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::text::{stem, words};

static IRREGULAR: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    lines(include_str!("../data/irregular.txt"))
        .flat_map(|line| {
            let mut forms = line.split_whitespace();
            let base = forms.next().unwrap_or_default();
            forms.map(move |form| (form, base))
        })
        .collect()
});

static ABBREVIATIONS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    lines(include_str!("../data/abbreviations.txt"))
        .filter_map(|line| line.split_once(" = "))
        .map(|(short, long)| (short, long.split_whitespace().collect()))
        .collect()
});

/// Stem → the groups of synonyms that it is in.
static SYNONYMS: LazyLock<HashMap<String, Vec<usize>>> = LazyLock::new(|| {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for (group, line) in lines(include_str!("../data/synonyms.txt")).enumerate() {
        for word in line.split_whitespace() {
            let entry = groups.entry(normalize(word)).or_default();
            if !entry.contains(&group) {
                entry.push(group);
            }
        }
    }
    groups
});

/// Words that may stand together in one name without anything between them.
static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/words.txt")).flat_map(str::split_whitespace).collect());

static FUNCTION_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("../data/function_words.txt")).flat_map(str::split_whitespace).collect());

/// Lines of a data file without comments and blank ones.
pub fn lines(data: &'static str) -> impl Iterator<Item = &'static str> {
    data.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The form in which words are compared: base form of irregular ones, then the stem.
pub fn normalize(word: &str) -> String {
    stem(IRREGULAR.get(word).copied().unwrap_or(word))
}

/// Whether `word` (folded) carries no meaning of its own: articles, prepositions, auxiliaries …
pub fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.contains(word)
}

/// Whether two stems mean much the same.
pub fn are_synonyms(a: &str, b: &str) -> bool {
    match (SYNONYMS.get(a), SYNONYMS.get(b)) {
        (Some(a), Some(b)) => a.iter().any(|group| b.contains(group)),
        _ => false,
    }
}

/// All stems that mean much the same as this one, in a fixed order.
pub fn synonyms(stem: &str) -> Vec<&'static str> {
    let mut found: Vec<&str> =
        SYNONYMS.keys().map(String::as_str).filter(|other| *other != stem && are_synonyms(stem, other)).collect();
    found.sort_unstable();
    found
}

/// Whether the stem is a generic noun, which alone says little: `name`, `id`, `date` …
pub fn is_generic(stem: &str) -> bool {
    matches!(
        stem,
        "name"
            | "id"
            | "titl"
            | "date"
            | "number"
            | "type"
            | "detail"
            | "code"
            | "descript"
            | "text"
            | "valu"
            | "key"
            | "time"
            | "timestamp"
            | "info"
            | "inform"
            | "data"
            | "count"
            | "uniqu"
    )
}

/// Whether the stem names a key rather than something people ask about.
pub fn is_key_word(stem: &str) -> bool {
    matches!(stem, "id" | "code" | "key" | "uuid" | "ssn" | "number")
}

/// Words of one identifier. Each word is a list of alternatives: as written and
/// spelt out (`qty` → `qty`, `quantity`), normalised.
pub fn identifier_words(name: &str, known: &HashSet<String>) -> Vec<Vec<String>> {
    let mut result = Vec::new();
    for word in words(name) {
        for part in segment(&word, known) {
            expand(&part, &mut result);
        }
    }
    result
}

fn expand(word: &str, into: &mut Vec<Vec<String>>) {
    match ABBREVIATIONS.get(word) {
        Some(long) if long.len() == 1 => {
            let (short, long) = (normalize(word), normalize(long[0]));
            into.push(if short == long { vec![long] } else { vec![long, short] });
        }
        Some(long) => into.extend(long.iter().filter(|w| **w != "of").map(|w| vec![normalize(w)])),
        None => into.push(vec![normalize(word)]),
    }
}

/// Splits words that a case-folding database has run together (`custcountry` →
/// `cust country`): the cheapest way to cover the word with known ones, or the
/// word itself.
fn segment(word: &str, known: &HashSet<String>) -> Vec<String> {
    let is_known = |part: &str| {
        WORDS.contains(part)
            || known.contains(part)
            || part.strip_suffix('s').is_some_and(|base| WORDS.contains(base))
            || ABBREVIATIONS.contains_key(part) && part.len() > 2
    };
    if word.len() < 3
        || !word.is_ascii()
        || word.len() > 40
        || is_known(word)
        || word.bytes().all(|b| b.is_ascii_digit())
    {
        return vec![word.to_string()];
    }
    // best[i]: cost of covering the first i bytes, and where the last part starts
    let mut best: Vec<Option<(f32, usize)>> = vec![None; word.len() + 1];
    best[0] = Some((0.0, 0));
    for end in 1..=word.len() {
        for start in 0..end {
            let Some((before, _)) = best[start] else {
                continue;
            };
            let part = &word[start..end];
            let at_end = end == word.len();
            let cost = if part.len() > 2 && is_known(part) {
                1.0
            } else if at_end && start > 0 && matches!(part, "id" | "no" | "cd" | "dt") {
                1.2
            } else if start == 0 && part.len() <= 4 && !at_end {
                // an unknown prefix: `sb`, or the initial of the table
                1.6 + 0.3 * part.len() as f32
            } else {
                continue;
            };
            if best[end].is_none_or(|(now, _)| before + cost < now) {
                best[end] = Some((before + cost, start));
            }
        }
    }
    let mut parts = Vec::new();
    let mut end = word.len();
    while let Some((_, start)) = best[end] {
        if end == 0 {
            break;
        }
        parts.push(word[start..end].to_string());
        end = start;
    }
    if parts.is_empty() || parts.len() > 5 {
        return vec![word.to_string()];
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str) -> String {
        let words = identifier_words(name, &HashSet::new());
        words.iter().map(|w| w[0].clone()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_fall_into_words() {
        for (name, expected) in [
            ("loan_date", "loan date"),
            ("membercountry", "member countri"),
            ("fname", "first name"),
            ("authorId", "author id"),
            ("isbn", "isbn"),
            ("qty", "quantiti"),
            ("dateofbirth", "dateofbirth"),
            ("shelfno", "shelfno"),
        ] {
            assert_eq!(split(name), expected, "{name}");
        }
    }

    #[test]
    fn irregular_and_regular_forms_meet() {
        assert_eq!(normalize("people"), normalize("person"));
        assert_eq!(normalize("libraries"), normalize("library"));
        assert!(are_synonyms(&normalize("clients"), &normalize("customer")));
        assert!(!are_synonyms(&normalize("shelf"), &normalize("customer")));
    }
}
