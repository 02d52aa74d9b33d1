//! Bounds the requests that all backends together have under way, so that a slow endpoint gets
//! neither a flood nor every connection of the server.

use super::random;
use crate::error::{Error, Result};
use crate::pg::lock::RequestSlot;
use crate::pg::{guc, interrupt};
use std::time::{Duration, Instant};

/// Waits for a free place until `t2sql.queue_timeout` or `deadline`. The place is given up when
/// the result is dropped. What `refused` gives ends the wait.
pub fn enter(deadline: Instant, refused: impl Fn() -> Option<Error>) -> Result<RequestSlot> {
    let patience = guc::queue_timeout();
    let started = Instant::now();
    let slots = u32::try_from(guc::max_concurrent_requests()).unwrap_or(1);
    let attempt = || match refused() {
        Some(error) => Some(Err(error)),
        // from a place of its own on: else all would try the same ones first
        None => RequestSlot::take(slots, (random() * f64::from(slots)) as u32).map(Ok),
    };
    interrupt::poll(deadline.min(started + patience), random, attempt)
        .unwrap_or_else(|| Err(full(slots, started.elapsed())))
}

fn full(slots: u32, waited: Duration) -> Error {
    Error::Busy {
        message: format!("too many requests to endpoints: {slots} were under way for {} ms", waited.as_millis()),
        hint: "Try again, or SET t2sql.queue_timeout (0 to 600 s); a superuser can raise t2sql.max_concurrent_requests (1 to 1000)."
            .into(),
    }
}
