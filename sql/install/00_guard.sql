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

-- Roles belong to the cluster, not to the extension: made once, never dropped here.
DO $$
DECLARE
    role pg_catalog.text;
BEGIN
    FOREACH role IN ARRAY ARRAY['t2sql_user', 't2sql_curator', 't2sql_admin', 't2sql_monitor', 't2sql_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) role) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
            IF role OPERATOR(pg_catalog.=) 't2sql_reader' THEN
                GRANT pg_read_all_data TO t2sql_reader;
            ELSIF role OPERATOR(pg_catalog.=) 't2sql_curator' THEN
                GRANT t2sql_user TO t2sql_curator;
            ELSIF role OPERATOR(pg_catalog.=) 't2sql_admin' THEN
                GRANT t2sql_curator TO t2sql_admin;
            END IF;
        END IF;
    END LOOP;
END
$$;
