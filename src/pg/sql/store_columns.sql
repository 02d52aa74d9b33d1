-- Stores the columns of those tables of context $1 that are listed in $3 (ids), from the introspected document $2.
-- Returns the number of columns that were added or changed.
WITH wanted AS (
    SELECT t.id AS table_id, c.value AS doc
    FROM jsonb_array_elements($2::jsonb) AS d(doc)
    JOIN t2sql.database_schemas s ON s.database_id = $1 AND s.schema_name = d.doc ->> 'schema'
    JOIN t2sql.db_tables t ON t.schema_id = s.id AND t.table_name = d.doc ->> 'name'
    CROSS JOIN LATERAL jsonb_array_elements(d.doc -> 'columns') AS c
    WHERE t.id = ANY ($3)
), stored AS (
    INSERT INTO t2sql.db_columns AS c (table_id, column_name, "position", data_type, type_family, is_nullable, is_primary_key, is_unique,
                                       description, null_fraction, distinct_values, common_values, range_min, range_max, content_hash)
    SELECT table_id, doc ->> 'name', (doc ->> 'position')::integer, doc ->> 'type_name', doc ->> 'family', (doc ->> 'nullable')::boolean,
           (doc ->> 'key')::boolean, (doc ->> 'unique')::boolean, doc ->> 'comment', (doc ->> 'null_frac')::double precision,
           (doc ->> 'n_distinct')::double precision,
           ARRAY(SELECT v FROM jsonb_array_elements_text(doc -> 'common') AS v),
           doc ->> 'min', doc ->> 'max', md5(doc::text)
    FROM wanted
    ON CONFLICT (table_id, column_name) DO UPDATE
        SET "position" = excluded."position", data_type = excluded.data_type, type_family = excluded.type_family,
            is_nullable = excluded.is_nullable, is_primary_key = excluded.is_primary_key, is_unique = excluded.is_unique,
            description = CASE c.description_from WHEN 'user' THEN c.description ELSE excluded.description END,
            null_fraction = excluded.null_fraction, distinct_values = excluded.distinct_values, common_values = excluded.common_values,
            range_min = excluded.range_min, range_max = excluded.range_max, content_hash = excluded.content_hash
        WHERE c.content_hash IS DISTINCT FROM excluded.content_hash
    RETURNING 1
)
SELECT count(*)::text FROM stored
