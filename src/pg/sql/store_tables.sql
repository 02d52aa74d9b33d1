-- Stores schemas and tables of context $1 from the introspected document $2. A table whose document did not
-- change is left alone unless $3 (force). Returns {"changed": [ids], "unchanged": n}.
WITH doc AS (
    SELECT t.value AS doc, md5((t.value - 'oid' - 'values_state')::text) AS hash
    FROM jsonb_array_elements($2::jsonb) AS t
), wanted AS (
    SELECT s.id AS schema_id, d.doc ->> 'name' AS name, d.doc, d.hash
    FROM doc d JOIN t2sql.database_schemas s ON s.database_id = $1 AND s.schema_name = d.doc ->> 'schema'
), stored AS (
    INSERT INTO t2sql.db_tables AS t (schema_id, table_name, table_type, description, row_estimate, row_security, content_hash)
    SELECT schema_id, name, doc ->> 'kind', doc ->> 'comment', (doc ->> 'rows')::double precision, (doc ->> 'row_security')::boolean, hash
    FROM wanted
    ON CONFLICT (schema_id, table_name) DO UPDATE
        SET table_type = excluded.table_type, row_estimate = excluded.row_estimate, row_security = excluded.row_security,
            description = CASE t.description_from WHEN 'user' THEN t.description ELSE excluded.description END,
            content_hash = excluded.content_hash
        WHERE t.content_hash IS DISTINCT FROM excluded.content_hash OR $3
    RETURNING t.id
)
SELECT jsonb_build_object('changed', coalesce((SELECT jsonb_agg(id) FROM stored), '[]'),
                          'unchanged', (SELECT count(*) FROM wanted) - (SELECT count(*) FROM stored))::text
