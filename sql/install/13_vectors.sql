-- 13_vectors.sql: every vector there is, with HNSW indexes for the usual dimensions, and the caches.

CREATE TABLE t2sql.vector_embeddings (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection         text NOT NULL,
    object_id          bigint NOT NULL,
    database_id        bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    source_type        text,
    source_id          text,
    content_chunk      text NOT NULL,
    content_hash       text NOT NULL,
    metadata           jsonb NOT NULL DEFAULT '{}',
    embedding_model_id bigint NOT NULL REFERENCES t2sql.embedding_models,
    embedding          vector NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (collection, object_id, embedding_model_id)
);
CREATE INDEX vector_embeddings_database_id_idx ON t2sql.vector_embeddings (database_id, embedding_model_id, collection);
COMMENT ON TABLE t2sql.vector_embeddings IS 'Every vector: collection table, column, sample_question ... or a user''s own; object_id is the key in that table.';

-- The column has no dimension, so that any model fits; each usual dimension has its own partial index.
CREATE INDEX vector_embeddings_256_idx  ON t2sql.vector_embeddings USING hnsw ((embedding::vector(256)) vector_cosine_ops)  WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 256;
CREATE INDEX vector_embeddings_384_idx  ON t2sql.vector_embeddings USING hnsw ((embedding::vector(384)) vector_cosine_ops)  WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 384;
CREATE INDEX vector_embeddings_512_idx  ON t2sql.vector_embeddings USING hnsw ((embedding::vector(512)) vector_cosine_ops)  WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 512;
CREATE INDEX vector_embeddings_768_idx  ON t2sql.vector_embeddings USING hnsw ((embedding::vector(768)) vector_cosine_ops)  WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 768;
CREATE INDEX vector_embeddings_1024_idx ON t2sql.vector_embeddings USING hnsw ((embedding::vector(1024)) vector_cosine_ops) WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 1024;
CREATE INDEX vector_embeddings_1536_idx ON t2sql.vector_embeddings USING hnsw ((embedding::vector(1536)) vector_cosine_ops) WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 1536;
CREATE INDEX vector_embeddings_2048_idx ON t2sql.vector_embeddings USING hnsw ((embedding::halfvec(2048)) halfvec_cosine_ops) WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 2048;
CREATE INDEX vector_embeddings_2560_idx ON t2sql.vector_embeddings USING hnsw ((embedding::halfvec(2560)) halfvec_cosine_ops) WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 2560;
CREATE INDEX vector_embeddings_3072_idx ON t2sql.vector_embeddings USING hnsw ((embedding::halfvec(3072)) halfvec_cosine_ops) WHERE vector_dims(embedding) OPERATOR(pg_catalog.=) 3072;

CREATE UNLOGGED TABLE t2sql.embedding_cache (
    model      text NOT NULL,
    text_hash  text NOT NULL,
    embedding  real[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (model, text_hash)
);
COMMENT ON TABLE t2sql.embedding_cache IS 'Embeddings that an endpoint returned, kept for t2sql.embedding_cache_ttl. Not dumped.';

CREATE UNLOGGED TABLE t2sql.answer_cache (
    database_id bigint NOT NULL,
    generation  text NOT NULL,
    user_key    text NOT NULL,
    normalised  text NOT NULL,
    answer      jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (database_id, user_key, normalised)
);
COMMENT ON TABLE t2sql.answer_cache IS 'Answers of a model, valid while the context''s generation stays. Not dumped.';

CREATE TABLE t2sql.index_runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    user_name   text NOT NULL,
    backend_pid integer NOT NULL DEFAULT pg_catalog.pg_backend_pid(),
    state       text NOT NULL DEFAULT 'running' CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['running', 'done', 'stopped', 'failed'])),
    phase       text NOT NULL DEFAULT 'structure',
    progress    jsonb NOT NULL DEFAULT '{}',
    message     text,
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    finished_at timestamptz
);
COMMENT ON TABLE t2sql.index_runs IS 'Progress and outcome of index runs; reindex() commits after each batch, so it can be watched. Not dumped.';

-- Exact search over a permitted set: the cosine distance of the uncast column matches no HNSW index, on purpose.
CREATE FUNCTION t2sql._nearest(for_database bigint, model bigint, collections text[], query real[], k integer)
    RETURNS TABLE (collection text, object_id bigint, similarity real)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT e.collection, e.object_id, (1 OPERATOR(pg_catalog.-) (e.embedding <=> query::vector))::real
        FROM t2sql.vector_embeddings e
        WHERE e.database_id OPERATOR(pg_catalog.=) for_database AND e.embedding_model_id OPERATOR(pg_catalog.=) model
          AND e.collection OPERATOR(pg_catalog.=) ANY (collections)
        ORDER BY e.embedding <=> query::vector
        LIMIT k;
    END;

CREATE FUNCTION t2sql._similar_values(columns bigint[], needle text, k integer)
    RETURNS TABLE (column_id bigint, value text, similarity real)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT v.column_id, v.value,
               CASE WHEN pg_catalog.strpos(v.normalised, needle) OPERATOR(pg_catalog.>) 0 THEN greatest(similarity(v.normalised, needle), 0.6)
                    ELSE similarity(v.normalised, needle) END
        FROM t2sql.column_values v
        WHERE v.column_id OPERATOR(pg_catalog.=) ANY (columns)
          AND (v.normalised % needle
               OR v.normalised OPERATOR(pg_catalog.~~) ('%' OPERATOR(pg_catalog.||) pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(needle, '\', '\\'), '%', '\%'), '_', '\_') OPERATOR(pg_catalog.||) '%'))
        ORDER BY 3 DESC, v.frequency DESC NULLS LAST, v.value
        LIMIT k;
    END;

CREATE FUNCTION t2sql._as_vector(real[]) RETURNS vector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    BEGIN ATOMIC SELECT $1::vector; END;

-- pgvector and pg_trgm may lie in any schema, so their names stand without one, and a schema that comes before theirs on
-- the path of this script could hold others of the same names. What they were bound to tells.
DO $$
DECLARE
    strangers pg_catalog.text;
BEGIN
    strangers := (
        SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(' ', i.type, i.identity), ', ')
        FROM pg_catalog.pg_depend d CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) AS i
        WHERE d.refclassid OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog.pg_proc', 'pg_catalog.pg_operator', 'pg_catalog.pg_opclass']::pg_catalog.regclass[])
          AND (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND EXISTS (
                   SELECT FROM pg_catalog.pg_proc p WHERE p.oid OPERATOR(pg_catalog.=) d.objid AND p.pronamespace OPERATOR(pg_catalog.=) 't2sql'::pg_catalog.regnamespace)
               OR d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND EXISTS (
                   SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) d.objid AND c.relnamespace OPERATOR(pg_catalog.=) 't2sql'::pg_catalog.regnamespace))
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend m JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) m.refobjid
              WHERE m.classid OPERATOR(pg_catalog.=) d.refclassid AND m.objid OPERATOR(pg_catalog.=) d.refobjid AND m.deptype OPERATOR(pg_catalog.=) 'e'
                AND m.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                AND e.extname OPERATOR(pg_catalog.=) ANY (ARRAY['vector', 'pg_trgm', 't2sql']::pg_catalog.name[])));
    IF strangers IS NOT NULL THEN
        RAISE EXCEPTION 'names of pgvector or pg_trgm lead to %', strangers
            USING ERRCODE = '42501', HINT = 'Somebody put these into a schema of those extensions. Drop them, or move the extensions into a schema where nobody else may create.';
    END IF;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('t2sql.vector_embeddings', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.vector_embeddings_id_seq', '');
