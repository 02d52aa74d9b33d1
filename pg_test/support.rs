//! What the suites share: a clinic to ask about, a plain user, and what a statement's failure looks like.

use pgrx::prelude::*;

/// What every suite needs in its transaction: `pg_temp.failure(sql)`, which runs a statement in a subtransaction, and
/// the roles `asker` (may ask) and `curator`.
const HELPERS: &str = r#"
CREATE FUNCTION pg_temp.failure(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(hint, ''));
END
$$;
CREATE ROLE asker IN ROLE t2sql_user;
CREATE ROLE curator IN ROLE t2sql_curator;
GRANT USAGE ON SCHEMA clinic TO asker, curator;
GRANT SELECT ON clinic.patients, clinic.doctors, clinic.visits TO asker, curator;
GRANT SELECT ON ALL TABLES IN SCHEMA clinic TO t2sql_reader;
"#;

/// `pg_temp.asked(question, options, database)`: what asking leads to, "ran" and the rows, or all that the error says.
const ASKED: &str = r#"
CREATE FUNCTION pg_temp.asked(question text, options jsonb, database text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
    outcome text := 'ran';
    line text;
BEGIN
    FOR line IN SELECT r::text FROM t2sql.execute_nl(question, database, options => options) AS r LOOP
        outcome := outcome || ' ' || line;
    END LOOP;
    RETURN outcome;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, message, nullif(detail, ''), nullif(hint, ''));
END
$$;
"#;

/// The clinic, not indexed yet.
pub fn clinic() {
    run("SET client_min_messages = warning");
    run(include_str!("clinic.sql"));
    run(HELPERS);
    run(ASKED);
}

/// The clinic, indexed.
pub fn indexed_clinic() {
    clinic();
    run("SELECT t2sql.index_schema('clinic')");
}

pub fn run(sql: &str) {
    Spi::run(sql).unwrap();
}

/// One value as text; the empty string for NULL and no rows.
pub fn text(sql: &str) -> String {
    Spi::connect_mut(|client| {
        let table = client.update(sql, Some(1), &[]).unwrap();
        if table.is_empty() { None } else { table.first().get_one::<String>().unwrap() }
    })
    .unwrap_or_default()
}

/// The first column of all rows, in order.
pub fn texts(sql: &str) -> Vec<String> {
    Spi::connect_mut(|client| {
        let rows = client.update(sql, None, &[]).unwrap();
        rows.map(|row| row.get::<String>(1).unwrap().unwrap_or_default()).collect()
    })
}

/// `SQLSTATE | message | hint` of a failing statement; `no error` for one that works.
pub fn failure(statement: &str) -> String {
    let failure = text(&format!("SELECT pg_temp.failure($statement${statement}$statement$)"));
    // whatever happened, the transaction goes on
    assert_eq!(text("SELECT 'alive'"), "alive");
    failure
}

/// Fails unless the statement fails with this SQLSTATE, with a hint.
pub fn fails_with(statement: &str, sqlstate: &str) {
    let failure = failure(statement);
    assert!(failure.starts_with(sqlstate), "{statement}: {failure}");
    assert_eq!(failure.split(" | ").count(), 3, "no hint after {statement}: {failure}");
}
