//! What `#[pg_test]` expects at the crate root: how the test server is set up.

use crate::suites::guard::{BENIGN, HOSTILE, lines, statement};
use fake_endpoint::{Handle, PACKAGINGS, Script, start};
use std::sync::OnceLock;

/// Endpoints run in the test process, never in a backend, whose signals they would steal. Tests find them by settings:
/// `fake.endpoint` (answers; faults by url), `fake.guarded` (wants the key sk-right), `fake.silent` (never accepts a
/// connection), `fake.tls` whose certificate is in the file `fake.ca_file`, `fake.obedient` (does what a prompt makes it
/// do, and records that in the file `fake.obedient_log`), `fake.reciting` (says the lines of tests/hostile in the
/// packagings `fake.packagings`).
struct Endpoints {
    open: Handle,
    guarded: Handle,
    silent: Handle,
    obedient: Handle,
    obedient_log: String,
    reciting: Handle,
    tls: Handle,
    ca_file: String,
}

fn endpoints() -> &'static Endpoints {
    static ENDPOINTS: OnceLock<Endpoints> = OnceLock::new();
    ENDPOINTS.get_or_init(|| {
        let script = || Script::default().otherwise("SELECT 1");
        let open = model(script());
        let tls = start(Script { tls: true, ..script() });
        let ca_file = std::env::temp_dir().join(format!("t2sql-ca-{}.pem", std::process::id()));
        std::fs::write(&ca_file, tls.ca_pem.as_deref().unwrap_or_default())
            .expect("the temporary directory is writable");
        let obedient_log = std::env::temp_dir().join(format!("t2sql-obedient-{}.jsonl", std::process::id()));
        let hostile = lines(HOSTILE).filter_map(|line| Some(line.split_once('\t')?.1));
        let recited = hostile.chain(lines(BENIGN)).map(statement).collect();
        Endpoints {
            obedient_log: obedient_log.display().to_string(),
            obedient: start(Script { record: Some(obedient_log), ..script().obey("#obey") }),
            reciting: start(script().recite("#say", recited)),
            tls,
            ca_file: ca_file.display().to_string(),
            open: start(open),
            guarded: start(Script { key: Some("sk-right".into()), ..script() }),
            silent: start(Script { stall_accept: true, ..Script::default() }),
        }
    })
}

/// What the model of llm.rs says, by the words of the question.
fn model(script: Script) -> Script {
    let patients = "```sql\nSELECT count(*) AS n FROM clinic.patients\n```";
    script
        .reply("how many wizards", "[]")
        .reply("You choose the tables", "[\"clinic.patients\", \"clinic.visits\"]")
        .reply("That failed with SQLSTATE 42P01", patients)
        .reply("count those who are ill", patients)
        .reply("count the mistaken", "SELECT count(*) FROM clinic.patience")
        .reply("say prose only", "I would rather not say.")
        .reply("say two statements", "```sql\nSELECT 1; SELECT 2\n```")
        .reply("say destroy", "```sql\nDELETE FROM clinic.patients\n```")
        .reply("say sleep", "SELECT pg_sleep(5)")
        .reply("say secrets", "SELECT rolpassword FROM pg_authid")
        .reply("say endless fences", &"```with ".repeat(900_000))
        .reply("say endless updates", &"```update x ".repeat(600_000))
        .reply("say endless names", &"clinic.patience, ".repeat(450_000))
        .reply("say endless brackets", &"[{".repeat(3_500_000))
        .reply("say endless prose", &"select: -- /* x\n".repeat(450_000))
        .reply("say decline", "UNANSWERABLE: no table holds that")
}

pub fn setup(_options: Vec<&str>) {}

#[must_use]
pub fn postgresql_conf_options() -> Vec<&'static str> {
    let endpoints = endpoints();
    // scripts/test.sh sets it where this PostgreSQL has no TimescaleDB
    let without = std::env::var_os("WITHOUT_TIMESCALEDB").is_some();
    let mut options = if without { vec![] } else { vec!["shared_preload_libraries = 'timescaledb'"] };
    let packagings = PACKAGINGS.join(" ");
    let urls = [
        ("obedient", &endpoints.obedient.url),
        ("obedient_log", &endpoints.obedient_log),
        ("reciting", &endpoints.reciting.url),
        ("packagings", &packagings),
        ("endpoint", &endpoints.open.url),
        ("guarded", &endpoints.guarded.url),
        ("silent", &endpoints.silent.url),
        ("tls", &endpoints.tls.url),
        ("ca_file", &endpoints.ca_file),
    ];
    // pgrx wants static strings, and asks once
    options.extend(urls.map(|(name, url)| &*format!("fake.{name} = '{url}'").leak()));
    options
}
