-- grants.sql: the permission matrix. Whoever changes this page changes the security of the extension.
CREATE TEMP VIEW asker AS SELECT * FROM unnest(ARRAY['public', 't2sql_user', 't2sql_curator', 't2sql_admin', 't2sql_monitor', 't2sql_reader', 'postgres'])
    WITH ORDINALITY AS a(role, place);

-- who may call what
SELECT p.oid::regprocedure AS routine,
       coalesce((SELECT string_agg(CASE a.role WHEN 'postgres' THEN 'superuser' ELSE replace(a.role, 't2sql_', '') END, ' ' ORDER BY a.place)
                 FROM asker a WHERE has_function_privilege(a.role, p.oid, 'EXECUTE')), '') AS may_execute
FROM pg_proc p WHERE p.pronamespace = 't2sql'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";

-- who may do what with tables and views; t2sql_reader reads by pg_read_all_data, and the guard keeps generated SQL from these
SELECT c.relname AS relation, replace(a.role, 't2sql_', '') AS role, string_agg(p.privilege, ' ' ORDER BY p.privilege) AS privileges
FROM pg_class c CROSS JOIN asker a
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p(privilege)
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'v') AND a.role NOT IN ('postgres', 't2sql_reader')
  AND (has_table_privilege(a.role, c.oid, p.privilege)
       OR p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(a.role, c.oid, p.privilege))
GROUP BY c.relname, a.role, a.place ORDER BY c.relname, a.place;
SELECT count(*) > 20 AS several, bool_and(has_table_privilege('t2sql_reader', c.oid, 'SELECT')) AS reader_reads,
       bool_or(has_table_privilege('t2sql_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')) AS reader_writes,
       bool_and(has_table_privilege('postgres', c.oid, 'SELECT')) AS superuser_reads
FROM pg_class c WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'v');
-- the same for sequences: nobody but the owner
SELECT c.relname, a.role FROM pg_class c CROSS JOIN asker a
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind = 'S' AND a.role <> 'postgres' AND has_sequence_privilege(a.role, c.oid, 'USAGE, UPDATE')
ORDER BY 1, 2;

-- schema and wrapper
SELECT replace(a.role, 't2sql_', '') AS role, has_schema_privilege(a.role, 't2sql', 'USAGE') AS uses_schema,
       has_schema_privilege(a.role, 't2sql', 'CREATE') AS creates_in_schema,
       has_foreign_data_wrapper_privilege(a.role, 't2sql_endpoint', 'USAGE') AS makes_servers
FROM asker a ORDER BY a.place;

-- grants to anybody else, and grants that may be handed on
SELECT a.* FROM pg_proc p CROSS JOIN aclexplode(p.proacl) AS a
WHERE p.pronamespace = 't2sql'::regnamespace AND a.grantee <> p.proowner
  AND (a.is_grantable OR a.grantee <> 0 AND a.grantee::regrole::text NOT LIKE 't2sql\_%');
SELECT c.relname, a.grantee::regrole AS role, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS privileges, bool_or(a.is_grantable) AS grantable
FROM pg_class c CROSS JOIN aclexplode(c.relacl) AS a
WHERE c.relnamespace = 't2sql'::regnamespace AND a.grantee <> c.relowner
GROUP BY 1, 2 ORDER BY 1, 2;

-- nothing in the schema runs with its owner's rights
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 't2sql'::regnamespace AND p.prosecdef;

-- roles, and which holds which
SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolbypassrls, r.rolcreaterole,
       (SELECT string_agg(m.roleid::regrole::text, ', ' ORDER BY 1) FROM pg_auth_members m WHERE m.member = r.oid) AS holds
FROM pg_roles r WHERE r.rolname LIKE 't2sql\_%' ORDER BY 1;

-- every public function and every table is described
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 't2sql'::regnamespace AND p.proname !~ '^_' AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname !~ '^_' AND obj_description(c.oid, 'pg_class') IS NULL;
