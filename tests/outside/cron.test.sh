#!/usr/bin/env bash
# pg_cron runs CALL t2sql.reindex() as README writes it, in a cluster of its own that preloads pg_cron.
. "$(dirname "$0")/lib.sh"
if ! has_library "$main_copy" pg_cron; then
    echo "skipped: no pg_cron"
    exit
fi
export CLUSTER_CONF="shared_preload_libraries = 'pg_cron'
cron.database_name = 'cron'
cron.use_background_workers = on"
# made anew: the launcher of pg_cron before 1.5 ends for good when its database is dropped
"$repo/scripts/cluster.sh" stop cron
rm -rf "$clusters/cron"
"$repo/scripts/cluster.sh" start cron
trap '"$repo/scripts/cluster.sh" stop cron' EXIT
sql() { "$repo/scripts/cluster.sh" psql cron -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
fresh cron
library cron
sql -d cron -c 'CREATE EXTENSION t2sql CASCADE' -c 'SELECT success FROM t2sql.index_schema()' -c 'ALTER TABLE lending.books ADD COLUMN shelf text'
# the launcher looks for its database once a second at first
until sql -d cron -c 'CREATE EXTENSION IF NOT EXISTS pg_cron' 2>/dev/null; do sleep 1; done
line=$(grep -m 1 -E "^SELECT cron.schedule\('t2sql" "$repo/README.md")
# README's schedule is every quarter of an hour; here it must run at once, or as soon as pg_cron before 1.5 can
schedule='2 seconds'
[[ $(sql -d cron -c "SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'") != 1.[0-4]* ]] || schedule='* * * * *'
sql -d cron -c "$(sed -E "s/'[0-9*][^']*'/'$schedule'/" <<<"$line")"
outcome=
for _ in $(seq 150); do
    outcome=$(sql -d cron -c "SELECT status, return_message FROM cron.job_run_details WHERE status IN ('succeeded', 'failed') ORDER BY runid LIMIT 1")
    [ -z "$outcome" ] || break
    sleep 0.5
done
echo "$outcome"
[ "${outcome%%|*}" = succeeded ]
same 'the new column is indexed' 1 "$(sql -d cron -c "SELECT count(*) FROM t2sql.db_columns WHERE column_name = 'shelf'")"
