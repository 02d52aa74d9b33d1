//! `protect()`: what owners keep from questions, at once and after the next index run.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{fails_with, failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;

    const ANSWER: &str = "SELECT concat_ws(' ', status, sql, error) FROM t2sql.answer($q$";

    fn answer(question: &str) -> String {
        text(&format!("{ANSWER}{question}$q$)"))
    }

    fn rule(sql: &str) -> String {
        text(&format!("SELECT coalesce(rule, sqlstate, 'ok') FROM t2sql.check_sql($s${sql}$s$)"))
    }

    fn values_found(query: &str) -> Vec<String> {
        texts(&format!("SELECT object || '=' || snippet FROM t2sql.search($q${query}$q$, 50, ARRAY['value'])"))
    }

    fn label(column: i32) -> String {
        text(&format!(
            "SELECT label FROM pg_catalog.pg_seclabel WHERE provider = 't2sql' AND objoid = 'clinic.patients'::regclass AND objsubid = {column}"
        ))
    }

    /// All that t2sql keeps, as one text.
    fn stored() -> String {
        ["db_tables", "db_columns", "column_values", "vector_embeddings", "table_relationships"]
            .map(|table| text(&format!("SELECT string_agg(t::text, E'\n') FROM t2sql.{table} t")))
            .join("\n")
    }

    /// The clinic, where prompts hold all values that they ever may.
    fn everything_may_be_sent() {
        indexed_clinic();
        run("SET t2sql.send_values = samples");
    }

    fn prompt(question: &str) -> String {
        text(&format!("SELECT t2sql.prompt($q${question}$q$)"))
    }

    #[pg_test]
    fn labels_are_set_replaced_and_taken_away_by_the_owner() {
        everything_may_be_sent();
        run("SELECT t2sql.protect('clinic.patients', 'city')");
        assert_eq!(label(3), "values");
        run("SELECT t2sql.protect('clinic.patients', 'city', 'hidden')");
        run("SELECT t2sql.protect('clinic.patients')");
        assert_eq!((label(3), label(0)), ("hidden".into(), "values".into()));
        run("SELECT t2sql.protect('clinic.patients', 'city', NULL)");
        run("SELECT t2sql.protect('clinic.patients', level => 'none')");
        assert_eq!((label(3), label(0)), (String::new(), String::new()));
        run("SECURITY LABEL FOR t2sql ON COLUMN clinic.patients.city IS 'values'");
        assert_eq!(label(3), "values");
        for view in ["clinic.busy", "clinic.yearly", "clinic.readings"] {
            run(&format!("SELECT t2sql.protect('{view}')"));
        }
        run("SELECT t2sql.protect(NULL)");
        fails_with("SELECT t2sql.protect('clinic.patients', 'city', 'secret')", "22023");
        fails_with("SELECT t2sql.protect('clinic.patients', '')", "22023");
        fails_with("SELECT t2sql.protect(1)", "22023");
        fails_with("SECURITY LABEL FOR t2sql ON TABLE clinic.patients IS 'none'", "22023");
        fails_with("SECURITY LABEL FOR t2sql ON SCHEMA clinic IS 'values'", "22023");
        fails_with("SECURITY LABEL FOR t2sql ON FUNCTION t2sql.version() IS 'hidden'", "22023");
        assert!(failure("SELECT t2sql.protect('clinic.patients', 'nothing')").starts_with("42703"));
        run("SET ROLE asker");
        assert!(failure("SELECT t2sql.protect('clinic.patients', 'city', NULL)").starts_with("42501"));
        run("RESET ROLE");
        assert_eq!(label(3), "values");
        // the owner of a table needs no more than that
        run("ALTER TABLE clinic.patients OWNER TO asker; SET ROLE asker");
        run("SELECT t2sql.protect('clinic.patients', 'city', 'hidden')");
        run("RESET ROLE");
        assert_eq!(label(3), "hidden");
    }

    #[pg_test]
    fn protected_values_are_forgotten_at_once_and_removed_by_the_next_run() {
        everything_may_be_sent();
        assert!(values_found("patients of Oban").contains(&"clinic.patients.city=Oban".into()));
        assert!(answer("how many patients are in OBAN").contains("'Oban'"));
        let before = prompt("how many patients are in Oban");
        assert!(before.contains("'Truro'") && before.contains("'high'"), "{before}");
        run("SELECT t2sql.protect('clinic.patients', 'city')");
        run("SELECT t2sql.protect('clinic.visits', 'urgency')");
        assert!(values_found("patients of Oban").is_empty(), "{:?}", values_found("patients of Oban"));
        assert!(
            !answer("how many patients are in OBAN").contains("'Oban'"),
            "{}",
            answer("how many patients are in OBAN")
        );
        let after = prompt("how many patients are there in the town");
        for value in ["Oban", "Truro", "Harwich", "'high'", "'medium'"] {
            assert!(!after.contains(value), "{value}: {after}");
        }
        assert!(after.contains("  city text"), "{after}");
        // SQL may still read them
        assert_eq!(rule("SELECT city, count(*) FROM clinic.patients GROUP BY city"), "ok");
        assert!(stored().contains("Harwich"));
        run("SELECT t2sql.index_schema('clinic')");
        for value in ["Oban", "Truro", "Harwich", "{low,medium,high}"] {
            assert!(!stored().contains(value), "{value}: {}", stored());
        }
        assert!(stored().contains("Cardiology"));
        run("SELECT t2sql.index_schema('clinic', force => true)");
        assert!(!stored().contains("Harwich"));
        run("SELECT t2sql.protect('clinic.patients', 'city', 'none')");
        run("SELECT t2sql.index_schema('clinic')");
        assert!(values_found("patients of Oban").contains(&"clinic.patients.city=Oban".into()));
    }

    #[pg_test]
    fn a_label_on_the_table_counts_for_all_its_columns() {
        everything_may_be_sent();
        run("SELECT t2sql.protect('clinic.patients')");
        assert!(!prompt("how many patients are there").contains("from '19"));
        run("SELECT t2sql.index_schema('clinic')");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.db_columns c JOIN t2sql.db_tables t ON t.id = c.table_id WHERE t.table_name = 'patients'
                  AND (c.common_values <> '{}' OR c.range_min IS NOT NULL OR c.range_max IS NOT NULL
                       OR EXISTS (SELECT FROM t2sql.column_values v WHERE v.column_id = c.id))"
            ),
            "0"
        );
        assert_eq!(text("SELECT t2sql.execute_nl('how many patients are there')::jsonb ->> 'patients_count'"), "40");
    }

    #[pg_test]
    fn protected_values_are_not_probed_for() {
        everything_may_be_sent();
        // a view keeps no values, so names of the question are looked up in it
        run("INSERT INTO clinic.doctors VALUES (7, 'Quentin', 'Surgery')");
        run("GRANT SELECT ON clinic.busy TO asker; SET ROLE asker");
        assert_eq!(values_found("visits of 'Quentin'"), ["clinic.busy.view_canary=Quentin"]);
        run("RESET ROLE; SELECT t2sql.protect('clinic.busy', 'view_canary'); SET ROLE asker");
        assert!(values_found("visits of 'Quentin'").is_empty());
        run("RESET ROLE");
    }

    #[pg_test]
    fn a_hidden_column_is_unknown_and_unreadable() {
        everything_may_be_sent();
        run("SELECT t2sql.add_sample('where do patients come from', 'SELECT DISTINCT city FROM clinic.patients')");
        run("SELECT t2sql.add_sample('how many people', 'SELECT count(*) AS people FROM clinic.patients')");
        assert!(answer("where do patients come from").contains("city"));
        run("SELECT t2sql.protect('clinic.patients', 'city', 'hidden')");
        for _ in ["before the next index run", "after it"] {
            run("SET ROLE asker");
            for question in ["where do patients come from", "how many patients per city", "patients in Oban"] {
                assert!(!answer(question).contains("city"), "{}", answer(question));
            }
            let found = texts(
                "SELECT concat_ws(' ', kind, object, snippet) FROM t2sql.search('patients city Oban where', 100)",
            );
            assert!(!found.iter().any(|f| f.contains("city") || f.contains("patient lives")), "{found:?}");
            // a sample that names it is gone, another one stays
            assert!(
                answer("how many people").starts_with("ok SELECT count(*) AS people"),
                "{}",
                answer("how many people")
            );
            run("RESET ROLE");
            let prompt = prompt("which patients come from Truro and how many people");
            assert!(prompt.contains("clinic.patients") && !prompt.contains("city"), "{prompt}");
            assert!(!prompt.contains("'Truro'"), "{prompt}");
            run("SELECT t2sql.index_schema('clinic')");
        }
        assert!(!stored().contains("city") && !stored().contains("Harwich"), "{}", stored());
        let refused = [
            "SELECT city FROM clinic.patients",
            "SELECT * FROM clinic.patients",
            "TABLE clinic.patients",
            "SELECT p FROM clinic.patients p",
            "SELECT p.* FROM clinic.patients p",
            "SELECT (p).city FROM clinic.patients p",
            "SELECT to_jsonb(p) ->> 'city' FROM clinic.patients p",
            "SELECT count(p) FROM clinic.patients p",
            "SELECT p::text FROM clinic.patients p",
            "SELECT 1 FROM clinic.patients WHERE city = 'Oban'",
            "SELECT id FROM clinic.patients ORDER BY city",
            "SELECT count(*) FROM clinic.patients GROUP BY city",
            "SELECT id FROM clinic.patients p WHERE EXISTS (SELECT 1 FROM clinic.doctors d WHERE d.name = p.city)",
            "SELECT id FROM clinic.patients NATURAL JOIN (SELECT 'Oban' AS city) x",
            "SELECT id FROM clinic.patients JOIN (SELECT 'Oban' AS city) x USING (city)",
            "SELECT x.c FROM clinic.patients AS x(a, b, c, d)",
            "WITH p AS (SELECT * FROM clinic.patients) SELECT count(*) FROM p",
            "SELECT (SELECT max(city) FROM clinic.patients)",
        ];
        run("SET ROLE asker");
        for sql in refused {
            assert_eq!(rule(sql), "protected-column", "{sql}");
        }
        for sql in [
            "SELECT count(*) FROM clinic.patients",
            "SELECT id, name FROM clinic.patients p WHERE p.birthdate > '1970-01-01'",
        ] {
            assert_eq!(rule(sql), "ok", "{sql}");
        }
        // the refusal of * names no column
        let message = text("SELECT message || hint FROM t2sql.check_sql('SELECT * FROM clinic.patients')");
        assert!(!message.contains("city"), "{message}");
        run("RESET ROLE");
        // superusers' SQL as well
        assert_eq!(rule("SELECT city FROM clinic.patients"), "protected-column");
        // a view's body is its owner's business
        run(
            "CREATE VIEW clinic.towns AS SELECT city AS town FROM clinic.patients; GRANT SELECT ON clinic.towns TO asker",
        );
        assert_eq!(rule("SELECT town FROM clinic.towns"), "ok");
        run("SELECT t2sql.protect('clinic.patients', 'city', NULL)");
        assert_eq!(rule("SELECT * FROM clinic.patients"), "ok");
    }

    #[pg_test]
    fn a_hidden_table_is_unknown_and_unreadable() {
        everything_may_be_sent();
        run("SELECT t2sql.protect('clinic.doctors', level => 'hidden')");
        for _ in ["before the next index run", "after it"] {
            assert!(
                !answer("how many doctors are there").contains("clinic.doctors"),
                "{}",
                answer("how many doctors are there")
            );
            let found = texts("SELECT object FROM t2sql.search('doctors specialty Surgery', 100)");
            assert!(!found.iter().any(|f| f.contains("doctors")), "{found:?}");
            assert!(!prompt("how many visits per doctor").contains("clinic.doctors"));
            assert_eq!(rule("SELECT count(*) FROM clinic.doctors"), "protected-column");
            run("SELECT t2sql.index_schema('clinic')");
        }
        assert!(!stored().contains("clinic.doctors") && !stored().contains("Surgery"), "{}", stored());
        assert_eq!(text("SELECT count(*)::text FROM t2sql.db_tables WHERE table_name = 'doctors'"), "0");
        // what was asked before the label no longer runs
        run("SELECT t2sql.protect('clinic.doctors', level => 'none'); SELECT t2sql.index_schema('clinic')");
        run("SET ROLE asker");
        let request = text("SELECT request_id::text FROM t2sql.answer('how many doctors are there')");
        assert_ne!(text(&format!("SELECT t2sql.run({request})::text")), "");
        run("RESET ROLE; SELECT t2sql.protect('clinic.doctors', level => 'hidden'); SET ROLE asker");
        fails_with(&format!("SELECT t2sql.run({request})"), "38003");
        run("RESET ROLE");
    }

    #[pg_test]
    fn a_label_counts_above_and_below_in_a_tree_of_tables() {
        everything_may_be_sent();
        run("GRANT SELECT ON clinic.readings, clinic.readings_2026 TO asker");
        run("SELECT t2sql.protect('clinic.readings', 'device', 'hidden'); SET ROLE asker");
        for table in ["readings", "readings_2026"] {
            assert_eq!(rule(&format!("SELECT device FROM clinic.{table}")), "protected-column");
            assert_eq!(rule(&format!("SELECT count(*) FROM clinic.{table}")), "ok");
        }
        run("RESET ROLE; SELECT t2sql.protect('clinic.readings', 'device', NULL)");
        run("SELECT t2sql.protect('clinic.readings_2026', level => 'hidden'); SET ROLE asker");
        for table in ["readings", "readings_2026"] {
            assert_eq!(rule(&format!("SELECT count(*) FROM clinic.{table}")), "protected-column");
        }
        assert!(!prompt("how many readings are there").contains("clinic.readings"));
        run("RESET ROLE");
    }

    #[pg_test]
    fn a_foreign_key_over_a_hidden_column_is_forgotten() {
        everything_may_be_sent();
        assert!(prompt("visits per patient").contains("FOREIGN KEY (patient_id)"));
        run("SELECT t2sql.protect('clinic.visits', 'patient_id', 'hidden')");
        assert!(
            !prompt("visits per patient")
                .contains("  FOREIGN KEY (patient_id) REFERENCES clinic.patients (id),\n  FOREIGN KEY (doctor_id)")
        );
        run("SELECT t2sql.index_schema('clinic')");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.table_relationships r JOIN t2sql.db_tables t ON t.id = r.from_table_id
                  WHERE t.table_name = 'visits' AND 'patient_id' = ANY (r.from_columns)"
            ),
            "0"
        );
    }
}
