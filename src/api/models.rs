//! `set_llm`, `set_embedder`, `_embed`: which models.

use crate::error::Error;
use crate::flow::embedder::Embedder;
use crate::flow::models::{self, Tested};
use crate::pg::kb::context;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Longest text that `embed` takes, in bytes: as long as a question.
const LONGEST_TEXT: usize = 16 * 1024;

type Row = (
    name!(ok, bool),
    name!(model, String),
    name!(dimensions, Option<i32>),
    name!(latency_ms, f64),
    name!(detail, String),
);

/// Lets `model` of the foreign server `server` write SQL; NULL for both takes the model away.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn set_llm(
    server: Option<&str>,
    model: Option<&str>,
    database: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ok, bool),
            name!(model, String),
            name!(dimensions, Option<i32>),
            name!(latency_ms, f64),
            name!(detail, String),
        ),
    >,
    ErrorReport,
> {
    let tested = match (server, model) {
        (None, None) => models::unset_llm(database)?,
        (Some(server), Some(model)) => models::set_llm(server, model, database)?,
        _ => {
            return Err(Error::argument(
                "server and model go together",
                "For example: SELECT t2sql.set_llm('openai', 'gpt-4.1'); NULL for both takes the model away.",
            )
            .into());
        }
    };
    Ok(TableIterator::once(row(tested)))
}

/// Lets `model` of `server` embed texts; server `builtin` needs no model.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn set_embedder(
    server: Option<&str>,
    model: default!(Option<&str>, "NULL"),
    database: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ok, bool),
            name!(model, String),
            name!(dimensions, Option<i32>),
            name!(latency_ms, f64),
            name!(detail, String),
        ),
    >,
    ErrorReport,
> {
    let Some(server) = server else { return Ok(TableIterator::empty()) };
    Ok(TableIterator::once(row(models::set_embedder(server, model, database)?)))
}

fn row(tested: Tested) -> Row {
    (true, tested.model, tested.dimensions, (tested.latency_ms * 10.0).round() / 10.0, tested.detail)
}

/// The vector of a text by the current context's model; `embed` casts it to vector.
#[pg_extern(volatile, parallel_unsafe, cost = 100000)]
fn _embed(text: Option<&str>) -> Result<Option<Vec<f32>>, ErrorReport> {
    let Some(text) = text else { return Ok(None) };
    if text.len() > LONGEST_TEXT {
        return Err(Error::TooLong { what: "text", length: text.len(), limit: LONGEST_TEXT }.into());
    }
    let embedder = match context::find(None)?.and_then(|c| c.embedding) {
        Some(model) => Embedder::open(&model)?,
        None => Embedder::Builtin,
    };
    let vector = embedder.documents(&[text.to_owned()])?.pop().flatten();
    Ok(Some(vector.ok_or_else(|| {
        Error::argument("there is nothing to embed", "Pass a text with at least one letter or digit.")
    })?))
}
