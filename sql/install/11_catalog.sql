-- 11_catalog.sql: what exists in a context. Filled by index_schema() and reindex().

CREATE TABLE t2sql.database_schemas (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    schema_name text NOT NULL,
    description text,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (database_id, schema_name)
);
COMMENT ON TABLE t2sql.database_schemas IS 'Schemas of a context.';

CREATE TABLE t2sql.db_tables (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_id        bigint NOT NULL REFERENCES t2sql.database_schemas ON DELETE CASCADE,
    table_name       text NOT NULL,
    table_type       text NOT NULL,
    description      text,
    description_from text NOT NULL DEFAULT 'comment' CHECK (description_from OPERATOR(pg_catalog.=) ANY (ARRAY['comment', 'user'])),
    row_estimate     double precision NOT NULL DEFAULT -1,
    row_security     boolean NOT NULL DEFAULT false,
    sample_data      jsonb,
    content_hash     text,
    values_state     text,
    search           tsvector GENERATED ALWAYS AS (
        pg_catalog.to_tsvector('pg_catalog.simple'::pg_catalog.regconfig,
            pg_catalog.translate(table_name, '_', ' ') OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) COALESCE(description, ''))
    ) STORED,
    created_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (schema_id, table_name)
);
CREATE INDEX db_tables_search_idx ON t2sql.db_tables USING gin (search);
COMMENT ON TABLE t2sql.db_tables IS 'One row per relation that may be asked about: tables, views, materialized views, partitioned and foreign tables.';
COMMENT ON COLUMN t2sql.db_tables.description_from IS 'comment: follows COMMENT ON TABLE; user: set by set_description() and left alone by indexing.';
COMMENT ON COLUMN t2sql.db_tables.row_estimate IS 'Estimated rows (pg_class.reltuples), -1 when never analysed.';
COMMENT ON COLUMN t2sql.db_tables.values_state IS 'What the value index was built from; when it differs, values are read again.';

CREATE TABLE t2sql.db_columns (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_id          bigint NOT NULL REFERENCES t2sql.db_tables ON DELETE CASCADE,
    column_name       text NOT NULL,
    "position"        integer NOT NULL,
    data_type         text NOT NULL,
    type_family       text NOT NULL,
    is_nullable       boolean NOT NULL,
    is_primary_key    boolean NOT NULL,
    is_unique         boolean NOT NULL,
    is_foreign_key    boolean NOT NULL DEFAULT false,
    references_table  text,
    references_column text,
    description       text,
    description_from  text NOT NULL DEFAULT 'comment' CHECK (description_from OPERATOR(pg_catalog.=) ANY (ARRAY['comment', 'user'])),
    null_fraction     double precision,
    distinct_values   double precision,
    common_values     text[] NOT NULL DEFAULT '{}',
    range_min         text,
    range_max         text,
    content_hash      text,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (table_id, column_name)
);
COMMENT ON TABLE t2sql.db_columns IS 'Columns with their profile. The profile comes from pg_stats, never from scans, and is empty for views and tables with row security.';
COMMENT ON COLUMN t2sql.db_columns.distinct_values IS 'Estimated number of distinct values.';

CREATE TABLE t2sql.table_relationships (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id       bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    from_table_id     bigint NOT NULL REFERENCES t2sql.db_tables ON DELETE CASCADE,
    to_table_id       bigint NOT NULL REFERENCES t2sql.db_tables ON DELETE CASCADE,
    from_columns      text[] NOT NULL,
    to_columns        text[] NOT NULL,
    relationship_type text NOT NULL DEFAULT 'many-to-one',
    origin            text NOT NULL CHECK (origin OPERATOR(pg_catalog.=) ANY (ARRAY['fk', 'declared', 'inferred', 'mined'])),
    weight            real NOT NULL DEFAULT 1 CHECK (weight OPERATOR(pg_catalog.>=) 0 AND weight OPERATOR(pg_catalog.<=) 1),
    description       text,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (from_table_id, from_columns, to_table_id, to_columns)
);
CREATE INDEX table_relationships_database_id_idx ON t2sql.table_relationships (database_id);
CREATE INDEX table_relationships_to_table_id_idx ON t2sql.table_relationships (to_table_id);
COMMENT ON TABLE t2sql.table_relationships IS 'Ways to join: foreign keys (fk), told by users (declared), guessed (inferred), seen in verified SQL (mined).';
COMMENT ON COLUMN t2sql.table_relationships.from_columns IS 'Composite keys keep their columns in order: from_columns[i] = to_columns[i].';

CREATE TABLE t2sql.column_values (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    column_id  bigint NOT NULL REFERENCES t2sql.db_columns ON DELETE CASCADE,
    value      text NOT NULL,
    normalised text NOT NULL,
    frequency  bigint,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (column_id, value)
);
CREATE INDEX column_values_normalised_idx ON t2sql.column_values (normalised);
CREATE INDEX column_values_trigram_idx ON t2sql.column_values USING gin (normalised gin_trgm_ops);
COMMENT ON TABLE t2sql.column_values IS 'Value index: distinct values of text-like and enum columns, within limits; never of views nor of tables with row security.';

CREATE TABLE t2sql.terms (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    name        text NOT NULL,
    definition  text NOT NULL,
    expression  text,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (database_id, name)
);
COMMENT ON TABLE t2sql.terms IS 'Glossary: a word of the business, what it means and, where it has one, its SQL expression.';

CREATE TABLE t2sql.synonyms (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    object      text NOT NULL,
    word        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (database_id, object, word)
);
COMMENT ON TABLE t2sql.synonyms IS 'Other words that users say for a table, a column (schema.table.column) or a term.';

SELECT pg_catalog.pg_extension_config_dump('t2sql.database_schemas', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.database_schemas_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.db_tables', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.db_tables_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.db_columns', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.db_columns_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.table_relationships', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.table_relationships_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.column_values', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.column_values_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.terms', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.terms_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.synonyms', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.synonyms_id_seq', '');
