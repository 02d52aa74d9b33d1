//! What day it is for the caller.

use jiff::civil;
use pgrx::prelude::*;

/// Today in the session's time zone, as CURRENT_DATE has it.
pub fn today() -> civil::Date {
    /// Days from the Unix epoch to PostgreSQL's, 2000-01-01.
    const EPOCH: civil::Date = civil::date(2000, 1, 1);
    // SAFETY: reads the transaction's start time; main thread.
    let days = unsafe { pg_sys::GetSQLCurrentDate() };
    EPOCH.checked_add(jiff::Span::new().days(i64::from(days))).unwrap_or(EPOCH)
}
