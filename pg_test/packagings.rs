//! Every line of `tests/hostile` as the reply of a model, bare, fenced, as JSON and in prose: through the whole path, from
//! the endpoint to the rows.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::guard::{BENIGN, HOSTILE, data, fixture, lines, state};
    use crate::suites::support::{indexed_clinic, run, text};
    use pgrx::prelude::*;

    /// What the visitor of the fixture may not see, wherever it turns up.
    const CANARIES: [&str; 6] = ["topsecret", "4200", "4711", "4712", "not mine", "root:"];

    /// The library, asked by a visitor, with a model that says what it is told.
    fn library_with_model() {
        // first what every suite makes first, so that suites wait for each other in one order
        indexed_clinic();
        run("SET client_min_messages = error");
        fixture();
        run("SELECT t2sql.register_database('lib', ARRAY['lib', 'public'])");
        run("SELECT t2sql.index_schema(database => 'lib')");
        let url = text("SELECT pg_catalog.current_setting('fake.reciting')");
        run(&format!("CREATE SERVER reciting FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{url}')"));
        run("SELECT t2sql.set_llm('reciting', 'scripted')");
        run("GRANT USAGE ON FOREIGN SERVER reciting TO visitor; GRANT t2sql_user TO visitor");
        run(
            "SET t2sql.engine = llm; SET t2sql.max_repairs = 0; SET t2sql.max_rows = 10000; SET t2sql.send_values = none",
        );
        run("SET t2sql.execution_timeout = '10s'");
    }

    fn asked(line: usize, packaging: &str) -> String {
        text(&format!("SELECT pg_temp.asked('#say {line} {packaging}', '{{\"cache\": false}}', 'lib')"))
    }

    #[pg_test]
    fn no_packaging_lets_hostile_statements_run_and_each_lets_benign_ones() {
        library_with_model();
        let packagings = text("SELECT pg_catalog.current_setting('fake.packagings')");
        let packagings: Vec<&str> = packagings.split(' ').collect();
        let before = (data(), state());
        run("SET ROLE visitor");
        let mut wrong = Vec::new();
        let mut ran = Vec::new();
        let hostile: Vec<(&str, &str)> = lines(HOSTILE).filter_map(|line| line.split_once('\t')).collect();
        for (number, (expected, sql)) in hostile.iter().enumerate() {
            for &packaging in &packagings {
                let inside = state();
                let found = asked(number, packaging);
                // what is left after unpacking may be harmless, such as a fence inside of a fence
                if found.starts_with("ran") {
                    ran.push(format!("{packaging}: {expected}: {sql}"));
                }
                if CANARIES.iter().any(|canary| found.contains(canary)) {
                    wrong.push(format!("{packaging}: leaked {found}: {sql}"));
                }
                if state() != inside {
                    wrong.push(format!("{packaging}: changed something: {sql}"));
                }
            }
        }
        for (number, sql) in lines(BENIGN).enumerate() {
            for &packaging in &packagings {
                let found = asked(hostile.len() + number, packaging);
                if !found.starts_with("ran") {
                    wrong.push(format!("{packaging}: {found}: {sql}"));
                }
            }
        }
        run("RESET ROLE");
        assert_eq!((data(), state()), before);
        assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
        assert!(ran.len() <= 4, "{}", ran.join("\n"));
    }
}
