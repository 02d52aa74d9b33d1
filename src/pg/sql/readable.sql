-- What role $2 may read of context $1 right now: [[table id, true or [column names], values?], …]. Tables that are gone or
-- hidden are left out, so nothing of them is retrieved, linked or sent. values: whether stored values may be shown: not
-- where row security was switched on, or a view took the table's place, since they were indexed.
SELECT coalesce(jsonb_agg(jsonb_build_array(t.id,
           CASE WHEN has_table_privilege($2, c.oid, 'SELECT') THEN 'true'::jsonb
                ELSE (SELECT jsonb_agg(a.attname) FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                        AND has_column_privilege($2, c.oid, a.attnum, 'SELECT')) END,
           c.relkind <> 'v' AND NOT c.relrowsecurity)
       ORDER BY t.id), '[]')::text
FROM t2sql.database_schemas s
JOIN t2sql.db_tables t ON t.schema_id = s.id
JOIN pg_namespace n ON n.nspname = s.schema_name
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.table_name AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
WHERE s.database_id = $1
  AND has_schema_privilege($2, n.oid, 'USAGE')
  AND (has_table_privilege($2, c.oid, 'SELECT') OR has_any_column_privilege($2, c.oid, 'SELECT'))
