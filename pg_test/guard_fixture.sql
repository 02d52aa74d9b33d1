-- What the guard is tried on: a small library, a visitor who may read part of it, and
-- mallory, who owns code that must never run in somebody else's question.
CREATE EXTENSION IF NOT EXISTS dblink SCHEMA public;
CREATE EXTENSION IF NOT EXISTS tablefunc SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public;
CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;
CREATE EXTENSION IF NOT EXISTS file_fdw SCHEMA public;
CREATE EXTENSION IF NOT EXISTS tsm_system_rows SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public;

DO $$ BEGIN
    IF to_regrole('t2sql_reader') IS NULL THEN
        CREATE ROLE t2sql_reader NOLOGIN;
        GRANT pg_read_all_data TO t2sql_reader;
    END IF;
END $$;
CREATE ROLE visitor;
CREATE ROLE librarian;
CREATE ROLE mallory;

CREATE SCHEMA lib;
CREATE SCHEMA vault;
GRANT USAGE ON SCHEMA lib TO visitor, librarian;
GRANT USAGE, CREATE ON SCHEMA lib TO mallory;

CREATE TYPE lib.genre AS ENUM ('novel', 'poetry', 'science');
CREATE TABLE lib.branches (id integer PRIMARY KEY, city text NOT NULL, opened date);
CREATE TABLE lib.books (
    id integer PRIMARY KEY,
    branch_id integer REFERENCES lib.branches,
    title text NOT NULL,
    kind lib.genre,
    price numeric(10, 2),
    pages integer,
    tags text[],
    facts jsonb,
    bought timestamptz
);
CREATE TABLE lib.loans (id serial PRIMARY KEY, book_id integer REFERENCES lib.books, lent date, returned date);
CREATE TABLE lib.salaries (id integer PRIMARY KEY, amount numeric);
CREATE TABLE lib.members (id integer PRIMARY KEY, name text, card_number text);
CREATE TABLE lib.notes (id integer PRIMARY KEY, owner text, body text);
CREATE TABLE lib.journal (id bigint GENERATED ALWAYS AS IDENTITY, line text);
CREATE TABLE vault.codes (id integer, code text);
CREATE SEQUENCE lib.counter;

INSERT INTO lib.branches VALUES (1, 'Oslo', '1990-05-01'), (2, 'Bergen', '2001-09-15');
INSERT INTO lib.books
    SELECT i, 1 + i % 2, 'Book ' || i, (enum_range(NULL::lib.genre))[1 + i % 3], i * 1.5, 100 + i,
           ARRAY['t' || i % 4], jsonb_build_object('weight', i), '2023-01-01'::timestamptz + i * interval '1 day'
    FROM generate_series(1, 200) i;
INSERT INTO lib.loans (book_id, lent, returned)
    SELECT 1 + i % 200, date '2023-01-01' + i % 365, date '2023-02-01' + i % 365 FROM generate_series(1, 500) i;
INSERT INTO lib.salaries VALUES (1, 4200);
INSERT INTO lib.members VALUES (1, 'Ada', '4711'), (2, 'Ben', '4712');
INSERT INTO lib.notes VALUES (1, 'visitor', 'mine'), (2, 'librarian', 'not mine');
INSERT INTO vault.codes VALUES (1, 'topsecret');

ALTER TABLE lib.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lib.notes FOR SELECT USING (owner = current_user);

GRANT SELECT ON lib.branches, lib.books, lib.loans, lib.notes TO visitor, librarian;
GRANT SELECT (id, name) ON lib.members TO visitor;
GRANT INSERT, UPDATE, DELETE, SELECT ON lib.journal TO visitor;
GRANT USAGE ON SCHEMA t2sql TO visitor;
GRANT USAGE ON SEQUENCE lib.counter TO visitor;

-- Code that writes, behind everything that a SELECT can reach.
CREATE FUNCTION lib.write_note() RETURNS integer LANGUAGE plpgsql VOLATILE AS
    'BEGIN INSERT INTO lib.journal (line) VALUES (current_user); RETURN 1; END';
CREATE FUNCTION lib.pretend_stable() RETURNS integer LANGUAGE plpgsql STABLE AS
    'BEGIN PERFORM dblink_connect(''x'', ''dbname=postgres''); RETURN 1; END';
CREATE FUNCTION lib.pretend_immutable(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RAISE NOTICE ''ran''; RETURN $1; END';
CREATE FUNCTION lib.as_owner() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT code FROM vault.codes LIMIT 1';
CREATE FUNCTION lib.rows_of() RETURNS SETOF lib.books LANGUAGE sql AS 'SELECT * FROM lib.books';
CREATE FUNCTION lib.title_of(lib.books) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN $1.title; END';
CREATE FUNCTION public.title_for(lib.books) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN $1.title; END';
CREATE FUNCTION lib.lower(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN $1; END';
CREATE FUNCTION lib.add(integer, integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN $1 + $2; END';
CREATE OPERATOR lib.<+> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = lib.add);
CREATE FUNCTION lib.text_eq(text, integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN true; END';
CREATE OPERATOR lib.= (LEFTARG = text, RIGHTARG = integer, FUNCTION = lib.text_eq);
CREATE AGGREGATE lib.total (integer) (SFUNC = lib.add, STYPE = integer, INITCOND = '0');
CREATE FUNCTION lib.positive(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM lib.write_note(); RETURN true; END';
CREATE DOMAIN lib.checked AS integer CHECK (lib.positive(VALUE));
CREATE DOMAIN lib.checked_twice AS lib.checked;
CREATE DOMAIN lib.small AS integer CHECK (VALUE < 1000);
CREATE TYPE lib.pair AS (a lib.checked, b text);
CREATE FUNCTION lib.genre_json(lib.genre) RETURNS json LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN ''1''; END';
CREATE TYPE lib.mood AS ENUM ('glad', 'sad');
CREATE FUNCTION lib.mood_json(lib.mood) RETURNS json LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN ''1''; END';
CREATE CAST (lib.mood AS json) WITH FUNCTION lib.mood_json(lib.mood);
CREATE FUNCTION lib.to_mood(text) RETURNS lib.mood LANGUAGE plpgsql AS 'BEGIN PERFORM lib.write_note(); RETURN ''glad''; END';
CREATE CAST (text AS lib.mood) WITH FUNCTION lib.to_mood(text);
CREATE TABLE lib.moods (id integer, feeling lib.mood);
INSERT INTO lib.moods VALUES (1, 'glad');
CREATE VIEW lib.writing_view AS SELECT id, lib.write_note() AS n FROM lib.books;
CREATE VIEW lib.outer_view AS SELECT n FROM lib.writing_view;
CREATE VIEW lib.role_view AS SELECT rolname FROM pg_catalog.pg_roles;
CREATE VIEW lib.setting_view AS SELECT set_config('lib.tenant', 'b', false) AS s;
CREATE VIEW lib.locking_view AS SELECT id FROM lib.books FOR UPDATE;
CREATE VIEW lib.titles AS SELECT b.id, b.title, r.city FROM lib.books b JOIN lib.branches r ON r.id = b.branch_id;
CREATE VIEW lib.card_count AS SELECT count(*) AS cards FROM lib.members;
CREATE MATERIALIZED VIEW lib.per_branch AS SELECT branch_id, count(*) AS books FROM lib.books GROUP BY 1;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE lib.passwd (line text) SERVER files OPTIONS (filename '/etc/passwd');
CREATE TABLE lib.events (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE lib.events_2023 PARTITION OF lib.events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE lib.mixed (line text);
CREATE FOREIGN TABLE lib.mixed_far () INHERITS (lib.mixed) SERVER files OPTIONS (filename '/etc/passwd');
CREATE TEMP TABLE scratch (id integer);
GRANT SELECT ON scratch TO visitor;
CREATE TABLE lib.vectors (id integer, embedding vector(3), words text);
INSERT INTO lib.vectors VALUES (1, '[1,2,3]', 'a small dog'), (2, '[3,2,1]', 'a big cat');
GRANT SELECT ON ALL TABLES IN SCHEMA lib TO visitor, librarian;
REVOKE ALL ON lib.salaries, lib.members FROM visitor, librarian;
GRANT SELECT (id, name) ON lib.members TO visitor;
