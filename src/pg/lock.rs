//! Locks between backends that users' own advisory locks can't collide with.

use pgrx::prelude::*;

/// `pg_advisory_lock` uses 1 and 2 in this field; 7 is ours.
const FIELD4: u16 = 7;

/// Takes the lock on indexing `context` until the end of the transaction; false when another backend holds it.
pub fn try_index(context: i64) -> bool {
    let bytes = context.to_ne_bytes();
    let half = |range: std::ops::Range<usize>| u32::from_ne_bytes(bytes[range].try_into().unwrap_or_default());
    let tag = pg_sys::LOCKTAG {
        // SAFETY: a plain global, set at backend start.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: half(4..8),
        locktag_field3: half(0..4),
        locktag_field4: FIELD4,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    };
    // SAFETY: a complete tag; a transaction-level lock, released by PostgreSQL itself.
    let result = unsafe { pg_sys::LockAcquire(&tag, pg_sys::ExclusiveLock as i32, false, true) };
    result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}
