//! Every fault of an endpoint, met by a real session in four ways: waiting for its own timeout, ended by
//! statement_timeout, by pg_cancel_backend, by pg_terminate_backend. Prints a table of how long each took, and fails
//! where a bound is broken, a session or the server is lost, or a thread stays behind.
//!
//! `faults PSQL…` starts psql with these arguments; FAULTS=all runs everything, otherwise a part.
//! Called by tests/outside/faults.test.sh, which prepares the database.

use fake_endpoint::{FAULTS, Handle, POISON, RAW, Script, start};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How much longer than asked for a wait may last.
const BOUND: Duration = Duration::from_millis(500);
/// What ends within this time after it was told to had perhaps not heard of it.
const MOMENT: Duration = Duration::from_millis(50);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(300);
/// How long threads that are stuck in a name look-up or a connect may stay, and how many.
const ORPHANS_END: Duration = Duration::from_secs(6);
const ORPHANS: usize = 4;
/// Nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const GOOD: &str = "SELECT 1 AS good";

type Result<T> = std::result::Result<T, String>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    OwnTimeout,
    StatementTimeout,
    Cancel,
    Terminate,
}

const MODES: [(Mode, &str); 4] = [
    (Mode::OwnTimeout, "no timeout"),
    (Mode::StatementTimeout, "statement_timeout"),
    (Mode::Cancel, "pg_cancel_backend"),
    (Mode::Terminate, "pg_terminate_backend"),
];

/// Where a call goes wrong.
struct Fault {
    name: String,
    /// Up to the place where a part that makes it unique is put in.
    base: String,
    /// Where the same machine answers properly, if it does.
    good: Option<String>,
    trusted: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let all = std::env::var("FAULTS").is_ok_and(|value| value == "all");
    match run(&arguments, all) {
        Ok(problems) if problems.is_empty() => {}
        Ok(problems) => {
            eprintln!("{} problems:\n{}", problems.len(), problems.join("\n"));
            std::process::exit(1);
        }
        Err(broken) => {
            eprintln!("broken off: {broken}");
            std::process::exit(1);
        }
    }
}

fn run(psql: &[String], all: bool) -> Result<Vec<String>> {
    let world = World::build(all)?;
    let mut control = Session::open(psql, &world.ca_file)?;
    control.run("SET application_name = 'control'")?;
    let mut report = Report::default();
    for fault in &world.faults {
        report.begin(&fault.name);
        let mut session = Session::open(psql, &world.ca_file)?;
        for (mode, label) in MODES {
            let case = Case { fault, mode, number: report.cases };
            let outcome = case.run(&mut control, &mut session).map_err(|e| format!("{} / {label}: {e}", fault.name))?;
            report.add(mode, label, &outcome);
        }
        report.end();
    }
    // it was open all the time: a crash of any backend would have ended it
    control.run("SELECT 'alive'")?;
    report.print(world.faults.len());
    Ok(report.problems)
}

/// Endpoints, and what can go wrong with each.
struct World {
    faults: Vec<Fault>,
    ca_file: String,
    _alive: Vec<Handle>,
    _full: (TcpListener, Vec<TcpStream>),
}

impl World {
    fn build(all: bool) -> Result<Self> {
        let script = || Script::default().otherwise(GOOD);
        let plain = start(script());
        let tls = start(Script { tls: true, ..script() });
        let slow_tls = start(Script { tls: true, slow: true, ..script() });
        let silent = start(Script { stall_accept: true, ..Script::default() });
        let full = full_queue().map_err(|e| format!("no full listen queue: {e}"))?;
        let ca_file = std::env::temp_dir().join(format!("t2sql-faults-{}.pem", std::process::id()));
        let pems: String = [&tls, &slow_tls].iter().filter_map(|endpoint| endpoint.ca_pem.clone()).collect();
        std::fs::write(&ca_file, pems).map_err(|e| format!("{}: {e}", ca_file.display()))?;

        let mut faults = Vec::new();
        let mut elsewhere = |name: &str, base: String, trusted: bool| {
            faults.push(Fault { name: name.into(), base, good: None, trusted });
        };
        let address = |handle: &Handle| handle.url.trim_end_matches("/v1").to_string();
        elsewhere("refused port", "http://127.0.0.1:1".into(), true);
        elsewhere("full listen queue", format!("http://{}", full.0.local_addr().map_err(|e| e.to_string())?), true);
        elsewhere("unknown name", "https://no-such-host.invalid".into(), true);
        elsewhere("never accepted", address(&silent), true);
        elsewhere("TLS: handshake stalls", address(&silent).replace("http:", "https:"), true);
        elsewhere("TLS: slow handshake", address(&slow_tls), true);
        elsewhere("TLS: spoken to plain", address(&plain).replace("http:", "https:"), true);
        elsewhere("TLS: not spoken to", address(&tls).replace("https:", "http:"), true);
        elsewhere("TLS: unknown authority", address(&tls), false);

        let mut at = |handle: &Handle, prefix: &str, name: &str| {
            faults.push(Fault {
                name: format!("{prefix}{name}"),
                base: format!("{}/fault/{name}", address(handle)),
                good: Some(address(handle)),
                trusted: true,
            });
        };
        let statuses = [
            "400", "401", "402", "403", "404", "405", "408", "409", "410", "413", "422", "425", "429", "451", "500",
            "501", "502", "503", "504", "529", "999",
        ];
        let after = ["1", "99", "-5", "soon", "0.2", "99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT"];
        let quick = ["stall-headers", "stall-body", "drip", "cut-body", "huge-chunked", "two-responses", "deep-arrays"];
        if all {
            statuses.iter().for_each(|code| at(&plain, "", &format!("status-{code}")));
            for code in ["429", "503"] {
                after
                    .iter()
                    .for_each(|after| at(&plain, "", &format!("status-{code}-after-{}", after.replace(' ', "%20"))));
            }
            FAULTS.iter().chain(&RAW).for_each(|name| at(&plain, "", name));
            for name in [
                "stall-headers",
                "stall-body",
                "drip",
                "drip-headers",
                "drip-chunks",
                "cut-headers",
                "cut-body",
                "reset",
                "continue-storm",
                "huge-chunked",
                "garbage",
                "two-responses",
                "status-503",
            ] {
                at(&tls, "TLS: ", name);
            }
        } else {
            quick.iter().for_each(|name| at(&plain, "", name));
            at(&plain, "", "status-429-after-1");
            at(&plain, "", "status-503-after-soon");
            at(&tls, "TLS: ", "stall-headers");
            at(&tls, "TLS: ", "stall-body");
        }
        let ca_file = ca_file.display().to_string();
        Ok(Self { faults, ca_file, _alive: vec![plain, tls, slow_tls, silent], _full: full })
    }
}

/// A port where a connect gets no answer at all: its queue is full and nobody accepts.
fn full_queue() -> std::io::Result<(TcpListener, Vec<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    socket2::SockRef::from(&listener).listen(0)?;
    let address = listener.local_addr()?;
    let mut waiting = Vec::new();
    for _ in 0..16 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => return Ok((listener, waiting)),
        }
    }
    Err(std::io::Error::other("16 connections were queued"))
}

struct Case<'a> {
    fault: &'a Fault,
    mode: Mode,
    number: usize,
}

struct Outcome {
    /// From what was asked for, or from the start, to the end.
    took: Duration,
    /// SQLSTATE, or what was answered.
    ended: String,
    /// It was over before it could be ended.
    by_itself: bool,
    threads: usize,
    problems: Vec<String>,
}

impl Case<'_> {
    /// Makes one call; the session goes on afterwards, but for a terminated one.
    fn run(&self, control: &mut Session, session: &mut Session) -> Result<Outcome> {
        let mut problems = Vec::new();
        // an url of its own: no breaker then remembers the case before
        self.point(control, &format!("{}/n{}/v1", self.fault.base, self.number))?;
        let (own, statement) = match self.mode {
            Mode::OwnTimeout => (REQUEST_TIMEOUT, Duration::ZERO),
            Mode::StatementTimeout => (PATIENCE, STATEMENT_TIMEOUT),
            Mode::Cancel | Mode::Terminate => (PATIENCE, Duration::ZERO),
        };
        let file = if self.fault.trusted { session.ca_file.clone() } else { String::new() };
        session.run(&format!("SET t2sql.ca_file = '{file}'"))?;
        session.run(&format!("SET t2sql.request_timeout = {}", own.as_millis()))?;
        session.run(&format!("SET statement_timeout = {}", statement.as_millis()))?;
        let mut start = Instant::now();
        session.send(&self.question("many"))?;
        let mut by_itself = false;
        let lines = match self.mode {
            Mode::OwnTimeout | Mode::StatementTimeout => session.finish()?,
            Mode::Cancel | Mode::Terminate => {
                by_itself = !self.interrupt(control, session, &mut start)?;
                match self.mode {
                    Mode::Terminate if !by_itself => session.rest()?,
                    _ => session.finish()?,
                }
            }
        };
        let took = start.elapsed();
        let ended = outcome(&lines);
        let expected = match self.mode {
            Mode::OwnTimeout => None,
            Mode::StatementTimeout | Mode::Cancel => Some("57014"),
            Mode::Terminate => Some("57P01"),
        };
        by_itself |= match self.mode {
            Mode::OwnTimeout => false,
            Mode::StatementTimeout => ended != "57014",
            // it may end in the very moment of asking
            Mode::Cancel | Mode::Terminate => expected != Some(ended.as_str()) && took < MOMENT,
        };
        if !by_itself && expected.is_some_and(|expected| ended != expected) {
            problems.push(format!("ended with {ended}"));
        }
        // a defect, or what poolers take for a lost connection
        if ended == "XX000" || ended.starts_with("08") || ended == "poison" {
            problems.push(format!("ended with {ended}"));
        }
        let asked = match self.mode {
            Mode::OwnTimeout => REQUEST_TIMEOUT,
            Mode::StatementTimeout => STATEMENT_TIMEOUT,
            Mode::Cancel | Mode::Terminate => Duration::ZERO,
        };
        // statement_timeout bounds what ends by itself, too
        if took > asked + BOUND && (!by_itself || self.mode == Mode::StatementTimeout) {
            problems.push(format!("took {} ms", took.as_millis()));
        }
        let mut threads = 1;
        if self.mode != Mode::Terminate {
            session.run("SET statement_timeout = 0")?;
            threads = session.threads_end(&mut problems)?;
            self.follow_up(control, session, &mut problems)?;
        }
        Ok(Outcome { took, ended, by_itself, threads, problems })
    }

    fn point(&self, control: &mut Session, url: &str) -> Result<()> {
        control.run(&format!("ALTER SERVER faulty OPTIONS (SET url '{url}')")).map(drop)
    }

    fn question(&self, word: &str) -> String {
        format!(
            "SELECT t2sql.ask('how {word} loans were there in case {}?', NULL, '{{\"cache\": false}}')",
            self.number
        )
    }

    /// Cancels or terminates the session once it waits; false when it had ended before. `start` becomes the moment
    /// of asking.
    fn interrupt(&self, control: &mut Session, session: &mut Session, start: &mut Instant) -> Result<bool> {
        let pid = session.pid;
        let waiting =
            format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Extension'");
        while control.run(&waiting)?.first().is_none_or(|count| count != "1") {
            if session.ended(Duration::from_millis(5))? {
                return Ok(false);
            }
            if start.elapsed() > PATIENCE {
                return Err("it never waited".into());
            }
        }
        // into the middle of what it waits for
        if session.ended(Duration::from_millis(100))? {
            return Ok(false);
        }
        let action = if self.mode == Mode::Cancel { "cancel" } else { "terminate" };
        *start = Instant::now();
        control.run(&format!("SELECT pg_{action}_backend({pid})")).map(|_| true)
    }

    /// The same session asks the same machine again, and gets that call's answer and no other.
    fn follow_up(&self, control: &mut Session, session: &mut Session, problems: &mut Vec<String>) -> Result<()> {
        let Some(good) = &self.fault.good else {
            return session.run("SELECT 'alive'").map(drop);
        };
        self.point(control, &format!("{good}/n{}/v1", self.number))?;
        let lines = session.run(&self.question("few"))?;
        if !lines.iter().any(|line| line.contains(GOOD)) {
            problems.push(format!("the next call gave {}", lines.join(" ")));
        }
        Ok(())
    }
}

/// The SQLSTATE of the first error, else what was answered.
fn outcome(lines: &[String]) -> String {
    let error = lines.iter().find_map(|line| {
        let (_, rest) = line.split_once("ERROR:  ").or_else(|| line.split_once("FATAL:  "))?;
        rest.split_once(':').map(|(code, _)| code.to_string())
    });
    match error {
        Some(code) => code,
        None if lines.iter().any(|line| line.contains(POISON)) => "poison".into(),
        None if lines.iter().any(|line| line.contains("/* t2sql")) => "ok".into(),
        None => lines.first().map(|line| line.chars().take(20).collect()).unwrap_or_default(),
    }
}

/// A psql that is fed through a pipe.
struct Session {
    child: Child,
    lines: Receiver<String>,
    /// Lines of the statement that runs.
    seen: Vec<String>,
    statements: usize,
    pid: i32,
    ca_file: String,
}

impl Session {
    fn open(psql: &[String], ca_file: &str) -> Result<Self> {
        let (program, arguments) = psql.split_first().ok_or("usage: faults PSQL ARGUMENT…")?;
        // errors in their place among the answers
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 2>&1", program])
            .args(arguments)
            .args(["-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{program}: {e}"))?;
        let stdout = child.stdout.take().ok_or("psql has no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(|line| line.ok()) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let mut session = Self { child, lines, seen: Vec::new(), statements: 0, pid: 0, ca_file: ca_file.into() };
        let pid = session.run("SELECT pg_backend_pid()")?;
        session.pid = pid.first().and_then(|pid| pid.parse().ok()).ok_or_else(|| format!("no session: {pid:?}"))?;
        Ok(session)
    }

    fn send(&mut self, sql: &str) -> Result<()> {
        self.statements += 1;
        self.seen.clear();
        let stdin = self.child.stdin.as_mut().ok_or("psql has no input")?;
        let text = format!("{sql};\nSELECT 'done {}';\n", self.statements);
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).map_err(|e| format!("psql is gone: {e}"))
    }

    /// Whether the statement ends within `time`.
    fn ended(&mut self, time: Duration) -> Result<bool> {
        let done = format!("done {}", self.statements);
        let deadline = Instant::now() + time;
        loop {
            if self.seen.contains(&done) {
                return Ok(true);
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Err(RecvTimeoutError::Disconnected) => return Err(format!("the session is lost: {:?}", self.seen)),
            }
        }
    }

    fn finish(&mut self) -> Result<Vec<String>> {
        if !self.ended(PATIENCE + Duration::from_secs(5))? {
            return Err("it hangs".into());
        }
        let mut lines = std::mem::take(&mut self.seen);
        lines.retain(|line| !line.starts_with("done "));
        Ok(lines)
    }

    fn run(&mut self, sql: &str) -> Result<Vec<String>> {
        self.send(sql)?;
        self.finish()
    }

    /// Everything until the session is gone, or the statement has ended.
    fn rest(&mut self) -> Result<Vec<String>> {
        match self.ended(PATIENCE) {
            Ok(false) => Err("it was not terminated".into()),
            Ok(true) | Err(_) => Ok(std::mem::take(&mut self.seen)),
        }
    }

    fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(1, Iterator::count)
    }

    /// Waits until the backend has one thread again; the most that it had.
    fn threads_end(&self, problems: &mut Vec<String>) -> Result<usize> {
        let start = Instant::now();
        let mut most = 1;
        loop {
            let threads = self.threads();
            most = most.max(threads);
            if threads == 1 {
                break;
            }
            if start.elapsed() > ORPHANS_END {
                problems.push(format!("{threads} threads are left"));
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if most > 1 + ORPHANS {
            problems.push(format!("{most} threads at the same time"));
        }
        Ok(most)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // end of input ends psql; a terminated one is gone already
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Report {
    cases: usize,
    line: String,
    /// Of each mode: cases, those that had to be ended, worst time and where.
    modes: [(usize, usize, Duration, String); 4],
    name: String,
    threads: usize,
    problems: Vec<String>,
}

impl Report {
    fn begin(&mut self, name: &str) {
        if self.cases == 0 {
            let columns: Vec<String> = MODES.iter().map(|(_, label)| format!("{label:>22}")).collect();
            println!("{:<34}{}", "milliseconds", columns.join(""));
        }
        self.name = name.into();
        self.line = format!("{name:<34}");
    }

    fn add(&mut self, mode: Mode, label: &str, outcome: &Outcome) {
        let took = outcome.took.as_millis();
        let cell =
            if outcome.by_itself { format!("({}) -", outcome.ended) } else { format!("({}) {took}", outcome.ended) };
        self.line.push_str(&format!("{:>22}", cell.chars().take(21).collect::<String>()));
        let (cases, ended, worst, at) = &mut self.modes[mode as usize];
        *cases += 1;
        if !outcome.by_itself {
            *ended += 1;
            if outcome.took > *worst {
                (*worst, *at) = (outcome.took, self.name.clone());
            }
        }
        self.threads = self.threads.max(outcome.threads);
        self.cases += 1;
        self.problems.extend(outcome.problems.iter().map(|problem| format!("{} / {label}: {problem}", self.name)));
    }

    fn end(&mut self) {
        println!("{}", self.line);
    }

    fn print(&self, faults: usize) {
        println!("\n{faults} faults, {} cases; \"-\" was over before it could be ended\n", self.cases);
        println!("{:<24}{:>8}{:>8}{:>12}  at", "mode", "cases", "ended", "worst ms");
        for ((_, label), (cases, ended, worst, at)) in MODES.iter().zip(&self.modes) {
            println!("{label:<24}{cases:>8}{ended:>8}{:>12}  {at}", worst.as_millis());
        }
        println!("most threads at once: {}, at rest: 1; {POISON:?} never came through", self.threads);
    }
}
