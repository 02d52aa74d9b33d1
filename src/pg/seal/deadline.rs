//! The timer of sealed execution: ends generated SQL after `t2sql.execution_timeout`.
//!
//! A timer of our own beside PostgreSQL's `statement_timeout`, which therefore keeps
//! running and keeps winning when it is earlier; nothing has to be saved and re-armed.

use crate::pg::ffi;
use pgrx::pg_sys;
use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static FIRED: AtomicBool = AtomicBool::new(false);
static TIMER: OnceLock<c_int> = OnceLock::new();

/// Runs inside the SIGALRM handler, so it only stores flags; PostgreSQL has set the latch already.
extern "C" fn fire() {
    FIRED.store(true, Ordering::SeqCst);
    // SAFETY: plain stores to `sig_atomic_t`, as PostgreSQL's own cancel handler does.
    unsafe {
        pg_sys::QueryCancelPending = 1;
        pg_sys::InterruptPending = 1;
    }
}

/// An armed timer; stopped when dropped.
pub struct Deadline {
    id: c_int,
    statement_timer: bool,
}

impl Deadline {
    pub fn arm(milliseconds: i32) -> Self {
        let id = *TIMER.get_or_init(|| ffi::register_timeout(fire));
        FIRED.store(false, Ordering::SeqCst);
        let statement_timer = ffi::timeout_active(ffi::STATEMENT_TIMEOUT);
        ffi::enable_timeout_after(id, milliseconds.max(1));
        Deadline { id, statement_timer }
    }

    /// Stops the timer. True when it, and not the statement's own timer, ended the execution.
    pub fn disarm(self) -> bool {
        self.stop();
        FIRED.swap(false, Ordering::SeqCst) && !self.statement_timer_fired()
    }

    fn statement_timer_fired(&self) -> bool {
        self.statement_timer && !ffi::timeout_active(ffi::STATEMENT_TIMEOUT)
    }

    fn stop(&self) {
        ffi::disable_timeout(self.id);
        // Fired after the last interrupt check: the cancel must not hit the caller's next statement.
        if FIRED.load(Ordering::SeqCst) && !self.statement_timer_fired() {
            // SAFETY: a plain store; the timer that could set it again has been stopped.
            unsafe { pg_sys::QueryCancelPending = 0 }
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.stop();
    }
}
