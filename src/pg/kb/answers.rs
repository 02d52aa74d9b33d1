//! Answers of models, kept while nothing they depend on changes. The table is UNLOGGED, so
//! a standby must not name it.

use crate::error::Result;
use crate::pg::frame::Frame;
use crate::pg::kb::can_write;
use crate::pg::kb::context::Context;
use crate::pg::{role, spi};
use pgrx::prelude::*;
use serde::{Deserialize, Serialize};

/// What is kept of an answer; its SQL is guarded again each time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub sql: String,
    pub confidence: f32,
    pub explanation: String,
    pub assumptions: Vec<String>,
}

/// The answer that the caller got to the same question (as normalised by the flow) before.
pub fn find(context: &Context, normalised: &str) -> Result<Option<Kept>> {
    // SAFETY: reads backend state on the main thread.
    if unsafe { pg_sys::RecoveryInProgress() } {
        return Ok(None);
    }
    let user = role::key(role::current());
    let _frame = Frame::owner();
    spi::json(
        "SELECT answer::text FROM t2sql.answer_cache WHERE database_id = $1 AND user_key = $2 AND normalised = $3 AND generation = $4",
        &[context.id.into(), user.into(), normalised.into(), context.generation.as_str().into()],
    )
}

/// Keeps an answer; a no-op where nothing can be written.
pub fn keep(context: &Context, normalised: &str, kept: &Kept) -> Result<()> {
    if !can_write() {
        return Ok(());
    }
    let user = role::key(role::current());
    let Ok(answer) = serde_json::to_string(kept) else { return Ok(()) };
    let _frame = Frame::owner();
    spi::execute(
        "INSERT INTO t2sql.answer_cache (database_id, generation, user_key, normalised, answer) VALUES ($1, $2, $3, $4, $5::jsonb)
         ON CONFLICT (database_id, user_key, normalised)
             DO UPDATE SET generation = excluded.generation, answer = excluded.answer, created_at = clock_timestamp()",
        &[context.id.into(), context.generation.as_str().into(), user.into(), normalised.into(), answer.into()],
    )?;
    // what an older generation left behind serves nobody
    spi::execute(
        "DELETE FROM t2sql.answer_cache WHERE database_id = $1 AND generation <> $2",
        &[context.id.into(), context.generation.as_str().into()],
    )?;
    Ok(())
}
