-- Removes from context $1 what no longer exists in pg_class or pg_attribute, or no longer belongs to the context
-- (schemas $2, LIKE patterns $3 include and $4 exclude), or was hidden by its owner; and stored values that were
-- protected. Never what merely can't be read: a weak role must not empty a shared knowledge base. Goes on after
-- protected.sql. Returns {"tables": n, "columns": n}.
, gone_table AS (
    DELETE FROM t2sql.db_tables t USING t2sql.database_schemas s
    WHERE s.id = t.schema_id AND s.database_id = $1
      AND (s.schema_name <> ALL ($2)
           OR NOT ($3::text[] IS NULL OR t.table_name LIKE ANY ($3) OR s.schema_name || '.' || t.table_name LIKE ANY ($3))
           OR ($4::text[] IS NOT NULL AND (t.table_name LIKE ANY ($4) OR s.schema_name || '.' || t.table_name LIKE ANY ($4)))
           OR NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE n.nspname = s.schema_name AND c.relname = t.table_name AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
                            AND NOT EXISTS (SELECT FROM protected p WHERE p.relation = c.oid AND p.column_name IS NULL AND p.level = 'hidden')))
    RETURNING 1
), gone_column AS (
    DELETE FROM t2sql.db_columns k USING t2sql.db_tables t, t2sql.database_schemas s
    WHERE t.id = k.table_id AND s.id = t.schema_id AND s.database_id = $1
      AND EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname = s.schema_name AND c.relname = t.table_name)
      AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                      WHERE n.nspname = s.schema_name AND c.relname = t.table_name AND a.attname = k.column_name
                        AND NOT EXISTS (SELECT FROM protected p WHERE p.relation = c.oid AND p.column_name = a.attname AND p.level = 'hidden'))
    RETURNING 1
), gone_value AS (
    DELETE FROM t2sql.column_values v
    USING t2sql.db_columns k, t2sql.db_tables t, t2sql.database_schemas s, pg_class c, pg_namespace n, protected p
    WHERE k.id = v.column_id AND t.id = k.table_id AND s.id = t.schema_id AND s.database_id = $1
      AND n.nspname = s.schema_name AND c.relnamespace = n.oid AND c.relname = t.table_name
      AND p.relation = c.oid AND coalesce(p.column_name, k.column_name) = k.column_name
), gone_schema AS (
    DELETE FROM t2sql.database_schemas s WHERE s.database_id = $1 AND s.schema_name <> ALL ($2) RETURNING 1
)
SELECT jsonb_build_object('tables', (SELECT count(*) FROM gone_table), 'columns', (SELECT count(*) FROM gone_column),
                          'schemas', (SELECT count(*) FROM gone_schema))::text
