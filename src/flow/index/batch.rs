//! A run in batches that commit: what `CALL t2sql.reindex()` loops over.
//!
//! Nothing is remembered between batches but the row in `index_runs`: each batch
//! looks up what is left, so a run may be cut off anywhere.

use super::{Report, embed_batch, finish, pending_texts, pending_values, prepare, structure, values};
use crate::error::{Error, Result};
use crate::pg::guc;
use crate::pg::kb::context::{self, Context};
use crate::pg::kb::runs::{self, Phase, Run};
use crate::pg::{catalog, kb};
use std::time::{Duration, Instant};

/// How long one batch works before it commits.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// Registers a run after its first phase; returns its id.
pub fn begin(database: Option<&str>) -> Result<i64> {
    if !kb::can_commit() {
        return Err(Error::Transaction {
            message: "reindex() commits its batches, so it can't run inside a transaction block".into(),
            hint: "CALL it by itself, outside BEGIN; SELECT * FROM t2sql.index_schema() works anywhere.".into(),
        });
    }
    let context = prepare(database, None)?;
    if let Some(run) = runs::running(context.id)? {
        return Err(Error::Busy {
            message: format!("index run {run} of database \"{}\" is under way", context.name),
            hint: "Wait for it to end; t2sql.index_runs shows how far it is.".into(),
        });
    }
    let mut report = Report::default();
    structure(&context, None, false, &mut report)?;
    // visible at once: what is known now serves while values and vectors are still on their way
    finish(&context, &report)?;
    runs::begin(context.id, &report)
}

/// Does the next batch; false when the run is complete.
pub fn next(run_id: i64) -> Result<bool> {
    let run = runs::get(run_id)?.ok_or_else(|| {
        Error::argument(format!("there is no index run {run_id}"), "CALL t2sql.reindex() begins one.")
    })?;
    let context = context::get(Some(&run.database))?;
    if !crate::pg::lock::try_index(context.id) {
        return Err(Error::Busy {
            message: format!("database \"{}\" is being indexed by another session", context.name),
            hint: "Wait for it to end.".into(),
        });
    }
    let mut report: Report = decode(&run)?;
    let phase = step(&context, &run, &mut report)?;
    runs::progress(run_id, phase, &report)?;
    Ok(phase != Phase::Done)
}

fn step(context: &Context, run: &Run, report: &mut Report) -> Result<Phase> {
    let end = Instant::now() + BATCH_TIME;
    if run.phase == Phase::Values {
        let found = catalog::introspect(&context.schemas, context.include.as_deref(), context.exclude.as_deref())?;
        let mut pending = pending_values(context, &found, false)?;
        let out_of_time = run.seconds > guc::index_values_timeout().as_secs_f64();
        if !out_of_time {
            values(context, &mut pending, end, report)?;
        }
        report.values_left = !pending.is_empty();
        return Ok(if pending.is_empty() || out_of_time { Phase::Embeddings } else { Phase::Values });
    }
    let mut pending = pending_texts(context, false)?;
    while embed_batch(context, &mut pending, report)? {
        if Instant::now() > end {
            return Ok(Phase::Embeddings);
        }
    }
    finish(context, report)?;
    Ok(Phase::Done)
}

/// Ends a run before it is complete.
pub fn stop(run_id: i64) -> Result<()> {
    if let Some(run) = runs::get(run_id)? {
        let context = context::get(Some(&run.database))?;
        let report = decode(&run)?;
        finish(&context, &report)?;
        runs::progress(run_id, Phase::Stopped, &report)?;
    }
    Ok(())
}

fn decode(run: &Run) -> Result<Report> {
    serde_json::from_value(run.report.clone())
        .map_err(|e| Error::Internal(format!("an index run has an unexpected shape: {e}")))
}
