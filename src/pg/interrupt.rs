//! Waiting as PostgreSQL wants it: on the latch, with an eye on interrupts, the client and
//! the postmaster. What blocks runs in a thread of its own.
//!
//! A thread must never touch PostgreSQL: no `pg_sys`, no `error!`, no setting, no palloc.

use crate::pg::ffi;
use pgrx::prelude::*;
use std::any::Any;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Threads that may be left behind by cancelled calls; each ends when its connect or name
/// lookup does, within seconds.
const MAX_ORPHANS: usize = 4;
/// How long a cancelled thread is waited for before it is left behind.
const JOIN_PATIENCE: Duration = Duration::from_millis(200);
const CLIENT_CHECK: Duration = Duration::from_secs(1);
/// How long [`poll`] waits between two attempts, on average.
const POLL_STEP: Duration = Duration::from_millis(50);

/// Threads that have not ended yet.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Too many threads of cancelled calls are still there, or the system gives no more.
    NoThread,
    /// `work` panicked.
    Panicked,
    /// `work` had not ended when the time was up.
    Overdue,
}

/// Runs `work` in a thread and waits for it until `deadline`. A cancel, timeout or
/// termination unwinds from here at once; then, as when time is up, `cancel` is called and
/// should make `work` end early.
pub fn offload<T: Send + 'static>(
    deadline: Instant,
    cancel: impl FnOnce(),
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failed> {
    let mut job = Job::start(cancel, work)?;
    if !Wait::new(Event::Endpoint).until(Some(&job.done), deadline) {
        return Err(Failed::Overdue);
    }
    job.finish()
}

/// Asks `attempt` again and again until it gives something; None when `deadline` has come before. For what other
/// backends hold.
pub fn poll<T>(deadline: Instant, random: impl Fn() -> f64, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let mut wait = Wait::new(Event::Queue);
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        // from half to one and a half: backends that came together don't ask together
        let step = POLL_STEP.mul_f64(0.5 + random().clamp(0.0, 1.0));
        wait.until(None, deadline.min(Instant::now() + step));
    }
}

/// Lets a cancel, timeout or termination take effect here.
pub fn tick() {
    pgrx::check_for_interrupts!();
}

/// Sleeps, but wakes up for interrupts.
pub fn pause(duration: Duration) {
    Wait::new(Event::Endpoint).until(None, Instant::now() + duration);
}

/// A thread that is being waited for. Dropping it, also by unwinding, cancels and bounds it.
struct Job<T, C: FnOnce()> {
    /// Readable when the thread has ended.
    done: UnixStream,
    result: Receiver<Result<T, Box<dyn Any + Send>>>,
    thread: Option<JoinHandle<()>>,
    cancel: Option<C>,
}

impl<T: Send + 'static, C: FnOnce()> Job<T, C> {
    fn start(cancel: C, work: impl FnOnce() -> T + Send + 'static) -> Result<Self, Failed> {
        let (done, theirs) = UnixStream::pair().map_err(|_| Failed::NoThread)?;
        let (sender, result) = sync_channel(1);
        let running = Running::register()?;
        // PostgreSQL's signal handlers may run on the main thread only; threads started by
        // this one inherit its mask
        let unmask = SignalMask::block_all();
        let thread = Builder::new()
            .name("t2sql".into())
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(work));
                // nobody listens any more when the call was cancelled
                let _ = sender.send(outcome);
                drop(running);
                drop(theirs);
            })
            .map_err(|_| Failed::NoThread)?;
        drop(unmask);
        Ok(Self { done, result, thread: Some(thread), cancel: Some(cancel) })
    }

    fn finish(&mut self) -> Result<T, Failed> {
        self.cancel = None;
        match self.result.recv() {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) | Err(_) => Err(Failed::Panicked),
        }
    }
}

impl<T, C: FnOnce()> Drop for Job<T, C> {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel();
        }
        // end of file when the thread is through, an error when it is not in time
        let ended =
            self.done.set_read_timeout(Some(JOIN_PATIENCE)).is_ok() && matches!(self.done.read(&mut [0]), Ok(0));
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            // its panic was caught inside
            let _ = thread.join();
        }
    }
}

/// Counts a thread for as long as it runs.
struct Running;

impl Running {
    fn register() -> Result<Self, Failed> {
        // only the main thread adds, so nobody else can pass the limit in between
        if RUNNING.load(Ordering::Acquire) >= MAX_ORPHANS {
            return Err(Failed::NoThread);
        }
        RUNNING.fetch_add(1, Ordering::AcqRel);
        Ok(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// All signals blocked for the calling thread; dropping puts the old mask back.
struct SignalMask(libc::sigset_t);

impl SignalMask {
    fn block_all() -> Self {
        // SAFETY: both sets are initialised by the calls that fill them.
        unsafe {
            let (mut all, mut old) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
            Self(old)
        }
    }
}

impl Drop for SignalMask {
    fn drop(&mut self) {
        // SAFETY: the set was filled by `block_all`.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut());
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// An endpoint's answer, or the time to ask it again.
    Endpoint,
    /// Other backends' requests to end.
    Queue,
}

/// A wait, in one or many steps.
struct Wait {
    event: Event,
    client_checked: Instant,
}

impl Wait {
    fn new(event: Event) -> Self {
        Self { event, client_checked: Instant::now() }
    }

    /// Until `socket` is readable (true) or `deadline` has come (false). Interrupts unwind.
    fn until(&mut self, socket: Option<&UnixStream>, deadline: Instant) -> bool {
        let (mut flags, mut fd) = (pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH, -1);
        if let Some(socket) = socket {
            flags |= pg_sys::WL_SOCKET_READABLE;
            fd = socket.as_raw_fd();
        }
        loop {
            pgrx::check_for_interrupts!();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // rounded up: zero would spin
            let millis = left.min(CLIENT_CHECK).as_millis() as std::ffi::c_long + 1;
            // SAFETY: main thread; the latch is the backend's own, the socket outlives the call.
            let events = unsafe {
                let events =
                    pg_sys::WaitLatchOrSocket(pg_sys::MyLatch, flags as i32, fd, millis, wait_event(self.event));
                if events as u32 & pg_sys::WL_LATCH_SET != 0 {
                    pg_sys::ResetLatch(pg_sys::MyLatch);
                }
                events as u32
            };
            pgrx::check_for_interrupts!();
            if events & pg_sys::WL_SOCKET_READABLE != 0 {
                return true;
            }
            if self.client_checked.elapsed() >= CLIENT_CHECK {
                self.client_checked = Instant::now();
                check_client();
            }
        }
    }
}

/// Ends the session if its client is gone: nobody would read the answer.
/// `client_connection_check_interval` does the same, but is off by default.
fn check_client() {
    // SAFETY: main thread. The server asks in the same way (ProcessInterrupts),
    // and only where there is a client and the platform can tell.
    unsafe {
        let has_client = !pg_sys::MyProcPort.is_null()
            && pg_sys::whereToSendOutput == pg_sys::CommandDest::DestRemote
            && pg_sys::WaitEventSetCanReportClosed();
        if has_client && !ffi::client_is_connected() {
            pg_sys::ClientConnectionLost = 1;
            pg_sys::InterruptPending = 1;
        }
    }
    pgrx::check_for_interrupts!();
}

/// What `pg_stat_activity.wait_event` shows meanwhile.
#[cfg(any(feature = "pg17", feature = "pg18"))]
fn wait_event(event: Event) -> u32 {
    use once_cell::sync::OnceCell;
    static EVENTS: [OnceCell<u32>; 2] = [const { OnceCell::new() }; 2];
    let (known, name) = match event {
        Event::Endpoint => (&EVENTS[0], c"T2sqlEndpoint"),
        Event::Queue => (&EVENTS[1], c"T2sqlQueue"),
    };
    // SAFETY: main thread; the same name gives the same number in every backend.
    *known.get_or_init(|| unsafe { pg_sys::WaitEventExtensionNew(name.as_ptr()) })
}

#[cfg(not(any(feature = "pg17", feature = "pg18")))]
fn wait_event(_: Event) -> u32 {
    pg_sys::PG_WAIT_EXTENSION
}
