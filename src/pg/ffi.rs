//! Functions of PostgreSQL that pgrx 0.18.1 has no bindings for, and nothing else.

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use std::ffi::{c_int, c_void};

/// What a tree walker calls for every node; `true` ends the walk.
pub type TreeWalker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;

/// `TimeoutId` of utils/timeout.h: the statement timer has the same place in all versions.
pub const STATEMENT_TIMEOUT: c_int = 3;

/// First id for timers of extensions; 17 put `TRANSACTION_TIMEOUT` before it.
#[cfg(any(feature = "pg15", feature = "pg16"))]
const USER_TIMEOUT: c_int = 12;
#[cfg(any(feature = "pg17", feature = "pg18"))]
const USER_TIMEOUT: c_int = 13;

mod raw {
    use super::*;

    unsafe extern "C-unwind" {
        pub fn RegisterTimeout(id: c_int, handler: extern "C" fn()) -> c_int;
        pub fn enable_timeout_after(id: c_int, delay_ms: c_int);
        pub fn disable_timeout(id: c_int, keep_indicator: bool);
        pub fn get_timeout_active(id: c_int) -> bool;
        pub fn geterrposition() -> c_int;
        pub fn pq_check_connection() -> bool;
        pub fn find_all_inheritors(
            parent: pg_sys::Oid,
            lock: c_int,
            parents: *mut *mut pg_sys::List,
        ) -> *mut pg_sys::List;
        #[cfg(feature = "pg15")]
        pub fn query_tree_walker(
            query: *mut pg_sys::Query,
            walker: TreeWalker,
            context: *mut c_void,
            flags: c_int,
        ) -> bool;
        #[cfg(feature = "pg15")]
        pub fn expression_tree_walker(node: *mut pg_sys::Node, walker: TreeWalker, context: *mut c_void) -> bool;
        #[cfg(feature = "pg15")]
        pub fn raw_expression_tree_walker(node: *mut pg_sys::Node, walker: TreeWalker, context: *mut c_void) -> bool;
    }
}

/// Reserves a timer for `handler`, which runs inside the SIGALRM handler.
pub fn register_timeout(handler: extern "C" fn()) -> c_int {
    // SAFETY: main thread; the handler is a static function that only stores flags.
    unsafe { pg_guard_ffi_boundary(|| raw::RegisterTimeout(USER_TIMEOUT, handler)) }
}

/// Starts timer `id`.
pub fn enable_timeout_after(id: c_int, delay_ms: c_int) {
    // SAFETY: main thread; `id` was registered or is PostgreSQL's own.
    unsafe { pg_guard_ffi_boundary(|| raw::enable_timeout_after(id, delay_ms)) }
}

/// Stops timer `id`; harmless when it isn't running.
pub fn disable_timeout(id: c_int) {
    // SAFETY: as above.
    unsafe { pg_guard_ffi_boundary(|| raw::disable_timeout(id, false)) }
}

/// Whether timer `id` is running.
pub fn timeout_active(id: c_int) -> bool {
    // SAFETY: reads one flag of this process, cannot raise.
    unsafe { raw::get_timeout_active(id) }
}

/// Whether the client is still there; only in a backend that has one.
pub fn client_is_connected() -> bool {
    // SAFETY: main thread; the caller made sure that there is a client.
    unsafe { pg_guard_ffi_boundary(|| raw::pq_check_connection()) }
}

/// Cursor position of the error that is being reported; only inside an error context callback.
///
/// # Safety
/// Must be called from such a callback. No boundary around it, because error handling is already under way.
pub unsafe fn error_position() -> c_int {
    // SAFETY: the caller's promise.
    unsafe { raw::geterrposition() }
}

/// `parent` and every table that inherits from it, unlocked.
pub fn all_inheritors(parent: pg_sys::Oid) -> *mut pg_sys::List {
    // SAFETY: main thread, inside a transaction; NoLock, because planning locks them anyway.
    unsafe { pg_guard_ffi_boundary(|| raw::find_all_inheritors(parent, 0, std::ptr::null_mut())) }
}

/// Visits everything directly below a `Query`.
///
/// # Safety
/// `query` is a valid analysed Query; `context` is what `walker` expects.
pub unsafe fn query_tree_walker(
    query: *mut pg_sys::Query,
    walker: TreeWalker,
    context: *mut c_void,
    flags: u32,
) -> bool {
    // SAFETY: the caller's promise; a function before 16, a macro over `_impl` since.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_guard_ffi_boundary(|| raw::query_tree_walker(query, walker, context, flags as c_int));
        #[cfg(not(feature = "pg15"))]
        return pg_sys::query_tree_walker_impl(query, Some(walker), context, flags as c_int);
    }
}

/// Visits everything directly below an expression node.
///
/// # Safety
/// As for [`query_tree_walker`].
pub unsafe fn expression_tree_walker(node: *mut pg_sys::Node, walker: TreeWalker, context: *mut c_void) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_guard_ffi_boundary(|| raw::expression_tree_walker(node, walker, context));
        #[cfg(not(feature = "pg15"))]
        return pg_sys::expression_tree_walker_impl(node, Some(walker), context);
    }
}

/// Visits everything directly below a node of the raw parse tree.
///
/// # Safety
/// As for [`query_tree_walker`].
pub unsafe fn raw_expression_tree_walker(node: *mut pg_sys::Node, walker: TreeWalker, context: *mut c_void) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_guard_ffi_boundary(|| raw::raw_expression_tree_walker(node, walker, context));
        #[cfg(not(feature = "pg15"))]
        return pg_sys::raw_expression_tree_walker_impl(node, Some(walker), context);
    }
}
