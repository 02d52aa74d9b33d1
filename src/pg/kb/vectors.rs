//! Vectors: what is embedded, nearest neighbours, and the embedding cache.

use crate::error::Result;
use crate::pg::frame::Frame;
use crate::pg::kb::can_write;
use crate::pg::spi;
use pgrx::prelude::*;
use std::collections::HashMap;

/// A text to embed: which object it speaks of.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub collection: &'static str,
    pub object_id: i64,
    pub source_id: String,
    pub text: String,
    pub hash: String,
}

/// Hash of what is embedded of each object: (collection, object id) → hash.
pub fn hashes(database: i64, model: i64) -> Result<HashMap<(String, i64), String>> {
    let _frame = Frame::owner();
    let rows: Vec<(String, i64, String)> = spi::json(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(collection, object_id, content_hash)), '[]')::text
         FROM t2sql.vector_embeddings WHERE database_id = $1 AND embedding_model_id = $2",
        &[database.into(), model.into()],
    )?
    .unwrap_or_default();
    Ok(rows.into_iter().map(|(collection, id, hash)| ((collection, id), hash)).collect())
}

/// Stores vectors; `vectors[i]` belongs to `chunks[i]`.
pub fn store(database: i64, model: i64, chunks: &[Chunk], vectors: &[Vec<f32>]) -> Result<()> {
    let _frame = Frame::owner();
    Spi::connect_mut(|client| {
        let insert = client.prepare_mut(
            "INSERT INTO t2sql.vector_embeddings AS e (collection, object_id, database_id, source_type, source_id, content_chunk, content_hash,
                                                       embedding_model_id, embedding)
             VALUES ($1, $2, $3, $1, $4, $5, $6, $7, t2sql._as_vector($8))
             ON CONFLICT (collection, object_id, embedding_model_id) DO UPDATE
                 SET source_id = excluded.source_id, content_chunk = excluded.content_chunk, content_hash = excluded.content_hash,
                     embedding = excluded.embedding",
            &[
                PgBuiltInOids::TEXTOID.into(),
                PgBuiltInOids::INT8OID.into(),
                PgBuiltInOids::INT8OID.into(),
                PgBuiltInOids::TEXTOID.into(),
                PgBuiltInOids::TEXTOID.into(),
                PgBuiltInOids::TEXTOID.into(),
                PgBuiltInOids::INT8OID.into(),
                PgBuiltInOids::FLOAT4ARRAYOID.into(),
            ],
        )?;
        for (chunk, vector) in chunks.iter().zip(vectors) {
            client.update(
                &insert,
                None,
                &[
                    chunk.collection.into(),
                    chunk.object_id.into(),
                    database.into(),
                    chunk.source_id.as_str().into(),
                    chunk.text.as_str().into(),
                    chunk.hash.as_str().into(),
                    model.into(),
                    vector.clone().into(),
                ],
            )?;
        }
        Ok(())
    })
}

/// Removes the vectors of every other model than `model` in a context.
pub fn keep_only(database: i64, model: i64) -> Result<usize> {
    let _frame = Frame::owner();
    spi::execute(
        "DELETE FROM t2sql.vector_embeddings WHERE database_id = $1 AND embedding_model_id <> $2",
        &[database.into(), model.into()],
    )
}

/// The `k` nearest objects by cosine: (collection, object id, similarity), best first.
pub fn nearest(
    database: i64,
    model: i64,
    collections: &[&str],
    query: &[f32],
    k: usize,
) -> Result<Vec<(String, i64, f32)>> {
    let _frame = Frame::owner();
    let collections: Vec<String> = collections.iter().map(|c| (*c).to_owned()).collect();
    Ok(spi::json(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(n.collection, n.object_id, n.similarity)), '[]')::text
         FROM t2sql._nearest($1, $2, $3, $4, $5) n",
        &[database.into(), model.into(), collections.into(), query.to_vec().into(), (k as i32).into()],
    )?
    .unwrap_or_default())
}

/// Cached embeddings by text hash, not older than `ttl` seconds. Never asked on a standby: the table is UNLOGGED.
pub fn cached(model: &str, hashes: &[String], ttl: i32) -> Result<HashMap<String, Vec<f32>>> {
    // SAFETY: reads backend state on the main thread.
    if ttl == 0 || unsafe { pg_sys::RecoveryInProgress() } {
        return Ok(HashMap::new());
    }
    let _frame = Frame::owner();
    let rows: Vec<(String, Vec<f32>)> = spi::json(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(text_hash, embedding)), '[]')::text FROM t2sql.embedding_cache
         WHERE model = $1 AND text_hash = ANY ($2) AND created_at > clock_timestamp() - make_interval(secs => $3)",
        &[model.into(), hashes.to_vec().into(), f64::from(ttl).into()],
    )?
    .unwrap_or_default();
    Ok(rows.into_iter().collect())
}

/// Keeps embeddings for later; a no-op where nothing can be written.
pub fn cache(model: &str, entries: &[(String, Vec<f32>)], ttl: i32) -> Result<()> {
    if ttl == 0 || !can_write() {
        return Ok(());
    }
    let _frame = Frame::owner();
    for (hash, vector) in entries {
        spi::execute(
            "INSERT INTO t2sql.embedding_cache (model, text_hash, embedding) VALUES ($1, $2, $3)
             ON CONFLICT (model, text_hash) DO UPDATE SET embedding = excluded.embedding, created_at = clock_timestamp()",
            &[model.into(), hash.as_str().into(), vector.clone().into()],
        )?;
    }
    spi::execute(
        "DELETE FROM t2sql.embedding_cache WHERE created_at < clock_timestamp() - make_interval(secs => $1)",
        &[f64::from(ttl).into()],
    )?;
    Ok(())
}
