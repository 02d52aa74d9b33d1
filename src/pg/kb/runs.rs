//! Index runs that commit batch by batch.

use crate::error::{Error, Result};
use crate::pg::frame::Frame;
use crate::pg::{role, spi};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Values,
    Embeddings,
    Done,
    Stopped,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Phase::Values => "values",
            Phase::Embeddings => "embeddings",
            Phase::Done => "done",
            Phase::Stopped => "stopped",
        }
    }
}

/// A run that is under way.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    pub database: String,
    pub phase: Phase,
    /// What the run did so far, as the flow wrote it.
    pub report: Value,
    /// Seconds since it began.
    pub seconds: f64,
}

/// The run of a context whose backend is still at work. One whose backend is gone or idle was cut off.
pub fn running(database: i64) -> Result<Option<i64>> {
    let _frame = Frame::owner();
    spi::cell(
        "SELECT r.id FROM t2sql.index_runs r JOIN pg_stat_activity a ON a.pid = r.backend_pid AND a.backend_start < r.created_at
         WHERE r.database_id = $1 AND r.state = 'running' AND r.backend_pid <> pg_backend_pid()
           AND a.state IS DISTINCT FROM 'idle'
         ORDER BY r.id DESC LIMIT 1",
        &[database.into()],
    )
}

/// Registers a run; older ones that were cut off are closed.
pub fn begin(database: i64, report: &impl Serialize) -> Result<i64> {
    let user = role::name(role::current());
    let _frame = Frame::owner();
    spi::execute(
        "UPDATE t2sql.index_runs SET state = 'failed', finished_at = clock_timestamp(), message = 'cut off' WHERE database_id = $1 AND state = 'running'",
        &[database.into()],
    )?;
    spi::write(
        "INSERT INTO t2sql.index_runs (database_id, user_name, phase, progress) VALUES ($1, $2, 'values', $3::jsonb) RETURNING id",
        &[database.into(), user.into(), encode(report)?.into()],
    )?
    .1
    .ok_or_else(|| Error::Internal("an index run was stored without an id".into()))
}

pub fn get(id: i64) -> Result<Option<Run>> {
    let _frame = Frame::owner();
    spi::json(
        "SELECT jsonb_build_object('database', d.name, 'phase', r.phase, 'report', r.progress,
                                   'seconds', extract(epoch FROM clock_timestamp() - r.created_at))::text
         FROM t2sql.index_runs r JOIN t2sql.databases d ON d.id = r.database_id WHERE r.id = $1 AND r.state = 'running'",
        &[id.into()],
    )
}

/// Notes how far a run is.
pub fn progress(id: i64, phase: Phase, report: &impl Serialize) -> Result<()> {
    let _frame = Frame::owner();
    let state = match phase {
        Phase::Values | Phase::Embeddings => "running",
        Phase::Done | Phase::Stopped => phase.as_str(),
    };
    spi::execute(
        "UPDATE t2sql.index_runs SET phase = $2, state = $3, progress = $4::jsonb,
             finished_at = CASE WHEN $3 = 'running' THEN NULL ELSE clock_timestamp() END WHERE id = $1",
        &[id.into(), phase.as_str().into(), state.into(), encode(report)?.into()],
    )?;
    Ok(())
}

fn encode(report: &impl Serialize) -> Result<String> {
    serde_json::to_string(report).map_err(|e| Error::Internal(format!("progress could not be written: {e}")))
}
