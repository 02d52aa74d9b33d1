//! `search`: everything indexed, by words and by meaning.

use super::names;
use crate::flow::search;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The `k` indexed objects nearest to `query`, best first, with a score between 0 and 1.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn search(
    query: Option<&str>,
    k: default!(Option<i32>, "10"),
    kinds: default!(Option<Vec<Option<String>>>, "NULL"),
    threshold: default!(Option<f32>, "0"),
    database: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (name!(kind, String), name!(object, String), name!(score, f32), name!(snippet, Option<String>)),
    >,
    ErrorReport,
> {
    let Some(query) = query else { return Ok(TableIterator::empty()) };
    let kinds = names(kinds, "kinds")?;
    let found = search::search(query, k.unwrap_or(10), kinds.as_deref(), threshold.unwrap_or(0.0), database)?;
    Ok(TableIterator::new(found.into_iter().map(|f| (f.kind.to_owned(), f.object, f.score, f.snippet))))
}
