//! Indexing: what is kept, what a second run does, and what is never kept.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{clinic, fails_with, failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;

    /// The counts of one run, in the order in which index_schema() returns them.
    fn index(arguments: &str) -> String {
        text(&format!(
            "SELECT concat_ws(' ', tables_indexed, columns_indexed, relationships_indexed, values_indexed, embeddings_generated,
                              unchanged, skipped_no_privilege, removed) FROM t2sql.index_schema({arguments})"
        ))
    }

    fn tables() -> String {
        text("SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM t2sql.db_tables")
    }

    #[pg_test]
    fn the_first_run_keeps_everything_and_the_second_nothing() {
        clinic();
        let first = index("'clinic'");
        let [tables, columns, _, values, embeddings, unchanged, hidden, removed] =
            first.split(' ').map(|n| n.parse::<i64>().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("{first}")
        };
        assert_eq!((tables, columns, embeddings), (9, 29, 38));
        assert_eq!((unchanged, hidden, removed), (0, 0, 0));
        assert!(values > 40, "{first}");
        assert_eq!(index("'clinic'"), "0 0 0 0 0 9 0 0");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.vector_embeddings"), "38");
        assert!(text("SELECT message FROM t2sql.index_schema()").contains("SELECT t2sql.ask('how many "));
    }

    #[pg_test]
    fn kinds_of_relations_are_told_apart_and_partitions_are_not_tables() {
        indexed_clinic();
        assert_eq!(
            texts("SELECT table_name || ' ' || table_type FROM t2sql.db_tables ORDER BY table_name"),
            [
                "busy view",
                "diagnoses table",
                "doctors table",
                "patients table",
                "readings partitioned_table",
                "rooms table",
                "stays table",
                "visits table",
                "yearly materialized_view"
            ]
        );
    }

    #[pg_test]
    fn a_foreign_table_is_indexed_without_being_read() {
        clinic();
        run("CREATE FOREIGN DATA WRAPPER nothing");
        run("CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing");
        run("CREATE FOREIGN TABLE clinic.invoices (number text, amount numeric) SERVER elsewhere");
        run("GRANT SELECT ON clinic.invoices TO t2sql_reader");
        index("'clinic'");
        assert_eq!(text("SELECT table_type FROM t2sql.db_tables WHERE table_name = 'invoices'"), "foreign_table");
    }

    #[pg_test]
    fn a_new_column_is_embedded_and_nothing_else() {
        indexed_clinic();
        run("ALTER TABLE clinic.doctors ADD COLUMN shift_name text");
        let row = index("'clinic'");
        // one table refreshed, one column stored and embedded; the table's own text may name its columns
        assert!(row == "1 1 0 0 1 8 0 0" || row == "1 1 0 0 2 8 0 0", "{row}");
        assert_eq!(index("'clinic'"), "0 0 0 0 0 9 0 0");
    }

    #[pg_test]
    fn what_is_gone_is_removed_with_its_vectors_and_values() {
        indexed_clinic();
        run("ALTER TABLE clinic.doctors DROP COLUMN specialty CASCADE");
        run("DROP TABLE clinic.stays");
        index("'clinic'");
        assert!(!tables().contains("stays"));
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.db_columns WHERE column_name = 'specialty' AND table_id =
                         (SELECT id FROM t2sql.db_tables WHERE table_name = 'doctors')"
            ),
            "0"
        );
        assert_eq!(text("SELECT count(*)::text FROM t2sql.column_values WHERE value = 'Cardiology'"), "0");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.vector_embeddings e
                  WHERE collection = 'table' AND object_id NOT IN (SELECT id FROM t2sql.db_tables)
                     OR collection = 'column' AND object_id NOT IN (SELECT id FROM t2sql.db_columns)"
            ),
            "0"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM t2sql.table_relationships WHERE from_columns = '{room_wing,room_floor}'"),
            "0"
        );
    }

    #[pg_test]
    fn a_renamed_table_is_found_under_its_new_name_only() {
        indexed_clinic();
        run("ALTER TABLE clinic.doctors RENAME TO physicians");
        index("'clinic'");
        assert!(tables().contains("physicians") && !tables().contains("doctors"), "{}", tables());
        assert_eq!(text("SELECT t2sql.execute_nl('how many physicians are there')::jsonb ->> 'physicians_count'"), "6");
    }

    /// After a restore the rows are counted (by CREATE INDEX) but nobody looked at the columns.
    #[pg_test]
    fn statistics_that_appear_later_are_noticed() {
        clinic();
        run("CREATE TABLE clinic.letters (id integer PRIMARY KEY, kind text NOT NULL) WITH (autovacuum_enabled = off);
             INSERT INTO clinic.letters SELECT i, 'kind' || i % 3 FROM generate_series(1, 20000) AS i;
             CREATE INDEX ON clinic.letters (kind)");
        index("'clinic'");
        let values = "SELECT count(*)::text FROM t2sql.column_values WHERE value LIKE 'kind_'";
        let health = || text("SELECT concat(ok, ' ', detail) FROM t2sql.health() WHERE item = 'index'");
        assert_eq!(text(values), "0");
        assert!(health().starts_with("f ") && health().contains("1 without statistics; 0 new"), "{}", health());
        assert!(text("SELECT message FROM t2sql.index_schema('clinic')").contains("ANALYZE"));
        run("ANALYZE clinic.letters");
        index("'clinic'");
        assert_eq!(text(values), "3");
        assert!(health().starts_with("t "), "{}", health());
        // and so are tables that an index run would change
        run("CREATE TABLE clinic.gifts (id integer); ALTER TABLE clinic.rooms RENAME COLUMN beds TO places");
        assert!(health().starts_with("f ") && health().contains("; 2 new"), "{}", health());
    }

    #[pg_test]
    fn a_changed_comment_is_embedded_again() {
        indexed_clinic();
        run("COMMENT ON COLUMN clinic.visits.fee IS 'What the patient pays, in pounds'");
        let row = index("'clinic'");
        assert!(row.starts_with("1 1 0 0 1 8") || row.starts_with("1 1 0 0 2 8"), "{row}");
        assert!(text("SELECT description FROM t2sql.db_columns WHERE column_name = 'fee'").ends_with("pounds"));
    }

    #[pg_test]
    fn a_weak_role_does_not_empty_the_base() {
        indexed_clinic();
        let before = tables();
        run("CREATE ROLE weak IN ROLE t2sql_admin");
        run("GRANT USAGE ON SCHEMA clinic TO weak");
        run("GRANT SELECT ON clinic.rooms TO weak");
        run("SET ROLE weak");
        assert_eq!(index("'clinic'"), "0 0 0 0 0 1 8 0");
        run("RESET ROLE");
        assert_eq!(tables(), before);
        // nor does a revoked privilege
        run("REVOKE SELECT ON clinic.doctors FROM t2sql_reader");
        run("REVOKE pg_read_all_data FROM t2sql_reader");
        let row = index("'clinic'");
        assert!(row.ends_with(" 1 0"), "{row}");
        assert_eq!(tables(), before);
    }

    #[pg_test]
    fn one_readable_column_is_indexed_alone() {
        clinic();
        run("CREATE ROLE weak IN ROLE t2sql_admin");
        run("GRANT USAGE ON SCHEMA clinic TO weak");
        run("GRANT SELECT (name) ON clinic.doctors TO weak");
        run("SET ROLE weak");
        assert!(index("'clinic'").starts_with("1 1 0 "));
        run("RESET ROLE");
        assert_eq!(text("SELECT string_agg(column_name, ' ') FROM t2sql.db_columns"), "name");
    }

    #[pg_test]
    fn composite_keys_keep_their_order() {
        indexed_clinic();
        assert_eq!(
            text(
                "SELECT from_columns::text || ' ' || to_columns::text FROM t2sql.table_relationships
                  WHERE origin = 'fk' AND cardinality(from_columns) = 2"
            ),
            "{room_wing,room_floor} {wing,floor}"
        );
    }

    #[pg_test]
    fn enum_labels_and_values_are_kept_within_limits() {
        clinic();
        run("SET t2sql.max_indexed_values = 5");
        index("'clinic'");
        assert_eq!(
            text("SELECT common_values::text FROM t2sql.db_columns WHERE column_name = 'urgency'"),
            "{low,medium,high}"
        );
        let values = texts("SELECT DISTINCT value FROM t2sql.column_values ORDER BY value");
        assert!(values.contains(&"Oban".to_string()) && values.contains(&"high".to_string()), "{values:?}");
        assert!(!values.iter().any(|v| v.starts_with("Patient")), "40 names are more than 5: {values:?}");
        // another limit reads them again, a limit of 0 forgets them
        run("SET t2sql.max_indexed_values = 100");
        index("'clinic'");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.column_values WHERE value LIKE 'Patient %'"), "40");
        run("SET t2sql.max_indexed_values = 0");
        index("'clinic'");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.column_values"), "0");
    }

    #[pg_test]
    fn nothing_is_stored_of_protected_tables_and_views() {
        indexed_clinic();
        run("ANALYZE clinic.diagnoses");
        run("SELECT t2sql.index_schema(force => true)");
        for table in ["db_tables", "db_columns", "column_values", "vector_embeddings"] {
            let found = text(&format!(
                "SELECT string_agg(t::text, E'\n') FROM t2sql.{table} t WHERE t::text ~ 'sealed-canary|Surgery' AND t::text !~ '^\\(\\d+,\\d+,specialty'"
            ));
            assert!(!found.contains("sealed-canary"), "{table}: {found}");
        }
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.column_values v JOIN t2sql.db_columns c ON c.id = v.column_id
                  JOIN t2sql.db_tables t ON t.id = c.table_id WHERE t.table_name IN ('busy', 'diagnoses')"
            ),
            "0"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM t2sql.db_columns c JOIN t2sql.db_tables t ON t.id = c.table_id
                  WHERE t.table_name IN ('busy', 'diagnoses') AND (cardinality(common_values) > 0 OR range_min IS NOT NULL)"),
            "0"
        );
        // protection that is switched on later takes away what was kept
        run("ALTER TABLE clinic.patients ENABLE ROW LEVEL SECURITY");
        run("SELECT t2sql.index_schema()");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.column_values WHERE value IN ('Oban', 'Patient 1')"), "0");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.db_columns c JOIN t2sql.db_tables t ON t.id = c.table_id
                  WHERE t.table_name = 'patients' AND cardinality(common_values) > 0"
            ),
            "0"
        );
    }

    #[pg_test]
    fn a_description_survives_indexing_until_it_is_taken_back() {
        indexed_clinic();
        let described = || text("SELECT description FROM t2sql.db_tables WHERE table_name = 'patients'");
        run("SELECT t2sql.set_description('clinic.patients', 'Everybody who was ill')");
        run("COMMENT ON TABLE clinic.patients IS 'Another comment'");
        run("SELECT t2sql.index_schema(force => true)");
        assert_eq!(described(), "Everybody who was ill");
        run("SELECT t2sql.set_description('clinic.patients', NULL)");
        run("SELECT t2sql.index_schema()");
        assert_eq!(described(), "Another comment");
        run("SELECT t2sql.set_description('patients.city', 'Home town')");
        assert_eq!(text("SELECT description FROM t2sql.db_columns WHERE column_name = 'city'"), "Home town");
        fails_with("SELECT t2sql.set_description('clinic.nothing', 'x')", "22023");
    }

    #[pg_test]
    fn a_curator_describes_what_he_may_read_and_learns_of_nothing_else() {
        indexed_clinic();
        run("SET ROLE curator");
        run("SELECT t2sql.set_description('clinic.patients.city', 'Home town')");
        let nothing = failure("SELECT t2sql.set_description('clinic.nothing', 'x')");
        let forbidden = failure("SELECT t2sql.set_description('clinic.stays', 'x')");
        assert_eq!(forbidden, nothing.replace("nothing", "stays"));
        assert_eq!(
            failure("SELECT t2sql.set_description('clinic.stays.since', 'x')"),
            nothing.replace("nothing", "stays.since")
        );
        run("RESET ROLE");
        run("REVOKE SELECT ON clinic.doctors FROM curator; GRANT SELECT (id, name) ON clinic.doctors TO curator");
        run("SET ROLE curator");
        run("SELECT t2sql.set_description('doctors.name', 'Surname')");
        assert!(failure("SELECT t2sql.set_description('doctors.specialty', 'x')").starts_with("22023"));
        run("RESET ROLE");
    }

    #[pg_test]
    fn a_question_to_try_names_what_the_indexer_may_read() {
        indexed_clinic();
        run("CREATE ROLE weak IN ROLE t2sql_admin");
        run("GRANT USAGE ON SCHEMA clinic TO weak; GRANT SELECT ON clinic.rooms TO weak; SET ROLE weak");
        let message = text("SELECT message FROM t2sql.index_schema()");
        assert!(message.ends_with("SELECT t2sql.ask('how many rooms are there')"), "{message}");
        run("RESET ROLE");
    }

    #[pg_test]
    fn a_registered_database_holds_what_its_patterns_say() {
        indexed_clinic();
        run(
            "SELECT t2sql.register_database('front', ARRAY['clinic'], 'Front desk', ARRAY['patients', 'clinic.visit%'], ARRAY['%diag%'], true)",
        );
        fails_with("SELECT t2sql.ask('how many patients are there', 'front')", "55000");
        assert!(index("database => 'front'").starts_with("2 10 "));
        assert_eq!(
            text("SELECT t2sql.execute_nl('how many patients are there', 'front')::jsonb ->> 'patients_count'"),
            "40"
        );
        // readable, but not part of it
        fails_with(
            "SELECT t2sql.add_sample('how many doctors', 'SELECT count(*) FROM clinic.doctors', 'front')",
            "38003",
        );
        // the other context is as it was
        assert_eq!(index(""), "0 0 0 0 0 9 0 0");
        // narrower patterns take effect at the next run
        run("SELECT t2sql.register_database('front', ARRAY['clinic'], include => ARRAY['patients'])");
        index("database => 'front'");
        assert_eq!(
            text("SELECT string_agg(t.table_name, ' ') FROM t2sql.db_tables t JOIN t2sql.database_schemas s ON s.id = t.schema_id
                  JOIN t2sql.databases d ON d.id = s.database_id WHERE d.name = 'front'"),
            "patients"
        );
        assert_eq!(text("SELECT t2sql.unregister_database('front')::text"), "true");
        assert_eq!(text("SELECT t2sql.unregister_database('front')::text"), "false");
        fails_with("SELECT t2sql.ask('how many patients are there', 'front')", "22023");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM t2sql.vector_embeddings WHERE database_id NOT IN (SELECT id FROM t2sql.databases)"
            ),
            "0"
        );
    }

    #[pg_test]
    fn bad_arguments_and_places_are_told() {
        clinic();
        for (statement, sqlstate) in [
            ("SELECT t2sql.index_schema('nowhere')", "22023"),
            ("SELECT t2sql.index_schema(ARRAY[]::text[])", "22023"),
            ("SELECT t2sql.index_schema(ARRAY[NULL]::text[])", "22023"),
            ("SELECT t2sql.index_schema(database => 'nowhere')", "22023"),
            ("SELECT t2sql.register_database('x', ARRAY[NULL]::text[])", "22023"),
            ("SELECT t2sql.register_database('', ARRAY['clinic'])", "22023"),
            ("SELECT t2sql.register_database('x', ARRAY['clinic', 'nowhere'])", "22023"),
            ("SELECT t2sql.ask('how many patients are there')", "55000"),
            ("CALL t2sql.reindex()", "25001"),
        ] {
            fails_with(statement, sqlstate);
        }
        run("CREATE SCHEMA hollow");
        fails_with("SELECT t2sql.index_schema('hollow')", "55000");
        run("CREATE ROLE weak IN ROLE t2sql_admin");
        run("SET ROLE weak");
        fails_with("SELECT t2sql.index_schema('clinic')", "42501");
        run("RESET ROLE");
        run("SET transaction_read_only = on");
        for statement in [
            "SELECT t2sql.index_schema('clinic')",
            "SELECT t2sql.register_database('x', ARRAY['clinic'])",
            "SELECT t2sql.unregister_database('x')",
            "SELECT t2sql.set_embedder('builtin')",
            "SELECT t2sql.set_llm(NULL, NULL)",
            "SELECT t2sql.set_description('clinic.patients', 'x')",
            "SELECT t2sql.add_sample('how many patients', 'SELECT 1')",
            "SELECT t2sql.feedback('how many patients', 'SELECT 1', true)",
        ] {
            fails_with(statement, "25006");
        }
    }

    #[pg_test]
    fn a_failed_run_leaves_the_base_as_it_was() {
        indexed_clinic();
        run("CREATE TABLE clinic.letters (id integer, body text)");
        run("GRANT SELECT ON clinic.letters TO t2sql_reader");
        // the run fails after its structure was stored: this model's endpoint refuses
        run("CREATE SERVER nobody FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url 'http://127.0.0.1:1/v1')");
        run("INSERT INTO t2sql.embedding_models (model_name, provider, dimensions) VALUES ('fake', 'nobody', 64)");
        run(
            "UPDATE t2sql.databases SET next_embedding_model_id = (SELECT id FROM t2sql.embedding_models WHERE provider = 'nobody')",
        );
        let failed = failure("SELECT t2sql.index_schema()");
        assert!(failed.starts_with("58030"), "{failed}");
        assert!(!tables().contains("letters"));
        assert_eq!(text("SELECT t2sql.execute_nl('how many patients are there')::jsonb ->> 'patients_count'"), "40");
        run("SELECT t2sql.set_embedder('builtin')");
        run("SELECT t2sql.index_schema()");
        assert!(tables().contains("letters"));
    }
}
