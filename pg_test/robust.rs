//! Inputs that no sane user gives: nothing of them crashes the server, hangs, or ends in an internal error.

#[pgrx::pg_schema]
mod tests {
    use crate::suites::support::{clinic, failure, indexed_clinic, run, text, texts};
    use pgrx::prelude::*;
    use std::time::{Duration, Instant};

    /// Longest time for one statement, in code that is not optimised.
    const LONGEST: Duration = Duration::from_secs(20);

    /// Runs the statement; it may fail, but by a code of its own. Returns what `failure` does.
    fn calm(statement: &str) -> String {
        let shown: String = statement.chars().take(200).collect();
        let start = Instant::now();
        let failure = failure(statement);
        assert!(!failure.starts_with("XX"), "{shown}: {failure}");
        // what PostgreSQL says of its own settings is its business
        let ours = !statement.contains("set_config");
        assert!(!ours || !failure.chars().any(|c| c.is_control() && c != '\n'), "{shown}: {failure:?}");
        assert!(start.elapsed() < LONGEST, "{shown}: {:?}", start.elapsed());
        failure
    }

    fn literal(text: &str) -> String {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    }

    /// Names that PostgreSQL takes and careless code doesn't.
    fn odd_names() -> Vec<String> {
        let mut names: Vec<String> = [
            "two\nlines",
            "it's",
            "a\"b",
            "\"\"",
            "back\\slash",
            "Upper Case",
            "ORDERS",
            "größe",
            "数量",
            "🦀",
            "\u{202e}rtl",
            "a.b",
            "%s",
            "$1",
            "--x",
            "/*x*/",
            ";",
            "1st",
            " ",
            "</data>",
            "E'x'",
            "U&x",
            "tab\there",
            "\u{1}",
            "t2sql",
            "pg_toast",
            "{}",
            "[]",
            "null",
            "ctid_",
        ]
        .map(String::from)
        .to_vec();
        names.push("x".repeat(63));
        names.push("é".repeat(31));
        names
    }

    /// Questions and other texts.
    fn odd_texts() -> Vec<String> {
        let long = |part: &str| part.repeat(16_000 / part.len());
        let mut texts = odd_names();
        texts.extend(
            [
                "x",
                "?",
                "how",
                "how many",
                "\u{200f}\u{202e}\u{200b}",
                "كم عدد المرضى",
                "Сколько пациентов?",
                "patients\u{301}\u{301}",
                "\\",
                "'",
                "\"",
                "``` ```",
                "$$",
                "{\"a\":1}",
                "how many patients\0".trim_end_matches('\0'),
                "patients where name = '' OR 1=1; --",
                "top 99999999999999999999 patients",
                "last 9999999999 years",
                "patients born before year -5",
                "patients between 2024-02-30 and 0000-00-00",
            ]
            .map(String::from),
        );
        texts.extend([
            long("x"),
            long("a-"),
            long("é"),
            long("🦀"),
            long("patients "),
            long("how many patients in Oban and "),
            long("' "),
            long("1 "),
            long("\n"),
            long("ﷺ"),
        ]);
        texts
    }

    #[pg_test]
    fn odd_texts_are_answered_or_refused() {
        indexed_clinic();
        run("SET statement_timeout = 0");
        for odd in odd_texts() {
            let odd = literal(&odd);
            for call in [
                "SELECT t2sql.ask($)",
                "SELECT * FROM t2sql.answer($)",
                "SELECT t2sql.execute_nl($)",
                "SELECT * FROM t2sql.search($)",
                "SELECT t2sql.prompt($)",
                "SELECT t2sql.ask('how many patients are there', options => jsonb_build_object('evidence', $))",
                "SELECT t2sql.ask('how many patients are there', $)",
                "SELECT * FROM t2sql.check_sql($)",
                "SELECT t2sql.add_sample($, 'SELECT count(*) FROM clinic.patients')",
                "SELECT t2sql.feedback($, 'SELECT count(*) FROM clinic.patients', true, feedback_text => $)",
                "SELECT t2sql.set_description('clinic.patients', $)",
                "SELECT t2sql.set_description($, 'x')",
                "SELECT t2sql.embed($)",
            ] {
                calm(&call.replace('$', &odd));
            }
        }
        // and everything above has left a state that works
        assert_eq!(text("SELECT t2sql.execute_nl('how many doctors are there')::jsonb ->> 'doctors_count'"), "6");
    }

    #[pg_test]
    fn odd_texts_name_contexts_servers_and_kinds() {
        indexed_clinic();
        for odd in odd_names().into_iter().chain([String::new(), "x".repeat(10_000)]) {
            let odd = literal(&odd);
            for call in [
                "SELECT t2sql.register_database($, ARRAY['clinic'], $)",
                "SELECT t2sql.register_database('odd', ARRAY[$])",
                "SELECT t2sql.register_database('odd', ARRAY['clinic'], include => ARRAY[$], exclude => ARRAY[$])",
                "SELECT t2sql.unregister_database($)",
                "SELECT t2sql.protect('clinic.patients', $, $)",
                "SELECT t2sql.protect('clinic.patients', level => $)",
                "SELECT t2sql.set_llm($, $)",
                "SELECT t2sql.set_embedder($, $)",
                "SELECT t2sql.index_schema($)",
                "SELECT t2sql.search('patients', kinds => ARRAY[$])",
                "SELECT t2sql.add_sample('q', 'SELECT 1', tags => ARRAY[$], performance_notes => $)",
                "SELECT t2sql.ask('how many patients are there', options => jsonb_build_object($, $))",
                "SELECT pg_catalog.set_config('t2sql.allowed_functions', $, true), t2sql.ask('how many patients are there')",
                "SELECT pg_catalog.set_config('t2sql.run_as', $, true), t2sql.ask('how many patients are there')",
                "SELECT pg_catalog.set_config('search_path', $, true), t2sql.ask('how many patients are there')",
            ] {
                calm(&call.replace('$', &odd));
            }
        }
    }

    #[pg_test]
    fn arrays_and_numbers_at_their_edges() {
        indexed_clinic();
        for array in [
            "ARRAY[NULL]",
            "ARRAY[NULL, 'clinic']",
            "'{}'::text[]",
            "'{{clinic},{clinic}}'::text[]",
            "'[5:6]={clinic,clinic}'::text[]",
            "array_fill('clinic'::text, '{5000}')",
        ] {
            for call in [
                "SELECT t2sql.index_schema($::text[])",
                "SELECT t2sql.register_database('edge', $)",
                "SELECT t2sql.register_database('edge', ARRAY['clinic'], include => $, exclude => $)",
                "SELECT t2sql.search('patients', kinds => $)",
                "SELECT t2sql.add_sample('q', 'SELECT 1', tags => $)",
            ] {
                let failure = calm(&call.replace('$', array));
                assert!(
                    array.starts_with("ARRAY") == (failure != "no error") || !array.contains("NULL"),
                    "{call} {array}: {failure}"
                );
            }
        }
        for number in ["-2147483648", "-1", "0", "2147483647"] {
            for call in [
                "SELECT t2sql.search('patients', k => $)",
                "SELECT t2sql.execute_nl('list the name of all patients', max_rows => $)",
                "SELECT t2sql.run($)",
                "SELECT t2sql.run($, $)",
                "SELECT t2sql.feedback($, true)",
                "SELECT t2sql.feedback('q', 'SELECT 1', true, rating => $)",
                "SELECT t2sql._index_batch($)",
                "SELECT t2sql._index_stop($)",
                "CALL t2sql.reindex(max_time => make_interval(secs => $))",
            ] {
                calm(&call.replace('$', &format!("({number})")));
            }
        }
        for threshold in ["NaN", "Infinity", "-Infinity", "-1", "1e38", "1e-45"] {
            calm(&format!("SELECT t2sql.search('patients', threshold => '{threshold}'::real)"));
        }
    }

    /// Every word of PostgreSQL's grammar and every odd name, quoted by both printers, is read back as itself.
    #[pg_test]
    fn identifiers_are_read_back_by_postgresql() {
        let mut names = texts("SELECT word FROM pg_catalog.pg_get_keywords()");
        assert!(names.len() > 400);
        names.extend(odd_names());
        names.extend(["plain", "_x", "x1", "x$y", "x y", "X"].map(String::from));
        for name in &names {
            let quoted = t2sql_core::prompt::quote::identifier(name);
            for written in [quoted, t2sql_core::text::quote_identifier(name)] {
                // as a table, as a column without its table, and as both
                let sql = format!(
                    "WITH {written} AS (SELECT 7 AS {written}) SELECT {written} FROM {written} WHERE {written}.{written} = 7"
                );
                let seen = text(&format!("SELECT json_object_keys(row_to_json(t)) FROM ({sql}) AS t"));
                assert_eq!(seen, *name, "{sql}");
            }
        }
    }

    /// A schema of odd names is indexed, asked about, shown to a model, and answered about.
    #[pg_test]
    fn a_schema_of_odd_names() {
        clinic();
        run("CREATE SCHEMA \"Odd \"\"Schema\"\"\"");
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let names = odd_names();
        for name in &names {
            run(&format!(
                "CREATE TABLE \"Odd \"\"Schema\"\"\".{0} ({0} integer PRIMARY KEY, \"select\" text, amount numeric)",
                quoted(name)
            ));
            run(&format!(
                "INSERT INTO \"Odd \"\"Schema\"\"\".{} SELECT n, 'it''s \\ \"' || n % 3, n FROM generate_series(1, 9) n",
                quoted(name)
            ));
        }
        let keywords = texts("SELECT word FROM pg_catalog.pg_get_keywords()");
        let columns: Vec<String> = keywords.iter().map(|word| format!("{} integer", quoted(word))).collect();
        run(&format!("CREATE TABLE \"Odd \"\"Schema\"\"\".\"order\" ({})", columns.join(", ")));
        run("GRANT USAGE ON SCHEMA \"Odd \"\"Schema\"\"\" TO t2sql_reader");
        run("GRANT SELECT ON ALL TABLES IN SCHEMA \"Odd \"\"Schema\"\"\" TO t2sql_reader");
        run("ANALYZE");
        // a name that steers a terminal is nobody's honest name
        let indexed: Vec<&String> = names.iter().filter(|name| !name.chars().any(char::is_control)).collect();
        assert!(indexed.len() + 3 == names.len());
        assert_eq!(
            text("SELECT tables_indexed::text FROM t2sql.index_schema('Odd \"Schema\"')"),
            (indexed.len() + 1).to_string()
        );
        run("SELECT t2sql.register_database('odd', ARRAY['Odd \"Schema\"'])");
        run("SELECT t2sql.index_schema(database => 'odd')");
        let mut answered = 0;
        for name in names.iter().chain(&keywords) {
            for question in [format!("how many {name} are there"), format!("total amount of {name}")] {
                if calm(&format!("SELECT t2sql.execute_nl({}, 'odd')", literal(&question))) == "no error" {
                    answered += 1;
                }
            }
        }
        assert!(answered > 100, "only {answered} were answered");
        let prompt = text("SELECT t2sql.prompt('how many orders', 'odd')");
        // once in the rules, once at the end of the data
        assert_eq!(prompt.matches("</data>").count(), 2, "{prompt}");
        for name in indexed {
            let object = format!("{}.{}", quoted("Odd \"Schema\""), quoted(name));
            assert_eq!(
                calm(&format!("SELECT t2sql.set_description({}, 'x', 'odd')", literal(&object))),
                "no error",
                "{object}"
            );
        }
    }

    #[pg_test]
    fn long_sql_is_judged_in_time() {
        indexed_clinic();
        let fill = |open: &str, part: &str, close: &str| {
            let times = (65_536 - open.len() - close.len()) / part.len();
            format!("{open}{}{close}", part.repeat(times))
        };
        for sql in [
            fill("SELECT '", "x", "'"),
            fill("SELECT 1", " ", ""),
            fill("SELECT 1 ", "--\n", ""),
            fill("SELECT 1 ", "/*", ""),
            fill("SELECT ", "1,", "1"),
            fill("SELECT 1 WHERE 1 IN (", "1,", "1)"),
            fill("SELECT 1 WHERE true", " OR true", ""),
            fill("SELECT 1", "+1", ""),
            fill("SELECT ", "(", ""),
            fill("SELECT ", "-", "1"),
            fill("SELECT ", "NOT ", "true"),
            fill("SELECT 1", " UNION SELECT 1", ""),
            fill("SELECT count(*) FROM clinic.patients p0", ", clinic.patients", ""),
            fill("SELECT 1 FROM clinic.patients", " NATURAL JOIN clinic.patients", ""),
            fill("WITH ", "x AS (", ""),
            fill("SELECT \"", "é", "\""),
            fill("SELECT a", ".a", ""),
            fill("SELECT E'", "\\\\", "'"),
            fill("SELECT $a$", "$", "$a$"),
            fill("SELECT U&'", "\\+01F980", "'"),
            fill("SELECT 1", "::int", ""),
            fill("SELECT 0.", "9", "::numeric"),
            fill("SELECT '", "[", "'::jsonb"),
            fill("SELECT '", "<a>", "'::xml"),
            fill("SELECT '{", "{", "}'::int[]"),
        ] {
            let start = Instant::now();
            run("SET t2sql.execution_timeout = '2s'");
            let verdict = text(&format!(
                "SELECT concat_ws(' ', ok, rule, sqlstate) FROM t2sql.check_sql($check_sql${sql}$check_sql$)"
            ));
            assert!(!verdict.is_empty() && !verdict.contains("XX000"), "{verdict}: {}", &sql[..40]);
            assert!(start.elapsed() < LONGEST, "{:?}: {}", start.elapsed(), &sql[..40]);
        }
    }

    #[pg_test]
    fn comments_of_ten_megabytes_are_capped() {
        clinic();
        for (of, with) in [
            ("TABLE clinic.patients", "x"),
            ("COLUMN clinic.patients.city", "word "),
            ("TABLE clinic.doctors", "\n"),
            ("COLUMN clinic.doctors.name", "🦀"),
        ] {
            let times = 10_000_000 / with.len();
            run(&format!(
                "DO $$ BEGIN EXECUTE format('COMMENT ON {of} IS %L', repeat({}, {times})); END $$",
                literal(with)
            ));
        }
        let start = Instant::now();
        run("SELECT t2sql.index_schema('clinic')");
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
        let longest = text(
            "SELECT max(greatest(length(t.description), length(c.description)))::text FROM t2sql.db_tables t JOIN t2sql.db_columns c ON c.table_id = t.id",
        );
        assert!(longest.parse::<i32>().unwrap() <= 1_001, "{longest}");
        assert!(
            text("SELECT max(length(content_chunk))::text FROM t2sql.vector_embeddings").parse::<i32>().unwrap()
                <= 10_000
        );
        assert!(text("SELECT t2sql.prompt('how many patients')").len() < 60_000);
        assert_eq!(text("SELECT t2sql.execute_nl('how many patients are there')::jsonb ->> 'patients_count'"), "40");
    }

    #[pg_test]
    fn values_of_every_kind_are_indexed_and_bound() {
        clinic();
        run("CREATE TABLE clinic.labels (id integer PRIMARY KEY, label text)");
        for (id, odd) in odd_texts().into_iter().enumerate() {
            run(&format!("INSERT INTO clinic.labels VALUES ({id}, {})", literal(&odd)));
        }
        run(
            "ANALYZE clinic.labels; GRANT SELECT ON clinic.labels TO t2sql_reader; SELECT t2sql.index_schema('clinic')",
        );
        run(
            "SELECT t2sql.add_sample('labels called x', 'SELECT count(*) AS n FROM clinic.labels WHERE label = ''x''')",
        );
        for odd in odd_texts().into_iter().filter(|odd| odd.chars().count() < 60) {
            let question = literal(&format!("labels called {odd}"));
            let failed = calm(&format!("SELECT t2sql.execute_nl({question})"));
            // where it is answered it is by a literal that means this value
            if failed == "no error" && text(&format!("SELECT engine FROM t2sql.answer({question})")) == "sample" {
                assert_eq!(text(&format!("SELECT (t2sql.execute_nl({question})::jsonb ->> 'n')")), "1", "{odd:?}");
            }
        }
    }

    /// 8 MB of what makes a careless reader slow.
    #[pg_test]
    fn replies_of_eight_megabytes_end_in_an_error() {
        indexed_clinic();
        run(&format!(
            "CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '{}')",
            text("SELECT pg_catalog.current_setting('fake.endpoint')")
        ));
        run("SELECT t2sql.set_llm('fake', 'scripted')");
        run("SET t2sql.engine = llm");
        for question in [
            "say endless fences",
            "say endless updates",
            "say endless names",
            "say endless brackets",
            "say endless prose",
        ] {
            let failure = calm(&format!("SELECT t2sql.ask('{question}')"));
            assert!(
                ["38000", "38003", "54000", "42601"].iter().any(|code| failure.starts_with(code)),
                "{question}: {failure}"
            );
            // the call that chooses tables reads replies as well
            run("SET t2sql.max_prompt_tokens = 700");
            calm(&format!("SELECT t2sql.ask('{question}')"));
            run("RESET t2sql.max_prompt_tokens");
        }
    }
}
