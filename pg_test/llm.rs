//! The model's turn, against the fake endpoint: what each kind of reply leads to, and what stands in for a model that fails.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{fails_with, failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;
    use std::time::{Duration, Instant};

    /// The clinic with a model that answers by the script of harness.rs.
    fn clinic_with_model() {
        indexed_clinic();
        run(&format!("CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{}')", base("/v1")));
        run("SELECT t2sql.set_llm('fake', 'scripted')");
        run("SET t2sql.engine = llm");
    }

    fn base(path: &str) -> String {
        text("SELECT pg_catalog.current_setting('fake.endpoint')").replace("/v1", path)
    }

    /// From now on the model's endpoint fails in this way.
    fn break_endpoint(fault: &str) {
        run(&format!("ALTER SERVER fake OPTIONS (SET url '{}')", base(&format!("/fault/{fault}/v1"))));
    }

    fn answered(question: &str, column: &str) -> String {
        text(&format!("SELECT ({column})::text FROM t2sql.answer($q${question}$q$)"))
    }

    #[pg_test]
    fn a_model_writes_sql_and_what_was_sent_is_recorded() {
        clinic_with_model();
        assert_eq!(text("SELECT t2sql.execute_nl('count those who are ill')::jsonb ->> 'n'"), "40");
        let request = "FROM t2sql.my_requests ORDER BY id DESC LIMIT 1";
        assert_eq!(text(&format!("SELECT engine || ' ' || (prompt_tokens > 0)::text {request}")), "llm true");
        assert_eq!(text(&format!("SELECT sent ->> 'server' {request}")), "fake");
        assert!(text(&format!("SELECT sent ->> 'tables' {request}")).contains("patients"));
        assert_eq!(text(&format!("SELECT ((sent ->> 'bytes')::integer > 500)::text {request}")), "true");
        // what the built-in engine or a sample answers sends nothing
        run("SET t2sql.engine = builtin");
        run("SELECT t2sql.ask('how many patients are there')");
        assert_eq!(text(&format!("SELECT (sent IS NULL)::text {request}")), "true");
    }

    #[pg_test]
    fn a_schema_that_does_not_fit_is_filtered_first() {
        clinic_with_model();
        run("SET t2sql.max_prompt_tokens = 700");
        let lines = texts("SELECT t2sql.explain('count those who are ill')").join("\n");
        assert!(lines.contains("\"calls\":2"), "{lines}");
        assert_eq!(answered("count those who are ill", "status"), "ok");
        // and the model may say that nothing offered answers
        fails_with("SELECT t2sql.ask('how many wizards are ill')", "P0002");
    }

    #[pg_test]
    fn one_repair_round_mends_a_wrong_name() {
        clinic_with_model();
        assert_eq!(answered("count the mistaken", "status || ' ' || engine"), "ok llm");
        let lines = texts("SELECT t2sql.explain('count the mistaken', options => '{\"cache\": false}')").join("\n");
        assert!(lines.contains("refused attempt 1") && lines.contains("accepted attempt 2"), "{lines}");
        run("SET t2sql.max_repairs = 0");
        let failed = failure("SELECT t2sql.ask('count the mistaken', options => '{\"cache\": false}')");
        assert!(failed.starts_with("42P01"), "{failed}");
    }

    #[pg_test]
    fn unusable_and_dangerous_replies_are_refused() {
        clinic_with_model();
        for (question, sqlstate) in [
            ("say prose only", "38000"),
            ("say two statements", "38003"),
            ("say destroy", "38003"),
            ("say sleep", "38003"),
            ("say secrets", "38003"),
            ("say decline", "P0002"),
        ] {
            fails_with(&format!("SELECT t2sql.ask('{question}')"), sqlstate);
            let row = answered(question, "status || ' ' || error");
            assert!(row.contains(sqlstate) && !row.starts_with("ok"), "{question}: {row}");
        }
        assert_eq!(text("SELECT count(*)::text FROM clinic.patients"), "40");
    }

    #[pg_test]
    fn failures_of_the_endpoint_have_their_codes() {
        clinic_with_model();
        run("SET t2sql.request_timeout = '700ms'");
        for (fault, sqlstate) in [
            ("status-401", "58030"),
            ("status-429", "58030"),
            ("status-500", "58030"),
            ("stall-headers", "58030"),
            ("cut-body", "58030"),
            ("html", "38000"),
            ("wrong-json", "38000"),
            ("empty", "38000"),
        ] {
            break_endpoint(fault);
            fails_with(&format!("SELECT t2sql.ask('count those who are ill of {fault}')"), sqlstate);
            let row = answered(&format!("count those who are ill of {fault}"), "status || ' ' || error");
            assert!(row.starts_with(&format!("error {sqlstate}")), "{fault}: {row}");
        }
    }

    #[pg_test]
    fn a_stalled_model_ends_with_the_statement() {
        clinic_with_model();
        break_endpoint("stall-headers");
        run("SET statement_timeout = '300ms'");
        let start = Instant::now();
        // set inside a function it would not count for the running statement, so this is a statement of its own
        let caught = "DO $$ BEGIN PERFORM t2sql.ask('count those who are ill'); RAISE 'not cancelled';
                      EXCEPTION WHEN query_canceled THEN NULL; END $$";
        run("SET t2sql.request_timeout = '1s'");
        let _ = failure(caught);
        assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
    }

    #[pg_test]
    fn the_builtin_engine_stands_in_for_a_model_that_fails() {
        clinic_with_model();
        break_endpoint("status-500");
        run("SET t2sql.request_timeout = '500ms'");
        run("SET t2sql.engine = auto");
        // not sure enough to answer alone, sure enough to stand in
        run("SET t2sql.builtin_min_confidence = 1");
        assert_eq!(answered("how many patients are there", "status || ' ' || engine"), "ok builtin");
        assert!(answered("how many patients are there", "warnings").contains("could not be asked"));
        // where it does not know either, the endpoint's failure is told; at another url, so that it is asked at all
        break_endpoint("status-502");
        fails_with("SELECT t2sql.ask('how many spaceships are there')", "58030");
        // sure enough: the model is not asked
        run("SET t2sql.builtin_min_confidence = 0.5");
        assert_eq!(answered("how many patients are there", "cardinality(warnings) <= 1"), "true");
        // a command is refused by both
        fails_with("SELECT t2sql.ask('delete all patients')", "P0002");
    }

    #[pg_test]
    fn choosing_a_model_tests_it_and_a_failure_changes_nothing() {
        indexed_clinic();
        run(&format!("CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{}')", base("/v1")));
        assert_eq!(
            text("SELECT concat_ws(' ', ok, model, latency_ms > 0) FROM t2sql.set_llm('fake', 'scripted')"),
            "t scripted t"
        );
        break_endpoint("status-401");
        fails_with("SELECT t2sql.set_llm('fake', 'another')", "58030");
        assert_eq!(
            text(
                "SELECT m.model_name FROM t2sql.databases d JOIN t2sql.llm_models m ON m.id = d.llm_model_id WHERE d.is_current"
            ),
            "scripted"
        );
        fails_with("SELECT t2sql.set_llm('nowhere', 'scripted')", "55000");
        fails_with("SELECT t2sql.set_llm('fake', NULL)", "22023");
        fails_with("SELECT t2sql.set_llm('fake', 'scripted', 'nowhere')", "22023");
        run("SELECT t2sql.set_llm(NULL, NULL)");
        assert_eq!(text("SELECT llm_model_id::text FROM t2sql.databases WHERE is_current"), "");
        run("SET t2sql.engine = llm");
        fails_with("SELECT t2sql.ask('how many patients are there')", "55000");
    }

    #[pg_test]
    fn another_embedder_serves_when_all_is_embedded() {
        indexed_clinic();
        run(&format!("CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{}')", base("/v1")));
        let serving = || {
            text("SELECT m.provider || ' ' || count(*) || ' ' || min(public.vector_dims(e.embedding)) FROM t2sql.databases d
                  JOIN t2sql.embedding_models m ON m.id = d.embedding_model_id
                  JOIN t2sql.vector_embeddings e ON e.embedding_model_id = m.id GROUP BY m.provider")
        };
        let vectors = || text("SELECT count(*)::text FROM t2sql.vector_embeddings");
        assert_eq!(serving(), "builtin 38 1024");
        assert_eq!(text("SELECT dimensions::text FROM t2sql.set_embedder('fake', 'hashing')"), "64");
        // set, but the old one serves until the next run
        assert_eq!(serving(), "builtin 38 1024");
        assert_ne!(text("SELECT count(*)::text FROM t2sql.search('patients')"), "0");
        assert_eq!(
            text("SELECT remedy FROM t2sql.health() WHERE item = 'embedder'"),
            "SELECT * FROM t2sql.index_schema()"
        );
        assert_eq!(text("SELECT embeddings_generated::text FROM t2sql.index_schema()"), "38");
        assert_eq!(serving(), "fake 38 64");
        assert_eq!(vectors(), "38", "the old model's are gone");
        assert_eq!(text("SELECT object FROM t2sql.search('patients', 1, ARRAY['table'])"), "clinic.patients");
        assert_eq!(text("SELECT embeddings_generated::text FROM t2sql.index_schema()"), "0");
        // the cache answers for an endpoint that is out of order
        assert_ne!(text("SELECT count(*)::text FROM t2sql.embedding_cache"), "0");
        break_endpoint("status-500");
        run("SET t2sql.request_timeout = '500ms'");
        assert_eq!(text("SELECT embeddings_generated::text FROM t2sql.index_schema(force => true)"), "38");
        fails_with("SELECT t2sql.set_embedder('fake', 'other')", "58030");
        assert_eq!(serving(), "fake 38 64");
        // asking does not need it
        run("SET t2sql.engine = builtin");
        assert_eq!(text("SELECT t2sql.execute_nl('how many patients are there')::jsonb ->> 'patients_count'"), "40");
        run("SELECT t2sql.set_embedder('builtin')");
        run("SELECT t2sql.index_schema()");
        assert_eq!(serving(), "builtin 38 1024");
    }

    #[pg_test]
    fn what_goes_to_an_embedder_is_recorded() {
        clinic_with_model();
        run("SELECT t2sql.set_embedder('fake', 'hashing')");
        run("SELECT t2sql.index_schema()");
        let question = "count those who are ill";
        let sent =
            |field: &str| text(&format!("SELECT sent #>> '{field}' FROM t2sql.my_requests ORDER BY id DESC LIMIT 1"));
        let ask = format!("SELECT t2sql.ask('{question}', options => '{{\"cache\": false}}')");
        run(&ask);
        assert_eq!([sent("{embedder,server}"), sent("{embedder,calls}"), sent("{calls}")], ["fake", "1", "2"]);
        assert_eq!(sent("{embedder,bytes}"), question.len().to_string());
        let both: usize = sent("{bytes}").parse().unwrap();
        // a vector that is kept needs no second call
        run(&ask);
        assert_eq!([sent("{embedder}"), sent("{calls}")], ["", "1"]);
        assert_eq!(sent("{bytes}"), (both - question.len()).to_string());
        // a call that failed has sent the question all the same
        run("TRUNCATE t2sql.embedding_cache");
        break_endpoint("status-400");
        run(&ask.replace("ask", "answer"));
        assert_eq!([sent("{embedder,calls}"), sent("{bytes}")], ["1".to_string(), question.len().to_string()]);
    }

    #[pg_test]
    fn vectors_of_another_dimension_are_refused() {
        indexed_clinic();
        run(&format!("CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{}')", base("/v1")));
        run("SELECT t2sql.set_embedder('fake', 'hashing')");
        run("UPDATE t2sql.embedding_models SET dimensions = 32 WHERE provider = 'fake'");
        fails_with("SELECT t2sql.index_schema()", "55000");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.vector_embeddings"), "38");
    }

    #[pg_test]
    fn a_kept_answer_is_of_a_role_and_not_of_its_name() {
        clinic_with_model();
        run("GRANT USAGE ON FOREIGN SERVER fake TO PUBLIC");
        let engine = || {
            run("SET ROLE asker");
            let engine = answered("count those who are ill", "engine");
            run("RESET ROLE");
            engine
        };
        assert_eq!((engine(), engine()), ("llm".into(), "cache".into()));
        run("DROP OWNED BY asker; DROP ROLE asker; CREATE ROLE asker IN ROLE t2sql_user");
        run("GRANT USAGE ON SCHEMA clinic TO asker; GRANT SELECT ON clinic.patients TO asker");
        assert_eq!(engine(), "llm");
    }
}
