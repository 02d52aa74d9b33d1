//! Asking: answers, refusals with their codes, whose rights count, and where asking must work.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{clinic, fails_with, failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;

    const HOW_MANY: &str = "how many patients are there";

    /// The only value of the only row that answers.
    fn value(question: &str) -> String {
        text(&format!("SELECT value FROM t2sql.execute_nl($q${question}$q$) AS r(doc), json_each_text(r.doc)"))
    }

    #[pg_test]
    fn a_question_becomes_sql_and_rows() {
        indexed_clinic();
        run("SET t2sql.annotate = off");
        let sql = text(&format!("SELECT t2sql.ask('{HOW_MANY}')"));
        assert!(sql.starts_with("SELECT ") && !sql.contains(';') && !sql.contains("--"), "{sql}");
        assert_eq!(text(&sql.replace("SELECT ", "SELECT ''||")), "40");
        assert_eq!(value(HOW_MANY), "40");
        assert_eq!(text(&format!("SELECT n::text FROM t2sql.query('{HOW_MANY}') AS t(n bigint)")), "40");
        assert_eq!(value("how many patients live in oban"), "13");
        assert_eq!(texts("SELECT t2sql.execute_nl('how many visits are there per urgency')::text").len(), 3);
    }

    #[pg_test]
    fn an_answer_tells_everything_about_itself() {
        indexed_clinic();
        let answer = |column: &str| {
            text(&format!("SELECT ({column})::text FROM t2sql.answer('how many patients live in oban')"))
        };
        assert_eq!(answer("status"), "ok");
        assert_eq!(answer("engine"), "builtin");
        assert_eq!(answer("trusted"), "false");
        assert_eq!(answer("columns"), "patients_count bigint");
        assert_eq!(answer("confidence BETWEEN 0.4 AND 1 AND est_rows >= 1 AND est_cost > 0"), "true");
        assert_eq!(answer("error IS NULL AND clarification IS NULL AND request_id IS NOT NULL"), "true");
        assert!(answer("assumptions").contains("Oban"));
        // one call, not one per column
        let before = text("SELECT count(*)::text FROM t2sql.requests").parse::<i64>().unwrap();
        run("SELECT (t2sql.answer('how many doctors are there')).*");
        run("SELECT a.* FROM t2sql.answer('how many doctors are there') AS a");
        let after = text("SELECT count(*)::text FROM t2sql.requests").parse::<i64>().unwrap();
        assert!(after - before >= 2);
    }

    #[pg_test]
    fn the_comment_at_the_end_names_the_request() {
        indexed_clinic();
        let sql = text("SELECT t2sql.ask('how many patients live in oban')");
        let comment = &sql[sql.find("/* t2sql ").unwrap()..];
        let request = text("SELECT max(id)::text FROM t2sql.my_requests");
        assert!(comment.starts_with(&format!("/* t2sql {request} builtin 0.")), "{comment}");
        assert!(comment.ends_with(" */") && comment.contains("Oban"), "{comment}");
    }

    #[pg_test]
    fn null_arguments_give_null_or_no_rows() {
        indexed_clinic();
        for call in [
            "t2sql.ask(NULL)",
            "t2sql.ask(NULL, NULL, NULL)",
            "t2sql.prompt(NULL)",
            "t2sql.prompt(NULL, NULL, NULL)",
            "t2sql.feedback(NULL::bigint, NULL, NULL, NULL, NULL)",
            "t2sql.feedback(NULL::bigint, true)",
            "t2sql.feedback(1, NULL)",
            "t2sql.feedback(NULL::text, NULL, NULL, NULL, NULL, NULL, NULL)",
            "t2sql.feedback('q', NULL, true)",
            "t2sql.add_sample(NULL, NULL, NULL, NULL, NULL)",
            "t2sql.register_database(NULL, NULL, NULL, NULL, NULL, NULL)",
            "t2sql.unregister_database(NULL)",
            "t2sql.set_description(NULL, NULL, NULL)",
            "t2sql.embed(NULL)",
            "t2sql._embed(NULL)",
            "t2sql._as_vector(NULL)",
            "t2sql._index_batch(NULL)",
            "t2sql._index_stop(NULL)",
        ] {
            assert_eq!(text(&format!("SELECT ({call} IS NULL)::text")), "true", "{call}");
        }
        for call in [
            "t2sql.execute_nl(NULL)",
            "t2sql.execute_nl(NULL, NULL, NULL, NULL)",
            "t2sql.run(NULL)",
            "t2sql.run(NULL, NULL)",
            "t2sql.answer(NULL)",
            "t2sql.answer(NULL, NULL, NULL)",
            "t2sql.explain(NULL)",
            "t2sql.explain(NULL, NULL, NULL)",
            "t2sql.search(NULL)",
            "t2sql.search(NULL, NULL, NULL, NULL, NULL)",
            "t2sql.set_embedder(NULL)",
            "t2sql.set_embedder(NULL, NULL, NULL)",
        ] {
            assert_eq!(text(&format!("SELECT count(*)::text FROM {call}")), "0", "{call}");
        }
        assert_eq!(text("SELECT count(*)::text FROM t2sql.query(NULL) AS t(a integer)"), "0");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.query(NULL, NULL, NULL) AS t(a integer)"), "0");
        // NULL for what has a default is the default
        assert_eq!(text(&format!("SELECT count(*)::text FROM t2sql.execute_nl('{HOW_MANY}', NULL, NULL, NULL)")), "1");
        assert_ne!(text("SELECT count(*)::text FROM t2sql.search('patients', NULL, NULL, NULL, NULL)"), "0");
        run("SELECT t2sql.index_schema(NULL::text[], NULL, NULL)");
        run("SELECT t2sql.index_schema(NULL::text, NULL, NULL)");
        run("SELECT t2sql.set_llm(NULL, NULL, NULL)");
    }

    #[pg_test]
    fn what_is_no_question_is_told_with_its_code() {
        indexed_clinic();
        for (question, sqlstate) in [
            ("''", "22023"),
            ("E' \\t\\n'", "22023"),
            ("'?!'", "P0002"),
            ("repeat('x', 20000)", "54000"),
            ("'患者は何人いますか'", "P0002"),
            ("'¿Cuántos pacientes hay?'", "P0002"),
            ("'how many spaceships are there'", "P0002"),
            ("'delete all patients'", "P0002"),
            ("'how many patients are there', 'nowhere'", "22023"),
            ("'how many patients are there', options => '{\"evidense\": 1}'", "22023"),
            ("'how many patients are there', options => '[]'", "22023"),
            ("'how many patients are there', options => '{\"cache\": \"yes\"}'", "22023"),
        ] {
            for function in ["ask", "execute_nl"] {
                fails_with(&format!("SELECT t2sql.{function}({question})"), sqlstate);
            }
        }
        // answer() raises for none that is the question's own fault
        for (question, sqlstate) in [
            ("''", "22023"),
            ("repeat('x', 20000)", "54000"),
            ("'患者は何人いますか'", "P0002"),
            ("'how many spaceships are there'", "P0002"),
            ("'delete all patients'", "P0002"),
        ] {
            let row = text(&format!(
                "SELECT concat_ws(' | ', error, clarification) FROM t2sql.answer({question}) WHERE status <> 'ok' AND sql IS NULL"
            ));
            assert!(row.starts_with(sqlstate) && row.contains(" | "), "{question}: {row}");
        }
        assert_eq!(text("SELECT status FROM t2sql.answer('delete all patients')"), "refused");
        assert_eq!(text("SELECT status FROM t2sql.answer('how many spaceships are there')"), "needs_clarification");
        // and what was refused is recorded by it
        assert_eq!(
            text("SELECT question FROM t2sql.my_requests ORDER BY id DESC LIMIT 1"),
            "how many spaceships are there"
        );
    }

    #[pg_test]
    fn caps_and_settings_take_effect() {
        indexed_clinic();
        run("SET client_min_messages = error");
        assert_eq!(texts("SELECT t2sql.execute_nl('list the name of all patients', max_rows => 2)::text").len(), 2);
        fails_with("SELECT t2sql.execute_nl('list the name of all patients', max_rows => 0)", "22023");
        fails_with("SELECT t2sql.execute_nl('list the name of all patients', max_rows => -5)", "22023");
        run("SET t2sql.max_rows = 3");
        assert_eq!(texts("SELECT t2sql.execute_nl('list the name of all patients')::text").len(), 3);
        fails_with("SELECT * FROM t2sql.query('list the name of all patients') AS t(name text)", "54000");
        run("SET t2sql.on_truncate = error");
        fails_with("SELECT t2sql.execute_nl('list the name of all patients')", "54000");
        run("SET t2sql.min_confidence = 1");
        fails_with(&format!("SELECT t2sql.ask('{HOW_MANY}')"), "P0002");
        let detail = text(&format!("SELECT clarification FROM t2sql.answer('{HOW_MANY}')"));
        assert!(detail.contains("SELECT count(*)"), "competing readings are ready to run: {detail}");
        run("SET t2sql.min_confidence = 0");
        run("SET t2sql.max_plan_cost = 0");
        let failed = failure(&format!("SELECT t2sql.execute_nl('{HOW_MANY}')"));
        assert!(failed.starts_with("54000"), "{failed}");
    }

    #[pg_test]
    fn columns_that_were_not_asked_for_are_told() {
        indexed_clinic();
        for list in ["n text", "n bigint, m bigint", "n integer"] {
            let failed = failure(&format!("SELECT * FROM t2sql.query('{HOW_MANY}') AS t({list})"));
            assert!(failed.starts_with("42804") && failed.contains("AS t(patients_count bigint)"), "{failed}");
        }
        fails_with(&format!("SELECT t2sql.query('{HOW_MANY}')"), "22023");
    }

    #[pg_test]
    fn read_only_transactions_answer_and_record_nothing() {
        indexed_clinic();
        let before = text("SELECT count(*)::text FROM t2sql.requests");
        run("SET transaction_read_only = on");
        assert_eq!(
            text(&format!("SELECT (request_id IS NULL AND status = 'ok')::text FROM t2sql.answer('{HOW_MANY}')")),
            "true"
        );
        assert!(text(&format!("SELECT t2sql.ask('{HOW_MANY}')")).contains("/* t2sql - builtin"));
        assert_eq!(value(HOW_MANY), "40");
        assert_eq!(text(&format!("SELECT n::text FROM t2sql.query('{HOW_MANY}') AS t(n bigint)")), "40");
        assert_ne!(text("SELECT count(*)::text FROM t2sql.search('patients')"), "0");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.requests"), before);
    }

    #[pg_test]
    fn the_callers_rights_count_at_once_and_without_reindexing() {
        indexed_clinic();
        run("SET ROLE asker");
        assert_eq!(value(HOW_MANY), "40");
        // rooms are indexed, but not this role's
        fails_with("SELECT t2sql.ask('how many rooms are there')", "P0002");
        assert!(!text(&format!("SELECT t2sql.prompt('{HOW_MANY}')")).contains("rooms"));
        assert_eq!(text("SELECT count(*)::text FROM t2sql.search('rooms', 1000) WHERE object LIKE '%rooms%'"), "0");
        run("RESET ROLE");
        run("REVOKE SELECT ON clinic.patients FROM asker");
        run("SET ROLE asker");
        // another table may tell, this one may not
        assert!(!text(&format!("SELECT sql FROM t2sql.answer('{HOW_MANY}')")).contains("clinic.patients"));
        assert!(!text("SELECT t2sql.prompt('how many doctors are there')").contains("patients ("));
        run("RESET ROLE");
        run("GRANT SELECT (id, name) ON clinic.patients TO asker");
        run("SET ROLE asker");
        assert!(!text("SELECT t2sql.prompt('names of patients')").contains("birthdate"));
        assert_eq!(texts("SELECT t2sql.execute_nl('list the name of all patients')::text").len(), 40);
        run("RESET ROLE");
        run("REVOKE ALL ON ALL TABLES IN SCHEMA clinic FROM asker");
        run("REVOKE ALL (id, name) ON clinic.patients FROM asker");
        run("SET ROLE asker");
        fails_with(&format!("SELECT t2sql.ask('{HOW_MANY}')"), "42501");
    }

    #[pg_test]
    fn row_security_holds_for_the_asker() {
        indexed_clinic();
        run("CREATE ROLE nurse IN ROLE t2sql_user");
        run("GRANT USAGE ON SCHEMA clinic TO nurse");
        run("GRANT SELECT ON clinic.diagnoses TO nurse");
        run("SET ROLE nurse");
        assert_eq!(value("how many diagnoses are there"), "1");
        run("RESET ROLE");
        // a superuser asks as t2sql_reader, for whom there are none, and is told so
        assert_eq!(value("how many diagnoses are there"), "0");
        assert!(
            text("SELECT warnings::text FROM t2sql.answer('how many diagnoses are there')").contains("t2sql_reader")
        );
    }

    #[pg_test]
    fn run_shows_a_request_to_whoever_asked_it() {
        indexed_clinic();
        run("SET ROLE asker");
        let request = text(&format!("SELECT request_id::text FROM t2sql.answer('{HOW_MANY}')"));
        assert_eq!(text(&format!("SELECT t2sql.run({request})::jsonb ->> 'patients_count'")), "40");
        run("RESET ROLE");
        run("SET ROLE curator");
        fails_with(&format!("SELECT t2sql.run({request})"), "22023");
        fails_with(&format!("SELECT t2sql.feedback({request}, true)"), "22023");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.my_requests"), "0");
        run("RESET ROLE");
        fails_with(&format!("SELECT t2sql.run({request})"), "22023");
        // and only while the rights that it needs are there
        run("REVOKE SELECT ON clinic.patients FROM asker");
        run("SET ROLE asker");
        let failed = failure(&format!("SELECT t2sql.run({request})"));
        assert!(failed.starts_with("42P01"), "{failed}");
    }

    #[pg_test]
    fn search_path_and_settings_of_the_caller_change_nothing() {
        indexed_clinic();
        // objects that shadow what careless SQL would call
        run("CREATE SCHEMA shadow");
        run("CREATE TABLE shadow.patients (id integer)");
        run("CREATE FUNCTION shadow.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'");
        run(
            "CREATE FUNCTION shadow.has_table_privilege(name, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        );
        run("GRANT USAGE ON SCHEMA shadow TO PUBLIC");
        for path in ["shadow, pg_catalog", "''", "pg_temp", "nowhere", "clinic, public", "t2sql"] {
            run(&format!("SET search_path = {path}"));
            assert_eq!(value(HOW_MANY), "40", "search_path {path}");
        }
        run("SET search_path = shadow");
        run("SET datestyle = 'SQL, DMY'");
        run("SET standard_conforming_strings = off");
        assert_eq!(value(HOW_MANY), "40");
        assert_eq!(text("SELECT pg_catalog.current_setting('search_path')"), "shadow");
        assert_eq!(text("SELECT pg_catalog.current_setting('DateStyle')"), "SQL, DMY");
    }

    #[pg_test]
    fn asking_works_wherever_sql_runs() {
        indexed_clinic();
        run(&format!(
            "DO $do$ DECLARE n bigint; s text; BEGIN
                SELECT t.n INTO n FROM t2sql.query('{HOW_MANY}') AS t(n bigint);
                ASSERT n = 40;
                BEGIN
                    s := t2sql.ask('');
                EXCEPTION WHEN invalid_parameter_value THEN
                    s := 'caught';
                END;
                ASSERT s = 'caught';
                BEGIN
                    s := t2sql.ask('how many spaceships are there');
                EXCEPTION WHEN no_data_found THEN
                    s := 'caught again';
                END;
                ASSERT s = 'caught again';
                FOR s IN SELECT t2sql.execute_nl('list the name of all patients') LOOP
                    n := n + 1;
                END LOOP;
                ASSERT n = 80;
             END $do$"
        ));
        run(&format!("CREATE TEMP TABLE kept AS SELECT x::text AS doc FROM t2sql.execute_nl('{HOW_MANY}') AS x"));
        assert_eq!(text("SELECT count(*)::text FROM kept"), "1");
        run("DECLARE slow CURSOR FOR SELECT t2sql.execute_nl('list the name of all patients')::text");
        assert_eq!(texts("FETCH 2 FROM slow").len(), 2);
        assert_eq!(value(HOW_MANY), "40");
        assert_eq!(texts("FETCH ALL FROM slow").len(), 38);
        run(&format!("PREPARE asking AS SELECT t2sql.execute_nl('{HOW_MANY}')::jsonb ->> 'patients_count'"));
        for _ in 0..10 {
            assert_eq!(text("EXECUTE asking"), "40");
        }
        run("PREPARE asking_for(text) AS SELECT t2sql.execute_nl($1)::jsonb ->> 'patients_count'");
        for _ in 0..10 {
            assert_eq!(text(&format!("EXECUTE asking_for('{HOW_MANY}')")), "40");
        }
        // generated SQL never writes, its caller still may
        run("INSERT INTO clinic.rooms VALUES (9, 'east', 1)");
        assert_eq!(value("how many rooms are there"), "7");
    }

    #[pg_test]
    fn explain_and_prompt_show_what_happens() {
        indexed_clinic();
        let lines = texts("SELECT t2sql.explain('how many patients live in oban')").join("\n");
        for part in ["sample: none fits", "answer: ok by builtin", "sql: SELECT", "time: "] {
            assert!(lines.contains(part), "{part} is missing in: {lines}");
        }
        let lines = texts("SELECT t2sql.explain('how many spaceships are there')").join("\n");
        assert!(lines.contains("P0002") && lines.contains("hint: "), "{lines}");
        let prompt = text("SELECT t2sql.prompt('how many patients live in oban')");
        assert!(
            prompt.contains("clinic.patients")
                && prompt.contains("'Oban'")
                && prompt.contains("Where the patient lives")
        );
        assert!(!prompt.contains("canary-"), "{prompt}");
    }

    #[pg_test]
    fn a_name_that_is_stored_nowhere_is_told_and_not_passed_over() {
        indexed_clinic();
        let answer = text(
            "SELECT concat_ws(' | ', status, clarification) FROM t2sql.answer('how many patients come from Atlantis')",
        );
        assert!(answer.starts_with("needs_clarification | ") && answer.contains("not used: "), "{answer}");
        assert!(answer.contains("Atlantis"), "{answer}");
        run("SET t2sql.min_confidence = 0");
        let assumptions = text("SELECT assumptions::text FROM t2sql.answer('how many patients come from Atlantis')");
        assert!(assumptions.contains("Atlantis"), "{assumptions}");
    }

    #[pg_test]
    fn check_sql_tells_what_would_become_of_a_text() {
        indexed_clinic();
        run("SET ROLE asker");
        let verdict = |sql: &str| {
            text(&format!(
                "SELECT concat_ws(' ', ok, rule, sqlstate, est_rows > 0 AND est_cost > 0, hint IS NOT NULL)
                 FROM t2sql.check_sql($sql${sql}$sql$)"
            ))
        };
        assert_eq!(verdict("SELECT * FROM clinic.patients"), "t t f");
        assert_eq!(verdict("SELECT * FROM patients"), "t t f");
        assert_eq!(verdict("DROP TABLE clinic.patients"), "f only-select 38003 t");
        assert_eq!(verdict("SELECT pg_sleep(1)"), "f unsafe-function 38003 t");
        assert_eq!(verdict("SELECT FROM"), "f 42601 f");
        // what may not be read looks as if it were missing
        assert_eq!(verdict("SELECT * FROM clinic.rooms"), verdict("SELECT * FROM clinic.rooks"));
        run("SET t2sql.max_plan_cost = 1");
        assert_eq!(verdict("SELECT * FROM clinic.patients a, clinic.patients b"), "f 54000 t t");
        run("RESET t2sql.max_plan_cost");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.check_sql(NULL)"), "0");
        fails_with("SELECT t2sql.check_sql('SELECT 1', 'nowhere')", "22023");
        // who may not ask learns nothing of who answers
        run("RESET ROLE; CREATE ROLE bystander; SET ROLE bystander");
        assert!(failure("SELECT t2sql.check_sql('SELECT 1')").starts_with("42501"));
        assert_eq!(text("SELECT string_agg(item, ' ') FROM t2sql.health() WHERE item IN ('llm', 'index')"), "");
    }

    #[pg_test]
    fn a_schema_called_like_the_user_variable_is_no_way_into_the_users_schema() {
        indexed_clinic();
        run(
            r#"CREATE SCHEMA "$user"; CREATE TABLE "$user".things (id integer); CREATE SCHEMA asker AUTHORIZATION asker;
               CREATE TABLE asker.things (id integer); GRANT USAGE ON SCHEMA "$user" TO asker; GRANT SELECT ON "$user".things TO asker;
               SELECT t2sql.register_database('odd', ARRAY['$user', 'clinic']); SELECT t2sql.index_schema(database => 'odd')"#,
        );
        run("SET ROLE asker");
        let verdict =
            |sql: &str| text(&format!("SELECT concat_ws(' ', ok, sqlstate) FROM t2sql.check_sql('{sql}', 'odd')"));
        assert_eq!(verdict("SELECT * FROM things"), "f 42P01");
        assert_eq!(verdict("SELECT * FROM \"$user\".things"), "t");
    }

    #[pg_test]
    fn unknown_contexts_are_answered_with_those_that_may_be_read() {
        indexed_clinic();
        run(
            "CREATE SCHEMA vault; CREATE TABLE vault.codes (code text); SELECT t2sql.register_database('secret plans', ARRAY['vault'])",
        );
        run("SELECT t2sql.register_database('the clinic', ARRAY['clinic'])");
        let hint = || failure("SELECT t2sql.ask('how many', 'nowhere')");
        assert!(hint().contains("secret plans"), "{}", hint());
        run("SET ROLE asker");
        assert!(hint().contains("the clinic") && !hint().contains("secret plans"), "{}", hint());
    }

    #[pg_test]
    fn a_plain_role_may_look_at_its_health_and_nothing_else() {
        clinic();
        run("CREATE ROLE nobody");
        run("SET ROLE nobody");
        assert_eq!(
            text("SELECT remedy FROM t2sql.health() WHERE item = 'privilege'"),
            "GRANT t2sql_user TO \"nobody\""
        );
        assert_eq!(text("SELECT t2sql.version()"), env!("CARGO_PKG_VERSION"));
        for call in [
            "t2sql.ask('x')",
            "t2sql.execute_nl('x')",
            "t2sql.answer('x')",
            "t2sql.search('x')",
            "t2sql.index_schema()",
            "t2sql.set_llm('x', 'y')",
            "t2sql.add_sample('x', 'y')",
            "t2sql.feedback(1, true)",
            "t2sql._index_begin(NULL)",
            "t2sql._embed('x')",
        ] {
            let failed = failure(&format!("SELECT {call}"));
            assert!(failed.starts_with("42501"), "{call}: {failed}");
        }
        for table in texts(
            "SELECT relname::text FROM pg_catalog.pg_class WHERE relnamespace = 't2sql'::regnamespace AND relkind IN ('r', 'v')",
        ) {
            let failed = failure(&format!("SELECT * FROM t2sql.{table}"));
            assert!(failed.starts_with("42501"), "{table}: {failed}");
        }
    }
}
