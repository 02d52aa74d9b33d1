-- 10_registry.sql: what is asked about, and by which models. Filled by register_database(), set_llm(), set_embedder().

CREATE FUNCTION t2sql._touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN NEW.updated_at := pg_catalog.clock_timestamp(); RETURN NEW; END $$;

-- Numbers for databases.generation: never the same twice, also after a rollback.
CREATE SEQUENCE t2sql._generation_seq;

CREATE TABLE t2sql.embedding_models (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_name  text NOT NULL,
    provider    text NOT NULL,
    dimensions  integer NOT NULL CHECK (dimensions OPERATOR(pg_catalog.>) 0),
    version     text,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (provider, model_name, dimensions)
);
COMMENT ON TABLE t2sql.embedding_models IS 'Models that embedded something. provider is builtin or the name of a foreign server.';

CREATE TABLE t2sql.llm_models (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_name     text NOT NULL,
    server         text NOT NULL,
    context_length integer,
    temperature    real NOT NULL DEFAULT 0,
    is_active      boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (server, model_name)
);
COMMENT ON TABLE t2sql.llm_models IS 'Language models that may be asked. server is a foreign server of wrapper t2sql_endpoint.';

CREATE TABLE t2sql.prompt_templates (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    version       text NOT NULL DEFAULT '1',
    description   text,
    template_text text NOT NULL,
    is_active     boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (name, version)
);
CREATE UNIQUE INDEX prompt_templates_active_idx ON t2sql.prompt_templates (name) WHERE is_active;
COMMENT ON TABLE t2sql.prompt_templates IS 'Extra instructions for a model, by name and version; at most one version of a name is active.';

CREATE TABLE t2sql.databases (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name               text NOT NULL UNIQUE CHECK (name OPERATOR(pg_catalog.<>) ''),
    description        text,
    schemas            text[] NOT NULL,
    include            text[],
    exclude            text[],
    enforce            boolean NOT NULL DEFAULT false,
    is_current         boolean NOT NULL DEFAULT false,
    foreign_server     text,
    embedding_model_id bigint REFERENCES t2sql.embedding_models,
    next_embedding_model_id bigint REFERENCES t2sql.embedding_models,
    llm_model_id       bigint REFERENCES t2sql.llm_models,
    prompt_template_id bigint REFERENCES t2sql.prompt_templates,
    options            jsonb NOT NULL DEFAULT '{}',
    generation         bigint NOT NULL DEFAULT pg_catalog.nextval('t2sql._generation_seq'),
    indexed_at         timestamptz,
    created_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at         timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX databases_is_current_idx ON t2sql.databases (is_current) WHERE is_current;
COMMENT ON TABLE t2sql.databases IS 'Contexts to ask in: a name and the schemas that its SQL is written for.';
COMMENT ON COLUMN t2sql.databases.is_current IS 'The context of this database as a whole; found by this flag, since a restore may rename the database.';
COMMENT ON COLUMN t2sql.databases.next_embedding_model_id IS 'Set by set_embedder(): the next index run embeds with it, then switches.';
COMMENT ON COLUMN t2sql.databases.generation IS 'Changes whenever anything indexed here changes; caches are keyed by it.';

SELECT pg_catalog.pg_extension_config_dump('t2sql._generation_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.embedding_models', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.embedding_models_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.llm_models', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.llm_models_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.prompt_templates', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.prompt_templates_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.databases', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.databases_id_seq', '');
