-- 00_guard.sql: conditions without which CREATE EXTENSION must not go on, and the roles.

-- Whoever owns the schema could plant objects that later code would trust.
DO $$
BEGIN
    IF (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 't2sql')
       OPERATOR(pg_catalog.<>) (SELECT oid FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) CURRENT_USER)
    THEN
        RAISE EXCEPTION 'schema t2sql belongs to another role'
            USING ERRCODE = '42501', HINT = 'Drop the schema, or let its owner create the extension.';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace OPERATOR(pg_catalog.=) 't2sql'::pg_catalog.regnamespace)
       OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace OPERATOR(pg_catalog.=) 't2sql'::pg_catalog.regnamespace)
    THEN
        RAISE EXCEPTION 'schema t2sql is not empty'
            USING ERRCODE = '55000', HINT = 'Drop what is in it first: the extension wants the schema for itself.';
    END IF;
    IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION 't2sql needs a database with encoding UTF8, this one has %', pg_catalog.getdatabaseencoding()
            USING ERRCODE = '0A000', HINT = 'Create a database with ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
END
$$;

-- Roles belong to the cluster, not to the extension: made once, never dropped here. One that exists is taken over, as
-- for the second database of a cluster; unless somebody prepared it to hand out more than it should.
DO $$
DECLARE
    role pg_catalog.text;
    known record;
    attributes pg_catalog.text;
    others pg_catalog.text;
BEGIN
    FOREACH role IN ARRAY ARRAY['t2sql_user', 't2sql_curator', 't2sql_admin', 't2sql_monitor', 't2sql_reader'] LOOP
        SELECT * INTO known FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) role;
        IF NOT FOUND THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
            IF role OPERATOR(pg_catalog.=) 't2sql_reader' THEN
                GRANT pg_read_all_data TO t2sql_reader;
            ELSIF role OPERATOR(pg_catalog.=) 't2sql_curator' THEN
                GRANT t2sql_user TO t2sql_curator;
            ELSIF role OPERATOR(pg_catalog.=) 't2sql_admin' THEN
                GRANT t2sql_curator TO t2sql_admin;
            END IF;
            CONTINUE;
        END IF;

        attributes := pg_catalog.concat_ws(' ',
            CASE WHEN known.rolsuper THEN 'SUPERUSER' END, CASE WHEN known.rolbypassrls THEN 'BYPASSRLS' END,
            CASE WHEN known.rolreplication THEN 'REPLICATION' END, CASE WHEN known.rolcreaterole THEN 'CREATEROLE' END,
            CASE WHEN known.rolcreatedb THEN 'CREATEDB' END,
            -- whoever logs in as it reads everything
            CASE WHEN known.rolcanlogin AND role OPERATOR(pg_catalog.=) 't2sql_reader' THEN 'LOGIN' END);
        IF attributes OPERATOR(pg_catalog.<>) '' THEN
            RAISE EXCEPTION 'role % exists and has %', role, attributes
                USING ERRCODE = '55000', HINT = pg_catalog.format('Whoever is granted it would have that, too. ALTER ROLE %I NO%s, or drop the role if nobody needs it.',
                                                                  role, pg_catalog.replace(attributes, ' ', ' NO'));
        END IF;

        -- what it holds, directly or not
        others := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_catalog.pg_roles r
                   WHERE r.oid OPERATOR(pg_catalog.<>) known.oid AND pg_catalog.pg_has_role(known.oid, r.oid, 'MEMBER')
                     AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) ANY (ARRAY['pg_execute_server_program', 'pg_read_server_files',
                                                                                   'pg_write_server_files', 'pg_write_all_data']::pg_catalog.name[])));
        IF others IS NOT NULL THEN
            RAISE EXCEPTION 'role % exists and is a member of %', role, others
                USING ERRCODE = '55000', HINT = pg_catalog.format('REVOKE %s FROM %I, or drop the role if nobody needs it.', others, role);
        END IF;
        others := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' ORDER BY r.rolname)
                   FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.roleid
                   WHERE m.member OPERATOR(pg_catalog.=) known.oid
                     AND r.rolname OPERATOR(pg_catalog.<>) ALL (ARRAY['t2sql_user', 't2sql_curator', 'pg_read_all_data']::pg_catalog.name[]));
        IF others IS NOT NULL THEN
            RAISE WARNING 'role % exists and is a member of %', role, others
                USING HINT = pg_catalog.format('It has their rights, and as a member of a table''s owner it is not subject to row security. REVOKE %s FROM %I unless you want that.',
                                               others, role);
        END IF;
        IF known.rolcanlogin THEN
            RAISE WARNING 'role % exists and may log in', role
                USING HINT = pg_catalog.format('It is meant to be granted: ALTER ROLE %I NOLOGIN.', role);
        END IF;

        -- who holds it; that users may ask and monitors watch is as usual, that they may grant it is not
        others := (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(' ', pg_catalog.quote_ident(r.rolname), CASE WHEN m.admin_option THEN '(with admin option)' END), ', ')
                   FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.member
                   WHERE m.roleid OPERATOR(pg_catalog.=) known.oid
                     AND r.rolname OPERATOR(pg_catalog.<>) ALL (ARRAY['t2sql_curator', 't2sql_admin']::pg_catalog.name[])
                     AND (m.admin_option OR role OPERATOR(pg_catalog.<>) ALL (ARRAY['t2sql_user', 't2sql_monitor'])));
        IF others IS NOT NULL AND role OPERATOR(pg_catalog.=) 't2sql_reader' THEN
            RAISE WARNING 'role t2sql_reader exists and is held by %', others
                USING HINT = 'They read whatever it reads, with or without t2sql. REVOKE t2sql_reader FROM them unless you want that.';
        ELSIF others IS NOT NULL THEN
            -- a WARNING, because CREATE EXTENSION keeps notices of its script to itself
            RAISE WARNING 'role % exists and is held by %', role, others
                USING HINT = pg_catalog.format('They get its rights in this database, too. REVOKE %I FROM those who should not.', role);
        END IF;
    END LOOP;
END
$$;
