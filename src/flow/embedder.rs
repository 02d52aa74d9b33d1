//! Texts to vectors: the built-in embedder or an endpoint, behind one face.

use crate::error::{Error, Result};
use crate::pg::endpoint::Endpoint;
use crate::pg::guc;
use crate::pg::kb::context::EmbeddingModel;
use crate::pg::kb::vectors;
use std::collections::HashMap;
use t2sql_core::embed;
use t2sql_core::text::content_hash;

/// Provider name of the built-in embedder.
pub const BUILTIN: &str = "builtin";

/// Texts that one request carries.
const BATCH: usize = 64;

pub enum Embedder {
    Builtin,
    Remote { endpoint: Endpoint, model: String, dimensions: usize },
}

impl Embedder {
    /// The embedder of a registered model.
    pub fn open(model: &EmbeddingModel) -> Result<Embedder> {
        if model.provider == BUILTIN {
            return Ok(Embedder::Builtin);
        }
        let dimensions = usize::try_from(model.dimensions).unwrap_or_default();
        Ok(Embedder::Remote { endpoint: Endpoint::open(&model.provider)?, model: model.model_name.clone(), dimensions })
    }

    /// Vectors of stored texts, in order. A text without a letter or digit gets none.
    pub fn documents(&self, texts: &[String]) -> Result<Vec<Option<Vec<f32>>>> {
        match self {
            Embedder::Builtin => Ok(texts.iter().map(|text| embed::document(text)).collect()),
            Embedder::Remote { .. } => self.remote(texts, &|_| ()),
        }
    }

    /// The vector of a question; `idf` weighs its words where the embedder can use that. `leaves` is told the server and
    /// the bytes of a text before that is sent anywhere.
    pub fn query(
        &self,
        text: &str,
        idf: &dyn Fn(&str) -> f32,
        leaves: &dyn Fn(&str, usize),
    ) -> Result<Option<Vec<f32>>> {
        match self {
            Embedder::Builtin => Ok(embed::query(text, idf)),
            Embedder::Remote { endpoint, .. } => {
                let leaves = |bytes| leaves(endpoint.server(), bytes);
                Ok(self.remote(&[text.to_owned()], &leaves)?.pop().flatten())
            }
        }
    }

    fn remote(&self, texts: &[String], leaves: &dyn Fn(usize)) -> Result<Vec<Option<Vec<f32>>>> {
        match self {
            Embedder::Builtin => Err(Error::Internal("the built-in embedder has no endpoint".into())),
            Embedder::Remote { endpoint, model, dimensions } => {
                let vectors = remote(endpoint, model, texts, leaves)?;
                match vectors.iter().find(|v| v.len() != *dimensions) {
                    Some(v) => Err(Error::setup(
                        format!("model {model} returned {} dimensions, but {dimensions} are registered", v.len()),
                        "Register it anew with SELECT t2sql.set_embedder(server, model), then run t2sql.index_schema().",
                    )),
                    None => Ok(vectors.into_iter().map(Some).collect()),
                }
            }
        }
    }
}

/// Vectors of an endpoint, through the cache. `leaves` is told of the bytes that are sent.
fn remote(endpoint: &Endpoint, model: &str, texts: &[String], leaves: &dyn Fn(usize)) -> Result<Vec<Vec<f32>>> {
    let ttl = guc::embedding_cache_ttl();
    let key = format!("{}/{model}", endpoint.server());
    let hashes: Vec<String> = texts.iter().map(|text| content_hash(text)).collect();
    let mut known: HashMap<String, Vec<f32>> = vectors::cached(&key, &hashes, ttl)?;
    let missing: Vec<usize> = (0..texts.len()).filter(|&i| !known.contains_key(&hashes[i])).collect();
    for batch in missing.chunks(BATCH) {
        let wanted: Vec<String> = batch.iter().map(|&i| texts[i].clone()).collect();
        leaves(wanted.iter().map(String::len).sum());
        let new: Vec<(String, Vec<f32>)> =
            batch.iter().map(|&i| hashes[i].clone()).zip(endpoint.embed(model, &wanted)?).collect();
        vectors::cache(&key, &new, ttl)?;
        known.extend(new);
    }
    hashes
        .iter()
        .map(|hash| known.get(hash).cloned().ok_or_else(|| Error::Internal("an embedding got lost".into())))
        .collect()
}
