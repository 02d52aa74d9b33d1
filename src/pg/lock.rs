//! Locks between backends that users' own advisory locks can't collide with.

use pgrx::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `pg_advisory_lock` uses 1 and 2 in this field; 7 is ours.
const FIELD4: u16 = 7;
/// In place of a database: a lock of the whole cluster. No database has this OID.
const CLUSTER: u32 = 0;
/// Kinds of cluster-wide locks.
const REQUEST: u32 = 1;

const MODE: i32 = pg_sys::ExclusiveLock as i32;

/// Takes the lock on indexing `context` until the end of the transaction; false when another backend holds it.
pub fn try_index(context: i64) -> bool {
    let bytes = context.to_ne_bytes();
    let half = |range: std::ops::Range<usize>| u32::from_ne_bytes(bytes[range].try_into().unwrap_or_default());
    // SAFETY: a plain global, set at backend start.
    let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
    acquire(&tag(database, half(4..8), half(0..4)), false)
}

/// One of a number of requests that the whole cluster may have under way. Held until dropped, also when a cancel
/// unwinds; a backend that dies loses it.
pub struct RequestSlot(pg_sys::LOCKTAG);

impl RequestSlot {
    /// Takes a free slot out of `slots`, looking from `first` on; None when all are taken.
    pub fn take(slots: u32, first: u32) -> Option<Self> {
        let slots = slots.max(1);
        let tags = (0..slots).map(|offset| tag(CLUSTER, REQUEST, (first % slots + offset) % slots));
        // a lock of the session, so that no rollback releases it early
        tags.into_iter().find(|tag| acquire(tag, true)).map(Self)
    }
}

impl Drop for RequestSlot {
    fn drop(&mut self) {
        // A panic that left this function during unwinding would end the server. So a lock that is gone is not
        // released again (that is a warning, and a warning looks for interrupts), and what is raised all the same
        // ends here.
        let release = AssertUnwindSafe(|| {
            // SAFETY: main thread; a complete tag. LockRelease itself looks for no interrupts.
            unsafe { held(&self.0) && pg_sys::LockRelease(&self.0, MODE, true) }
        });
        let _ = catch_unwind(release);
    }
}

fn tag(field1: u32, field2: u32, field3: u32) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        locktag_field1: field1,
        locktag_field2: field2,
        locktag_field3: field3,
        locktag_field4: FIELD4,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

/// Takes a lock if it is free; until the end of the transaction, or of the session.
fn acquire(tag: &pg_sys::LOCKTAG, session: bool) -> bool {
    // SAFETY: main thread; a complete tag. PostgreSQL releases the lock with its owner.
    let result = unsafe { pg_sys::LockAcquire(tag, MODE, session, true) };
    result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// # Safety
/// Main thread, and a complete tag.
unsafe fn held(tag: &pg_sys::LOCKTAG) -> bool {
    // SAFETY: the caller's promise; looks into a table of this backend.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return pg_sys::LockHeldByMe(tag, MODE);
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        return pg_sys::LockHeldByMe(tag, MODE, false);
    }
}
