//! Code that owners attach to their tables, types and extensions never runs as whoever asks.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::seal::{self, Limits, Problem, Scope};
    use crate::suites::guard::{fetch, limits, verdict};
    use pgrx::prelude::*;
    use std::time::{Duration, Instant};

    /// A guest asks; mallory owns tables that the guest may read, and functions that tell on it.
    const FIXTURE: &str = "
        DO $$ BEGIN
            IF to_regrole('t2sql_reader') IS NULL THEN
                CREATE ROLE t2sql_reader NOLOGIN;
                GRANT pg_read_all_data TO t2sql_reader;
            END IF;
        END $$;
        CREATE ROLE guest;
        CREATE ROLE mallory;
        CREATE SCHEMA mal AUTHORIZATION mallory;
        GRANT USAGE ON SCHEMA mal TO PUBLIC;
        CREATE SEQUENCE mal.ran;
        GRANT ALL ON SEQUENCE mal.ran TO PUBLIC;
        CREATE FUNCTION mal.tell(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN IF current_user <> ''mallory'' THEN PERFORM nextval(''mal.ran''); END IF; RETURN $1; END';
        CREATE FUNCTION mal.tell_always(text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS
            'BEGIN PERFORM nextval(''mal.ran''); RETURN true; END';
        ALTER FUNCTION mal.tell(integer) OWNER TO mallory;
        ALTER FUNCTION mal.tell_always(text) OWNER TO mallory;
        SET ROLE mallory;
        CREATE TABLE mal.indexed (id integer, city text);
        CREATE INDEX ON mal.indexed ((id + mal.tell(1)));
        CREATE TABLE mal.partial (id integer, city text);
        CREATE INDEX ON mal.partial (id) WHERE id > mal.tell(1);
        CREATE TABLE mal.estimated (id integer, city text);
        CREATE STATISTICS mal.estimate ON (id + mal.tell(1)) FROM mal.estimated;
        CREATE TABLE mal.checked (id integer CHECK (id > mal.tell(1)), city text);
        CREATE TABLE mal.divided (id integer, city text) PARTITION BY RANGE ((id + mal.tell(1)));
        CREATE TABLE mal.divided_low PARTITION OF mal.divided FOR VALUES FROM (0) TO (100);
        CREATE TABLE mal.guarded (id integer, city text);
        CREATE POLICY p ON mal.guarded USING (mal.tell_always(city));
        ALTER TABLE mal.guarded ENABLE ROW LEVEL SECURITY;
        CREATE TABLE mal.nested (id integer, city text);
        CREATE POLICY p ON mal.nested USING (EXISTS (SELECT FROM mal.indexed i WHERE i.id = nested.id));
        ALTER TABLE mal.nested ENABLE ROW LEVEL SECURITY;
        CREATE TABLE mal.tenants (id integer, tenant text, owner text);
        CREATE POLICY p ON mal.tenants USING (tenant = current_setting('shop.tenant', true) OR owner = current_user);
        CREATE POLICY w ON mal.tenants FOR INSERT WITH CHECK (mal.tell_always(tenant));
        ALTER TABLE mal.tenants ENABLE ROW LEVEL SECURITY;
        CREATE TABLE mal.plain (id integer PRIMARY KEY CHECK (id > 0), city text);
        CREATE INDEX ON mal.plain (lower(city)) WHERE length(city) > 2;
        CREATE TABLE mal.parent (id integer, city text);
        CREATE VIEW mal.seen AS SELECT * FROM mal.indexed;
        GRANT SELECT ON ALL TABLES IN SCHEMA mal TO PUBLIC;
        RESET ROLE;
        CREATE TABLE mal.child () INHERITS (mal.parent);
        CREATE INDEX ON mal.child ((id + mal.tell(1)));
        ALTER TABLE mal.parent OWNER TO CURRENT_USER;
        ALTER TABLE mal.child OWNER TO mallory;";

    fn ran() -> bool {
        Spi::get_one::<bool>("SELECT is_called FROM mal.ran").unwrap().unwrap()
    }

    fn as_guest(sql: &str) -> Result<seal::Rows, Problem> {
        Spi::run("SET ROLE guest").unwrap();
        let outcome = fetch(sql);
        Spi::run("RESET ROLE").unwrap();
        outcome
    }

    #[pg_test]
    fn owner_code_is_refused_to_others() {
        Spi::run(FIXTURE).unwrap();
        Spi::run("SELECT setval('mal.ran', 1, false)").unwrap();
        for table in ["indexed", "partial", "estimated", "checked", "divided", "guarded", "nested", "parent", "seen"] {
            let outcome = as_guest(&format!("select count(*) from mal.{table} where id = 1"));
            assert_eq!(verdict(&outcome), "owner-code", "{table}: {outcome:?}");
            let Err(Problem::Refused { message, hint, .. }) = outcome else { unreachable!() };
            assert!(message.contains("mal.tell") && hint.contains("t2sql.allowed_functions"), "{message} {hint}");
            // a superuser reads as t2sql_reader, who is not mallory either
            let outcome = fetch(&format!("select count(*) from mal.{table} where id = 1"));
            assert_eq!(verdict(&outcome), "owner-code", "{table}: {outcome:?}");
            assert!(!ran(), "{table}");
        }
        for table in ["plain", "tenants"] {
            let outcome = as_guest(&format!("select count(*) from mal.{table} where id = 1"));
            assert_eq!(verdict(&outcome), "ok", "{table}: {outcome:?}");
        }
        // what policies may do stays refused to the SQL itself
        let outcome = as_guest("select current_setting('shop.tenant', true), count(*) from mal.tenants");
        assert_eq!(verdict(&outcome), "unsafe-function");
    }

    #[pg_test]
    fn owner_code_runs_for_those_who_trust_it() {
        Spi::run(FIXTURE).unwrap();
        let sql = "select count(*) from mal.indexed where id = 1";
        Spi::run("SET t2sql.allowed_functions = 'mal.tell(integer)'").unwrap();
        assert_eq!(verdict(&as_guest(sql)), "ok");
        Spi::run("RESET t2sql.allowed_functions; GRANT mallory TO guest").unwrap();
        assert_eq!(verdict(&as_guest(sql)), "ok");
        Spi::run("REVOKE mallory FROM guest; ALTER TABLE mal.indexed OWNER TO CURRENT_USER").unwrap();
        assert_eq!(verdict(&as_guest(sql)), "ok");
    }

    #[pg_test]
    fn owner_code_hides_in_no_allowed_extension() {
        Spi::run(FIXTURE).unwrap();
        Spi::run("CREATE EXTENSION IF NOT EXISTS ltree SCHEMA public; SET t2sql.allowed_extensions = 'ltree'").unwrap();
        Spi::run("ALTER EXTENSION ltree ADD FUNCTION mal.tell(integer)").unwrap();
        assert_eq!(verdict(&as_guest("select mal.tell(1)")), "unknown-function");
        assert_eq!(verdict(&as_guest("select public.nlevel('a.b'::public.ltree)")), "ok");
    }

    /// Nested without end, types cost neither the stack nor the time.
    #[pg_test]
    fn owner_code_of_nested_types_ends_early() {
        Spi::run(FIXTURE).unwrap();
        Spi::run(
            "DO $$ BEGIN
                CREATE DOMAIN mal.d0 AS text;
                FOR i IN 1..3000 LOOP EXECUTE format('CREATE DOMAIN mal.d%s AS mal.d%s', i, i - 1); END LOOP;
            END $$",
        )
        .unwrap();
        let started = Instant::now();
        assert_eq!(verdict(&as_guest("select null::mal.d3000")), "deep-type");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(verdict(&as_guest("select null::mal.d50")), "ok");
    }

    /// Views in views end early and leave the session usable.
    #[pg_test]
    fn owner_code_of_nested_views_keeps_the_stack() {
        Spi::run(FIXTURE).unwrap();
        Spi::run(
            "DO $$ BEGIN
                CREATE VIEW mal.v0 AS SELECT 1 AS id;
                FOR i IN 1..600 LOOP EXECUTE format('CREATE VIEW mal.v%s AS SELECT id FROM mal.v%s', i, i - 1); END LOOP;
            END $$; GRANT SELECT ON ALL TABLES IN SCHEMA mal TO PUBLIC",
        )
        .unwrap();
        assert_eq!(verdict(&as_guest("select id from mal.v600")), "too-deep");
        assert_eq!(verdict(&as_guest("select id from mal.v1")), "ok");
    }

    /// Reading values for the index: as the table's owner, guarded, read-only, and never a reason to stop.
    #[pg_test]
    fn owner_code_neither_runs_nor_stops_indexing() {
        Spi::run(FIXTURE).unwrap();
        Spi::run(
            "CREATE TYPE mal.mood AS ENUM ('glad', 'sad');
            CREATE FUNCTION mal.mood_text(mal.mood) RETURNS text LANGUAGE plpgsql AS
                'BEGIN PERFORM nextval(''mal.ran''); RAISE EXCEPTION ''gotcha''; END';
            CREATE CAST (mal.mood AS text) WITH FUNCTION mal.mood_text(mal.mood);
            CREATE TABLE mal.moods (id integer, feeling mal.mood, city text);
            INSERT INTO mal.moods VALUES (1, 'glad', 'Oslo'), (2, 'sad', 'Bergen');
            ALTER TABLE mal.moods OWNER TO mallory;
            INSERT INTO mal.indexed VALUES (1, 'Trondheim');
            CREATE VIEW mal.broken AS SELECT id FROM mal.indexed;
            ANALYZE mal.moods; ANALYZE mal.indexed; SELECT setval('mal.ran', 1, false);",
        )
        .unwrap();
        Spi::run("SELECT * FROM t2sql.index_schema(ARRAY['mal'])").unwrap();
        assert!(!ran());
        let values = Spi::get_one::<String>(
            "SELECT string_agg(v.value, ' ' ORDER BY v.value) FROM t2sql.column_values v WHERE v.value IN ('glad', 'sad', 'Oslo', 'Bergen')",
        );
        assert_eq!(values.unwrap().unwrap_or_default(), "Bergen Oslo glad sad");
    }

    /// `fetch_as` writes nothing although the role might.
    #[pg_test]
    fn owner_code_read_as_its_owner_is_sealed() {
        Spi::run(FIXTURE).unwrap();
        let owner = Spi::get_one::<pg_sys::Oid>("SELECT 'mallory'::regrole::oid").unwrap().unwrap();
        let scope = Scope { search_path: &[], relations: None };
        let limits = Limits { timeout_ms: 1_000, ..limits() };
        let read = |sql: &str| verdict(&seal::fetch_as(owner, sql, &scope, &limits));
        assert_eq!(read("select city::text, count(*) from mal.indexed group by 1"), "ok");
        assert_eq!(read("select mal.tell(1)"), "unknown-function");
        Spi::run("ALTER TABLE mal.guarded FORCE ROW LEVEL SECURITY; INSERT INTO mal.guarded VALUES (1, 'Oslo')")
            .unwrap();
        // its own policy writes: the seal forbids it
        assert_eq!(read("select city::text from mal.guarded"), "25006");
    }
}
