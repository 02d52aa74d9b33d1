-- Copies single-column foreign keys of context $1 to db_columns.references_table and references_column.
UPDATE t2sql.db_columns c
SET is_foreign_key = k.is_key, references_table = k.to_table, references_column = k.to_column
FROM (
    SELECT c.id, r.id IS NOT NULL AS is_key, ts.schema_name || '.' || t.table_name AS to_table, r.to_columns[1] AS to_column
    FROM t2sql.database_schemas s
    JOIN t2sql.db_tables f ON f.schema_id = s.id
    JOIN t2sql.db_columns c ON c.table_id = f.id
    LEFT JOIN LATERAL (SELECT * FROM t2sql.table_relationships r WHERE r.from_table_id = f.id AND r.origin = 'fk'
                       AND c.column_name = ANY (r.from_columns) ORDER BY cardinality(r.from_columns), r.id LIMIT 1) r ON true
    LEFT JOIN t2sql.db_tables t ON t.id = r.to_table_id
    LEFT JOIN t2sql.database_schemas ts ON ts.id = t.schema_id
    WHERE s.database_id = $1
) k
WHERE k.id = c.id AND (c.is_foreign_key, c.references_table, c.references_column) IS DISTINCT FROM (k.is_key, k.to_table, k.to_column)
