-- 21_hypertables.sql: the two event tables become hypertables where TimescaleDB is there.

CREATE FUNCTION t2sql.setup_hypertables() RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    timescale text := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb');
    event_table text;
    made text[] := '{}';
    is_hypertable boolean;
BEGIN
    IF timescale IS NULL THEN
        RETURN 'TimescaleDB is not installed: query_feedback and query_usage_stats stay ordinary tables';
    END IF;
    -- a dump brings its own hypertable catalog along; see README, Dump and restore
    IF current_setting('timescaledb.restoring', true) = 'on' THEN
        RETURN 'a restore is under way: left alone';
    END IF;
    FOREACH event_table IN ARRAY ARRAY['query_feedback', 'query_usage_stats'] LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_schema = ''t2sql'' AND hypertable_name = $1)'
            INTO is_hypertable USING event_table;
        IF NOT is_hypertable THEN
            EXECUTE format('SELECT %I.create_hypertable(%L::regclass, %L, migrate_data => true, if_not_exists => true)',
                           timescale, 't2sql.' || event_table, 'timestamp');
            made := made || event_table;
        END IF;
    END LOOP;
    RETURN CASE WHEN made = '{}' THEN 'already hypertables' ELSE 'now hypertables: ' || array_to_string(made, ', ') END;
END
$$;

DO $$ BEGIN PERFORM t2sql.setup_hypertables(); END $$;
