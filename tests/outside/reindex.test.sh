#!/usr/bin/env bash
# CALL t2sql.reindex(): commits as it goes, excludes a second run, and is gone on with after its backend was killed.
. "$(dirname "$0")/lib.sh"
fresh reindexed
library reindexed
sql -d reindexed <<'END'
CREATE EXTENSION t2sql CASCADE;
CREATE ROLE reindexer IN ROLE t2sql_admin LOGIN;
GRANT USAGE ON SCHEMA lending TO reindexer, t2sql_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA lending TO reindexer, t2sql_reader;
END
trap 'sql -d reindexed -c "DROP OWNED BY reindexer" -c "DROP ROLE reindexer"' EXIT
as_admin() { "$repo/scripts/cluster.sh" psql test -X -q -A -t -d reindexed -U reindexer "$@"; }
state_of_last() { sql -d reindexed -c "SELECT state FROM t2sql.index_runs ORDER BY id DESC LIMIT 1"; }

# a plain role that has t2sql_admin, as pg_cron would call it
as_admin -v ON_ERROR_STOP=1 -c 'CALL t2sql.reindex()'
same 'state of the first run' 'done' "$(state_of_last)"
same 'tables' 3 "$(sql -d reindexed -c 'SELECT count(*) FROM t2sql.db_tables')"
as_admin -v ON_ERROR_STOP=1 -c "CALL t2sql.reindex(max_time => '1 min')"
same 'embeddings of the second run' 0 "$(sql -d reindexed -c "SELECT progress ->> 'embeddings' FROM t2sql.index_runs ORDER BY id DESC LIMIT 1")"

# where it can't commit it says so
as_admin -c BEGIN -c 'CALL t2sql.reindex()' >"$state/reindex.out" 2>&1 || true
grep -q 'transaction block' "$state/reindex.out" || { cat "$state/reindex.out" && exit 1; }
grep -q 'HINT' "$state/reindex.out" || { cat "$state/reindex.out" && exit 1; }

# A run that waits for a table that another session holds, so that it can be caught at work.
sql -d reindexed -c 'ALTER TABLE lending.books ADD COLUMN shelf text' -c "UPDATE lending.books SET shelf = 'A' || id % 5" -c 'ANALYZE lending.books' \
    -c 'GRANT SELECT ON lending.books TO reindexer'
sql -d reindexed -c 'BEGIN' -c 'LOCK TABLE lending.books IN ACCESS EXCLUSIVE MODE' -c 'SELECT pg_sleep(6)' -c 'ROLLBACK' >/dev/null &
holder=$!
sleep 1
PGAPPNAME=first_run as_admin -c 'CALL t2sql.reindex()' >"$state/reindex.first" 2>&1 &
first=$!
sleep 2
same 'a run that others can see' 'running' "$(state_of_last)"
# the second caller is told, at once
as_admin -c "SET lock_timeout = '2s'" -c 'CALL t2sql.reindex()' >"$state/reindex.out" 2>&1 || true
grep -qE 'under way|being indexed' "$state/reindex.out" || { cat "$state/reindex.out" && exit 1; }
as_admin -c 'SELECT * FROM t2sql.index_schema()' >"$state/reindex.out" 2>&1 || true
grep -qE 'under way|being indexed' "$state/reindex.out" || { cat "$state/reindex.out" && exit 1; }
# what is indexed serves meanwhile, and after the run's backend was ended
sql -d reindexed -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'first_run'" >/dev/null
wait "$first" || true
wait "$holder" || true
same 'an answer after the interruption' 30 "$(sql -d reindexed -c "SELECT t2sql.execute_nl('how many readers are there?')" | tr -dc '0-9')"
as_admin -v ON_ERROR_STOP=1 -c 'CALL t2sql.reindex()'
same 'state of the next run' 'done' "$(state_of_last)"
same 'runs that look under way' 0 "$(sql -d reindexed -c "SELECT count(*) FROM t2sql.index_runs WHERE state = 'running'")"
same 'values of the new column' 5 "$(sql -d reindexed -c "SELECT count(*) FROM t2sql.column_values v JOIN t2sql.db_columns c ON c.id = v.column_id WHERE c.column_name = 'shelf'")"
same 'columns without a vector' 0 "$(sql -d reindexed -c "SELECT count(*) FROM t2sql.db_columns c WHERE NOT EXISTS (SELECT FROM t2sql.vector_embeddings e WHERE e.collection = 'column' AND e.object_id = c.id)")"
