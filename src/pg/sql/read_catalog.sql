-- The whole catalogue of context $1 as one document. Edges name tables by id and columns by name.
SELECT jsonb_build_object(
    'tables', coalesce((
        SELECT jsonb_agg(jsonb_build_object('id', t.id, 'schema', s.schema_name, 'name', t.table_name, 'kind', t.table_type,
                   'comment', t.description, 'rows', t.row_estimate, 'columns', coalesce(c.columns, '[]'))
                   ORDER BY array_position(d.schemas, s.schema_name), t.table_name)
        FROM t2sql.databases d
        JOIN t2sql.database_schemas s ON s.database_id = d.id
        JOIN t2sql.db_tables t ON t.schema_id = s.id
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'name', c.column_name, 'type_name', c.data_type,
                       'family', c.type_family, 'nullable', c.is_nullable, 'key', c.is_primary_key, 'unique', c.is_unique,
                       'comment', c.description, 'n_distinct', c.distinct_values, 'null_frac', c.null_fraction,
                       'common', to_jsonb(c.common_values), 'min', c.range_min, 'max', c.range_max)) ORDER BY c."position") AS columns
            FROM t2sql.db_columns c WHERE c.table_id = t.id) c ON true
        WHERE d.id = $1), '[]'),
    'edges', coalesce((
        SELECT jsonb_agg(jsonb_build_object('from', r.from_table_id, 'from_columns', r.from_columns, 'to', r.to_table_id,
                   'to_columns', r.to_columns, 'origin', r.origin, 'weight', r.weight) ORDER BY r.id)
        FROM t2sql.table_relationships r WHERE r.database_id = $1), '[]'),
    'terms', coalesce((
        SELECT jsonb_agg(jsonb_build_object('name', t.name, 'definition', t.definition, 'expression', t.expression,
                   'synonyms', (SELECT coalesce(jsonb_agg(y.word ORDER BY y.word), '[]') FROM t2sql.synonyms y
                                WHERE y.database_id = $1 AND y.object = t.name)) ORDER BY t.name)
        FROM t2sql.terms t WHERE t.database_id = $1), '[]'),
    'valued', coalesce((
        SELECT jsonb_agg(c.id)
        FROM t2sql.database_schemas s JOIN t2sql.db_tables t ON t.schema_id = s.id JOIN t2sql.db_columns c ON c.table_id = t.id
        WHERE s.database_id = $1 AND EXISTS (SELECT FROM t2sql.column_values v WHERE v.column_id = c.id)), '[]'),
    'samples', coalesce((
        SELECT jsonb_agg(jsonb_build_object('id', s.id, 'question', s.question, 'sql', s.sql, 'normalised', s.normalised,
                   'template', s.template, 'verified', s.verified, 'owner', s.owner_name, 'owner_key', s.owner_key, 'touched', s.touched) ORDER BY s.verified, s.id)
        FROM t2sql.sql_samples s WHERE s.database_id = $1 AND s.enabled), '[]')
)::text
