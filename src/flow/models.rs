//! Choosing models: one test call, and nothing changes when it fails.

use crate::error::{Error, Result};
use crate::flow::embedder::BUILTIN;
use crate::pg::endpoint::{self, Endpoint};
use crate::pg::kb::{context, require_write};
use std::time::Instant;
use t2sql_core::embed;
use t2sql_core::wire::{ChatRequest, Message};

/// What a test call showed.
pub struct Tested {
    pub model: String,
    pub dimensions: Option<i32>,
    pub latency_ms: f64,
    pub detail: String,
}

/// Lets a context (all without `database`) ask `model` of `server`.
pub fn set_llm(server: &str, model: &str, database: Option<&str>) -> Result<Tested> {
    require_write("models")?;
    let database = database.map(|name| context::get(Some(name))).transpose()?;
    require_context()?;
    let started = Instant::now();
    let request = ChatRequest {
        model: model.to_owned(),
        messages: vec![Message::user("Reply with the single word: ready")],
        temperature: Some(0.0),
        ..ChatRequest::default()
    };
    endpoint::require_usage(server)?;
    let reply = Endpoint::open(server)?.chat(&request)?;
    context::use_llm(database.map(|d| d.id), server, model)?;
    Ok(Tested {
        model: model.to_owned(),
        dimensions: None,
        latency_ms: started.elapsed().as_secs_f64() * 1e3,
        detail: format!("the model answered with {} characters", reply.text.chars().count()),
    })
}

/// Takes the model away: answers come from samples and the built-in engine.
pub fn unset_llm(database: Option<&str>) -> Result<Tested> {
    require_write("models")?;
    let database = database.map(|name| context::get(Some(name))).transpose()?;
    context::drop_llm(database.map(|d| d.id))?;
    Ok(Tested {
        model: "none".into(),
        dimensions: None,
        latency_ms: 0.0,
        detail: "answers come from samples and the built-in engine".into(),
    })
}

/// Lets the next index run of a context (all without `database`) embed with `model` of `server`;
/// `builtin` as server needs no model.
pub fn set_embedder(server: &str, model: Option<&str>, database: Option<&str>) -> Result<Tested> {
    require_write("models")?;
    let database = database.map(|name| context::get(Some(name))).transpose()?;
    require_context()?;
    let started = Instant::now();
    let (model, dimensions) = if server == BUILTIN {
        (embed::MODEL.to_owned(), embed::DIMENSIONS)
    } else {
        let model = model.ok_or_else(|| {
            Error::argument(
                "a model name is needed",
                "For example: SELECT t2sql.set_embedder('openai', 'text-embedding-3-small').",
            )
        })?;
        endpoint::require_usage(server)?;
        let vectors = Endpoint::open(server)?.embed(model, &["orders per month".to_owned()])?;
        let dimensions = vectors.first().map_or(0, Vec::len);
        (model.to_owned(), dimensions)
    };
    let id = context::put_embedding_model(server, &model, dimensions)?;
    context::plan_embedding_model(database.map(|d| d.id), id)?;
    Ok(Tested {
        model,
        dimensions: i32::try_from(dimensions).ok(),
        latency_ms: started.elapsed().as_secs_f64() * 1e3,
        detail: "run SELECT * FROM t2sql.index_schema() to embed everything with it; until then the old model serves"
            .into(),
    })
}

fn require_context() -> Result<()> {
    if !context::any()? {
        return Err(Error::NotIndexed(None));
    }
    Ok(())
}
