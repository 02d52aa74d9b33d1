-- One call of every function of PostgreSQL itself, with arguments that its types accept.
WITH sample (kind, value) AS (VALUES
    ('anyelement', '1'), ('"any"', '1'), ('anyarray', 'array[1]'), ('anynonarray', '1'), ('anycompatible', '1'),
    ('anycompatiblearray', 'array[1]'), ('anycompatiblenonarray', '1'), ('anyenum', '''novel''::lib.genre'),
    ('anyrange', 'int4range(1, 5)'), ('anymultirange', 'int4multirange(int4range(1, 5))'), ('record', 'row(1, 2)'),
    ('boolean', 'true'), ('json', '''{"a": 1}'''), ('jsonb', '''{"a": 1}'''), ('jsonpath', '''$.a'''), ('xml', '''<a/>'''),
    ('date', '''2024-02-29'''), ('time without time zone', '''12:00'''), ('time with time zone', '''12:00+01'''),
    ('timestamp without time zone', '''2024-02-29 12:00'''), ('timestamp with time zone', '''2024-02-29 12:00+01'''),
    ('interval', '''1 day'''), ('bytea', '''\x01'''), ('uuid', '''00000000-0000-0000-0000-000000000001'''),
    ('inet', '''10.0.0.1'''), ('cidr', '''10.0.0.0/8'''), ('macaddr', '''08:00:2b:01:02:03'''), ('macaddr8', '''08:00:2b:01:02:03:04:05'''),
    ('point', '''(1,1)'''), ('lseg', '''[(0,0),(1,1)]'''), ('line', '''{1,2,3}'''), ('box', '''(1,1),(0,0)'''), ('path', '''((0,0),(1,1))'''),
    ('polygon', '''((0,0),(1,1),(1,0))'''), ('circle', '''<(0,0),1>'''), ('bit', '''1'''), ('bit varying', '''1'''),
    ('tsvector', '''a:1'''), ('tsquery', '''a'''), ('regclass', '''lib.books'''), ('regproc', '''now'''), ('regtype', '''integer'''),
    ('regconfig', '''english'''), ('regdictionary', '''simple'''), ('oidvector', '''1 2'''), ('int2vector', '''1 2'''),
    ('text[]', 'array[''a'']'), ('integer[]', 'array[1]'), ('pg_lsn', '''0/1'''), ('tid', '''(0,1)'''), ('aclitem', '''=r/postgres'''),
    ('int4range', 'int4range(1, 5)'), ('int4multirange', '''{[1,5)}'''), ('refcursor', '''c'''), ('"char"', '''a''')
)
SELECT format('select %I.%I(%s)', 'pg_catalog', p.proname, (
           SELECT coalesce(string_agg(
               CASE WHEN t.typname LIKE 'any%' OR t.typname = 'record' THEN coalesce(s.value, 'null')
                    WHEN s.value IS NOT NULL THEN format('(%s)::%s', s.value, format_type(a.oid, NULL))
                    WHEN t.typcategory IN ('N', 'S') THEN format('''1''::%s', format_type(a.oid, NULL))
                    ELSE format('null::%s', format_type(a.oid, NULL)) END, ', ' ORDER BY a.place), '')
           FROM unnest(p.proargtypes) WITH ORDINALITY a(oid, place)
           JOIN pg_catalog.pg_type t ON t.oid = a.oid
           LEFT JOIN sample s ON s.kind = format_type(a.oid, NULL))),
       p.provolatile = 'v'
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384 AND p.prokind = 'f'
  AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[])
ORDER BY p.oid
