-- 12_learning.sql: verified questions, feedback, usage, requests. Filled by add_sample(), feedback() and every answer.

-- An ordinary table on purpose: small, updated in place, and its id must be unique (README, Limits).
CREATE TABLE t2sql.sql_samples (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id        bigint NOT NULL REFERENCES t2sql.databases ON DELETE CASCADE,
    question           text NOT NULL,
    sql                text NOT NULL,
    normalised         text NOT NULL,
    masked_question    text,
    template           jsonb,
    signature          text,
    complexity         integer NOT NULL DEFAULT 1 CHECK (complexity OPERATOR(pg_catalog.>=) 1 AND complexity OPERATOR(pg_catalog.<=) 10),
    tags               text[] NOT NULL DEFAULT '{}',
    source             text NOT NULL DEFAULT 'user' CHECK (source OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'feedback', 'import'])),
    verified           boolean NOT NULL DEFAULT true,
    enabled            boolean NOT NULL DEFAULT true,
    owner_name         text NOT NULL DEFAULT CURRENT_USER,
    owner_key          text,
    touched            text[] NOT NULL DEFAULT '{}',
    performance_notes  text,
    avg_rating         double precision,
    feedback_count     integer NOT NULL DEFAULT 0,
    last_feedback_date timestamptz,
    created_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at         timestamptz NOT NULL DEFAULT pg_catalog.now()
);
-- One answer per question: everybody's verified one, and a user's own until it is approved.
CREATE UNIQUE INDEX sql_samples_verified_idx ON t2sql.sql_samples (database_id, pg_catalog.md5(normalised)) WHERE verified;
CREATE UNIQUE INDEX sql_samples_owner_idx ON t2sql.sql_samples (database_id, pg_catalog.md5(normalised), owner_name) WHERE NOT verified;
CREATE INDEX sql_samples_tags_idx ON t2sql.sql_samples USING gin (tags);
COMMENT ON TABLE t2sql.sql_samples IS 'Questions with SQL that a person vouched for.';
COMMENT ON COLUMN t2sql.sql_samples.verified IS 'true: serves everybody; false: serves only owner_name.';
COMMENT ON COLUMN t2sql.sql_samples.template IS 'The question with its values taken out, and where they go in the SQL; null where it serves as an example only.';

CREATE TABLE t2sql.query_feedback (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    database_id    bigint NOT NULL,
    request_id     bigint,
    sql_sample_id  bigint,
    nl_query       text NOT NULL,
    generated_sql  text,
    is_correct     boolean NOT NULL,
    correction     text,
    rating         integer CHECK (rating OPERATOR(pg_catalog.>=) 1 AND rating OPERATOR(pg_catalog.<=) 5),
    feedback_text  text,
    user_name      text NOT NULL,
    "timestamp"    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (id, "timestamp")
);
CREATE INDEX query_feedback_database_id_idx ON t2sql.query_feedback (database_id, "timestamp");
COMMENT ON TABLE t2sql.query_feedback IS 'What users said of answers. A hypertable on "timestamp" where TimescaleDB is installed.';

CREATE TABLE t2sql.query_usage_stats (
    id                bigint GENERATED ALWAYS AS IDENTITY,
    database_id       bigint NOT NULL,
    request_id        bigint,
    sql_sample_id     bigint,
    nl_query          text NOT NULL,
    similarity_score  double precision,
    execution_time_ms double precision,
    success           boolean NOT NULL,
    error_message     text,
    "timestamp"       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (id, "timestamp")
);
CREATE INDEX query_usage_stats_database_id_idx ON t2sql.query_usage_stats (database_id, "timestamp");
COMMENT ON TABLE t2sql.query_usage_stats IS 'Executions of answers. A hypertable on "timestamp" where TimescaleDB is installed.';

CREATE TABLE t2sql.requests (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id       bigint REFERENCES t2sql.databases ON DELETE CASCADE,
    user_name         text NOT NULL,
    user_key          text,
    question          text NOT NULL,
    status            text NOT NULL CHECK (status OPERATOR(pg_catalog.=) ANY (ARRAY['ok', 'needs_clarification', 'refused', 'error'])),
    engine            text,
    sql               text,
    search_path       text[] NOT NULL DEFAULT '{}',
    confidence        real,
    sql_sample_id     bigint,
    trusted           boolean NOT NULL DEFAULT false,
    assumptions       text[] NOT NULL DEFAULT '{}',
    explanation       text,
    error             text,
    rule              text,
    timings           jsonb,
    prompt_tokens     integer,
    completion_tokens integer,
    sent              jsonb,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX requests_user_name_idx ON t2sql.requests (user_name, id);
COMMENT ON TABLE t2sql.requests IS 'One row per answered or refused question: who, what, engine, SQL, timings, and what left the database.';
COMMENT ON COLUMN t2sql.requests.sent IS 'What was sent to an endpoint: names of tables and columns, calls and bytes; embedder: what of them went to an embedding model. Null when nothing was.';

CREATE VIEW t2sql.my_requests WITH (security_barrier) AS
    SELECT r.id, d.name AS database, r.question, r.status, r.engine, r.sql, r.confidence, r.trusted, r.assumptions,
           r.explanation, r.error, r.rule, r.timings, r.prompt_tokens, r.completion_tokens, r.sent, r.created_at
    FROM t2sql.requests r LEFT JOIN t2sql.databases d ON d.id OPERATOR(pg_catalog.=) r.database_id
    -- a name may have been dropped and made anew; in another cluster, after a restore, keys mean nothing
    WHERE r.user_name OPERATOR(pg_catalog.=) CURRENT_USER
      AND (r.user_key IS NULL OR r.user_key OPERATOR(pg_catalog.=) t2sql._role_key()
           OR pg_catalog.split_part(r.user_key, '/', 1) OPERATOR(pg_catalog.<>) pg_catalog.split_part(t2sql._role_key(), '/', 1));
COMMENT ON VIEW t2sql.my_requests IS 'The caller''s own requests, and what of them left the database.';

CREATE VIEW t2sql.request_log WITH (security_barrier) AS
    SELECT r.id, d.name AS database, r.user_name, r.status, r.engine, r.confidence, r.trusted,
           pg_catalog.split_part(r.error, ':', 1) AS sqlstate, r.rule, r.timings,
           r.prompt_tokens, r.completion_tokens, r.created_at
    FROM t2sql.requests r LEFT JOIN t2sql.databases d ON d.id OPERATOR(pg_catalog.=) r.database_id;
COMMENT ON VIEW t2sql.request_log IS 'Everybody''s requests without questions, SQL and messages, for t2sql_monitor.';

SELECT pg_catalog.pg_extension_config_dump('t2sql.sql_samples', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.sql_samples_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.query_feedback', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.query_feedback_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.query_usage_stats', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.query_usage_stats_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.requests', '');
SELECT pg_catalog.pg_extension_config_dump('t2sql.requests_id_seq', '');
