//! Sealed execution: what comes out, every cap alone, and that nothing of it stays behind.

#[pgrx::pg_schema]
mod tests {
    use crate::error::Error;
    use crate::pg::ffi;
    use crate::pg::rows::{JsonText, TypedRows, column_list};
    use crate::pg::seal::{self, Limits, Phase, Problem, Rows, Scope};
    use crate::suites::guard::{limits, path, verdict};
    use pgrx::iter::SetOfIterator;
    use pgrx::pg_sys::panic::ErrorReport;
    use pgrx::prelude::*;
    use std::time::{Duration, Instant};

    /// For SQL scripts and nested calls: what the guard says, or "ok".
    #[pg_extern]
    fn seal_check(sql: &str, search_path: Vec<String>) -> String {
        match seal::check(sql, &Scope { search_path: &search_path, relations: None }, &Limits::from_settings()) {
            Ok(_) => "ok".into(),
            Err(problem) => format!("{}: {}", verdict::<()>(&Err(problem.clone())), Error::from(problem)),
        }
    }

    /// For SQL scripts and nested calls: the rows.
    #[pg_extern]
    fn seal_fetch(sql: &str) -> Result<SetOfIterator<'static, JsonText>, ErrorReport> {
        let rows = seal::fetch(sql, &Scope { search_path: &[], relations: None }, &Limits::from_settings())
            .map_err(Error::from)?;
        Ok(SetOfIterator::new(rows.json.into_iter().map(JsonText)))
    }

    /// As `t2sql.query`, with SQL instead of a question.
    #[pg_extern(sql = "
CREATE FUNCTION tests.seal_query(sql text) RETURNS SETOF record LANGUAGE c VOLATILE STRICT
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
")]
    fn seal_query(sql: &str, fcinfo: pg_sys::FunctionCallInfo) -> Result<(), ErrorReport> {
        // SAFETY: this function's own call information.
        let mut target = unsafe { TypedRows::begin(fcinfo) }.map_err(|message| Error::argument(message, "hint"))?;
        let scope = Scope { search_path: &[], relations: None };
        Ok(seal::fill(sql, &scope, &Limits::from_settings(), &mut target).map_err(Error::from)?)
    }

    fn fixture() {
        Spi::run(include_str!("guard_fixture.sql")).unwrap();
    }

    fn fetch(sql: &str, limits: &Limits) -> Result<Rows, Problem> {
        seal::fetch(sql, &Scope { search_path: &path(), relations: None }, limits)
    }

    fn cell(sql: &str) -> String {
        fetch(sql, &limits()).unwrap().json.concat()
    }

    fn seen(sql: &str) -> String {
        Spi::get_one::<String>(sql).unwrap().unwrap_or_default()
    }

    /// Lets generated SQL look at the settings it runs with.
    fn allow_settings() {
        Spi::run("SET t2sql.allowed_functions = 'pg_catalog.current_setting(text)'").unwrap();
    }

    #[pg_test]
    fn seal_keeps_order_duplicate_names_and_digits() {
        let sql = "select 2 as b, 1 as a, 3 as b, 123456789012345678901234567890.123::numeric as n";
        let rows = fetch(sql, &limits()).unwrap();
        assert_eq!(rows.json, ["{\"b\":2,\"a\":1,\"b\":3,\"n\":123456789012345678901234567890.123}"]);
        assert_eq!(
            column_list(
                &seal::check(sql, &Scope { search_path: &path(), relations: None }, &limits()).unwrap().columns
            ),
            "b integer, a integer, b_2 integer, n numeric"
        );
        assert_eq!(cell("select"), "{}");
        assert_eq!(
            column_list(&[("?column?".into(), "text".into()), ("Top".into(), "date".into())]),
            "column_1 text, \"Top\" date"
        );
    }

    #[pg_test]
    fn seal_caps_rows() {
        let rows = fetch("select * from generate_series(1, 100)", &Limits { max_rows: 7, ..limits() }).unwrap();
        assert_eq!((rows.json.len(), rows.truncated), (7, true));
        let rows = fetch("select * from generate_series(1, 7)", &Limits { max_rows: 7, ..limits() }).unwrap();
        assert_eq!((rows.json.len(), rows.truncated), (7, false));
    }

    #[pg_test]
    fn seal_caps_bytes() {
        let small = Limits { max_bytes: 5_000, ..limits() };
        let rows = fetch("select repeat('x', 1000) as x from generate_series(1, 100)", &small).unwrap();
        assert_eq!((rows.json.len(), rows.truncated), (4, true));
        assert_eq!(verdict(&fetch("select repeat('x', 6000)", &small)), "byte-cap");
    }

    #[pg_test]
    fn seal_caps_cost() {
        let Err(Problem::TooExpensive { est_rows, est_cost, max_cost }) =
            fetch("select * from generate_series(1, 100000)", &Limits { max_cost: 100.0, ..limits() })
        else {
            panic!("not refused")
        };
        assert!(est_rows == 100_000.0 && est_cost > 100.0 && max_cost == 100.0);
        assert_eq!(verdict(&fetch("select 1", &Limits { max_cost: 100.0, ..limits() })), "ok");
    }

    #[pg_test]
    fn seal_ends_at_its_deadline() {
        let started = Instant::now();
        let short = Limits { timeout_ms: 200, max_cost: 1e300, ..limits() };
        let endless = "with recursive r(n) as (select 1 union all select 1 from r) select count(*) from r";
        assert_eq!(verdict(&fetch(endless, &short)), "timeout");
        assert!(started.elapsed() < Duration::from_millis(1_500), "{:?}", started.elapsed());
        // and the next call is not hit by it
        assert_eq!(verdict(&fetch("select 1", &limits())), "ok");
        Spi::run("select pg_sleep(0.3)").unwrap();
    }

    #[pg_test(error = "canceling statement due to statement timeout")]
    fn seal_leaves_an_earlier_statement_timeout_in_force() {
        ffi::enable_timeout_after(ffi::STATEMENT_TIMEOUT, 200);
        let _ = fetch(
            "with recursive r(n) as (select 1 union all select 1 from r) select count(*) from r",
            &Limits { timeout_ms: 60_000, max_cost: 1e300, ..limits() },
        );
    }

    #[pg_test]
    fn seal_leaves_a_later_statement_timeout_running() {
        ffi::enable_timeout_after(ffi::STATEMENT_TIMEOUT, 60_000);
        let short = Limits { timeout_ms: 100, max_cost: 1e300, ..limits() };
        let endless = "with recursive r(n) as (select 1 union all select 1 from r) select count(*) from r";
        assert_eq!(verdict(&fetch(endless, &short)), "timeout");
        assert!(ffi::timeout_active(ffi::STATEMENT_TIMEOUT));
        ffi::disable_timeout(ffi::STATEMENT_TIMEOUT);
    }

    #[pg_test]
    fn seal_caps_memory_and_disk_settings() {
        allow_settings();
        Spi::run("SET work_mem = '2GB'").unwrap();
        let server = seen("SELECT reset_val || unit FROM pg_settings WHERE name = 'work_mem'");
        let inside = cell("select current_setting('work_mem') as m");
        assert!(server == "4096kB" && inside == "{\"m\":\"4MB\"}", "{server} {inside}");
        assert_eq!(cell("select current_setting('temp_file_limit') as m"), "{\"m\":\"1GB\"}");
        Spi::run("SET temp_file_limit = '1MB'").unwrap();
        assert_eq!(cell("select current_setting('temp_file_limit') as m"), "{\"m\":\"1MB\"}");
        let sort = fetch("select repeat('x', 100) || g as t from generate_series(1, 200000) g order by 1", &limits());
        assert_eq!(verdict(&sort), "53400");
    }

    #[pg_test]
    fn seal_pins_settings_that_change_meaning() {
        fixture();
        allow_settings();
        Spi::run("SET standard_conforming_strings = off; SET transform_null_equals = on; SET row_security = off")
            .unwrap();
        Spi::run("CREATE TEMP TABLE books (id int)").unwrap();
        assert_eq!(cell("select 'a\\b' as t, (null = null) is null as n"), "{\"t\":\"a\\\\b\",\"n\":true}");
        assert_eq!(cell("select current_setting('row_security') as r"), "{\"r\":\"on\"}");
        assert_eq!(cell("select current_setting('transaction_read_only') as r"), "{\"r\":\"on\"}");
        assert_eq!(cell("select current_setting('search_path') as r"), "{\"r\":\"lib, public, pg_temp\"}");
        // a temporary table of the same name does not come first
        assert_eq!(cell("select count(*) as n from books"), "{\"n\":200}");
    }

    #[pg_test]
    fn seal_runs_a_superuser_as_reader() {
        fixture();
        let sql = "select current_user as u";
        assert_eq!(cell(sql), "{\"u\":\"t2sql_reader\"}");
        for power in ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"] {
            Spi::run(&format!("GRANT {power} TO librarian; SET ROLE librarian")).unwrap();
            assert_eq!(cell(sql), "{\"u\":\"t2sql_reader\"}", "{power}");
            Spi::run(&format!("RESET ROLE; REVOKE {power} FROM librarian")).unwrap();
        }
        Spi::run("SET ROLE librarian").unwrap();
        assert_eq!(cell(sql), "{\"u\":\"librarian\"}");
        Spi::run("RESET ROLE; SET t2sql.run_as = 'nobody_there'").unwrap();
        assert_eq!(verdict(&fetch(sql, &limits())), "setup");
        Spi::run("GRANT pg_read_server_files TO mallory; SET t2sql.run_as = 'mallory'").unwrap();
        assert_eq!(verdict(&fetch(sql, &limits())), "setup");
        Spi::run("SET t2sql.run_as = 'visitor'").unwrap();
        assert_eq!(cell(sql), "{\"u\":\"visitor\"}");
    }

    #[pg_test]
    fn seal_obeys_row_security() {
        fixture();
        let sql = "select body from notes order by id";
        assert_eq!(cell(sql), "", "a superuser is no exception, being t2sql_reader here");
        for (role, expected) in [("visitor", "{\"body\":\"mine\"}"), ("librarian", "{\"body\":\"not mine\"}")] {
            Spi::run(&format!("SET ROLE {role}")).unwrap();
            assert_eq!(cell(sql), expected);
            Spi::run("RESET ROLE").unwrap();
        }
        let warnings = seal::check(sql, &Scope { search_path: &path(), relations: None }, &limits()).unwrap().warnings;
        assert!(warnings.iter().any(|w| w == "row security of lib.notes applies to t2sql_reader"), "{warnings:?}");
    }

    /// What an administrator allows may still not write: the seal does not depend on the guard.
    #[pg_test]
    fn seal_stops_writes_of_allowed_functions() {
        fixture();
        Spi::run(
            "SET t2sql.allowed_functions = 'lib.write_note(), pg_catalog.set_config(text,text,boolean), pg_catalog.nextval(regclass),
             pg_catalog.lo_create(oid), pg_catalog.pg_notify(text,text)'",
        )
        .unwrap();
        let run = |sql: &str| verdict(&fetch(sql, &limits()));
        assert_eq!(run("select lib.write_note()"), "25006");
        assert_eq!(run("select set_config('transaction_read_only', 'off', true), lib.write_note()"), "25001");
        assert_eq!(run("select set_config('role', 'none', true)"), "42501");
        assert_eq!(run("select set_config('session_authorization', 'postgres', true)"), "42501");
        let path = seen("SELECT current_setting('search_path')");
        assert_eq!(run("select set_config('search_path', 'vault', false)"), "ok");
        assert_eq!(seen("SELECT current_setting('search_path')"), path);
        assert_eq!(run("select set_config('statement_timeout', '1', false)"), "ok");
        assert_ne!(seen("SELECT current_setting('statement_timeout')"), "1ms");
        // 15 lets large objects be made in read-only transactions: then the rollback takes it away
        assert_eq!(run("select lo_create(4711)"), if cfg!(feature = "pg15") { "ok" } else { "25006" });
        assert_eq!(seen("SELECT count(*)::text FROM pg_largeobject_metadata"), "0");
        assert_eq!(seen("SELECT count(*)::text FROM lib.journal"), "0");
    }

    #[pg_test]
    fn seal_cannot_be_nested() {
        fixture();
        Spi::run(
            "CREATE FUNCTION lib.again() RETURNS json LANGUAGE sql STABLE AS $$ SELECT tests.seal_fetch('select 1') $$;
             SET t2sql.allowed_functions = 'lib.again()'; GRANT USAGE ON SCHEMA tests TO PUBLIC",
        )
        .unwrap();
        let Err(Problem::Sql { sqlstate, message, .. }) = fetch("select lib.again()", &limits()) else {
            panic!("nested")
        };
        assert!(sqlstate == "38003" && message.contains("no-recursion"), "{sqlstate} {message}");
        assert_eq!(verdict(&fetch("select 1", &limits())), "ok");
    }

    #[pg_test]
    fn seal_restores_everything() {
        fixture();
        let state = || {
            // SAFETY: reads backend state.
            let backend = unsafe {
                let (mut user, mut context) = (pg_sys::InvalidOid, 0);
                pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
                (
                    user,
                    context,
                    pg_sys::XactReadOnly,
                    pg_sys::CurrentMemoryContext,
                    pg_sys::CurrentResourceOwner,
                    pg_sys::GetActiveSnapshot(),
                    pg_sys::GetCurrentSubTransactionId(),
                    pg_sys::GetCurrentTransactionNestLevel(),
                    pg_sys::error_context_stack,
                    pg_sys::QueryCancelPending,
                )
            };
            let settings = seen("SELECT md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_settings");
            (backend, settings, seen("SELECT count(*)::text FROM pg_cursors"))
        };
        let before = state();
        for (sql, expected) in [
            ("select * from books", "ok"),
            ("select 1/0", "22012"),
            ("select * from nowhere", "42P01"),
            ("selec", "42601"),
            ("select pg_sleep(1)", "unsafe-function"),
            ("with recursive r(n) as (select 1 union all select 1 from r) select count(*) from r", "timeout"),
            ("select * from generate_series(1, 100)", "ok"),
        ] {
            let short = Limits { timeout_ms: 300, max_rows: 50, ..limits() };
            assert_eq!(verdict(&fetch(sql, &short)), expected, "{sql}");
            assert_eq!(state(), before, "{sql}");
            let _ = seal::check(sql, &Scope { search_path: &path(), relations: None }, &short);
            assert_eq!(state(), before, "check of {sql}");
            Spi::run("INSERT INTO lib.journal (line) VALUES ('still writing')").unwrap();
        }
        assert_eq!(seen("SELECT count(*)::text FROM lib.journal"), "7");
    }

    /// An error deep inside PostgreSQL's walkers must come back as a problem, never past the rollback.
    #[pg_test]
    fn seal_survives_deep_nesting() {
        let nested = |open: &str, core: &str, close: &str, n: usize| {
            format!("select {}{core}{}", open.repeat(n), close.repeat(n))
        };
        let before = unsafe { pg_sys::GetCurrentSubTransactionId() };
        for n in [10, 300, 1_000, 4_000] {
            for sql in [
                nested("(", "1", ")", n),
                nested("(select ", "1", ")", n),
                nested("abs(", "1", ")", n),
                nested("not ", "true", "", n),
                nested("array[", "1", "]", n),
                nested("case when true then ", "1", " end", n.min(2_000)),
                nested("1 from (select ", "1", ") x", n),
                format!("select {}1", "1 + ".repeat(n)),
                format!("select 1 where {}true", "false or ".repeat(n)),
                format!("select '{}{}'::jsonb", "[".repeat(n), "]".repeat(n)),
                vec!["select 1"; n].join(" union all "),
            ] {
                let short = Limits { timeout_ms: 1_000, ..limits() };
                let found = verdict(&fetch(&sql, &short));
                let expected = [
                    "ok",
                    "54001",
                    "42601",
                    "42804",
                    "2202E",
                    "54000",
                    "too-deep",
                    "too-long",
                    "timeout",
                    "too-expensive",
                ];
                assert!(expected.contains(&found.as_str()), "{found}: {n} times {}", &sql[..40]);
                // SAFETY: reads backend state.
                assert_eq!(unsafe { pg_sys::GetCurrentSubTransactionId() }, before, "{}", &sql[..40]);
            }
        }
    }

    #[pg_test]
    fn seal_works_inside_spi_exceptions_and_cursors() {
        fixture();
        Spi::run(
            "DO $$
             DECLARE n int := 0; r record; c refcursor;
             BEGIN
                 FOR r IN SELECT tests.seal_fetch('select id from lib.books where id <= 3') AS j LOOP n := n + 1; END LOOP;
                 BEGIN
                     PERFORM tests.seal_fetch('select 1/0');
                     RAISE 'not reached';
                 EXCEPTION WHEN division_by_zero THEN n := n + 10;
                 END;
                 BEGIN
                     PERFORM tests.seal_fetch('delete from lib.books');
                 EXCEPTION WHEN SQLSTATE '38003' THEN n := n + 100;
                 END;
                 OPEN c FOR SELECT tests.seal_fetch('select 1');
                 FETCH c INTO r;
                 PERFORM tests.seal_fetch('select 1/0');
             EXCEPTION WHEN division_by_zero THEN
                 INSERT INTO lib.journal (line) VALUES ('after');
                 IF n <> 113 THEN RAISE 'n is %', n; END IF;
             END $$",
        )
        .unwrap();
        assert_eq!(seen("SELECT string_agg(line, ',') FROM lib.journal"), "after");
        // many rows of one statement, each sealed on its own
        assert_eq!(seen("SELECT count(*)::text FROM lib.books b, tests.seal_fetch('select ' || b.id) j"), "200");
    }

    #[pg_test]
    fn seal_tells_phase_and_position() {
        let problem = |sql: &str| match fetch(sql, &limits()) {
            Err(Problem::Sql { phase, sqlstate, position, .. }) => (phase, sqlstate, position),
            other => panic!("{other:?}"),
        };
        assert_eq!(problem("select 1 frm x y"), (Phase::Parse, "42601".into(), Some(14)));
        assert_eq!(problem("select 'é', nothing"), (Phase::Analyze, "42703".into(), Some(13)));
        assert_eq!(problem("select 1/0"), (Phase::Plan, "22012".into(), None));
        assert_eq!(problem("select 1/g from generate_series(0, 1) g"), (Phase::Execute, "22012".into(), None));
    }

    #[pg_test]
    fn seal_checks_without_running() {
        fixture();
        let scope = path();
        let scope = Scope { search_path: &scope, relations: None };
        let checked =
            seal::check("select title, price from books b join titles using (title) where b.id = 1", &scope, &limits())
                .unwrap();
        assert_eq!(column_list(&checked.columns), "title text, price numeric(10,2)");
        assert_eq!(checked.relations, [("lib".into(), "books".into()), ("lib".into(), "titles".into())]);
        assert!(
            checked.qualified.contains("lib.books") && checked.qualified.contains("lib.titles"),
            "{}",
            checked.qualified
        );
        assert!(!checked.as_written, "books is not on the caller's path");
        assert_eq!(checked.run_as.as_deref(), Some("t2sql_reader"));
        let written = |sql: &str| seal::check(sql, &scope, &limits()).unwrap().as_written;
        assert!(written("select title from lib.books"));
        Spi::run("SET search_path = lib, public").unwrap();
        assert!(written("select title, lower(title) from books"));
        Spi::run("CREATE SCHEMA other; CREATE TABLE other.books (title text); GRANT USAGE ON SCHEMA other TO PUBLIC; SET search_path = other, lib").unwrap();
        assert!(!written("select title from books"), "another table of that name comes first");
        assert!(!written("select public.similarity('a', 'b'), 'a' % 'b'"));
    }

    #[pg_test]
    fn seal_fills_typed_rows() {
        fixture();
        let total = seen(
            "SELECT sum(n)::text FROM tests.seal_query('select kind::text, count(*), array_agg(title) from lib.books group by 1') AS t(kind text, n bigint, titles text[])",
        );
        assert_eq!(total, "200");
        assert_eq!(seen("SELECT t.v FROM tests.seal_query($$select 'a'::varchar(5)$$) AS t(v text)"), "a");
        let error = |sql: &str| {
            PgTryBuilder::new(|| Spi::run(sql).map(|_| String::new()).unwrap_or_default())
                .catch_others(|error| match error {
                    pg_sys::panic::CaughtError::PostgresError(e) | pg_sys::panic::CaughtError::ErrorReport(e) => {
                        format!("{} / {}", e.message(), e.hint().unwrap_or_default())
                    }
                    other => other.rethrow(),
                })
                .execute()
        };
        let wrong = error(
            "SELECT * FROM tests.seal_query('select kind, count(*) from lib.books group by 1') AS t(kind text, n int)",
        );
        assert!(
            wrong.contains("is of another type") && wrong.contains("AS t(kind lib.genre, count bigint)."),
            "{wrong}"
        );
        let wrong = error("SELECT * FROM tests.seal_query('select 1, 2') AS t(a int)");
        assert!(
            wrong.contains("2 columns, but 1") && wrong.contains("AS t(column_1 integer, column_2 integer)."),
            "{wrong}"
        );
        let wrong = error("SELECT * FROM tests.seal_query('select * from generate_series(1, 1001)') AS t(a int)");
        assert!(wrong.contains("more than 1000 rows"), "{wrong}");
        assert_eq!(
            seen("SELECT count(*)::text FROM tests.seal_query('select * from generate_series(1, 1000)') AS t(a int)"),
            "1000"
        );
        let wrong = error(
            "SET t2sql.max_bytes = 2000; SELECT * FROM tests.seal_query($$select repeat('x', 3000)$$) AS t(a text)",
        );
        assert!(wrong.contains("more than 2000 bytes"), "{wrong}");
    }
}
