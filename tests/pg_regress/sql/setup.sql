-- setup.sql: what every golden file starts with: a library that lends books, indexed, and one who may ask.
SET client_min_messages = error;
CREATE SCHEMA lending;
CREATE TYPE lending.binding AS ENUM ('hardcover', 'paperback');
CREATE TABLE lending.readers (id integer PRIMARY KEY, name text NOT NULL, town text NOT NULL, joined_on date NOT NULL);
CREATE TABLE lending.books (
    id integer PRIMARY KEY, title text NOT NULL, genre text NOT NULL, binding lending.binding NOT NULL, pages integer NOT NULL
);
CREATE TABLE lending.loans (
    id        integer PRIMARY KEY,
    reader_id integer NOT NULL REFERENCES lending.readers,
    book_id   integer NOT NULL REFERENCES lending.books,
    lent_on   date NOT NULL,
    fine      numeric(6,2)
);
CREATE TABLE lending.staff_notes (id integer PRIMARY KEY, note text NOT NULL);
COMMENT ON TABLE lending.loans IS 'Which reader borrowed which book.';
INSERT INTO lending.readers
    SELECT i, 'Reader ' || i, (ARRAY['Harwich', 'Oban', 'Truro'])[1 + i % 3], date '2024-01-01' + i FROM generate_series(1, 30) AS i;
INSERT INTO lending.books
    SELECT i, 'Book ' || i, (ARRAY['Poetry', 'Crime', 'Travel', 'History'])[1 + i % 4],
           (ARRAY['hardcover', 'paperback'])[1 + i % 2]::lending.binding, 100 + i FROM generate_series(1, 60) AS i;
INSERT INTO lending.loans
    SELECT i, 1 + i * 7 % 30, 1 + i * 11 % 60, date '2025-01-01' + i, CASE WHEN i % 10 = 0 THEN i / 100.0 END FROM generate_series(1, 200) AS i;
INSERT INTO lending.staff_notes VALUES (1, 'not for readers');
ANALYZE;

CREATE EXTENSION t2sql CASCADE;
-- roles belong to the cluster and outlive the database
DO $$ BEGIN CREATE ROLE golden_reader; EXCEPTION WHEN duplicate_object THEN END $$;
GRANT USAGE ON SCHEMA lending TO golden_reader;
GRANT SELECT ON lending.readers, lending.books, lending.loans TO golden_reader;
GRANT t2sql_user TO golden_reader;
SELECT success FROM t2sql.index_schema();
