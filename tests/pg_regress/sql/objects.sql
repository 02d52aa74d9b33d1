-- objects.sql: everything that CREATE EXTENSION makes. A name that starts with _ is private.
-- Not by \dx+, which lists row types from PostgreSQL 17 on; they come with their tables.
SELECT pg_describe_object(classid, objid, 0) AS object FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 't2sql')
    AND deptype = 'e' AND classid <> 'pg_type'::regclass
ORDER BY 1;
-- and no type of its own beside those of tables and views
SELECT t.oid::regtype FROM pg_depend d JOIN pg_type t ON t.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 't2sql')
    AND d.classid = 'pg_type'::regclass AND t.typrelid = 0 AND t.typelem = 0;
