-- 14_column_comments.sql: what each column means. Columns that every table has come first; a test counts what is forgotten.

DO $$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT a.attrelid::pg_catalog.regclass AS relation, a.attname,
               CASE
                   WHEN a.attname OPERATOR(pg_catalog.=) 'id' THEN 'Key.'
                   WHEN a.attname OPERATOR(pg_catalog.=) 'database_id' THEN 'The context (t2sql.databases).'
                   WHEN a.attname OPERATOR(pg_catalog.=) 'created_at' THEN 'When the row was made.'
                   WHEN a.attname OPERATOR(pg_catalog.=) 'updated_at' THEN 'When the row was changed last.'
                   WHEN a.attname OPERATOR(pg_catalog.=) 'timestamp' THEN 'When it happened.'
               END AS meaning
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 't2sql'::pg_catalog.regnamespace AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'v']::pg_catalog."char"[])
          AND a.attname OPERATOR(pg_catalog.=) ANY (ARRAY['id', 'database_id', 'created_at', 'updated_at', 'timestamp']::pg_catalog.name[]) AND a.attnum OPERATOR(pg_catalog.>) 0
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', member.relation, member.attname, member.meaning);
    END LOOP;
END
$$;

COMMENT ON COLUMN t2sql.embedding_models.model_name IS 'As the endpoint calls it.';
COMMENT ON COLUMN t2sql.embedding_models.provider IS 'builtin, or the name of a foreign server.';
COMMENT ON COLUMN t2sql.embedding_models.dimensions IS 'Length of its vectors.';
COMMENT ON COLUMN t2sql.embedding_models.version IS 'Version, where the name does not tell.';

COMMENT ON COLUMN t2sql.llm_models.model_name IS 'As the endpoint calls it.';
COMMENT ON COLUMN t2sql.llm_models.server IS 'Foreign server of wrapper t2sql_endpoint.';
COMMENT ON COLUMN t2sql.llm_models.context_length IS 'Tokens that fit a prompt and its answer, where known.';
COMMENT ON COLUMN t2sql.llm_models.temperature IS 'Sampling temperature; 0 is the most repeatable.';
COMMENT ON COLUMN t2sql.llm_models.is_active IS 'Whether it may be asked.';

COMMENT ON COLUMN t2sql.prompt_templates.name IS 'Name that contexts refer to.';
COMMENT ON COLUMN t2sql.prompt_templates.version IS 'Version of the text.';
COMMENT ON COLUMN t2sql.prompt_templates.description IS 'What it is for.';
COMMENT ON COLUMN t2sql.prompt_templates.template_text IS 'Instructions that are added to a prompt.';
COMMENT ON COLUMN t2sql.prompt_templates.is_active IS 'The version in use; at most one of a name.';

COMMENT ON COLUMN t2sql.databases.name IS 'What ask(database => ...) names.';
COMMENT ON COLUMN t2sql.databases.description IS 'What the context is about.';
COMMENT ON COLUMN t2sql.databases.schemas IS 'The search_path that its SQL is written for.';
COMMENT ON COLUMN t2sql.databases.include IS 'LIKE patterns on table or schema.table that are indexed; null: all.';
COMMENT ON COLUMN t2sql.databases.exclude IS 'LIKE patterns on table or schema.table that are left out.';
COMMENT ON COLUMN t2sql.databases.enforce IS 'Whether the guard refuses tables that are not indexed here.';
COMMENT ON COLUMN t2sql.databases.foreign_server IS 'Server of another database; null: this one.';
COMMENT ON COLUMN t2sql.databases.embedding_model_id IS 'Model whose vectors are searched.';
COMMENT ON COLUMN t2sql.databases.llm_model_id IS 'Model that may write SQL; null: none.';
COMMENT ON COLUMN t2sql.databases.prompt_template_id IS 'Instructions that go with prompts; null: none.';
COMMENT ON COLUMN t2sql.databases.options IS 'Settings of this context.';
COMMENT ON COLUMN t2sql.databases.indexed_at IS 'When it was indexed last; null: never.';

COMMENT ON COLUMN t2sql.database_schemas.schema_name IS 'Name in pg_namespace.';
COMMENT ON COLUMN t2sql.database_schemas.description IS 'COMMENT ON SCHEMA.';

COMMENT ON COLUMN t2sql.db_tables.schema_id IS 'The schema (t2sql.database_schemas).';
COMMENT ON COLUMN t2sql.db_tables.table_name IS 'Name in pg_class.';
COMMENT ON COLUMN t2sql.db_tables.table_type IS 'table, view, materialized_view, partitioned_table or foreign_table.';
COMMENT ON COLUMN t2sql.db_tables.description IS 'What the table holds, in words.';
COMMENT ON COLUMN t2sql.db_tables.row_security IS 'Whether row security was on: then no value of it is stored.';
COMMENT ON COLUMN t2sql.db_tables.sample_data IS 'Example rows; never of views nor of tables with row security.';
COMMENT ON COLUMN t2sql.db_tables.content_hash IS 'Of what was stored; tells whether anything changed.';
COMMENT ON COLUMN t2sql.db_tables.search IS 'Full-text vector of name and description.';

COMMENT ON COLUMN t2sql.db_columns.table_id IS 'The table (t2sql.db_tables).';
COMMENT ON COLUMN t2sql.db_columns.column_name IS 'Name in pg_attribute.';
COMMENT ON COLUMN t2sql.db_columns."position" IS 'attnum.';
COMMENT ON COLUMN t2sql.db_columns.data_type IS 'As format_type() writes it.';
COMMENT ON COLUMN t2sql.db_columns.type_family IS 'number, text, enum, date, timestamp, time, interval, bool, json or other.';
COMMENT ON COLUMN t2sql.db_columns.is_nullable IS 'Whether it may be null.';
COMMENT ON COLUMN t2sql.db_columns.is_primary_key IS 'Whether it is part of the primary key.';
COMMENT ON COLUMN t2sql.db_columns.is_unique IS 'Whether it is unique by itself.';
COMMENT ON COLUMN t2sql.db_columns.is_foreign_key IS 'Whether it is part of a foreign key.';
COMMENT ON COLUMN t2sql.db_columns.references_table IS 'schema.table that the foreign key leads to.';
COMMENT ON COLUMN t2sql.db_columns.references_column IS 'Column that the foreign key leads to.';
COMMENT ON COLUMN t2sql.db_columns.description IS 'What the column holds, in words.';
COMMENT ON COLUMN t2sql.db_columns.description_from IS 'comment: follows COMMENT ON COLUMN; user: set by set_description() and left alone by indexing.';
COMMENT ON COLUMN t2sql.db_columns.null_fraction IS 'Estimated share of nulls.';
COMMENT ON COLUMN t2sql.db_columns.common_values IS 'Most common values, or all labels of an enum.';
COMMENT ON COLUMN t2sql.db_columns.range_min IS 'Estimated smallest value.';
COMMENT ON COLUMN t2sql.db_columns.range_max IS 'Estimated greatest value.';
COMMENT ON COLUMN t2sql.db_columns.content_hash IS 'Of what was stored; tells whether anything changed.';

COMMENT ON COLUMN t2sql.table_relationships.from_table_id IS 'The referring table.';
COMMENT ON COLUMN t2sql.table_relationships.to_table_id IS 'The table referred to.';
COMMENT ON COLUMN t2sql.table_relationships.to_columns IS 'Columns of the table referred to, in the order of from_columns.';
COMMENT ON COLUMN t2sql.table_relationships.relationship_type IS 'many-to-one or one-to-one.';
COMMENT ON COLUMN t2sql.table_relationships.origin IS 'fk, declared, inferred or mined.';
COMMENT ON COLUMN t2sql.table_relationships.weight IS 'How sure it is, 0 to 1; foreign keys are 1.';
COMMENT ON COLUMN t2sql.table_relationships.description IS 'What the join means.';

COMMENT ON COLUMN t2sql.column_values.column_id IS 'The column (t2sql.db_columns).';
COMMENT ON COLUMN t2sql.column_values.value IS 'The value as stored.';
COMMENT ON COLUMN t2sql.column_values.normalised IS 'Folded: without case, accents and punctuation.';
COMMENT ON COLUMN t2sql.column_values.frequency IS 'Rows with it when it was read.';

COMMENT ON COLUMN t2sql.terms.name IS 'The word.';
COMMENT ON COLUMN t2sql.terms.definition IS 'What it means.';
COMMENT ON COLUMN t2sql.terms.expression IS 'What it means in SQL; null: words only.';

COMMENT ON COLUMN t2sql.synonyms.object IS 'schema.table, schema.table.column or a term.';
COMMENT ON COLUMN t2sql.synonyms.word IS 'What users call it.';

COMMENT ON COLUMN t2sql.sql_samples.question IS 'As it was asked.';
COMMENT ON COLUMN t2sql.sql_samples.sql IS 'What answers it; accepted by the guard when it was stored.';
COMMENT ON COLUMN t2sql.sql_samples.normalised IS 'The question folded: one answer for each.';
COMMENT ON COLUMN t2sql.sql_samples.masked_question IS 'The question with its values taken out.';
COMMENT ON COLUMN t2sql.sql_samples.signature IS 'Hash of the masked question.';
COMMENT ON COLUMN t2sql.sql_samples.complexity IS '1 (plain) to 10.';
COMMENT ON COLUMN t2sql.sql_samples.tags IS 'Words to find it by.';
COMMENT ON COLUMN t2sql.sql_samples.source IS 'user: add_sample(); feedback: feedback(); import.';
COMMENT ON COLUMN t2sql.sql_samples.enabled IS 'Whether it is used.';
COMMENT ON COLUMN t2sql.sql_samples.owner_name IS 'Who gave it.';
COMMENT ON COLUMN t2sql.sql_samples.owner_key IS 'Cluster and OID of that role: another one of the same name is somebody else.';
COMMENT ON COLUMN t2sql.sql_samples.touched IS 'Tables that its SQL reads.';
COMMENT ON COLUMN t2sql.sql_samples.performance_notes IS 'Notes for whoever tunes it.';
COMMENT ON COLUMN t2sql.sql_samples.avg_rating IS 'Mean rating of its feedback.';
COMMENT ON COLUMN t2sql.sql_samples.feedback_count IS 'How often it got feedback.';
COMMENT ON COLUMN t2sql.sql_samples.last_feedback_date IS 'When it got feedback last.';

COMMENT ON COLUMN t2sql.query_feedback.request_id IS 'The request; null where none was recorded.';
COMMENT ON COLUMN t2sql.query_feedback.sql_sample_id IS 'The sample that answered, if one did.';
COMMENT ON COLUMN t2sql.query_feedback.nl_query IS 'The question.';
COMMENT ON COLUMN t2sql.query_feedback.generated_sql IS 'The SQL that was shown.';
COMMENT ON COLUMN t2sql.query_feedback.is_correct IS 'Whether it answered the question.';
COMMENT ON COLUMN t2sql.query_feedback.correction IS 'The SQL that does.';
COMMENT ON COLUMN t2sql.query_feedback.rating IS '1 (worst) to 5.';
COMMENT ON COLUMN t2sql.query_feedback.feedback_text IS 'In the user''s words.';
COMMENT ON COLUMN t2sql.query_feedback.user_name IS 'Who said so.';

COMMENT ON COLUMN t2sql.query_usage_stats.request_id IS 'The request; null where none was recorded.';
COMMENT ON COLUMN t2sql.query_usage_stats.sql_sample_id IS 'The sample that answered, if one did.';
COMMENT ON COLUMN t2sql.query_usage_stats.nl_query IS 'The question.';
COMMENT ON COLUMN t2sql.query_usage_stats.similarity_score IS 'How near the sample was.';
COMMENT ON COLUMN t2sql.query_usage_stats.execution_time_ms IS 'Milliseconds in the executor.';
COMMENT ON COLUMN t2sql.query_usage_stats.success IS 'Whether it ran to its end.';
COMMENT ON COLUMN t2sql.query_usage_stats.error_message IS 'SQLSTATE where it did not.';

COMMENT ON COLUMN t2sql.requests.user_name IS 'Who asked.';
COMMENT ON COLUMN t2sql.requests.user_key IS 'Cluster and OID of that role: another one of the same name is somebody else.';
COMMENT ON COLUMN t2sql.requests.question IS 'As it was asked.';
COMMENT ON COLUMN t2sql.requests.status IS 'ok, needs_clarification, refused or error.';
COMMENT ON COLUMN t2sql.requests.engine IS 'Who wrote the SQL: cache, sample, builtin or llm.';
COMMENT ON COLUMN t2sql.requests.sql IS 'The SQL that was shown.';
COMMENT ON COLUMN t2sql.requests.search_path IS 'The schemas that the SQL was checked under.';
COMMENT ON COLUMN t2sql.requests.confidence IS '0 to 1.';
COMMENT ON COLUMN t2sql.requests.sql_sample_id IS 'The sample that answered, if one did.';
COMMENT ON COLUMN t2sql.requests.trusted IS 'Whether a verified sample answered.';
COMMENT ON COLUMN t2sql.requests.assumptions IS 'What was taken for granted.';
COMMENT ON COLUMN t2sql.requests.explanation IS 'How the question was understood.';
COMMENT ON COLUMN t2sql.requests.error IS 'Why there is no SQL.';
COMMENT ON COLUMN t2sql.requests.rule IS 'The guard''s rule that refused it.';
COMMENT ON COLUMN t2sql.requests.timings IS 'Milliseconds by stage.';
COMMENT ON COLUMN t2sql.requests.prompt_tokens IS 'As the endpoint counted them.';
COMMENT ON COLUMN t2sql.requests.completion_tokens IS 'As the endpoint counted them.';

COMMENT ON COLUMN t2sql.vector_embeddings.collection IS 'table, column, relationship, sample_question, ... or a user''s own.';
COMMENT ON COLUMN t2sql.vector_embeddings.object_id IS 'Key of what was embedded, in the collection''s table.';
COMMENT ON COLUMN t2sql.vector_embeddings.source_type IS 'Kind of source, for collections of users.';
COMMENT ON COLUMN t2sql.vector_embeddings.source_id IS 'Name of the source.';
COMMENT ON COLUMN t2sql.vector_embeddings.content_chunk IS 'The text that was embedded.';
COMMENT ON COLUMN t2sql.vector_embeddings.content_hash IS 'Of the text; tells whether it must be embedded again.';
COMMENT ON COLUMN t2sql.vector_embeddings.metadata IS 'Anything else.';
COMMENT ON COLUMN t2sql.vector_embeddings.embedding_model_id IS 'The model; vectors of different models never meet.';
COMMENT ON COLUMN t2sql.vector_embeddings.embedding IS 'The vector.';

COMMENT ON COLUMN t2sql.embedding_cache.model IS 'server/model.';
COMMENT ON COLUMN t2sql.embedding_cache.text_hash IS 'Hash of the text.';
COMMENT ON COLUMN t2sql.embedding_cache.embedding IS 'The vector.';

COMMENT ON COLUMN t2sql.answer_cache.generation IS 'databases.generation when it was answered.';
COMMENT ON COLUMN t2sql.answer_cache.user_key IS 'Cluster and OID of the role that was answered.';
COMMENT ON COLUMN t2sql.answer_cache.normalised IS 'The question folded, with what else decided the answer.';
COMMENT ON COLUMN t2sql.answer_cache.answer IS 'The answer.';

COMMENT ON COLUMN t2sql.index_runs.user_name IS 'Who runs it.';
COMMENT ON COLUMN t2sql.index_runs.state IS 'running, done, stopped or failed.';
COMMENT ON COLUMN t2sql.index_runs.phase IS 'structure, values, embeddings, done or stopped.';
COMMENT ON COLUMN t2sql.index_runs.progress IS 'Counts so far.';
COMMENT ON COLUMN t2sql.index_runs.message IS 'Why it failed.';
COMMENT ON COLUMN t2sql.index_runs.backend_pid IS 'Backend that runs it: when that is gone, the next run goes on at once.';
COMMENT ON COLUMN t2sql.index_runs.finished_at IS 'When it ended; null: under way.';

COMMENT ON COLUMN t2sql.my_requests.database IS 'The context.';
COMMENT ON COLUMN t2sql.my_requests.question IS 'As it was asked.';
COMMENT ON COLUMN t2sql.my_requests.status IS 'ok, needs_clarification, refused or error.';
COMMENT ON COLUMN t2sql.my_requests.engine IS 'Who wrote the SQL: cache, sample, builtin or llm.';
COMMENT ON COLUMN t2sql.my_requests.sql IS 'The SQL that was shown; t2sql.run(id) runs it.';
COMMENT ON COLUMN t2sql.my_requests.confidence IS '0 to 1.';
COMMENT ON COLUMN t2sql.my_requests.trusted IS 'Whether a verified sample answered.';
COMMENT ON COLUMN t2sql.my_requests.assumptions IS 'What was taken for granted.';
COMMENT ON COLUMN t2sql.my_requests.explanation IS 'How the question was understood.';
COMMENT ON COLUMN t2sql.my_requests.error IS 'Why there is no SQL.';
COMMENT ON COLUMN t2sql.my_requests.rule IS 'The guard''s rule that refused it.';
COMMENT ON COLUMN t2sql.my_requests.timings IS 'Milliseconds by stage.';
COMMENT ON COLUMN t2sql.my_requests.prompt_tokens IS 'As the endpoint counted them.';
COMMENT ON COLUMN t2sql.my_requests.completion_tokens IS 'As the endpoint counted them.';
COMMENT ON COLUMN t2sql.my_requests.sent IS 'What was sent to an endpoint; null when nothing was.';

COMMENT ON COLUMN t2sql.request_log.database IS 'The context.';
COMMENT ON COLUMN t2sql.request_log.user_name IS 'Who asked.';
COMMENT ON COLUMN t2sql.request_log.status IS 'ok, needs_clarification, refused or error.';
COMMENT ON COLUMN t2sql.request_log.engine IS 'Who wrote the SQL: cache, sample, builtin or llm.';
COMMENT ON COLUMN t2sql.request_log.confidence IS '0 to 1.';
COMMENT ON COLUMN t2sql.request_log.trusted IS 'Whether a verified sample answered.';
COMMENT ON COLUMN t2sql.request_log.sqlstate IS 'Why there is no SQL, by its code.';
COMMENT ON COLUMN t2sql.request_log.rule IS 'The guard''s rule that refused it.';
COMMENT ON COLUMN t2sql.request_log.timings IS 'Milliseconds by stage.';
COMMENT ON COLUMN t2sql.request_log.prompt_tokens IS 'As the endpoint counted them.';
COMMENT ON COLUMN t2sql.request_log.completion_tokens IS 'As the endpoint counted them.';
