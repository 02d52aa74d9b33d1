//! Learning: what feedback and samples change, and for whom.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{fails_with, failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;

    fn value(question: &str) -> String {
        text(&format!("SELECT value FROM t2sql.execute_nl($q${question}$q$) AS r(doc), json_each_text(r.doc)"))
    }

    fn engine(question: &str) -> String {
        text(&format!("SELECT concat_ws(' ', engine, trusted) FROM t2sql.answer($q${question}$q$)"))
    }

    fn count(table: &str) -> String {
        text(&format!("SELECT count(*)::text FROM t2sql.{table}"))
    }

    #[pg_test]
    fn a_correction_makes_the_next_answer_right() {
        indexed_clinic();
        run("SET ROLE curator");
        let request = text("SELECT request_id::text FROM t2sql.answer('how many patients are there')");
        run(&format!(
            "SELECT t2sql.feedback({request}, false, 'SELECT count(DISTINCT patient_id) AS seen FROM clinic.visits;', 2, 'only those who came')"
        ));
        assert_eq!(engine("how many patients are there"), "sample t");
        assert_eq!(engine("How many  PATIENTS are there?"), "sample t");
        assert_eq!(value("how many patients are there"), "40");
        run("RESET ROLE");
        // a curator's serves everybody
        assert_eq!(engine("how many patients are there"), "sample t");
        run("SET ROLE asker");
        assert_eq!(engine("how many patients are there"), "sample t");
        run("RESET ROLE");
        assert_eq!(
            text("SELECT concat_ws('/', is_correct, rating, feedback_text, user_name) FROM t2sql.query_feedback"),
            "f/2/only those who came/curator"
        );
        // a second correction replaces the first
        run("SELECT t2sql.feedback('how many patients are there', 'SELECT 1', false, 'SELECT 41 AS n')");
        assert_eq!(value("how many patients are there"), "41");
    }

    #[pg_test]
    fn a_plain_users_lesson_serves_that_user_only() {
        indexed_clinic();
        run("SET ROLE asker");
        run("SELECT t2sql.feedback('how many souls', 'SELECT count(*) AS n FROM clinic.patients', true, rating => 5)");
        assert_eq!(engine("how many souls"), "sample f");
        run("RESET ROLE");
        assert_ne!(engine("how many souls"), "sample f");
        run("SET ROLE curator");
        assert_ne!(engine("how many souls"), "sample f");
        assert_eq!(text("SELECT count(*)::text FROM t2sql.search('how many souls', kinds => ARRAY['sample'])"), "0");
        // nor does a plain user take away what everybody uses
        run("SELECT t2sql.add_sample('how many healers', 'SELECT count(*) AS n FROM clinic.doctors')");
        run("RESET ROLE");
        run("SET ROLE asker");
        let request = text("SELECT request_id::text FROM t2sql.answer('how many healers')");
        run(&format!("SELECT t2sql.feedback({request}, false)"));
        assert_eq!(engine("how many healers"), "sample t");
        run("RESET ROLE");
        run("SET ROLE curator");
        let request = text("SELECT request_id::text FROM t2sql.answer('how many healers')");
        run(&format!("SELECT t2sql.feedback({request}, false)"));
        assert_ne!(engine("how many healers"), "sample t");
    }

    #[pg_test]
    fn a_sample_answers_its_question_with_other_values() {
        indexed_clinic();
        run(
            "SELECT t2sql.add_sample('which patients come from Oban', 'SELECT name FROM clinic.patients WHERE city = ''Oban''', tags => ARRAY['city'])",
        );
        assert_eq!(engine("which patients come from Truro"), "sample t");
        assert_eq!(
            text("SELECT count(*)::text FROM t2sql.execute_nl('which patients come from Truro')"),
            text("SELECT count(*)::text FROM clinic.patients WHERE city = 'Truro'")
        );
        assert!(text("SELECT assumptions::text FROM t2sql.answer('which patients come from Truro')").contains("Truro"));
        // a value that nobody has is not bound to anything
        assert!(!engine("which patients come from Atlantis").starts_with("sample"));
        assert_eq!(
            text("SELECT object FROM t2sql.search('patients from Oban', kinds => ARRAY['sample'])"),
            "which patients come from Oban"
        );
    }

    #[pg_test]
    fn a_sample_whose_table_is_gone_no_longer_answers() {
        indexed_clinic();
        run("SELECT t2sql.add_sample('how many healers', 'SELECT count(*) AS n FROM clinic.doctors')");
        run("ALTER TABLE clinic.doctors RENAME TO physicians");
        assert!(!engine("how many healers").starts_with("sample"));
    }

    #[pg_test]
    fn wrong_sql_is_refused_and_nothing_is_kept() {
        indexed_clinic();
        for (sql, sqlstate) in [
            ("DELETE FROM clinic.patients", "38003"),
            ("SELECT 1; SELECT 2", "38003"),
            ("SELECT pg_sleep(1)", "38003"),
            ("SELECT count(*) FROM t2sql.requests", "38003"),
            ("SELECT count(*) FROM clinic.nothing", "42P01"),
            ("SELECT nothing FROM clinic.patients", "42703"),
            ("SELEC 1", "42601"),
            ("", "38003"),
        ] {
            for statement in [
                format!("SELECT t2sql.add_sample('how many', $sql${sql}$sql$)"),
                format!("SELECT t2sql.feedback('how many', 'SELECT 1', false, $sql${sql}$sql$)"),
                format!("SELECT t2sql.feedback('how many', $sql${sql}$sql$, true)"),
            ] {
                let failed = failure(&statement);
                assert!(failed.starts_with(sqlstate), "{statement}: {failed}");
            }
        }
        for statement in [
            "SELECT t2sql.feedback('how many', 'SELECT 1', true, rating => 0)",
            "SELECT t2sql.feedback('how many', 'SELECT 1', true, rating => 6)",
            "SELECT t2sql.feedback('how many', 'SELECT 1', true, 'SELECT 2')",
            "SELECT t2sql.feedback('', 'SELECT 1', true)",
            "SELECT t2sql.feedback(-1, true)",
            "SELECT t2sql.add_sample(' ', 'SELECT 1')",
            "SELECT t2sql.add_sample('how many', 'SELECT 1', 'nowhere')",
            "SELECT t2sql.add_sample('how many', 'SELECT 1', tags => ARRAY[NULL]::text[])",
        ] {
            fails_with(statement, "22023");
        }
        assert_eq!(count("sql_samples"), "0");
        assert_eq!(count("query_feedback"), "0");
    }

    #[pg_test]
    fn what_a_user_can_not_read_can_not_be_taught() {
        indexed_clinic();
        run("SET ROLE asker");
        // as if it did not exist
        let failed = failure("SELECT t2sql.feedback('how many rooms', 'SELECT count(*) FROM clinic.rooms', true)");
        let missing = failure("SELECT t2sql.feedback('how many rooms', 'SELECT count(*) FROM clinic.rooks', true)");
        assert_eq!(failed.replace("rooms", "rooks"), missing);
        // nor is it shown what others taught of it
        run("RESET ROLE");
        run("SELECT t2sql.add_sample('how many bedrooms', 'SELECT count(*) FROM clinic.rooms')");
        let found = "SELECT count(*)::text FROM t2sql.search('how many bedrooms', kinds => ARRAY['sample'])";
        assert_eq!(text(found), "1");
        run("SET ROLE asker");
        assert_eq!(text(found), "0");
        assert!(!text("SELECT t2sql.prompt('how many bedrooms')").contains("clinic.rooms"));
        assert!(!engine("how many bedrooms").starts_with("sample"));
    }

    #[pg_test]
    fn a_sample_is_withdrawn_with_the_privilege() {
        indexed_clinic();
        run("SELECT t2sql.add_sample('how many healers', 'SELECT count(*) AS n FROM clinic.doctors')");
        let shown = || {
            let found = "SELECT count(*)::text FROM t2sql.search('how many healers', kinds => ARRAY['sample'])";
            format!("{} {}", engine("how many healers"), text(found))
        };
        run("SET ROLE asker");
        assert_eq!(shown(), "sample t 1");
        run("RESET ROLE; REVOKE SELECT ON clinic.doctors FROM asker; SET ROLE asker");
        assert_eq!(shown(), " 0");
        // one column of it less is not all of what the SQL shows
        run("RESET ROLE; GRANT SELECT (name) ON clinic.doctors TO asker; SET ROLE asker");
        assert!(shown().ends_with(" 0"), "{}", shown());
        run("RESET ROLE; GRANT SELECT ON clinic.doctors TO asker; SET ROLE asker");
        assert_eq!(shown(), "sample t 1");
    }

    #[pg_test]
    fn overlong_texts_are_refused() {
        indexed_clinic();
        for statement in [
            "SELECT t2sql.feedback('how many', 'SELECT 1', true, feedback_text => repeat('x', 20000))",
            "SELECT t2sql.feedback('how many', repeat('x', 70000), false)",
            "SELECT t2sql.feedback('how many', 'SELECT 1', false, correction => 'SELECT ' || repeat('1+', 40000) || '1')",
            "SELECT t2sql.ask('how many', options => jsonb_build_object('evidence', repeat('x', 20000)))",
        ] {
            fails_with(statement, "54000");
        }
    }

    #[pg_test]
    fn usage_and_ratings_are_counted() {
        indexed_clinic();
        run("SELECT t2sql.add_sample('how many healers', 'SELECT count(*) AS n FROM clinic.doctors')");
        for rating in [5, 4] {
            let request = text("SELECT request_id::text FROM t2sql.answer('how many healers')");
            run(&format!("SELECT t2sql.feedback({request}, true, rating => {rating})"));
        }
        assert_eq!(
            text(
                "SELECT concat_ws('/', feedback_count, avg_rating, last_feedback_date IS NOT NULL) FROM t2sql.sql_samples"
            ),
            "2/4.5/t"
        );
        run("SELECT t2sql.execute_nl('how many healers')");
        assert_eq!(text("SELECT concat_ws('/', count(*), bool_and(success)) FROM t2sql.query_usage_stats"), "1/t");
    }

    #[pg_test]
    fn a_role_that_was_made_anew_inherits_nothing() {
        indexed_clinic();
        run("SET ROLE asker");
        let request = text("SELECT request_id::text FROM t2sql.answer('how many patients are there')");
        run("SELECT t2sql.feedback('how many are ill', 'SELECT count(*) AS ill FROM clinic.patients', true)");
        let ill = || text("SELECT coalesce(sql, status) FROM t2sql.answer('how many are ill')");
        let known = ill();
        assert!(known.contains("AS ill"), "{known}");
        let requests = || text("SELECT count(*)::text FROM t2sql.my_requests");
        assert_ne!(requests(), "0");
        // somebody else who was given the name of one who left
        run("RESET ROLE; DROP OWNED BY asker; DROP ROLE asker; CREATE ROLE asker IN ROLE t2sql_user");
        run("GRANT USAGE ON SCHEMA clinic TO asker; GRANT SELECT ON clinic.patients TO asker; SET ROLE asker");
        assert_eq!(requests(), "0");
        fails_with(&format!("SELECT t2sql.run({request})"), "22023");
        fails_with(&format!("SELECT t2sql.feedback({request}, true)"), "22023");
        assert_ne!(ill(), known);
        let shown = text("SELECT t2sql.prompt('how many are ill')");
        assert!(!shown.contains("AS ill"), "{shown}");
        let found = texts("SELECT snippet FROM t2sql.search('how many are ill', 20, ARRAY['sample'])");
        assert!(found.is_empty(), "{found:?}");
        // rows of another cluster came by a restore: there the name decides
        run(
            "RESET ROLE; UPDATE t2sql.requests SET user_key = '1/1'; UPDATE t2sql.sql_samples SET owner_key = '1/1'; SET ROLE asker",
        );
        assert_ne!(requests(), "0");
        assert_ne!(text(&format!("SELECT t2sql.run({request})::text")), "");
        assert_eq!(ill(), known);
        run("RESET ROLE");
    }
}
