-- 40_procedures.sql: what must be plain SQL: reindex() because it commits, embed() because it returns a vector.

-- No SET clause, SECURITY DEFINER or EXCEPTION block: each would forbid COMMIT.
CREATE PROCEDURE t2sql.reindex(database text DEFAULT NULL, max_time interval DEFAULT NULL)
    LANGUAGE plpgsql
    AS $$
DECLARE
    run_id bigint;
    ends_at timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) max_time;
BEGIN
    run_id := t2sql._index_begin(database);
    COMMIT;
    WHILE t2sql._index_batch(run_id) LOOP
        COMMIT;
        IF pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>) ends_at THEN
            PERFORM t2sql._index_stop(run_id);
            COMMIT;
            RETURN;
        END IF;
    END LOOP;
    COMMIT;
END
$$;

CREATE FUNCTION t2sql.embed(text text) RETURNS vector
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
    BEGIN ATOMIC SELECT t2sql._as_vector(t2sql._embed($1)); END;
