-- 90_comments.sql: what \df+ shows, and who may call what.

COMMENT ON FUNCTION t2sql.ask(text, text, jsonb) IS
    'Writes SQL that answers the question; runs nothing. Raises when there is no answer (P0002: unclear, 38003: refused by the guard). options: evidence, cache. Example: SELECT t2sql.ask(''orders per month in 2025'')';
COMMENT ON FUNCTION t2sql.execute_nl(text, text, integer, jsonb) IS
    'The rows that answer the question, one json object each, at most max_rows (default t2sql.max_rows). Example: SELECT * FROM t2sql.execute_nl(''top 5 customers by revenue'')';
COMMENT ON FUNCTION t2sql.query(text, text, jsonb) IS
    'The rows that answer the question with the columns that you name; answer() tells which. More rows than t2sql.max_rows are an error. Example: SELECT * FROM t2sql.query(''orders per month'') AS t(month date, orders bigint)';
COMMENT ON FUNCTION t2sql.run(bigint, integer) IS
    'Runs exactly the SQL that one of your requests showed, guarded again. Example: SELECT * FROM t2sql.run(42)';
COMMENT ON FUNCTION t2sql.answer(text, text, jsonb) IS
    'Everything about one question in one row: status (ok, needs_clarification, refused, error), sql, engine, confidence, columns for AS t(...), assumptions. Never raises for the question''s sake. Example: SELECT (t2sql.answer(''orders per month'')).*';
COMMENT ON FUNCTION t2sql.explain(text, text, jsonb) IS
    'Every stage that a question went through, a line each. Example: SELECT * FROM t2sql.explain(''orders per month'')';
COMMENT ON FUNCTION t2sql.prompt(text, text, jsonb) IS
    'Exactly what would be sent to the model first, without sending it. Example: SELECT t2sql.prompt(''orders per month'')';
COMMENT ON FUNCTION t2sql.check_sql(text, text) IS
    'Whether SQL like this could run as an answer: ok, the guard''s rule or SQLSTATE that stops it, what the planner expects. Runs nothing. Example: SELECT * FROM t2sql.check_sql(''SELECT count(*) FROM orders'')';
COMMENT ON FUNCTION t2sql.index_schema(text[], boolean, text) IS
    'Indexes the tables, columns, keys and values of schemas (default: all of users) that the caller may read; does nothing for what did not change unless force. Example: SELECT * FROM t2sql.index_schema()';
COMMENT ON FUNCTION t2sql.index_schema(text, boolean, text) IS
    'Indexes one schema. Example: SELECT * FROM t2sql.index_schema(''sales'')';
COMMENT ON PROCEDURE t2sql.reindex(text, interval) IS
    'As index_schema(), in batches that commit, for pg_cron; stops after max_time and goes on next time. Must be called outside a transaction block. Example: CALL t2sql.reindex(max_time => ''10 min'')';
COMMENT ON FUNCTION t2sql.feedback(bigint, boolean, text, integer, text) IS
    'Tells whether the answer of one of your requests was right (rating 1 to 5); a correction answers the same question next time. Returns the feedback''s id. Example: SELECT t2sql.feedback(42, false, ''SELECT count(*) FROM orders WHERE status = ''''paid'''''')';
COMMENT ON FUNCTION t2sql.feedback(text, text, boolean, text, integer, text, text) IS
    'The same where no request was recorded. Example: SELECT t2sql.feedback(''how many orders'', ''SELECT count(*) FROM orders'', true)';
COMMENT ON FUNCTION t2sql.add_sample(text, text, text, text[], text) IS
    'Stores a question with SQL that you vouch for; it answers the question and its paraphrases with other values. From t2sql_curator it serves everybody. Returns its id. Example: SELECT t2sql.add_sample(''how many open orders'', ''SELECT count(*) FROM orders WHERE status = ''''open'''''')';
COMMENT ON FUNCTION t2sql.search(text, integer, text[], real, text) IS
    'The k (1 to 1000) indexed objects nearest to the query with a score of 0 to 1. kinds: table, column, value, sample, term. Example: SELECT * FROM t2sql.search(''who bought what'', 5)';
COMMENT ON FUNCTION t2sql.register_database(text, text[], text, text[], text[], boolean) IS
    'Makes schemas a context to ask in; include and exclude are LIKE patterns on table or schema.table; enforce lets the guard refuse every other table. Example: SELECT t2sql.register_database(''sales'', ARRAY[''sales'', ''public''])';
COMMENT ON FUNCTION t2sql.unregister_database(text) IS
    'Forgets a context with all that was indexed and learnt for it; false where there was none. Example: SELECT t2sql.unregister_database(''sales'')';
COMMENT ON FUNCTION t2sql.set_llm(text, text, text) IS
    'Lets a model of a foreign server write SQL, after one test call; NULL, NULL takes it away. Example: SELECT * FROM t2sql.set_llm(''openai'', ''gpt-4.1'')';
COMMENT ON FUNCTION t2sql.set_embedder(text, text, text) IS
    'Lets a model embed texts from the next index_schema() on, after one test call; ''builtin'' goes back. Example: SELECT * FROM t2sql.set_embedder(''openai'', ''text-embedding-3-small'')';
COMMENT ON FUNCTION t2sql.embed(text) IS
    'The vector of a text by this database''s embedding model. Example: SELECT t2sql.embed(''a red sofa'')';
COMMENT ON FUNCTION t2sql.set_description(text, text, text) IS
    'Describes a table (schema.table) or column (schema.table.column) for questions; NULL goes back to its COMMENT at the next index_schema(). Example: SELECT t2sql.set_description(''public.orders.total'', ''revenue including tax'')';
COMMENT ON FUNCTION t2sql.protect(regclass, text, text) IS
    'Keeps a table or one of its columns from questions, by SECURITY LABEL FOR t2sql, which its owner may set. level: values (stored values are neither indexed, shown nor sent), hidden (t2sql does not know it, generated SQL may not read it), none or NULL (no longer). Counts at once. Example: SELECT t2sql.protect(''sales.customers'', ''phone'')';
COMMENT ON FUNCTION t2sql.setup_hypertables() IS
    'Makes query_feedback and query_usage_stats hypertables where TimescaleDB is installed; keeps their rows. Example: SELECT t2sql.setup_hypertables()';
COMMENT ON FUNCTION t2sql.health() IS
    'What is in order and what is missing for the caller, with the statement that mends it. Example: SELECT * FROM t2sql.health()';
COMMENT ON FUNCTION t2sql.version() IS
    'Version of the library that is loaded. Example: SELECT t2sql.version()';

REVOKE ALL ON ALL ROUTINES IN SCHEMA t2sql FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA t2sql FROM PUBLIC;

GRANT USAGE ON SCHEMA t2sql TO PUBLIC;
GRANT EXECUTE ON FUNCTION t2sql.health(), t2sql.version() TO PUBLIC;

GRANT EXECUTE ON FUNCTION
    t2sql.ask(text, text, jsonb), t2sql.execute_nl(text, text, integer, jsonb), t2sql.query(text, text, jsonb), t2sql.run(bigint, integer),
    t2sql.answer(text, text, jsonb), t2sql.explain(text, text, jsonb), t2sql.prompt(text, text, jsonb),
    t2sql.check_sql(text, text), t2sql.protect(regclass, text, text),
    t2sql.feedback(bigint, boolean, text, integer, text), t2sql.feedback(text, text, boolean, text, integer, text, text),
    t2sql.search(text, integer, text[], real, text), t2sql.embed(text), t2sql._embed(text), t2sql._as_vector(real[]), t2sql._role_key()
    TO t2sql_user;
GRANT SELECT ON t2sql.my_requests TO t2sql_user;

GRANT EXECUTE ON FUNCTION t2sql.set_description(text, text, text), t2sql.add_sample(text, text, text, text[], text) TO t2sql_curator;

GRANT EXECUTE ON FUNCTION
    t2sql.index_schema(text[], boolean, text), t2sql.index_schema(text, boolean, text),
    t2sql._index_begin(text), t2sql._index_batch(bigint), t2sql._index_stop(bigint),
    t2sql.register_database(text, text[], text, text[], text[], boolean), t2sql.unregister_database(text),
    t2sql.set_llm(text, text, text), t2sql.set_embedder(text, text, text)
    TO t2sql_admin;
GRANT EXECUTE ON PROCEDURE t2sql.reindex(text, interval) TO t2sql_admin;

GRANT SELECT ON t2sql.request_log, t2sql.index_runs TO t2sql_monitor;
