//! Search over everything indexed.

use crate::error::{Error, Result};
use crate::flow::answer::validate;
use crate::flow::retrieve;
use crate::flow::scope::Scope;
use t2sql_core::rank::Fusion;

pub struct Found {
    pub kind: &'static str,
    pub object: String,
    pub score: f32,
    pub snippet: Option<String>,
}

const KINDS: [&str; 5] = ["table", "column", "value", "sample", "term"];
/// Characters of a description that are shown.
const SNIPPET: usize = 200;

/// The `k` nearest objects of the wanted kinds with a score of at least `threshold`, best first.
pub fn search(
    query: &str,
    k: i32,
    kinds: Option<&[String]>,
    threshold: f32,
    database: Option<&str>,
) -> Result<Vec<Found>> {
    validate(query)?;
    let k = usize::try_from(k).ok().filter(|k| (1..=1000).contains(k));
    let k = k.ok_or_else(|| Error::argument("k must be between 1 and 1000", "10 is the default."))?;
    if let Some(unknown) = kinds.unwrap_or_default().iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        return Err(Error::argument(
            format!("there is no kind \"{unknown}\""),
            format!("Kinds are: {}.", KINDS.join(", ")),
        ));
    }
    let wanted = |kind: &str| kinds.is_none_or(|kinds| kinds.iter().any(|k| k == kind));
    let scope = Scope::open(database)?;
    let retrieved = retrieve::retrieve(&scope, query, &Fusion::default())?;
    let catalog = &scope.view.catalog;
    let mut found = Vec::new();
    for ranked in &retrieved.tables {
        let table = &catalog.tables[ranked.table];
        let name = format!("{}.{}", table.schema, table.name);
        if wanted("table") {
            found.push(Found {
                kind: "table",
                object: name.clone(),
                score: squash(ranked.score),
                snippet: snippet(table.comment.as_deref()),
            });
        }
        if wanted("column") {
            found.extend(ranked.columns.iter().map(|&(column, score)| {
                let column = &table.columns[column];
                // a column counts by itself, and a little by its table
                Found {
                    kind: "column",
                    object: format!("{name}.{}", column.name),
                    score: squash(score) * (0.5 + 0.5 * squash(ranked.score)),
                    snippet: snippet(column.comment.as_deref()),
                }
            }));
        }
    }
    if wanted("value") {
        found.extend(retrieved.values.iter().map(|hit| {
            let table = &catalog.tables[hit.table];
            Found {
                kind: "value",
                object: format!("{}.{}.{}", table.schema, table.name, table.columns[hit.column].name),
                score: hit.similarity.clamp(0.0, 1.0),
                snippet: Some(hit.value.clone()),
            }
        }));
    }
    if wanted("sample") {
        found.extend(retrieved.samples.iter().map(|&(place, similarity)| {
            let sample = &scope.view.samples[place].0;
            Found {
                kind: "sample",
                object: sample.question.clone(),
                score: similarity.clamp(0.0, 1.0),
                snippet: snippet(Some(&sample.sql)),
            }
        }));
    }
    if wanted("term") {
        let folded = t2sql_core::text::fold(query);
        found.extend(catalog.terms.iter().filter(|t| folded.contains(&t2sql_core::text::fold(&t.name))).map(|t| {
            Found { kind: "term", object: t.name.clone(), score: 1.0, snippet: snippet(Some(&t.definition)) }
        }));
    }
    found.retain(|f| f.score >= threshold);
    found.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable: equal scores keep their rank
    found.truncate(k);
    Ok(found)
}

/// Fused scores are sums of z-scores: any number to 0..1, keeping the order.
fn squash(score: f32) -> f32 {
    1.0 / (1.0 + (-score / 2.0).exp())
}

fn snippet(text: Option<&str>) -> Option<String> {
    text.map(|t| t.chars().take(SNIPPET).collect())
}
