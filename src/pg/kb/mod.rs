//! The knowledge base: the only code that reads and writes the tables of schema
//! `t2sql`. Every function is a constant statement with bound values, run as the
//! extension's owner; what a caller may see of the result is the flow's business.

pub mod answers;
pub mod catalog;
pub mod context;
pub mod learn;
pub mod runs;
pub mod vectors;

use crate::error::{Error, Result};
use pgrx::prelude::*;

/// Whether anything can be recorded: not on a standby, not in READ ONLY transactions.
pub fn can_write() -> bool {
    // SAFETY: reads backend state on the main thread.
    unsafe { !pg_sys::XactReadOnly && !pg_sys::RecoveryInProgress() }
}

/// Whether a procedure may commit: not between BEGIN and COMMIT.
pub fn can_commit() -> bool {
    // SAFETY: reads backend state on the main thread.
    unsafe { !pg_sys::IsTransactionBlock() }
}

/// Refuses what stores something where nothing can be stored.
pub fn require_write(what: &str) -> Result<()> {
    if can_write() {
        return Ok(());
    }
    Err(Error::ReadOnly {
        message: format!("{what} can't be stored in a read-only transaction"),
        hint: "Use a READ WRITE transaction on the primary.".into(),
    })
}
