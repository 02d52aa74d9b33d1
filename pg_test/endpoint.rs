//! Endpoints: what a call reports, and that nothing keeps a session from being cancelled.

use crate::error::Error;
use crate::pg::endpoint::{Endpoint, closed_for};
use crate::pg::interrupt;
use pgrx::prelude::*;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use t2sql_core::wire::{ChatReply, ChatRequest, Message};

/// One call through a server, as `ask` makes it.
fn chat(server: &str) -> Result<ChatReply, Error> {
    let messages = vec![Message::user("hello")];
    Endpoint::open(server)?.chat(&ChatRequest { model: "fake".into(), messages, ..ChatRequest::default() })
}

/// Where the fake endpoint listens, without `/v1`; the harness starts it.
fn base() -> String {
    let url = Spi::get_one::<String>("SELECT pg_catalog.current_setting('fake.endpoint')").unwrap().unwrap();
    url.trim_end_matches("/v1").to_string()
}

/// A server whose calls all meet `fault`.
fn faulty(fault: &str) -> String {
    define("faulty", &format!("url '{}/fault/{fault}/v1'", base()));
    "faulty".into()
}

fn define(name: &str, options: &str) {
    Spi::run(&format!(
        "DROP SERVER IF EXISTS {name} CASCADE;
         CREATE SERVER {name} FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS ({options})"
    ))
    .unwrap();
}

/// What a user sees of the failure of `sql`: SQLSTATE, message, hint.
fn failure(sql: &str) -> (String, String, String) {
    let sql = sql.to_string();
    PgTryBuilder::new(move || {
        Spi::run(&sql).unwrap();
        panic!("{sql} did not fail");
    })
    .catch_others(|error| match error {
        pg_sys::panic::CaughtError::PostgresError(report) | pg_sys::panic::CaughtError::ErrorReport(report) => (
            format!("{:?}", report.sql_error_code()),
            report.message().to_string(),
            report.hint().unwrap_or_default().to_string(),
        ),
        pg_sys::panic::CaughtError::RustPanic { ereport, .. } => panic!("{}", ereport.message()),
    })
    .execute()
}

/// A session of its own, so that it can be cancelled from here.
struct Session {
    psql: Child,
    name: &'static str,
}

impl Session {
    /// Runs statements one after the other, going on after errors.
    fn start(name: &'static str, statements: &[String]) -> Self {
        let setting = |name: &str| Spi::get_one::<String>(&format!("SELECT {name}")).unwrap().unwrap();
        let bin = setting("setting FROM pg_catalog.pg_config() WHERE name = 'BINDIR'");
        let sockets = setting("pg_catalog.split_part(pg_catalog.current_setting('unix_socket_directories'), ',', 1)");
        let mut command = Command::new(format!("{bin}/psql"));
        command
            .args(["-X", "-A", "-t", "-q", "-v", "VERBOSITY=verbose", "-h", &sockets])
            .args(["-p", &setting("pg_catalog.current_setting('port')")])
            .args(["-U", &setting("session_user::text"), "-d", &setting("pg_catalog.current_database()::text")])
            .env("PGAPPNAME", name)
            .env_remove("PGOPTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for statement in statements {
            command.args(["-c", statement]);
        }
        Self { psql: command.spawn().unwrap(), name }
    }

    /// Everything it printed, when it has ended.
    fn output(self) -> String {
        let output = self.psql.wait_with_output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Its backend's pid, when that waits for an endpoint.
    fn await_waiting(&self) -> i32 {
        let event = if cfg!(any(feature = "pg17", feature = "pg18")) { "T2sqlEndpoint" } else { "Extension" };
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(25));
            let pid = self.backend(&format!("AND wait_event OPERATOR(pg_catalog.=) '{event}'"));
            if let Some(pid) = pid {
                return pid;
            }
        }
        panic!("session {} does not wait for its endpoint", self.name);
    }

    fn backend(&self, condition: &str) -> Option<i32> {
        Spi::run("SELECT pg_catalog.pg_stat_clear_snapshot()").unwrap();
        let name = self.name;
        Spi::get_one(&format!(
            "SELECT pg_catalog.min(pid) FROM pg_catalog.pg_stat_activity
             WHERE application_name OPERATOR(pg_catalog.=) '{name}' {condition}"
        ))
        .unwrap()
    }
}

/// Statements that call a server at `url` in a session, roll back, and show that it lives.
fn calls(url: &str, before: &str) -> Vec<String> {
    [
        "BEGIN",
        "SET t2sql.allow_plaintext = on",
        "SELECT pg_catalog.set_config('t2sql.ca_file', pg_catalog.current_setting('fake.ca_file'), false) IS NULL",
        &format!("CREATE SERVER apart FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{url}')"),
        before,
        "SELECT tests.call_endpoint('apart')",
        "ROLLBACK",
        "SELECT 'alive with ' || tests.threads() || ' thread'",
    ]
    .map(String::from)
    .to_vec()
}

/// Everywhere a call can hang: name, url.
fn stalls() -> Vec<(&'static str, String)> {
    let silent = Spi::get_one::<String>("SELECT pg_catalog.current_setting('fake.silent')").unwrap().unwrap();
    let tls = Spi::get_one::<String>("SELECT pg_catalog.current_setting('fake.tls')").unwrap().unwrap();
    let over_tls = |name: &str| tls.replace("/v1", &format!("/fault/{name}/v1"));
    let fault = |name: &str| format!("{}/fault/{name}/v1", base());
    vec![
        // nobody has this address (RFC 5737): no answer, or none that matters
        ("connect", "http://192.0.2.1:9/v1".into()),
        ("accept", silent.clone()),
        ("handshake", silent.replace("http:", "https:")),
        ("headers", fault("stall-headers")),
        ("body", fault("stall-body")),
        ("drip", fault("drip")),
        ("headers over TLS", over_tls("stall-headers")),
        ("body over TLS", over_tls("stall-body")),
        ("retry wait", fault("status-503-after-20")),
    ]
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::pg_sys::panic::ErrorReport;

    #[pg_extern(volatile, parallel_unsafe)]
    fn call_endpoint(server: &str) -> Result<String, ErrorReport> {
        Ok(chat(server)?.text)
    }

    /// Threads of this backend.
    #[pg_extern(volatile, parallel_unsafe)]
    fn threads() -> i32 {
        std::fs::read_dir("/proc/self/task").map_or(1, |tasks| tasks.count() as i32)
    }

    /// Blocks in a thread where nothing can wake it up, as name lookup does.
    #[pg_extern(volatile, parallel_unsafe)]
    fn block(milliseconds: i32) -> String {
        let duration = Duration::from_millis(milliseconds as u64);
        let deadline = Instant::now() + Duration::from_secs(60);
        match interrupt::offload(deadline, || {}, move || std::thread::sleep(duration)) {
            Ok(()) => "done".into(),
            Err(failed) => format!("{failed:?}"),
        }
    }

    #[pg_test]
    fn an_endpoint_answers_in_chat_and_vectors() {
        define("plain", &format!("url '{}/v1'", base()));
        let reply = chat("plain").unwrap();
        assert_eq!(reply.text, "SELECT 1");
        assert_eq!(reply.prompt_tokens, 100);
        let texts: Vec<String> = (0..130).map(|n| format!("shelf number {n}")).collect();
        let vectors = Endpoint::open("plain").unwrap().embed("fake", &texts).unwrap();
        assert_eq!(vectors.len(), 130);
        // the endpoint answers in reverse order, and each batch apart
        for n in [0, 63, 64, 129] {
            let alone = Endpoint::open("plain").unwrap().embed("fake", &texts[n..=n]).unwrap();
            assert_eq!(vectors[n], alone[0], "text {n}");
        }
        assert_eq!(threads(), 1);
    }

    #[pg_test]
    fn models_that_take_no_temperature_are_asked_again_without() {
        let endpoint = Endpoint::open(&faulty("picky")).unwrap();
        let request = |temperature| ChatRequest {
            model: "fake".into(),
            messages: vec![Message::user("hello")],
            temperature,
            ..ChatRequest::default()
        };
        for temperature in [Some(0.0), None] {
            assert_eq!(endpoint.chat(&request(temperature)).unwrap().text, "SELECT 1");
        }
    }

    #[pg_test]
    fn every_failure_has_its_own_code_and_hint() {
        Spi::run("SET LOCAL t2sql.request_timeout = '700ms'").unwrap();
        for (fault, sqlstate, message, hint) in [
            ("status-401", "58030", "HTTP status 401", "key"),
            ("status-404", "58030", "HTTP status 404", "model's name"),
            ("status-429", "58030", "HTTP status 429", "rate"),
            ("status-429-after-99", "58030", "HTTP status 429", "99 s"),
            ("status-500", "58030", "HTTP status 500", "try again"),
            ("redirect", "58030", "HTTP status 307", ""),
            ("stall-headers", "58030", "within 700 ms", "t2sql.request_timeout"),
            ("drip", "58030", "within 700 ms", "t2sql.request_timeout"),
            ("cut-body", "58030", "too early", "url"),
            ("html", "38000", "HTML", "url"),
            ("wrong-json", "38000", "not valid JSON", "url"),
            ("other-json", "38000", "no choices", "url"),
            ("empty", "38000", "empty", "url"),
            ("huge-length", "38000", "larger than 8388608", "url"),
            ("huge-chunked", "38000", "larger than 8388608", "url"),
        ] {
            let start = Instant::now();
            let error = chat(&faulty(fault)).unwrap_err();
            assert!(start.elapsed() < Duration::from_millis(1_500), "{fault} took {:?}", start.elapsed());
            assert_eq!(error.sqlstate(), sqlstate, "{fault}: {error}");
            assert!(error.to_string().contains(message), "{fault}: {error}");
            assert!(error.hint().is_some_and(|text| text.contains(hint)), "{fault}: {:?}", error.hint());
        }
        define("nobody", "url 'http://127.0.0.1:1/v1'");
        let error = chat("nobody").unwrap_err();
        assert_eq!(error.sqlstate(), "58030");
        assert_eq!(error.to_string(), "endpoint \"nobody\": it refused the connection");
        assert_eq!(threads(), 1);
    }

    #[pg_test]
    fn an_endpoint_that_keeps_failing_is_left_alone() {
        // too little time for a second try
        Spi::run("SET LOCAL t2sql.request_timeout = '100ms'").unwrap();
        let until_refused = |server: &str| {
            let codes: Vec<_> = (0..8).map_while(|_| chat(server).err().map(|error| error.sqlstate())).collect();
            codes.iter().position(|code| code == "53400")
        };
        define("failing", "url 'http://127.0.0.1:1/v1'");
        let failures = until_refused("failing").expect("its breaker never opened");
        assert!((1..=5).contains(&failures), "{failures} calls");
        let error = chat("failing").unwrap_err();
        assert!(error.to_string().contains("\"failing\" keeps failing"), "{error}");
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains(" s.") && hint.contains("t2sql.engine = builtin"), "{hint}");
        assert!(closed_for("failing").unwrap().is_some());
        Spi::run(&format!("ALTER SERVER failing OPTIONS (SET url '{}/v1')", base())).unwrap();
        assert_eq!(closed_for("failing").unwrap(), None);
        assert_eq!(chat("failing").unwrap().text, "SELECT 1", "another url begins anew");
        // refusals, and the caller's own impatience, are no failures of the endpoint
        for fault in ["status-401", "status-429", "stall-headers", "html"] {
            assert_eq!(until_refused(&faulty(fault)), None, "{fault}");
        }
    }

    #[pg_test]
    fn poisonous_embeddings_are_refused() {
        let texts = ["ash".to_string(), "birch".to_string()];
        for fault in ["wrong-count", "wrong-dimension", "wrong-index", "nan", "zero"] {
            let error = Endpoint::open(&faulty(fault)).unwrap().embed("fake", &texts).unwrap_err();
            assert_eq!(error.sqlstate(), "38000", "{fault}: {error}");
        }
    }

    #[pg_test]
    fn statement_timeout_ends_every_wait() {
        for (phase, url) in stalls() {
            let session = Session::start("timed", &calls(&url, "SET statement_timeout = '300ms'"));
            let start = Instant::now();
            let output = session.output();
            // the session's own start and end are in it as well
            assert!(start.elapsed() < Duration::from_millis(1_300), "{phase}: {:?}", start.elapsed());
            let no_route = phase == "connect" && output.contains("no route");
            assert!(output.contains("57014") || no_route, "{phase}: {output}");
            // a connect that hangs leaves its thread behind for a while
            assert!(output.contains("alive with 1 thread") || phase == "connect", "{phase}: {output}");
        }
    }

    #[pg_test]
    fn cancel_ends_every_wait_within_half_a_second() {
        for (phase, url) in stalls() {
            if phase == "connect" {
                continue; // may fail at once, where there is no route
            }
            let session = Session::start("cancelled", &calls(&url, "SELECT"));
            let pid = session.await_waiting();
            let start = Instant::now();
            Spi::run(&format!("SELECT pg_catalog.pg_cancel_backend({pid})")).unwrap();
            let output = session.output();
            assert!(start.elapsed() < Duration::from_millis(500), "{phase}: {:?}", start.elapsed());
            assert!(output.contains("57014") && output.contains("alive with 1 thread"), "{phase}: {output}");
        }
    }

    #[pg_test]
    fn what_cannot_be_woken_is_left_behind_within_bounds() {
        let call = "SELECT tests.block(2000)";
        let statements = [
            "SET statement_timeout = '50ms'",
            call,
            call,
            call,
            call,
            // no fifth thread beside the four that still sleep
            call,
            "SELECT 'with ' || tests.threads() || ' threads'",
            "RESET statement_timeout",
            "SELECT pg_catalog.pg_sleep(2)",
            "SELECT tests.block(1) || ' with ' || tests.threads() || ' thread'",
        ];
        let start = Instant::now();
        let output = Session::start("leaving", &statements.map(String::from)).output();
        // each cancel waits at most 200 ms for its thread
        assert!(start.elapsed() < Duration::from_millis(4_000), "{:?}", start.elapsed());
        assert_eq!(output.matches("57014").count(), 4, "{output}");
        for expected in ["NoThread", "with 5 threads", "done with 1 thread"] {
            assert!(output.contains(expected), "{output}");
        }
    }

    #[pg_test]
    fn control_c_ends_a_wait() {
        let session = Session::start("interrupted", &calls(&format!("{}/fault/stall-body/v1", base()), "SELECT"));
        session.await_waiting();
        let start = Instant::now();
        // SAFETY: a signal to the child that was started above.
        unsafe { libc::kill(session.psql.id() as i32, libc::SIGINT) };
        let output = session.output();
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        assert!(output.contains("57014"), "{output}");
    }

    #[pg_test]
    fn terminate_ends_a_wait() {
        let session = Session::start("terminated", &calls(&format!("{}/fault/stall-headers/v1", base()), "SELECT"));
        let pid = session.await_waiting();
        let start = Instant::now();
        Spi::run(&format!("SELECT pg_catalog.pg_terminate_backend({pid})")).unwrap();
        let output = session.output();
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        assert!(output.contains("57P01"), "{output}");
    }

    #[pg_test]
    fn a_client_that_is_gone_is_noticed() {
        let mut session = Session::start("vanished", &calls(&format!("{}/fault/stall-headers/v1", base()), "SELECT"));
        session.await_waiting();
        session.psql.kill().unwrap();
        session.psql.wait().unwrap();
        let start = Instant::now();
        while session.backend("").is_some() {
            assert!(start.elapsed() < Duration::from_secs(2), "the backend is still there");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[pg_test]
    fn an_interrupt_can_be_caught_and_the_next_call_works() {
        let script = format!(
            "BEGIN;
             CREATE SERVER slow FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{0}/fault/stall-body/v1');
             CREATE SERVER fine FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{0}/v1');",
            base()
        );
        let caught = "DO $$ BEGIN PERFORM tests.call_endpoint('slow'); EXCEPTION WHEN query_canceled THEN NULL; END $$";
        let statements = [
            script.as_str(),
            "SET statement_timeout = '200ms'",
            caught,
            caught,
            "SELECT tests.call_endpoint('fine') || ', ' || tests.threads()",
        ];
        let output = Session::start("catching", &statements.map(String::from)).output();
        assert_eq!(output.trim(), "SELECT 1, 1");
    }

    #[pg_test]
    fn servers_are_validated() {
        let create = |options: &str| {
            failure(&format!("CREATE SERVER wrong FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS ({options})"))
        };
        for (options, message) in [
            ("url 'ftp://host/'", "neither with http"),
            ("url 'http://user:pw@host/v1'", "user name or password"),
            ("url E'http://host/\\r\\nx: y'", "control character"),
            ("url ''", "url"),
            ("api_key 'x'", "invalid option \"api_key\""),
            ("nonsense 'x'", "invalid option \"nonsense\""),
            ("azure_api_version 'x&y=z'", "azure_api_version"),
            ("api_key_file 'relative/key'", "absolute path"),
            ("api_key_env 'A=B'", "name of a variable"),
        ] {
            let (code, text, hint) = create(options);
            assert_eq!(code, "ERRCODE_INVALID_PARAMETER_VALUE", "{options}: {text}");
            assert!(text.contains(message) && !hint.is_empty(), "{options}: {text}");
        }
        assert!(create("api_key 'x'").2.contains("USER MAPPING"));
        define("mapped", "url 'https://models.example/v1'");
        let (_, text, _) = failure("CREATE USER MAPPING FOR PUBLIC SERVER mapped OPTIONS (api_key E'a\\nb')");
        assert!(text.contains("api_key"), "{text}");
    }

    #[pg_test]
    fn only_trusted_roles_name_files_and_variables() {
        Spi::run(
            "CREATE ROLE clerk; CREATE ROLE archivist IN ROLE pg_read_server_files;
             GRANT USAGE ON FOREIGN DATA WRAPPER t2sql_endpoint TO clerk, archivist;
             GRANT CREATE ON DATABASE pgrx_tests TO clerk, archivist;",
        )
        .unwrap();
        let create = |role: &str, options: &str| {
            format!(
                "SET LOCAL ROLE {role};
                 CREATE SERVER of_{role} FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url 'https://models.example/v1', {options})"
            )
        };
        for (role, options) in
            [("clerk", "api_key_file '/k'"), ("clerk", "api_key_env 'K'"), ("archivist", "api_key_env 'K'")]
        {
            let (code, text, hint) = failure(&create(role, options));
            assert_eq!(code, "ERRCODE_INSUFFICIENT_PRIVILEGE", "{role} {options}: {text}");
            assert!(hint.contains("user mapping"), "{hint}");
        }
        Spi::run(&create("archivist", "api_key_file '/nowhere/key'")).unwrap();
        // who owns the server at use must still be trusted
        Spi::run("RESET ROLE; REVOKE pg_read_server_files FROM archivist").unwrap();
        assert_eq!(chat("of_archivist").unwrap_err().sqlstate(), "42501");
    }

    #[pg_test]
    fn keys_come_from_mapping_and_file() {
        use std::os::unix::fs::PermissionsExt;
        let guarded = Spi::get_one::<String>("SELECT pg_catalog.current_setting('fake.guarded')").unwrap().unwrap();
        let path = std::env::temp_dir().join(format!("t2sql-key-{}", std::process::id()));
        let mode = |mode: u32| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&path, "sk-right\n").unwrap();

        define("guarded", &format!("url '{guarded}'"));
        assert!(chat("guarded").unwrap_err().to_string().contains("401"), "no key at all");
        define("guarded", &format!("url '{guarded}', api_key_file '{}'", path.display()));
        mode(0o640);
        let error = chat("guarded").unwrap_err();
        assert_eq!((error.sqlstate().as_str(), error.to_string().contains("accessed by others")), ("55000", true));
        mode(0o600);
        assert_eq!(chat("guarded").unwrap().text, "SELECT 1");
        std::fs::write(&path, "sk-right\r\nx: y").unwrap();
        assert_eq!(chat("guarded").unwrap_err().sqlstate(), "55000");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(chat("guarded").unwrap_err().sqlstate(), "55000");

        // the caller's own key goes before the server's
        Spi::run("CREATE USER MAPPING FOR PUBLIC SERVER guarded OPTIONS (api_key 'sk-wrong')").unwrap();
        assert!(chat("guarded").unwrap_err().to_string().contains("401"));
        Spi::run("CREATE USER MAPPING FOR CURRENT_USER SERVER guarded OPTIONS (api_key 'sk-right')").unwrap();
        assert_eq!(chat("guarded").unwrap().text, "SELECT 1");
        define("guarded", &format!("url '{guarded}', azure_api_version '2024-10-21'"));
        Spi::run("CREATE USER MAPPING FOR CURRENT_USER SERVER guarded OPTIONS (api_key 'sk-right')").unwrap();
        assert_eq!(chat("guarded").unwrap().text, "SELECT 1", "Azure's form");
    }

    #[pg_test]
    fn settings_bound_where_requests_go() {
        define("far", "url 'http://192.0.2.1/v1'");
        define("metadata", "url 'https://169.254.169.254/v1'");
        define("plain", &format!("url '{}/v1'", base()));
        for (server, why) in [("far", "plain http"), ("metadata", "metadata")] {
            let error = chat(server).unwrap_err();
            assert_eq!(error.sqlstate(), "55000", "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
        Spi::run("SET LOCAL t2sql.allowed_hosts = 'models.example'").unwrap();
        assert!(chat("plain").unwrap_err().to_string().contains("t2sql.allowed_hosts"));
        Spi::run("SET LOCAL t2sql.allowed_hosts = 'models.example, 127.0.0.1'").unwrap();
        assert!(chat("plain").is_ok());
        Spi::run("SET LOCAL t2sql.ca_file = '/nowhere/ca.pem'").unwrap();
        assert_eq!(chat("plain").unwrap_err().sqlstate(), "55000");
    }

    #[pg_test]
    fn servers_must_exist_and_be_endpoints() {
        Spi::run("CREATE FOREIGN DATA WRAPPER other; CREATE SERVER elsewhere FOREIGN DATA WRAPPER other").unwrap();
        define("empty", "azure_api_version 'preview'");
        for (server, why) in [("missing", "does not exist"), ("elsewhere", "not one of wrapper"), ("empty", "no url")] {
            let error = chat(server).unwrap_err();
            assert_eq!(error.sqlstate(), "55000");
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
