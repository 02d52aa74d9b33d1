//! Hints that come with a question: `overdue refers to status = 'late'`,
//! `status = 'late' means overdue`. A hint makes words stand for a stored value.

use super::token::{Kind, Token, tokenize};
use super::values::Found;
use crate::link::{Lexicon, is_function_word};
use crate::schema::{Catalog, ValueHit};

/// Most clauses of a hint that are read.
const MAX_CLAUSES: usize = 12;

/// Values that the hint gives to words of the question.
pub fn find(catalog: &Catalog, lexicon: &Lexicon, hint: &str, tokens: &[Token]) -> Vec<Found> {
    let mut found = Vec::new();
    for clause in super::token::readable(hint).split(';').take(MAX_CLAUSES) {
        let Some((phrase, column, value)) = definition(clause) else { continue };
        let hits = columns_named(catalog, &column, &value, &phrase);
        if hits.is_empty() {
            continue;
        }
        // the table's own name stays a mention of the table
        let table_words: Vec<&str> = hits.iter().flat_map(|h| lexicon.tables[h.table].stems()).collect();
        let stems: Vec<String> = tokenize(&phrase)
            .into_iter()
            .filter(|t| t.is_word() && !is_function_word(&t.folded) && !table_words.contains(&t.stem.as_str()))
            .map(|t| t.stem)
            .collect();
        if let Some((start, end)) = window(tokens, &stems) {
            found.push(Found { start, end, hits, score: 1.4 });
        }
    }
    found
}

/// `phrase refers to column = 'value'`, or `column = 'value' means phrase`.
fn definition(clause: &str) -> Option<(String, String, String)> {
    let equals = clause.find('=')?;
    let column = clause[..equals].split_whitespace().next_back()?;
    let rest = clause[equals + 1..].trim_start();
    let (value, after) = match rest.chars().next()? {
        quote @ ('\'' | '"') => {
            let end = rest[1..].find(quote)? + 1;
            (rest[1..end].to_string(), &rest[end + 1..])
        }
        c if c.is_ascii_digit() => {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            (rest[..end].trim_end_matches('.').to_string(), &rest[end..])
        }
        _ => return None,
    };
    let before = clause[..equals].trim_end();
    let before = before[..before.len() - column.len()].trim();
    let before =
        [" refers to", " refer to", " means", " mean", " is"].iter().find_map(|verb| before.strip_suffix(verb));
    let after = after.trim_start();
    let after = ["means that", "mean that", "means", "mean", "refers to", "stands for"]
        .iter()
        .find_map(|verb| after.strip_prefix(verb));
    let phrase = before.or(after)?.trim();
    let column = column.rsplit('.').next()?.trim_matches(['"', '`', '(']);
    Some((phrase.to_string(), column.to_lowercase(), value)).filter(|(p, c, _)| !p.is_empty() && !c.is_empty())
}

fn columns_named(catalog: &Catalog, name: &str, value: &str, phrase: &str) -> Vec<ValueHit> {
    let mut hits = Vec::new();
    for (t, table) in catalog.tables.iter().enumerate() {
        for (c, column) in table.columns.iter().enumerate() {
            if column.name.to_lowercase() == name {
                hits.push(ValueHit {
                    table: t,
                    column: c,
                    value: value.into(),
                    matched: crate::text::fold(phrase),
                    similarity: 1.0,
                });
            }
        }
    }
    hits
}

/// The shortest run of tokens that holds all of the stems.
fn window(tokens: &[Token], stems: &[String]) -> Option<(usize, usize)> {
    if stems.is_empty() {
        return None;
    }
    let holds = |start: usize, end: usize| {
        stems.iter().all(|s| tokens[start..end].iter().any(|t| t.kind == Kind::Word && t.stem == *s))
    };
    for length in stems.len()..=(stems.len() + 3).min(tokens.len()) {
        if let Some(start) = (0..=tokens.len() - length).find(|start| holds(*start, start + length)) {
            return Some((start, start + length));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_in_both_orders() {
        for (clause, phrase, column, value) in [
            ("overdue books refers to status = 'late'", "overdue books", "status", "late"),
            ("status = 'late' means that the loan is overdue", "the loan is overdue", "status", "late"),
            ("adult refers to loans.class = 3", "adult", "class", "3"),
        ] {
            assert_eq!(definition(clause), Some((phrase.into(), column.into(), value.into())), "{clause}");
        }
        for clause in ["", "=", "a = ", "match names exactly", "x = 'y", "refers to = 'é'"] {
            assert_eq!(definition(clause), None, "{clause}");
        }
    }
}
