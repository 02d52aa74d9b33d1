//! Fuzzing of everything that reads text from outside: a second for each target, or as many
//! as `T2SQL_FUZZ_SECONDS` says (`make test-security`: 60).
//!
//! What a target found once stands as a plain test beside the code that was mended.

mod engine;
mod prompt;
mod quote;
mod reply;
mod retry;
mod sample;
mod wire;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest time for one input.
const SLOW: Duration = Duration::from_millis(1_000);
/// After this the process is ended: an endless loop can't be failed otherwise.
const ENDLESS: Duration = Duration::from_secs(60);

/// Runs `test` on inputs of `strategy` until the time is up. An input that fails, panics or is
/// slow is made smaller and shown.
fn fuzz<S: Strategy>(strategy: S, test: impl Fn(&S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    let seconds: Option<u64> = std::env::var("T2SQL_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    // optimised code is what is measured; the other is ten times slower
    let slow = if cfg!(debug_assertions) { SLOW * 10 } else { SLOW };
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(1));
    let (cases, watch) = (Cell::new(0), Watch::new());
    let config = Config { failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
    let mut runner = match seconds {
        Some(_) => TestRunner::new(config),
        // the same inputs every time, as far as the second reaches: `make test` is no matter of luck
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    while Instant::now() < end {
        let tree = strategy.new_tree(&mut runner).expect("the strategies filter nothing");
        let outcome = runner.run_one(tree, |input| {
            watch.begin(&input);
            let start = Instant::now();
            test(&input)?;
            cases.set(cases.get() + 1);
            let elapsed = start.elapsed();
            if elapsed > slow { Err(TestCaseError::fail(format!("it took {elapsed:?}"))) } else { Ok(()) }
        });
        if let Err(error) = outcome {
            panic!("after {} inputs: {error}", cases.get());
        }
    }
    println!("{} inputs", cases.get());
}

/// Ends the process when an input takes for ever, and says which.
struct Watch {
    at_work: Arc<Mutex<(Instant, String)>>,
    /// Dropped to call the dog back.
    _leash: Sender<()>,
}

impl Watch {
    fn new() -> Self {
        let at_work = Arc::new(Mutex::new((Instant::now(), String::new())));
        let (leash, called_back) = channel::<()>();
        let watched = at_work.clone();
        std::thread::spawn(move || {
            while called_back.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                let Ok(at_work) = watched.lock() else { return };
                if at_work.0.elapsed() > ENDLESS {
                    eprintln!("no end after {ENDLESS:?}: {}", at_work.1.chars().take(2_000).collect::<String>());
                    std::process::abort();
                }
            }
        });
        Watch { at_work, _leash: leash }
    }

    fn begin(&self, input: &impl Debug) {
        let shown = format!("{input:?}");
        *self.at_work.lock().expect("nothing panics under the lock") = (Instant::now(), shown);
    }
}
