//! A circuit breaker: an endpoint that keeps failing is left alone for a while, then asked by one call.
//!
//! Only atomics, and all zeros is a fresh table: the shell may put it into memory that all backends share. Times are
//! milliseconds of one clock that all of them read; 0 stands for never.

use super::Failure;
use crate::error::Error;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// So many failures, with no success between them …
pub const FAILURES: usize = 5;
/// … within this time …
pub const WINDOW: Duration = Duration::from_secs(30);
/// … and nobody asks for this long.
pub const PAUSE: Duration = Duration::from_secs(30);
/// A call that was given less time than this proves nothing by running out of it: the caller's own impatience must
/// not shut others out.
const PATIENCE: Duration = Duration::from_secs(1);
/// Servers that can be failing at the same time; further ones have no breaker.
const SLOTS: usize = 64;

/// What a call says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Alive,
    Failing,
    /// Neither, such as a certificate that is not trusted.
    Nothing,
}

/// What the outcome of a call, which had `given` time, says.
pub fn sign<T>(outcome: &Result<T, Failure>, given: Duration) -> Sign {
    let Err(failure) = outcome else { return Sign::Alive };
    match &failure.error {
        Error::EndpointStatus { status: 408 | 425 | 500..600, .. } => Sign::Failing,
        // whoever refuses is there
        Error::EndpointStatus { .. } | Error::Reply(_) => Sign::Alive,
        Error::EndpointTimeout(_) if given >= PATIENCE => Sign::Failing,
        Error::EndpointTimeout(_) => Sign::Nothing,
        Error::Endpoint(_) if failure.transient => Sign::Failing,
        Error::Endpoint(_) => Sign::Nothing,
    }
}

/// Which server: its number, never 0, and what it was defined as when the call was made. Another definition
/// begins with a clean record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    pub id: u64,
    pub definition: u64,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Closed,
    /// The one call that finds out whether the endpoint is back; the number proves it.
    Probe(u64),
    /// Not before this time is over.
    Open(Duration),
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    Opened,
    Closed,
}

/// Breakers of the servers that failed lately.
#[derive(Debug)]
#[repr(C)]
pub struct Table {
    slots: [Slot; SLOTS],
}

#[derive(Debug)]
#[repr(C)]
struct Slot {
    id: AtomicU64,
    definition: AtomicU64,
    /// 0 when closed. A probe moves it to the time when the next one may go.
    open_until: AtomicU64,
    /// When the last failures were.
    failures: [AtomicU64; FAILURES],
    turn: AtomicU32,
}

impl Slot {
    const fn new() -> Self {
        Self {
            id: AtomicU64::new(0),
            definition: AtomicU64::new(0),
            open_until: AtomicU64::new(0),
            failures: [const { AtomicU64::new(0) }; FAILURES],
            turn: AtomicU32::new(0),
        }
    }

    /// Closed and forgotten.
    fn clear(&self) {
        for failure in &self.failures {
            failure.store(0, SeqCst);
        }
        self.open_until.store(0, SeqCst);
    }

    /// Whether nothing of it matters any more at `now`.
    fn idle(&self, now: u64) -> bool {
        let mut times = self.failures.iter().chain([&self.open_until]).map(|time| time.load(SeqCst));
        times.all(|time| time == 0 || now.saturating_sub(time) >= millis(WINDOW + PAUSE))
    }

    fn all_within_window(&self, now: u64) -> bool {
        self.failures
            .iter()
            .map(|failure| failure.load(SeqCst))
            .all(|time| time != 0 && now.saturating_sub(time) < millis(WINDOW))
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Table {
    pub const fn new() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS] }
    }

    /// Asks to make a call now that ends before `longest` is over. Who is told [`Entry::Probe`] must report, or give the
    /// probe up.
    pub fn enter(&self, server: Server, now: u64, longest: Duration) -> Entry {
        let Some(slot) = self.find(server) else { return Entry::Closed };
        let until = slot.open_until.load(SeqCst);
        if until == 0 {
            return Entry::Closed;
        }
        if now < until {
            return Entry::Open(Duration::from_millis(until - now));
        }
        // should the prober die, another one goes after this time
        let next = now + millis(PAUSE.max(longest));
        match slot.open_until.compare_exchange(until, next, SeqCst, SeqCst) {
            Ok(_) => Entry::Probe(next),
            Err(0) => Entry::Closed,
            Err(other) => Entry::Open(Duration::from_millis(other.saturating_sub(now))),
        }
    }

    /// How long no call is made; None when one may be. Changes nothing.
    pub fn closed_for(&self, server: Server, now: u64) -> Option<Duration> {
        let slot = self.slots.iter().find(|slot| slot.id.load(SeqCst) == server.id)?;
        let until = slot.open_until.load(SeqCst);
        (slot.definition.load(SeqCst) == server.definition && now < until).then(|| Duration::from_millis(until - now))
    }

    /// Notes what a call that was let in said. `probe` is the number of [`Entry::Probe`].
    pub fn report(&self, server: Server, now: u64, sign: Sign, probe: Option<u64>) -> Change {
        match (sign, probe) {
            (Sign::Alive, _) => self.succeeded(server),
            (Sign::Failing, Some(probe)) => self.failed_again(server, now, probe),
            (Sign::Failing, None) => self.failed(server, now),
            (Sign::Nothing, Some(probe)) => {
                self.give_up(server, now, probe);
                Change::None
            }
            (Sign::Nothing, None) => Change::None,
        }
    }

    /// A probe that ended without a result, such as by a cancel: the next call may try.
    pub fn give_up(&self, server: Server, now: u64, probe: u64) {
        if let Some(slot) = self.find(server) {
            // never 0, which would close it
            let _ = slot.open_until.compare_exchange(probe, now.max(1), SeqCst, SeqCst);
        }
    }

    fn succeeded(&self, server: Server) -> Change {
        let Some(slot) = self.find(server) else { return Change::None };
        let was_open = slot.open_until.load(SeqCst) != 0;
        slot.clear();
        if was_open { Change::Closed } else { Change::None }
    }

    fn failed_again(&self, server: Server, now: u64, probe: u64) -> Change {
        let reopen = |slot: &Slot| slot.open_until.compare_exchange(probe, now + millis(PAUSE), SeqCst, SeqCst);
        match self.find(server).map(reopen) {
            Some(Ok(_)) => Change::None,
            // somebody closed it meanwhile, or took the probe over
            _ => self.failed(server, now),
        }
    }

    fn failed(&self, server: Server, now: u64) -> Change {
        let Some(slot) = self.find(server).or_else(|| self.claim(server, now)) else { return Change::None };
        let turn = slot.turn.fetch_add(1, SeqCst) as usize % FAILURES;
        slot.failures[turn].store(now.max(1), SeqCst);
        // calls that began before it opened don't keep it open
        let opens = slot.all_within_window(now)
            && slot.open_until.compare_exchange(0, now + millis(PAUSE), SeqCst, SeqCst).is_ok();
        if opens { Change::Opened } else { Change::None }
    }

    /// The server's slot, with a clean record if the server was defined anew.
    fn find(&self, server: Server) -> Option<&Slot> {
        let slot = self.slots.iter().find(|slot| slot.id.load(SeqCst) == server.id)?;
        if slot.definition.swap(server.definition, SeqCst) != server.definition {
            slot.clear();
        }
        Some(slot)
    }

    /// A slot that nobody has or needs.
    fn claim(&self, server: Server, now: u64) -> Option<&Slot> {
        for slot in &self.slots {
            let id = slot.id.load(SeqCst);
            if id != 0 && !slot.idle(now) {
                continue;
            }
            match slot.id.compare_exchange(id, server.id, SeqCst, SeqCst) {
                Ok(_) => {
                    slot.clear();
                    slot.definition.store(server.definition, SeqCst);
                }
                Err(taken) if taken != server.id => continue,
                Err(_) => {}
            }
            // the first one with this id: should two backends claim one each, the other falls idle
            return self.find(server);
        }
        None
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVER: Server = Server { id: 7, definition: 1 };
    const OTHER: Server = Server { id: 8, definition: 1 };
    const SHORT: Duration = Duration::from_secs(2);

    fn fail(table: &Table, now: u64, times: usize) -> Vec<Change> {
        (0..times).map(|_| table.report(SERVER, now, Sign::Failing, None)).collect()
    }

    /// The probe that `enter` must give at `now`.
    fn probe(table: &Table, now: u64) -> u64 {
        match table.enter(SERVER, now, SHORT) {
            Entry::Probe(probe) => probe,
            other => panic!("{other:?} at {now}"),
        }
    }

    fn opened(now: u64) -> Table {
        let table = Table::new();
        assert_eq!(fail(&table, now, 5).pop(), Some(Change::Opened));
        table
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let table = Table::new();
        assert_eq!(fail(&table, 1_000, 4), [Change::None; 4]);
        assert_eq!(table.enter(SERVER, 1_000, SHORT), Entry::Closed);
        assert_eq!(fail(&table, 2_000, 2), [Change::Opened, Change::None]);
        assert_eq!(table.enter(SERVER, 2_500, SHORT), Entry::Open(Duration::from_millis(29_500)));
        assert_eq!(table.closed_for(SERVER, 2_500), Some(Duration::from_millis(29_500)));
        assert_eq!(table.enter(OTHER, 2_500, SHORT), Entry::Closed, "another server");
    }

    #[test]
    fn failures_far_apart_or_with_a_success_between_do_not() {
        let table = Table::new();
        for now in (1..100).map(|n| n * 7_501) {
            assert_eq!(fail(&table, now, 1), [Change::None], "{now}");
        }
        fail(&table, 800_000, 3);
        assert_eq!(table.report(SERVER, 800_001, Sign::Alive, None), Change::None);
        assert_eq!(fail(&table, 800_002, 4), [Change::None; 4]);
        assert_eq!(table.report(SERVER, 800_003, Sign::Nothing, None), Change::None);
        assert_eq!(fail(&table, 800_004, 1), [Change::Opened], "what says nothing is no success");
    }

    #[test]
    fn one_probe_goes_and_closes_it() {
        let table = opened(1_000);
        assert!(matches!(table.enter(SERVER, 30_999, SHORT), Entry::Open(_)));
        let probe = probe(&table, 31_000);
        for now in [31_000, 40_000, 60_999] {
            assert!(matches!(table.enter(SERVER, now, SHORT), Entry::Open(_)), "{now}");
        }
        assert_eq!(table.report(SERVER, 41_000, Sign::Alive, Some(probe)), Change::Closed);
        assert_eq!(table.enter(SERVER, 41_001, SHORT), Entry::Closed);
        assert_eq!(fail(&table, 41_002, 4), [Change::None; 4], "its record is clean");
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let table = opened(1_000);
        let first = probe(&table, 35_000);
        table.report(SERVER, 37_000, Sign::Failing, Some(first));
        assert_eq!(table.enter(SERVER, 37_000, SHORT), Entry::Open(PAUSE));
        assert_eq!(table.enter(SERVER, 66_999, SHORT), Entry::Open(Duration::from_millis(1)));
        probe(&table, 67_000);
    }

    #[test]
    fn a_probe_that_says_nothing_leaves_it_to_the_next() {
        for cancelled in [true, false] {
            let table = opened(1_000);
            let first = probe(&table, 35_000);
            if cancelled {
                table.give_up(SERVER, 36_000, first);
            } else {
                table.report(SERVER, 36_000, Sign::Nothing, Some(first));
            }
            let second = probe(&table, 36_000);
            table.give_up(SERVER, 36_001, first);
            assert!(matches!(table.enter(SERVER, 36_002, SHORT), Entry::Open(_)), "only its own probe is given up");
            assert_eq!(table.report(SERVER, 36_003, Sign::Alive, Some(second)), Change::Closed);
        }
        // one that died; a slow one gets the time that it may take
        let table = opened(1_000);
        probe(&table, 35_000);
        probe(&table, 65_000);
        assert!(matches!(table.enter(SERVER, 95_000, Duration::from_secs(600)), Entry::Probe(_)));
        assert!(matches!(table.enter(SERVER, 694_999, SHORT), Entry::Open(_)));
    }

    #[test]
    fn calls_from_before_it_opened_neither_keep_it_open_nor_count_later() {
        let table = opened(1_000);
        assert_eq!(fail(&table, 20_000, 5), [Change::None; 5]);
        let first = probe(&table, 31_000);
        assert_eq!(table.report(SERVER, 31_500, Sign::Alive, None), Change::Closed, "a slow answer came after all");
        assert_eq!(table.report(SERVER, 32_000, Sign::Failing, Some(first)), Change::None);
        assert_eq!(table.enter(SERVER, 32_001, SHORT), Entry::Closed, "one failure");
    }

    #[test]
    fn another_definition_begins_anew() {
        let table = opened(1_000);
        let changed = Server { definition: 2, ..SERVER };
        assert_eq!(table.closed_for(changed, 2_000), None);
        assert_eq!(table.enter(changed, 2_000, SHORT), Entry::Closed);
        assert_eq!(fail(&table, 2_001, 4), [Change::None; 4]);
    }

    #[test]
    fn a_full_table_means_no_breaker_until_a_slot_falls_idle() {
        let table = Table::new();
        let server = |id| Server { id, definition: 0 };
        for id in 1..=SLOTS as u64 {
            table.report(server(id), 1_000, Sign::Failing, None);
        }
        let late = server(1_000);
        for _ in 0..9 {
            assert_eq!(table.report(late, 2_000, Sign::Failing, None), Change::None);
            assert_eq!(table.enter(late, 2_000, SHORT), Entry::Closed);
        }
        let changes: Vec<_> = (0..5).map(|_| table.report(late, 62_000, Sign::Failing, None)).collect();
        assert_eq!(changes.last(), Some(&Change::Opened));
    }

    #[test]
    fn many_at_once_get_one_probe_and_one_opening() {
        let table = Table::new();
        let together = |act: &(dyn Fn() -> bool + Sync)| -> usize {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(act)).collect();
                threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
            })
        };
        for round in 0..50u64 {
            let now = 1_000 + round * 100_000;
            let opening = || table.report(SERVER, now, Sign::Failing, None) == Change::Opened;
            assert_eq!(together(&opening), 1, "round {round}");
            let probing = || matches!(table.enter(SERVER, now + 30_000, SHORT), Entry::Probe(_));
            assert_eq!(together(&probing), 1, "round {round}");
            table.report(SERVER, now + 30_001, Sign::Alive, None);
        }
    }

    #[test]
    fn signs_of_life_and_of_failure() {
        let failed = |error, transient| -> Result<(), Failure> { Err(Failure { error, transient }) };
        let status = |status| failed(Error::EndpointStatus { status, retry_after: None, detail: String::new() }, true);
        for (code, expected) in [
            (400, Sign::Alive),
            (401, Sign::Alive),
            (404, Sign::Alive),
            (408, Sign::Failing),
            (409, Sign::Alive),
            (425, Sign::Failing),
            (429, Sign::Alive),
            (500, Sign::Failing),
            (599, Sign::Failing),
            (307, Sign::Alive),
        ] {
            assert_eq!(sign(&status(code), SHORT), expected, "{code}");
        }
        assert_eq!(sign::<()>(&Ok(()), SHORT), Sign::Alive);
        let timeout = failed(Error::EndpointTimeout(1), false);
        assert_eq!(sign(&timeout, Duration::from_secs(1)), Sign::Failing);
        assert_eq!(sign(&timeout, Duration::from_millis(999)), Sign::Nothing);
        assert_eq!(sign(&failed(Error::Endpoint("refused".into()), true), Duration::ZERO), Sign::Failing);
        assert_eq!(sign(&failed(Error::Endpoint("TLS".into()), false), SHORT), Sign::Nothing);
        assert_eq!(sign(&failed(Error::Reply("?".into()), false), SHORT), Sign::Alive);
    }

    proptest! {
        /// Whatever happens, an open breaker lets nobody in but one probe, and not for longer than it says.
        #[test]
        fn open_means_open(steps in proptest::collection::vec((0u64..20_000, 0u8..5), 1..200)) {
            let table = Table::new();
            let (mut now, mut held) = (1, None);
            for (step, action) in steps {
                now += step;
                match action {
                    0 | 1 => { table.report(SERVER, now, Sign::Failing, None); }
                    2 => if let Entry::Probe(probe) = table.enter(SERVER, now, SHORT) {
                        held = Some(probe);
                    },
                    3 => if let Some(probe) = held.take() {
                        table.report(SERVER, now, Sign::Failing, Some(probe));
                    },
                    _ => if let Some(probe) = held.take() {
                        table.report(SERVER, now, Sign::Alive, Some(probe));
                    },
                }
                if let Some(wait) = table.closed_for(SERVER, now) {
                    prop_assert!(wait <= PAUSE);
                    prop_assert_eq!(table.enter(SERVER, now, SHORT), Entry::Open(wait));
                }
            }
        }
    }
}
