//! The audit: one line in the server's log for each question, whatever becomes of its transaction; and
//! what a client is told where nothing else is kept.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::cell::Cell;

/// Writes `line` to the server log only; a client never sees it.
pub fn outcome(line: &str) {
    // a role's name may hold a newline and look like a line of its own
    let line = line.replace(char::is_control, " ");
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, line, "t2sql").report(PgLogLevel::LOG_SERVER_ONLY);
}

/// Tells the client that its questions are not recorded, once in a transaction.
pub fn nothing_recorded() {
    thread_local! {
        static TOLD: Cell<pg_sys::TimestampTz> = const { Cell::new(0) };
    }
    // SAFETY: reads when this transaction began; no other begins in the same microsecond of this backend.
    let (transaction, standby) =
        unsafe { (pg_sys::GetCurrentTransactionStartTimestamp(), pg_sys::RecoveryInProgress()) };
    if TOLD.replace(transaction) == transaction {
        return;
    }
    let why = if standby { "this server is a standby" } else { "this transaction is read-only" };
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("t2sql records nothing, because {why}"),
        "t2sql",
    )
    .set_hint("Feedback on these answers is given on the primary by question and SQL: t2sql.feedback(question, sql, is_correct).")
    .report(PgLogLevel::NOTICE);
}
