//! Asking from wherever SQL can stand: the same answers everywhere, and afterwards everything as before.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;

    /// A question with one row, and one with forty.
    const ONE: &str = "(SELECT t2sql.execute_nl('how many patients are there')::jsonb ->> 'patients_count')";
    const MANY: &str = "t2sql.execute_nl('list the name of all patients')";

    /// What a call could have changed.
    fn state() -> String {
        // SAFETY: reads backend state.
        let backend = unsafe {
            let (mut user, mut context) = (pg_sys::InvalidOid, 0);
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            let (read_only, memory) = (pg_sys::XactReadOnly, pg_sys::CurrentMemoryContext);
            let (owner, pending) = (pg_sys::CurrentResourceOwner, pg_sys::QueryCancelPending);
            let (callbacks, level) = (pg_sys::error_context_stack, pg_sys::GetCurrentTransactionNestLevel());
            format!("{user:?} {context} {read_only} {memory:?} {owner:?} {pending} {callbacks:?} {level}")
        };
        backend
            + " "
            + &text(
                "SELECT concat_ws(' ', session_user, current_user, (SELECT md5(string_agg(name || '=' || coalesce(setting, ''), ',' ORDER BY name)) FROM pg_settings),
                    (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_prepared_statements),
                    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'))",
            )
    }

    fn writes() {
        let before = text("SELECT count(*)::text FROM clinic.rooms").parse::<i32>().unwrap();
        run("INSERT INTO clinic.rooms SELECT 100 + count(*), 'east', 1 FROM clinic.rooms");
        assert_eq!(text("SELECT count(*)::text FROM clinic.rooms"), (before + 1).to_string());
    }

    /// Runs `body`, then looks whether everything is as it was and can still be written to.
    fn unchanged(what: &str, body: impl FnOnce()) {
        let before = state();
        body();
        assert_eq!(state(), before, "{what}");
        writes();
    }

    #[pg_test]
    fn inside_functions_of_every_kind() {
        indexed_clinic();
        // SAFETY: reads backend state.
        let snapshot = || unsafe { pg_sys::ActiveSnapshotSet() };
        let snapshot_before = snapshot();
        unchanged("a DO block", || {
            run(&format!("DO $$ BEGIN ASSERT ({ONE}) = '40'; END $$"));
        });
        unchanged("SQL functions", || {
            run(&format!("CREATE FUNCTION clinic.as_sql() RETURNS text LANGUAGE sql AS $$ SELECT {ONE} $$"));
            run(&format!("CREATE FUNCTION clinic.as_body() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT {ONE}; END"));
            run(&format!("CREATE FUNCTION clinic.as_stable() RETURNS text LANGUAGE sql STABLE AS $$ SELECT {ONE} $$"));
            for name in ["as_sql", "as_body", "as_stable"] {
                assert_eq!(text(&format!("SELECT clinic.{name}()")), "40", "{name}");
            }
        });
        unchanged("set-returning plpgsql", || {
            run(&format!(
                "CREATE FUNCTION clinic.rows_of() RETURNS SETOF json LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT {MANY}; RETURN QUERY SELECT {MANY}; END $$"
            ));
            assert_eq!(text("SELECT count(*)::text FROM clinic.rows_of()"), "80");
        });
        unchanged("a procedure", || {
            run(&format!(
                "CREATE PROCEDURE clinic.proceed(INOUT n text) LANGUAGE plpgsql AS $$ BEGIN n := {ONE}; END $$"
            ));
            assert_eq!(text("CALL clinic.proceed(NULL)"), "40");
        });
        unchanged("SECURITY DEFINER and SET", || {
            run(
                "CREATE ROLE owner_of_it IN ROLE t2sql_user; GRANT USAGE, CREATE ON SCHEMA clinic TO owner_of_it; GRANT SELECT ON clinic.doctors TO owner_of_it",
            );
            run(
                "CREATE FUNCTION clinic.as_owner() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_temp AS $$ SELECT t2sql.execute_nl('how many doctors are there')::jsonb ->> 'doctors_count' $$",
            );
            run("ALTER FUNCTION clinic.as_owner() OWNER TO owner_of_it");
            assert_eq!(text("SELECT clinic.as_owner()"), "6");
            run("REVOKE SELECT ON clinic.doctors FROM owner_of_it");
            assert_ne!(failure("SELECT clinic.as_owner()"), "no error");
        });
        assert_eq!(snapshot(), snapshot_before);
    }

    #[pg_test]
    fn inside_exceptions_and_subtransactions() {
        indexed_clinic();
        unchanged("errors that are caught", || {
            run(&format!(
                "DO $$
                 DECLARE caught integer := 0; question text;
                 BEGIN
                     FOREACH question IN ARRAY ARRAY['', 'how many spaceships are there', 'delete all patients', repeat('x', 20000), 'x', 'how many patients are there'] LOOP
                         BEGIN
                             PERFORM t2sql.execute_nl(question);
                             INSERT INTO clinic.rooms VALUES (50 + caught, 'west', 1);
                         EXCEPTION WHEN OTHERS THEN
                             caught := caught + 1;
                             ASSERT ({ONE}) = '40';
                         END;
                     END LOOP;
                     ASSERT caught = 5, caught;
                 END $$"
            ));
            assert_eq!(text("SELECT count(*)::text FROM clinic.rooms WHERE wing = 'west'"), "1");
        });
        unchanged("a subtransaction that is rolled back", || {
            let requests = text("SELECT count(*)::text FROM t2sql.requests");
            run(
                "DO $$ BEGIN BEGIN PERFORM t2sql.ask('how many patients are there'); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$",
            );
            // what was asked in it was never asked
            assert_eq!(text("SELECT count(*)::text FROM t2sql.requests"), requests);
        });
        unchanged("forty subtransactions deep", || {
            run("CREATE FUNCTION clinic.deeper(n integer) RETURNS text LANGUAGE plpgsql AS $$
                 BEGIN
                     IF n = 0 THEN RETURN t2sql.execute_nl('how many patients are there')::jsonb ->> 'patients_count'; END IF;
                     BEGIN RETURN clinic.deeper(n - 1); EXCEPTION WHEN division_by_zero THEN RETURN 'never'; END;
                 END $$");
            assert_eq!(text("SELECT clinic.deeper(40)"), "40");
        });
    }

    #[pg_test]
    fn inside_cursors_and_portals() {
        indexed_clinic();
        unchanged("a cursor read in pieces", || {
            run(&format!("DECLARE c CURSOR FOR SELECT {MANY}::text"));
            assert_eq!(texts("FETCH 3 FROM c").len(), 3);
            assert_eq!(text(&format!("SELECT {ONE}")), "40");
            run("MOVE 30 IN c");
            assert_eq!(texts("FETCH ALL FROM c").len(), 7);
            run("CLOSE c");
        });
        unchanged("a cursor that can go back", || {
            run(&format!("DECLARE c SCROLL CURSOR FOR SELECT {MANY}::text"));
            let first = texts("FETCH 2 FROM c");
            run("MOVE BACKWARD 2 IN c");
            assert_eq!(texts("FETCH 2 FROM c"), first);
            run("CLOSE c");
        });
        unchanged("a cursor left before its end", || {
            run(
                "DECLARE c CURSOR FOR SELECT t2sql.execute_nl('list the name of all patients')::text FROM generate_series(1, 1000)",
            );
            assert_eq!(texts("FETCH 1 FROM c").len(), 1);
            run("CLOSE c");
        });
        unchanged("two cursors at once, and a FOR loop", || {
            run(&format!(
                "DO $$
                 DECLARE a refcursor; b refcursor; r record; n integer := 0;
                 BEGIN
                     OPEN a FOR SELECT {MANY};
                     OPEN b FOR SELECT {MANY};
                     FOR r IN SELECT {MANY} LOOP
                         FETCH a INTO r; FETCH b INTO r; n := n + 1;
                     END LOOP;
                     ASSERT n = 40;
                     CLOSE a; CLOSE b;
                 END $$"
            ));
        });
        unchanged("typed rows through LIMIT, which end early", || {
            let sql = "SELECT name FROM t2sql.query('list the name of all patients') AS t(name text) LIMIT 2";
            assert_eq!(texts(sql).len(), 2);
        });
    }

    #[pg_test]
    fn inside_triggers_views_defaults_and_constraints() {
        indexed_clinic();
        unchanged("a row trigger", || {
            run("CREATE TABLE clinic.log (id integer, asked text)");
            run(&format!(
                "CREATE FUNCTION clinic.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.asked := {ONE}; RETURN NEW; END $$"
            ));
            run("CREATE TRIGGER note BEFORE INSERT ON clinic.log FOR EACH ROW EXECUTE FUNCTION clinic.note()");
            run("INSERT INTO clinic.log (id) SELECT generate_series(1, 3)");
            assert_eq!(text("SELECT string_agg(asked, ' ') FROM clinic.log"), "40 40 40");
        });
        unchanged("a deferred trigger", || {
            run(
                "CREATE CONSTRAINT TRIGGER later AFTER INSERT ON clinic.log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION clinic.note()",
            );
            run("INSERT INTO clinic.log (id) VALUES (9)");
            run("SET CONSTRAINTS ALL IMMEDIATE");
        });
        unchanged("a view and a materialised one", || {
            run(&format!("CREATE VIEW clinic.asking AS SELECT {ONE} AS n"));
            assert_eq!(text("SELECT n FROM clinic.asking"), "40");
            assert_eq!(text("SELECT n FROM clinic.asking WHERE n = '40'"), "40");
        });
        unchanged("a default and a constraint", || {
            run(
                "CREATE TABLE clinic.counted (id integer, s text DEFAULT t2sql.ask('how many patients are there'), CHECK (t2sql.ask('how many doctors are there') LIKE 'SELECT%'))",
            );
            run("INSERT INTO clinic.counted (id) VALUES (1), (2)");
            assert_eq!(text("SELECT count(*)::text FROM clinic.counted WHERE s LIKE '%clinic.patients%'"), "2");
        });
        unchanged("CREATE TABLE AS, INSERT … SELECT, UPDATE and MERGE", || {
            run(&format!("CREATE TABLE clinic.kept AS SELECT {MANY}::text AS doc"));
            run(&format!("INSERT INTO clinic.kept SELECT {MANY}::text"));
            run(&format!("UPDATE clinic.kept SET doc = ({ONE}) WHERE doc LIKE '%Patient 1\"%'"));
            run(&format!(
                "MERGE INTO clinic.kept USING (SELECT {ONE} AS n) s ON doc = n WHEN MATCHED THEN UPDATE SET doc = 'forty'"
            ));
            assert_eq!(
                text("SELECT count(*) || ' ' || count(*) FILTER (WHERE doc = 'forty') FROM clinic.kept"),
                "80 2"
            );
        });
        unchanged("subqueries, LATERAL, aggregates and windows", || {
            assert_eq!(
                text(&format!(
                    "SELECT count(*)::text FROM clinic.doctors d, LATERAL (SELECT {ONE} || d.id AS n) x WHERE n LIKE '40%'"
                )),
                "6"
            );
            assert_eq!(text(&format!("SELECT string_agg({ONE}, '+') FROM generate_series(1, 2)")), "40+40");
            assert_eq!(
                text(&format!(
                    "SELECT max(count(*)) OVER ()::text FROM (SELECT {MANY} AS j) s GROUP BY j::text LIMIT 1"
                )),
                "1"
            );
            assert_eq!(
                text(&format!(
                    "WITH q AS MATERIALIZED (SELECT {ONE} AS n) SELECT (SELECT n FROM q) || (SELECT n FROM q)"
                )),
                "4040"
            );
        });
    }

    #[pg_test]
    fn inside_prepared_statements_and_forced_parallel_plans() {
        indexed_clinic();
        unchanged("prepared ten times, generic and custom plans", || {
            run(&format!("PREPARE asking AS SELECT {ONE}"));
            run("PREPARE asking_for(text, integer) AS SELECT count(*)::text FROM t2sql.execute_nl($1, max_rows => $2)");
            for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
                run(&format!("SET plan_cache_mode = {mode}"));
                for _ in 0..10 {
                    assert_eq!(text("EXECUTE asking"), "40");
                    assert_eq!(text("EXECUTE asking_for('list the name of all patients', 50)"), "40");
                }
            }
            run("RESET plan_cache_mode; DEALLOCATE asking; DEALLOCATE asking_for");
        });
        let force = if cfg!(feature = "pg15") { "force_parallel_mode" } else { "debug_parallel_query" };
        run(&format!(
            "SET {force} = on; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0"
        ));
        unchanged("parallel plans forced", || {
            assert_eq!(text(&format!("SELECT {ONE}")), "40");
            assert_eq!(text(&format!("SELECT count(*)::text FROM (SELECT {MANY}) s")), "40");
            assert_eq!(text("SELECT n::text FROM t2sql.query('how many visits are there') AS t(n bigint)"), "120");
            assert_eq!(text("SELECT (t2sql.answer('how many doctors are there')).status"), "ok");
            assert_eq!(text(&format!("SELECT count(*)::text FROM clinic.patients WHERE {ONE} = '40'")), "40");
            run("SELECT t2sql.index_schema('clinic', true)");
        });
    }

    /// The guard and the seal themselves, from many places in one transaction.
    #[pg_test]
    fn inside_one_long_transaction() {
        indexed_clinic();
        unchanged("three hundred questions", || {
            for i in 0..100 {
                assert_eq!(text(&format!("SELECT {ONE}")), "40");
                failure(&format!("SELECT t2sql.ask('how many spaceships {i} are there')"));
                text("SELECT ok::text FROM t2sql.check_sql('SELECT 1/0')");
            }
        });
    }
}
