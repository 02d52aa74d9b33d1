-- grants.sql: who may call and read what. Whoever changes this page changes the security of the extension.
SELECT p.oid::regprocedure AS routine,
       coalesce((SELECT string_agg(CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ' ORDER BY 1)
                 FROM aclexplode(p.proacl) AS a WHERE a.grantee <> p.proowner), '') AS granted_to
FROM pg_proc p WHERE p.pronamespace = 't2sql'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";

SELECT c.relname AS relation, a.grantee::regrole AS role, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS privileges
FROM pg_class c CROSS JOIN aclexplode(c.relacl) AS a
WHERE c.relnamespace = 't2sql'::regnamespace AND a.grantee <> c.relowner
GROUP BY 1, 2 ORDER BY 1, 2;

-- nothing in the schema runs with its owner's rights
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 't2sql'::regnamespace AND p.prosecdef;

-- roles, and which holds which
SELECT r.rolname, r.rolcanlogin, r.rolsuper,
       (SELECT string_agg(m.roleid::regrole::text, ', ' ORDER BY 1) FROM pg_auth_members m WHERE m.member = r.oid) AS holds
FROM pg_roles r WHERE r.rolname LIKE 't2sql\_%' ORDER BY 1;

-- every public function and every table is described
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 't2sql'::regnamespace AND p.proname !~ '^_' AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname !~ '^_' AND obj_description(c.oid, 'pg_class') IS NULL;
