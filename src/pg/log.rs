//! The audit: one line in the server's log for each question, whatever becomes of its transaction.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Writes `line` to the server log only; a client never sees it.
pub fn outcome(line: &str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, line.to_owned(), "t2sql")
        .report(PgLogLevel::LOG_SERVER_ONLY);
}
