//! The audit: one line in the server's log for each question, whatever becomes of its transaction.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Writes `line` to the server log only; a client never sees it.
pub fn outcome(line: &str) {
    // a role's name may hold a newline and look like a line of its own
    let line = line.replace(char::is_control, " ");
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, line, "t2sql").report(PgLogLevel::LOG_SERVER_ONLY);
}
