#!/usr/bin/env bash
# The same with TimescaleDB, where two tables are hypertables: by timescaledb_pre_restore() and timescaledb_post_restore().
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dump-lib.sh"
if [ "$(sql -d postgres -c "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")" = 0 ]; then
    echo "skipped: no TimescaleDB"
    exit
fi
hypertables() { sql -d "$1" -c "SELECT hypertable_name, num_chunks FROM timescaledb_information.hypertables WHERE hypertable_schema = 't2sql' ORDER BY 1"; }
timescale() { sql -d "$1" -c "SET client_min_messages = error" -c "CREATE EXTENSION timescaledb"; }

fresh dumped_ts
timescale dumped_ts
fill dumped_ts
same 'hypertables' 2 "$(hypertables dumped_ts | wc -l)"
dump dumped_ts
fresh restored_ts
timescale restored_ts
sql -d restored_ts -c 'SELECT public.timescaledb_pre_restore()'
restore dumped_ts restored_ts
sql -d restored_ts -c 'SELECT public.timescaledb_post_restore()'
same 'hypertables after the restore' "$(hypertables dumped_ts)" "$(hypertables restored_ts)"
same 'rows and next ids' "$(state_of dumped_ts)" "$(state_of restored_ts)"
still_answers restored_ts
