-- What must hold of every object in the extension's schema. Each query lists offenders: no rows.
\pset tuples_only on
-- without a comment
SELECT 'routine ' || p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 't2sql'::regnamespace AND p.proname !~ '^_' AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT 'relation ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname !~ '^_' AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT 'column ' || c.oid::regclass || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname !~ '^_' AND col_description(c.oid, a.attnum) IS NULL;
-- a comment of a public function without an example
SELECT 'no example: ' || p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 't2sql'::regnamespace AND p.proname !~ '^_' AND obj_description(p.oid, 'pg_proc') NOT LIKE '%Example: %';
-- SQL and PL/pgSQL whose names depend on the caller's search_path; reindex() may have no SET clause: it commits
SELECT 'search_path of ' || p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 't2sql'::regnamespace AND l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%') AND p.proname <> 'reindex';
-- what runs with its owner's rights
SELECT 'security definer: ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 't2sql'::regnamespace AND p.prosecdef;
-- what phones or writes and claims to be harmless
SELECT 'volatility of ' || p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 't2sql'::regnamespace AND l.lanname = 'c' AND (p.provolatile <> 'v' OR p.proparallel <> 'u') AND p.proname NOT IN ('version', '_role_key');
-- tables and sequences that a dump leaves out: the caches and the state of index runs, and no others
SELECT 'not dumped: ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind IN ('r', 'S')
  AND c.oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 't2sql') ORDER BY 1;
-- keys that are no identity
SELECT 'key of ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind = 'r' AND c.relpersistence = 'p'
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id' AND a.attidentity = 'a');
-- updated_at without its trigger
SELECT 'updated_at of ' || c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'updated_at'
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = 'touch');
-- views that a clever WHERE could look behind
SELECT 'no barrier: ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind = 'v' AND coalesce(c.reloptions::text NOT LIKE '%security_barrier=true%', true);
