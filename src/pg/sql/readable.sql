-- What role $2 may read of context $1 right now, a document per table. Tables that are gone or hidden are left out, so
-- nothing of them is retrieved, linked or sent. columns: true or [names]. whole: whether the role may SELECT the table,
-- whatever is kept from questions. values: whether stored values may be shown: not where row security was switched on, or
-- a view took the table's place, since they were indexed. withheld, hidden: columns by label. Goes on after protected.sql.
, kept AS (
    SELECT p.relation, jsonb_agg(DISTINCT a.attname) FILTER (WHERE p.level = 'values') AS withheld,
           array_agg(DISTINCT a.attname) FILTER (WHERE p.level = 'hidden') AS hidden
    FROM protected p
    JOIN pg_attribute a ON a.attrelid = p.relation AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(p.column_name, a.attname) = a.attname
    GROUP BY p.relation
)
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'id', t.id,
           'columns', CASE WHEN k.hidden IS NULL AND has_table_privilege($2, c.oid, 'SELECT') THEN 'true'::jsonb
                ELSE (SELECT coalesce(jsonb_agg(a.attname), '[]') FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                        AND has_column_privilege($2, c.oid, a.attnum, 'SELECT') AND a.attname <> ALL (coalesce(k.hidden, '{}'))) END,
           'whole', has_table_privilege($2, c.oid, 'SELECT'),
           'values', c.relkind <> 'v' AND NOT c.relrowsecurity,
           'withheld', coalesce(k.withheld, '[]'),
           'hidden', coalesce(to_jsonb(k.hidden), '[]'))
       ORDER BY t.id), '[]')::text
FROM t2sql.database_schemas s
JOIN t2sql.db_tables t ON t.schema_id = s.id
JOIN pg_namespace n ON n.nspname = s.schema_name
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.table_name AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
LEFT JOIN kept k ON k.relation = c.oid
WHERE s.database_id = $1
  AND has_schema_privilege($2, n.oid, 'USAGE')
  AND (has_table_privilege($2, c.oid, 'SELECT') OR has_any_column_privilege($2, c.oid, 'SELECT'))
  AND NOT EXISTS (SELECT FROM protected p WHERE p.relation = c.oid AND p.column_name IS NULL AND p.level = 'hidden')
