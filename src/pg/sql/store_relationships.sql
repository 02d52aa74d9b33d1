-- Makes the relationships of context $1 with the origins $3 exactly those of document $2
-- ([{from_schema, from_table, from_columns, to_schema, to_table, to_columns, type, origin, weight}]), as far as both
-- tables are in the context and listed in $4 (ids of tables that this run could see). Returns the number added or changed.
WITH wanted AS (
    SELECT DISTINCT ON (f.id, t.id, d.from_columns, d.to_columns) f.id AS from_id, t.id AS to_id, d.*
    FROM jsonb_to_recordset($2::jsonb) AS d(from_schema text, from_table text, from_columns text[], to_schema text, to_table text,
                                            to_columns text[], type text, origin text, weight real)
    JOIN t2sql.database_schemas fs ON fs.database_id = $1 AND fs.schema_name = d.from_schema
    JOIN t2sql.db_tables f ON f.schema_id = fs.id AND f.table_name = d.from_table
    JOIN t2sql.database_schemas ts ON ts.database_id = $1 AND ts.schema_name = d.to_schema
    JOIN t2sql.db_tables t ON t.schema_id = ts.id AND t.table_name = d.to_table
    ORDER BY f.id, t.id, d.from_columns, d.to_columns, d.weight DESC
), gone AS (
    DELETE FROM t2sql.table_relationships r
    WHERE r.database_id = $1 AND r.origin = ANY ($3) AND r.from_table_id = ANY ($4) AND r.to_table_id = ANY ($4)
      AND NOT EXISTS (SELECT FROM wanted w WHERE w.from_id = r.from_table_id AND w.to_id = r.to_table_id
                      AND w.from_columns = r.from_columns AND w.to_columns = r.to_columns)
), stored AS (
    INSERT INTO t2sql.table_relationships AS r (database_id, from_table_id, to_table_id, from_columns, to_columns, relationship_type, origin, weight)
    SELECT $1, from_id, to_id, from_columns, to_columns, type, origin, weight FROM wanted
    ON CONFLICT (from_table_id, from_columns, to_table_id, to_columns) DO UPDATE
        SET relationship_type = excluded.relationship_type, origin = excluded.origin, weight = excluded.weight
        WHERE r.origin = ANY ($3)
          AND (r.relationship_type, r.origin, r.weight) IS DISTINCT FROM (excluded.relationship_type, excluded.origin, excluded.weight)
    RETURNING 1
)
SELECT count(*)::text FROM stored
