-- What an index run of context $1 would mend of what role $2 may read, in schemas $3 narrowed by LIKE patterns $4 and $5:
-- {"outdated": tables that are not indexed or have other columns now, "unanalysed": tables without statistics}.
WITH relation AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples, c.relrowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($3) AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND c.relname !~ '[[:cntrl:]]'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND ($4::text[] IS NULL OR c.relname LIKE ANY ($4) OR n.nspname || '.' || c.relname LIKE ANY ($4))
      AND ($5::text[] IS NULL OR NOT (c.relname LIKE ANY ($5) OR n.nspname || '.' || c.relname LIKE ANY ($5)))
      AND has_schema_privilege($2, n.oid, 'USAGE') AND has_table_privilege($2, c.oid, 'SELECT')
), indexed AS (
    SELECT s.schema_name, t.table_name, array_agg(k.column_name ORDER BY k.column_name COLLATE "C") AS columns,
           bool_or(k.distinct_values IS NOT NULL) AS analysed
    FROM t2sql.database_schemas s JOIN t2sql.db_tables t ON t.schema_id = s.id JOIN t2sql.db_columns k ON k.table_id = t.id
    WHERE s.database_id = $1 GROUP BY s.schema_name, t.table_name
)
SELECT jsonb_build_object(
    'outdated', count(*) FILTER (WHERE i.table_name IS NULL OR i.columns <> ARRAY(
        SELECT a.attname::text COLLATE "C" FROM pg_attribute a
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '[[:cntrl:]]' ORDER BY 1)),
    'unanalysed', count(*) FILTER (WHERE r.relkind IN ('r', 'm') AND NOT r.relrowsecurity AND r.reltuples <> 0 AND NOT i.analysed))::text
FROM relation r LEFT JOIN indexed i ON i.schema_name = r.nspname AND i.table_name = r.relname
