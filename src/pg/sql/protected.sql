-- What owners keep from questions, by SECURITY LABELs of provider t2sql: protected (relation, column_name or NULL for all
-- of it, level). A label counts for whatever reads the same rows: tables below and above in an inheritance tree, too.
WITH RECURSIVE labelled AS (
    SELECT l.objoid AS relation, a.attname AS column_name, l.label AS level
    FROM pg_seclabel l
    LEFT JOIN pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid AND l.objsubid > 0
    WHERE l.provider = 't2sql' AND l.classoid = 'pg_class'::regclass AND (l.objsubid = 0 OR a.attname IS NOT NULL)
), below AS (
    SELECT relation, column_name, level FROM labelled
    UNION
    SELECT i.inhrelid, b.column_name, b.level FROM below b JOIN pg_inherits i ON i.inhparent = b.relation
), above AS (
    SELECT relation, column_name, level FROM labelled
    UNION
    SELECT i.inhparent, b.column_name, b.level FROM above b JOIN pg_inherits i ON i.inhrelid = b.relation
), protected AS (
    SELECT relation, column_name, level FROM below UNION SELECT relation, column_name, level FROM above
)
