//! Values that are not indexed, looked up at question time with the caller's rights.
//!
//! Views, tables with row security and columns with many values keep nothing in
//! the value index. Names that the question spells out are looked for there by
//! bounded statements, guarded and sealed like any generated SQL.

use crate::error::Result;
use crate::flow::scope::Scope;
use crate::pg::catalog;
use crate::pg::seal::{self, Limits};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use t2sql_core::schema::ValueHit;
use t2sql_core::text::{fold, quote_identifier, quote_literal};

/// Statements per question, the time for all of them, and what one may cost.
const MOST_PROBES: usize = 20;
const BUDGET: Duration = Duration::from_millis(150);
const LIMITS: Limits = Limits { max_rows: 5, max_bytes: 65_536, timeout_ms: 50, max_cost: 5_000.0 };

#[derive(Deserialize)]
struct Row {
    v: String,
}

/// Stored values equal to a name that `question` spells out and `known` does not hold.
pub fn look_up(scope: &Scope, question: &str, known: &[ValueHit]) -> Result<Vec<ValueHit>> {
    let is_new = |name: &String| known.iter().all(|hit| hit.matched != fold(name));
    probe(scope, &names(question).into_iter().filter(is_new).collect::<Vec<_>>())
}

/// Stored values equal to words of `question` that meant nothing, together with their neighbours.
pub fn look_up_unknown(scope: &Scope, question: &str, unknown: &[String]) -> Result<Vec<ValueHit>> {
    probe(scope, &phrases(&fold(question), unknown))
}

fn probe(scope: &Scope, names: &[String]) -> Result<Vec<ValueHit>> {
    let mut hits = Vec::new();
    if names.is_empty() {
        return Ok(hits);
    }
    let started = Instant::now();
    let literals: Vec<String> = names.iter().map(|name| quote_literal(&name.to_lowercase())).collect();
    let mut trusted: HashMap<usize, bool> = HashMap::new();
    let mut probes = 0;
    for &(table, column) in scope.view.unindexed() {
        if probes == MOST_PROBES || started.elapsed() > BUDGET {
            break;
        }
        let t = &scope.view.catalog.tables[table];
        // nobody asked for this table: the code that its owner attached to it is not worth a risk
        let is_trusted = match trusted.get(&table) {
            Some(&known) => known,
            None => *trusted.entry(table).or_insert(catalog::has_trusted_owner(&t.schema, &t.name)?),
        };
        if !is_trusted {
            continue;
        }
        probes += 1;
        let name = quote_identifier(&t.columns[column].name);
        let sql = format!(
            "SELECT DISTINCT {name}::text AS v FROM {}.{} WHERE lower({name}::text) IN ({}) LIMIT 5",
            quote_identifier(&t.schema),
            quote_identifier(&t.name),
            literals.join(", ")
        );
        // too dear, too slow or not permitted: then nothing is known of this column
        let Ok(rows) = seal::fetch(&sql, &scope.seal(&[]), &LIMITS) else { continue };
        for row in rows.json.iter().filter_map(|json| serde_json::from_str::<Row>(json).ok()) {
            hits.push(ValueHit { table, column, matched: fold(&row.v), value: row.v, similarity: 1.0 });
        }
    }
    Ok(hits)
}

/// Names in a question: what stands in quotes, runs of capitalised words that don't begin a sentence, words with digits.
fn names(question: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for quote in ['\'', '"'] {
        let parts: Vec<&str> = question.split(quote).collect();
        names.extend(parts.iter().skip(1).step_by(2).take(parts.len() / 2).map(|s| (*s).to_owned()));
    }
    let mut run: Vec<&str> = Vec::new();
    let mut begins = true;
    for word in question.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let named = bare.chars().any(|c| c.is_ascii_digit() && bare.chars().any(char::is_alphabetic))
            || (!begins && bare.chars().next().is_some_and(char::is_uppercase));
        if named {
            run.push(bare);
        }
        if !named || word.ends_with([',', ';', '.', '?', '!']) {
            names.extend((!run.is_empty()).then(|| run.join(" ")));
            run.clear();
        }
        begins = word.ends_with(['.', '?', '!']);
    }
    names.extend((!run.is_empty()).then(|| run.join(" ")));
    names.retain(|name| !name.trim().is_empty() && name.len() <= 100);
    names.sort();
    names.dedup();
    names
}

/// Words around a run of unknown ones that may belong to the same name, and how many names are looked for.
const BEFORE: usize = 1;
const AFTER: usize = 2;
const MOST_WORDS: usize = 7;
const MOST_PHRASES: usize = 40;

/// Runs of unknown words in a folded question, alone and with neighbours: `jerk kitchen`, `the jerk kitchen in`.
fn phrases(folded: &str, unknown: &[String]) -> Vec<String> {
    let words: Vec<&str> = folded.split(' ').collect();
    let is_unknown = |i: usize| words.get(i).is_some_and(|word| unknown.iter().any(|u| u == word));
    let mut phrases: Vec<String> = Vec::new();
    let mut start = 0;
    while start < words.len() {
        if !is_unknown(start) {
            start += 1;
            continue;
        }
        let end = (start..).find(|i| !is_unknown(*i)).unwrap_or(words.len());
        for from in start.saturating_sub(BEFORE)..end {
            // bounded before anything is built: a question may be one long run
            for to in from.max(start) + 1..=(end + AFTER).min(words.len()).min(from + MOST_WORDS) {
                if phrases.len() == MOST_PHRASES {
                    return phrases;
                }
                let phrase = words[from..to].join(" ");
                if (3..=100).contains(&phrase.len()) && !phrases.contains(&phrase) {
                    phrases.push(phrase);
                }
            }
        }
        start = end;
    }
    phrases
}

#[cfg(test)]
mod tests {
    use super::{names, phrases};

    #[test]
    fn unknown_words_are_looked_for_with_their_neighbours() {
        let found = phrases("how many jerk kitchen are there", &["jerk".into(), "kitchen".into()]);
        assert!(found.contains(&"jerk kitchen".into()) && found.contains(&"jerk".into()), "{found:?}");
        assert!(found.contains(&"many jerk kitchen are there".into()));
        assert!(phrases("how many", &[]).is_empty());
        let long = vec!["qzx"; 5_000].join(" ");
        assert!(phrases(&long, &["qzx".into()]).len() <= super::MOST_PHRASES);
    }

    #[test]
    fn names_are_quoted_capitalised_or_codes() {
        assert_eq!(names("Orders of Anna Schmidt in 'the north'?"), ["Anna Schmidt", "the north"]);
        assert_eq!(names("Who bought SKU-17b. Show prices"), ["SKU-17b"]);
        assert!(names("how many orders are there in 2024").is_empty());
    }
}
