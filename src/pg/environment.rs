//! What the server around us looks like.

use crate::error::Result;
use crate::pg::frame::Frame;
use crate::pg::spi;

/// Rust's backtraces would reach clients as the DETAIL of errors where the server's environment
/// asks for them, and take minutes where an error unwinds through a deeply nested query.
pub fn leave_backtraces_out() {
    const SWITCH: &str = "RUST_LIB_BACKTRACE";
    if std::env::var_os(SWITCH).is_none() {
        // SAFETY: called by _PG_init, where the process has one thread; read by Rust's own library only.
        unsafe { std::env::set_var(SWITCH, "0") };
    }
}

/// Version of the extension's SQL objects.
pub fn installed_version() -> Result<String> {
    let _frame = Frame::caller();
    Ok(spi::cell("SELECT extversion FROM pg_extension WHERE extname = 't2sql'", &[])?.unwrap_or_default())
}

pub fn has_extension(name: &str) -> Result<bool> {
    let _frame = Frame::caller();
    Ok(spi::cell("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = $1)", &[name.into()])?.unwrap_or(false))
}

/// Whether the event tables are hypertables.
pub fn hypertables() -> Result<bool> {
    let _frame = Frame::owner();
    let count = "SELECT count(*) = 2 FROM timescaledb_information.hypertables
                 WHERE hypertable_schema = 't2sql' AND hypertable_name IN ('query_feedback', 'query_usage_stats')";
    Ok(spi::cell(count, &[])?.unwrap_or(false))
}

/// Whether the caller may execute a function, given as regprocedure prints it.
pub fn may_execute(function: &str) -> Result<bool> {
    let _frame = Frame::caller();
    Ok(spi::cell("SELECT has_function_privilege($1::text, 'EXECUTE')", &[function.into()])?.unwrap_or(false))
}

/// Whether the library is loaded before the first call.
pub fn preloaded() -> Result<bool> {
    let _frame = Frame::caller();
    let libraries = "SELECT string_agg(setting, ',') ~ '(^|[,/ \"])t2sql($|[,\" ])' FROM pg_settings
                     WHERE name IN ('shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries')";
    Ok(spi::cell(libraries, &[])?.unwrap_or(false))
}
