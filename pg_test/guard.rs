//! The guard against hostile SQL, and what must pass it: every line of `tests/hostile`.

use crate::pg::seal::{self, Limits, Problem, Scope};
use pgrx::prelude::*;

/// What became of a statement: "ok", the guard's rule, or a SQLSTATE.
pub fn verdict<T>(outcome: &Result<T, Problem>) -> String {
    match outcome {
        Ok(_) => "ok".into(),
        Err(Problem::Refused { rule, .. }) => (*rule).into(),
        Err(Problem::Sql { sqlstate, .. }) => sqlstate.clone(),
        Err(Problem::TooExpensive { .. }) => "too-expensive".into(),
        Err(Problem::Timeout { .. }) => "timeout".into(),
        Err(Problem::RowCap { .. }) => "row-cap".into(),
        Err(Problem::ByteCap { .. }) => "byte-cap".into(),
        Err(Problem::Columns { .. }) => "columns".into(),
        Err(Problem::Setup { .. }) => "setup".into(),
    }
}

pub fn limits() -> Limits {
    Limits { max_rows: 10_000, max_bytes: 10_000_000, timeout_ms: 10_000, max_cost: 1e7 }
}

/// Names are looked up in the test's schema, then in that of the extensions.
pub fn path() -> Vec<String> {
    vec!["lib".into(), "public".into()]
}

pub fn fetch(sql: &str) -> Result<seal::Rows, Problem> {
    seal::fetch(sql, &Scope { search_path: &path(), relations: None }, &limits())
}

pub const HOSTILE: &str = include_str!("../tests/hostile/statements.txt");
pub const BENIGN: &str = include_str!("../tests/hostile/benign.txt");

pub fn fixture() {
    Spi::run(include_str!("guard_fixture.sql")).unwrap();
}

pub fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

pub fn statement(line: &str) -> String {
    line.replace("{deep}", &format!("select {}1{}", "(".repeat(30_000), ")".repeat(30_000))).replace("\\n", "\n")
}

/// Everything that a statement could have changed, as one text.
pub fn state() -> String {
    Spi::get_one::<String>(
        "SELECT concat_ws(' ', current_user, session_user, current_setting('search_path'), current_setting('work_mem'),
            current_setting('temp_file_limit'), current_setting('transaction_read_only'), current_setting('row_security'),
            current_setting('statement_timeout'), current_setting('standard_conforming_strings'),
            (SELECT count(*) FROM pg_catalog.pg_class), (SELECT count(*) FROM pg_catalog.pg_proc),
            (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata), (SELECT count(*) FROM pg_catalog.pg_roles),
            (SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()), (SELECT count(*) FROM pg_catalog.pg_cursors),
            (SELECT count(*) FROM pg_catalog.pg_prepared_statements), (SELECT count(*) FROM pg_catalog.pg_listening_channels()))",
    )
    .unwrap()
    .unwrap()
}

pub fn data() -> String {
    Spi::get_one::<String>(
        "SELECT concat_ws(' ', (SELECT count(*) FROM lib.journal), (SELECT sum(price) FROM lib.books),
            (SELECT count(*) FROM lib.loans), (SELECT last_value FROM lib.counter), (SELECT is_called FROM lib.counter))",
    )
    .unwrap()
    .unwrap()
}

#[pgrx::pg_schema]
mod tests {
    use super::*;

    fn refuses_everything() {
        let mut wrong = Vec::new();
        let mut count = 0;
        for line in lines(HOSTILE) {
            let (expected, sql) = line.split_once('\t').expect("a rule, a tab, a statement");
            let before = state();
            let found = verdict(&fetch(&statement(sql)));
            count += 1;
            if found != expected {
                wrong.push(format!("{found} instead of {expected}: {sql}"));
            }
            if state() != before {
                wrong.push(format!("changed something: {sql}"));
            }
        }
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
        assert!(count >= 250, "only {count} hostile statements");
    }

    #[pg_test]
    fn guard_refuses_hostile_statements_of_a_plain_role() {
        fixture();
        let before = data();
        Spi::run("SET ROLE visitor").unwrap();
        refuses_everything();
        Spi::run("RESET ROLE").unwrap();
        assert_eq!(data(), before);
    }

    #[pg_test]
    fn guard_lets_no_hostile_statement_of_a_superuser_run() {
        fixture();
        let before = (data(), state());
        let mut wrong = Vec::new();
        for line in lines(HOSTILE) {
            let (expected, sql) = line.split_once('\t').expect("a rule, a tab, a statement");
            let found = verdict(&fetch(&statement(sql)));
            // t2sql_reader may read what the visitor may not; nothing else differs
            let readable = ["42P01", "42703", "42501"].contains(&expected) && found == "ok";
            if found != expected && !readable {
                wrong.push(format!("{found} instead of {expected}: {sql}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!((data(), state()), before);
    }

    #[pg_test]
    fn guard_accepts_what_people_ask() {
        fixture();
        Spi::run("SET ROLE visitor").unwrap();
        let mut wrong = Vec::new();
        let mut count = 0;
        for line in lines(BENIGN) {
            count += 1;
            let sql = statement(line);
            let scope = path();
            let scope = Scope { search_path: &scope, relations: None };
            for (how, outcome) in [
                ("fetch", seal::fetch(&sql, &scope, &limits()).map(|_| ())),
                ("check", seal::check(&sql, &scope, &limits()).map(|_| ())),
            ] {
                if let Err(problem) = outcome {
                    wrong.push(format!("{how} {problem:?}: {line}"));
                }
            }
        }
        Spi::run("RESET ROLE").unwrap();
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
        assert!(count >= 40, "only {count} benign statements");
    }

    /// What `check` deparses means the same without any search_path.
    #[pg_test]
    fn guard_accepts_its_own_deparsed_sql() {
        fixture();
        Spi::run("SET ROLE visitor").unwrap();
        let scope = path();
        let mut wrong = Vec::new();
        for line in lines(BENIGN) {
            let sql = statement(line);
            let Ok(checked) = seal::check(&sql, &Scope { search_path: &scope, relations: None }, &limits()) else {
                continue;
            };
            let again = seal::check(&checked.qualified, &Scope { search_path: &[], relations: None }, &limits());
            match again {
                Ok(again) if again.columns == checked.columns && again.relations == checked.relations => {}
                other => wrong.push(format!("{line}\n -> {}\n -> {other:?}", checked.qualified)),
            }
        }
        Spi::run("RESET ROLE").unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Every function that PostgreSQL brings along, called with plausible arguments: what the
    /// guard accepts must neither crash nor change anything, and nothing volatile slips through.
    #[pg_test]
    fn guard_survives_a_call_of_every_builtin_function() {
        fixture();
        let calls = Spi::connect(|client| {
            let rows = client.select(include_str!("guard_calls.sql"), None, &[]).unwrap();
            rows.map(|row| (row.get::<String>(1).unwrap().unwrap(), row.get::<bool>(2).unwrap().unwrap()))
                .collect::<Vec<_>>()
        });
        assert!(calls.len() > 2_000, "only {} functions", calls.len());
        Spi::run("SET ROLE visitor; SET client_min_messages = error").unwrap();
        let before = state();
        let (mut accepted, mut volatile) = (0, Vec::new());
        for (sql, is_volatile) in &calls {
            let limits = Limits { timeout_ms: 2_000, ..limits() };
            let found = verdict(&seal::fetch(sql, &Scope { search_path: &[], relations: None }, &limits));
            accepted += usize::from(found == "ok");
            if *is_volatile && found == "ok" {
                volatile.push(sql.as_str());
            }
        }
        assert_eq!(state(), before);
        assert!(accepted > 1_000, "only {accepted} of {} ran", calls.len());
        volatile.retain(|sql| {
            ![
                "random",
                "gen_random_uuid",
                "clock_timestamp",
                "timeofday",
                "array_sample",
                "array_shuffle",
                "random_normal",
                "uuidv",
            ]
            .iter()
            .any(|harmless| sql.starts_with(&format!("select pg_catalog.{harmless}")))
        });
        assert!(volatile.is_empty(), "{volatile:?}");
    }

    /// A rule that no statement breaks could be lost without a test noticing.
    #[pg_test]
    fn guard_has_a_test_for_every_rule() {
        const SOURCES: [&str; 7] = [
            include_str!("../src/pg/guard/functions.rs"),
            include_str!("../src/pg/guard/owned.rs"),
            include_str!("../src/pg/guard/raw.rs"),
            include_str!("../src/pg/guard/relations.rs"),
            include_str!("../src/pg/guard/types.rs"),
            include_str!("../src/pg/guard/walk.rs"),
            include_str!("../src/pg/seal/frame.rs"),
        ];
        let tests = [
            HOSTILE,
            include_str!("guard.rs"),
            include_str!("owner_code.rs"),
            include_str!("protect.rs"),
            include_str!("seal.rs"),
        ]
        .concat();
        let rules: std::collections::BTreeSet<&str> = SOURCES
            .iter()
            .flat_map(|source| source.split("refuse(").skip(1).chain(source.split("rule: ").skip(1)))
            .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
            .collect();
        assert!(rules.len() >= 20, "{rules:?}");
        // no SELECT of PostgreSQL 15 to 18 can contain such a node; refused all the same
        let unreachable = ["unsafe-expression"];
        let untested: Vec<_> =
            rules.iter().filter(|rule| !unreachable.contains(rule) && !tests.contains(**rule)).collect();
        assert!(untested.is_empty(), "{untested:?}");
    }

    #[pg_test]
    fn guard_refuses_overlong_and_nul() {
        let long = format!("select {}", "1 + ".repeat(20_000) + "1");
        assert_eq!(verdict(&fetch(&long)), "too-long");
        assert_eq!(verdict(&fetch("select 1\0")), "nul-byte");
    }

    #[pg_test]
    fn guard_hides_whether_a_relation_exists() {
        fixture();
        Spi::run("SET ROLE visitor").unwrap();
        for (forbidden, missing) in [
            ("select * from lib.salaries", "select * from lib.salariez"),
            ("select *\n  from lib.books b, lib.salaries s", "select *\n  from lib.books b, lib.salariez s"),
            ("select * from vault.codes", "select * from vault.codez"),
            ("select * from vault.codes", "select * from vaults.code"),
        ] {
            let (forbidden, missing) = (fetch(forbidden).unwrap_err(), fetch(missing).unwrap_err());
            let plain = |problem: &Problem| {
                format!("{problem:?}")
                    .replace("salariez", "salaries")
                    .replace("codez", "codes")
                    .replace("vaults.code", "vault.codes")
            };
            assert_eq!(plain(&forbidden), plain(&missing));
        }
        Spi::run("RESET ROLE").unwrap();
    }

    #[pg_test]
    fn guard_enforces_the_registered_relations() {
        fixture();
        Spi::run("SET ROLE visitor").unwrap();
        let books = Spi::get_one::<pg_sys::Oid>("SELECT 'lib.books'::regclass::oid").unwrap().unwrap();
        let only = [books];
        let scope = Scope { search_path: &path(), relations: Some(&only) };
        assert_eq!(verdict(&seal::fetch("select count(*) from books", &scope, &limits())), "ok");
        for sql in ["select count(*) from branches", "select * from books where branch_id in (select id from branches)"]
        {
            assert_eq!(verdict(&seal::fetch(sql, &scope, &limits())), "outside-database");
        }
        Spi::run("RESET ROLE").unwrap();
    }

    #[pg_test]
    fn guard_obeys_the_allow_lists() {
        fixture();
        Spi::run(
            "CREATE FUNCTION lib.vat(price numeric, rate numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT price * rate'",
        )
        .unwrap();
        let run = |sql: &str| verdict(&fetch(sql));
        assert_eq!(run("select lib.vat(1, 2)"), "unknown-function");
        Spi::run("SET t2sql.allowed_functions = 'lib.other(integer, text), lib.vat(numeric, numeric)'").unwrap();
        assert_eq!(run("select lib.vat(1, 2)"), "ok");
        assert_eq!(run("select public.similarity('a', 'b')"), "ok");
        Spi::run("SET t2sql.allowed_extensions = 'vector'").unwrap();
        assert_eq!(run("select public.similarity('a', 'b')"), "unknown-function");
        assert_eq!(run("select * from lib.passwd"), "foreign-server");
        Spi::run("SET t2sql.allowed_servers = 'files'").unwrap();
        // the guard lets it pass; the role may still not read server files
        assert_ne!(run("select * from lib.passwd"), "foreign-server");
    }

    #[pg_test]
    fn guard_names_rule_and_way_out() {
        let Err(Problem::Refused { rule, message, hint }) = fetch("select pg_sleep(1)") else { panic!("not refused") };
        assert_eq!(rule, "unsafe-function");
        assert!(message.starts_with("function pg_sleep(double precision) "), "{message}");
        assert!(hint.ends_with('.'));
    }
}
