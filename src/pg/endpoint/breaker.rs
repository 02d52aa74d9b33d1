//! Where the circuit breakers live: in memory that all backends share from PostgreSQL 17 on, in each backend's own
//! before. What they decide is [`t2sql_core::net::breaker`]'s.

use crate::error::{Error, Result};
use crate::pg::log;
use pgrx::prelude::*;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use t2sql_core::net;
use t2sql_core::net::breaker::{Change, Entry, PAUSE, Server, Sign, Table, sign};

/// The breaker of one foreign server.
pub struct Breaker {
    name: String,
    server: Server,
}

impl Breaker {
    /// A server that gets another url begins anew.
    pub fn new(name: &str, oid: pg_sys::Oid, url: &str) -> Self {
        // SAFETY: a plain global, set at backend start.
        let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
        let mut definition = DefaultHasher::new();
        url.hash(&mut definition);
        let id = u64::from(database) << 32 | u64::from(oid.to_u32());
        Self { name: name.to_string(), server: Server { id, definition: definition.finish() } }
    }

    /// How long the server is left alone; None when it may be called.
    pub fn closed_for(&self) -> Option<Duration> {
        table().closed_for(self.server, now())
    }

    /// What users are told as long as the server is left alone.
    pub fn refusal(&self) -> Option<Error> {
        self.closed_for().map(|left| self.open(left))
    }

    /// Lets a call in that takes `longest` at most.
    pub fn enter(&self, longest: Duration) -> Result<Call<'_>> {
        match table().enter(self.server, now(), longest) {
            Entry::Closed => Ok(Call { breaker: self, longest, probe: None }),
            Entry::Probe(number) => {
                remember(Some((self.server, number)));
                Ok(Call { breaker: self, longest, probe: Some(number) })
            }
            Entry::Open(left) => Err(self.open(left)),
        }
    }

    fn open(&self, left: Duration) -> Error {
        Error::Busy {
            message: format!("endpoint \"{}\" keeps failing and is not asked for a while", self.name),
            hint: format!(
                "It is tried again in {} s. SET t2sql.engine = builtin goes on without it.",
                left.as_millis().div_ceil(1_000)
            ),
        }
    }
}

/// A call that was let in. Dropped without a report, as a cancel does, it says nothing of the endpoint.
pub struct Call<'a> {
    breaker: &'a Breaker,
    longest: Duration,
    probe: Option<u64>,
}

impl Call<'_> {
    /// Tells the others how it went.
    pub fn ended<T>(mut self, outcome: &Result<T, net::Failure>) {
        let probe = self.probe.take();
        remember(None);
        let sign: Sign = sign(outcome, self.longest);
        let name = &self.breaker.name;
        match table().report(self.breaker.server, now(), sign, probe) {
            Change::None => {}
            Change::Opened => log::outcome(&format!(
                "t2sql: endpoint \"{name}\" keeps failing and is not asked for {} s",
                PAUSE.as_secs()
            )),
            Change::Closed => log::outcome(&format!("t2sql: endpoint \"{name}\" answers again")),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.probe {
            remember(None);
            table().give_up(self.breaker.server, now(), number);
        }
    }
}

/// Keeps in mind which probe this backend has under way: a termination exits without dropping anything.
fn remember(probe: Option<(Server, u64)>) {
    thread_local! {
        static PROBE: Cell<Option<(Server, u64)>> = const { Cell::new(None) };
        static REGISTERED: Cell<bool> = const { Cell::new(false) };
    }

    unsafe extern "C-unwind" fn at_exit(_code: std::ffi::c_int, _argument: pg_sys::Datum) {
        if let Some((server, number)) = PROBE.take() {
            table().give_up(server, now(), number);
        }
    }

    if probe.is_some() && !REGISTERED.replace(true) {
        // SAFETY: main thread; a static function, which runs before shared memory is let go.
        unsafe { pg_sys::before_shmem_exit(Some(at_exit), pg_sys::Datum::from(0)) };
    }
    PROBE.set(probe);
}

/// Shared by all backends, without any preload.
#[cfg(any(feature = "pg17", feature = "pg18"))]
fn table() -> &'static Table {
    use std::ffi::{CString, c_void};
    thread_local! {
        static ATTACHED: Cell<Option<&'static Table>> = const { Cell::new(None) };
    }

    unsafe extern "C-unwind" fn clear(memory: *mut c_void) {
        // SAFETY: PostgreSQL passes the whole new segment.
        unsafe { std::ptr::write_bytes(memory.cast::<u8>(), 0, size_of::<Table>()) };
    }

    if let Some(table) = ATTACHED.get() {
        return table;
    }
    // another version may have another table
    let name = format!("t2sql {} breakers {}", env!("CARGO_PKG_VERSION"), size_of::<Table>());
    let name = CString::new(name).unwrap_or_default();
    let mut found = false;
    // SAFETY: main thread. The segment has this size and is as aligned as any allocation; it stays mapped as long as
    // the backend lives. The table is made of atomics alone, and all zeros is a valid one.
    let table: &'static Table = unsafe {
        let memory = pg_sys::GetNamedDSMSegment(name.as_ptr(), size_of::<Table>(), Some(clear), &mut found);
        &*memory.cast::<Table>()
    };
    ATTACHED.set(Some(table));
    table
}

/// Each backend learns for itself: there is no named shared memory without a preload.
#[cfg(not(any(feature = "pg17", feature = "pg18")))]
fn table() -> &'static Table {
    static TABLE: Table = Table::new();
    &TABLE
}

/// Milliseconds of a clock that all backends read and nobody sets.
fn now() -> u64 {
    // SAFETY: the struct is filled by the call, which can't fail for this clock.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time);
        time
    };
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}
