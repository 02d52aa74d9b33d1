//! `query`: an answer as typed rows, for tools that read columns.

use super::options;
use crate::error::Error;
use crate::flow::execute;
use crate::pg::rows::TypedRows;
use pgrx::JsonB;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The rows that answer `question` with the columns of the caller's `AS t(…)`. Written out in
/// SQL because pgrx has no mapping for SETOF record whose columns the caller chooses.
#[pg_extern(sql = "
CREATE FUNCTION t2sql.query(question text, database text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE COST 100000
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
")]
fn query(
    question: Option<&str>,
    database: Option<&str>,
    options: Option<JsonB>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<(), ErrorReport> {
    // SAFETY: this function's own call information, declared SETOF record above.
    let mut target = unsafe { TypedRows::begin(fcinfo) }
        .map_err(|message| Error::argument(message, "Write SELECT * FROM t2sql.query('…') AS t(column type, …)."))?;
    let Some(question) = question else { return Ok(()) };
    let job = execute::job(question, database, &self::options(options.as_ref())?)?;
    Ok(execute::fill(&job, &mut target)?)
}
