-- What exists in the schemas $1, narrowed by LIKE patterns on "table" or "schema.table" ($2 include, $3 exclude),
-- as the role $4 may read it. One jsonb: {"tables": [...], "keys": [...], "hidden": n}. Goes on after protected.sql.
, relation AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.reltuples,
           has_schema_privilege($4, n.oid, 'USAGE') AND has_table_privilege($4, c.oid, 'SELECT') AS readable,
           has_schema_privilege($4, n.oid, 'USAGE') AND has_any_column_privilege($4, c.oid, 'SELECT') AS partly_readable
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1)
      AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
      AND NOT c.relispartition
      AND c.relpersistence <> 't'
      -- a name that steers a terminal is nobody's honest name
      AND c.relname !~ '[[:cntrl:]]' AND n.nspname !~ '[[:cntrl:]]'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND NOT EXISTS (SELECT FROM protected p WHERE p.relation = c.oid AND p.column_name IS NULL AND p.level = 'hidden')
      AND ($2 IS NULL OR c.relname LIKE ANY ($2) OR n.nspname || '.' || c.relname LIKE ANY ($2))
      AND ($3 IS NULL OR NOT (c.relname LIKE ANY ($3) OR n.nspname || '.' || c.relname LIKE ANY ($3)))
), attribute AS MATERIALIZED (
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
           EXISTS (SELECT FROM protected p WHERE p.relation = a.attrelid AND coalesce(p.column_name, a.attname) = a.attname) AS withheld,
           coalesce(nullif(t.typbasetype, 0), t.oid) AS base,
           CASE WHEN t.typtype = 'd' THEN b.typtype ELSE t.typtype END AS kind,
           CASE WHEN t.typtype = 'd' THEN b.typcategory ELSE t.typcategory END AS category,
           CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END AS type_name
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '[[:cntrl:]]'
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    WHERE (r.readable OR (r.partly_readable AND has_column_privilege($4, a.attrelid, a.attnum, 'SELECT')))
      AND NOT EXISTS (SELECT FROM protected p WHERE p.relation = a.attrelid AND p.column_name = a.attname AND p.level = 'hidden')
), single_unique AS MATERIALIZED (
    SELECT DISTINCT i.indrelid, i.indkey[0] AS attnum
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid
    WHERE i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indkey[0] > 0
), primary_key AS MATERIALIZED (
    SELECT i.indrelid, k.attnum
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid
    CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) AS k(attnum)
    WHERE i.indisprimary
), profile AS MATERIALIZED (
    -- pg_stats shows a superuser the common values of protected tables: never take those
    SELECT r.oid, s.attname, s.null_frac,
           CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(r.reltuples, 0) ELSE s.n_distinct END AS n_distinct,
           s.most_common_vals::text::text[] AS common, s.histogram_bounds::text::text[] AS bounds
    FROM relation r
    JOIN pg_stats s ON s.schemaname = r.nspname AND s.tablename = r.relname AND s.inherited = (r.relkind = 'p')
    WHERE r.relkind IN ('r', 'm', 'p', 'f') AND NOT r.relrowsecurity
), column_json AS (
    SELECT a.attrelid, jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'position', a.attnum,
        'type_name', format_type(a.atttypid, a.atttypmod),
        'family', CASE
            WHEN a.kind = 'e' THEN 'enum'
            WHEN a.category = 'N' AND a.type_name !~ '^(oid|reg)' THEN 'number'
            WHEN a.category = 'S' THEN 'text'
            WHEN a.type_name = 'date' THEN 'date'
            WHEN a.type_name IN ('timestamp', 'timestamptz') THEN 'timestamp'
            WHEN a.type_name IN ('time', 'timetz') THEN 'time'
            WHEN a.category = 'T' THEN 'interval'
            WHEN a.category = 'B' THEN 'bool'
            WHEN a.type_name IN ('json', 'jsonb') THEN 'json'
            ELSE 'other' END,
        'nullable', NOT a.attnotnull,
        'key', EXISTS (SELECT FROM primary_key k WHERE k.indrelid = a.attrelid AND k.attnum = a.attnum),
        'unique', EXISTS (SELECT FROM single_unique u WHERE u.indrelid = a.attrelid AND u.attnum = a.attnum),
        'comment', left(col_description(a.attrelid, a.attnum), 1000),
        'n_distinct', p.n_distinct,
        'null_frac', p.null_frac,
        'withheld', a.withheld,
        'common', CASE WHEN a.withheld THEN '[]' WHEN a.kind = 'e'
            THEN (SELECT coalesce(jsonb_agg(left(e.enumlabel, 100) ORDER BY e.enumsortorder), '[]') FROM pg_enum e WHERE e.enumtypid = a.base)
            ELSE (SELECT coalesce(jsonb_agg(v), '[]') FROM unnest(p.common) AS c(v) WHERE length(v) <= 100) END,
        'min', CASE WHEN NOT a.withheld THEN left(p.bounds[1], 100) END,
        'max', CASE WHEN NOT a.withheld THEN left(p.bounds[cardinality(p.bounds)], 100) END
    ) ORDER BY a.attnum) AS columns,
    count(p.oid) AS analysed, string_agg(a.attname, ',' ORDER BY a.attnum) FILTER (WHERE a.withheld) AS withheld
    FROM attribute a
    LEFT JOIN profile p ON p.oid = a.attrelid AND p.attname = a.attname
    GROUP BY a.attrelid
), key_json AS (
    SELECT jsonb_agg(jsonb_build_object(
        'from_schema', f.nspname, 'from_table', f.relname, 'to_schema', t.nspname, 'to_table', t.relname,
        'from_columns', (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, n)
                         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum),
        'to_columns', (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, n)
                       JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum),
        'one_to_one', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indisunique AND i.indpred IS NULL
                              AND i.indnkeyatts = cardinality(c.conkey)
                              AND i.indkey[0:i.indnkeyatts - 1]::int2[] <@ c.conkey AND c.conkey <@ i.indkey[0:i.indnkeyatts - 1]::int2[])
    ) ORDER BY f.nspname, f.relname, c.conname) AS keys
    FROM pg_constraint c
    JOIN relation f ON f.oid = c.conrelid
    JOIN relation t ON t.oid = c.confrelid
    WHERE c.contype = 'f' AND c.conparentid = 0
      AND NOT EXISTS (SELECT FROM protected p JOIN pg_attribute a ON a.attrelid = p.relation AND a.attname = p.column_name
                      WHERE p.level = 'hidden' AND (a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
                                                    OR a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey)))
), table_json AS (
    SELECT jsonb_agg(jsonb_build_object(
        'oid', r.oid::bigint,
        'schema', r.nspname,
        'name', r.relname,
        'kind', CASE r.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized_view'
                               WHEN 'p' THEN 'partitioned_table' ELSE 'foreign_table' END,
        'comment', left(obj_description(r.oid, 'pg_class'), 1000),
        'rows', r.reltuples,
        'row_security', r.relrowsecurity,
        'whole', r.readable,
        -- changes whenever rows may have changed or statistics appeared: what the value index is compared with
        'values_state', concat_ws('/', r.reltuples, j.analysed, pg_stat_get_tuples_inserted(r.oid),
                                  pg_stat_get_tuples_updated(r.oid), pg_stat_get_tuples_deleted(r.oid), pg_relation_filenode(r.oid),
                                  j.withheld),
        'columns', j.columns
    ) ORDER BY r.nspname, r.relname) AS tables
    FROM relation r JOIN column_json j ON j.attrelid = r.oid
    WHERE r.readable OR r.partly_readable
)
SELECT jsonb_build_object(
    'tables', coalesce((SELECT tables FROM table_json), '[]'),
    'keys', coalesce((SELECT keys FROM key_json), '[]'),
    'hidden', (SELECT count(*) FROM relation r WHERE NOT (r.readable OR r.partly_readable))
)
