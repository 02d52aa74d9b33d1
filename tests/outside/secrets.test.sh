#!/usr/bin/env bash
# Keys from all three sources stay where they are: none in the log at DEBUG5 with log_statement = all, in statistics,
# settings, tables, dumps, or in what a session sees, whatever becomes of a call. Except user mappings, which a
# superuser's dump holds.
. "$(dirname "$0")/lib.sh"
key_of() { printf 'sk-%s-%s' "$1" "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"; }
in_file=$(key_of file) in_env=$(key_of env) in_mapping=$(key_of mapping)
statements=
export CLUSTER_CONF="log_statement = all
log_min_error_statement = debug5
log_error_verbosity = verbose
log_duration = on"
if has_library "$main_copy" pg_stat_statements; then
    statements=yes
    CLUSTER_CONF+="
shared_preload_libraries = 'pg_stat_statements'"
fi
secret() { "$repo/scripts/cluster.sh" "$1" secret; }
sql() { "$repo/scripts/cluster.sh" psql secret -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
secret stop
rm -rf "${clusters:?}/secret"
T2SQL_TEST_KEY=$in_env secret start
# not before it has started: PostgreSQL begins by logging its environment when it is told to log that much
as_server sh -c "echo 'log_min_messages = debug5' >>'$clusters/secret/t2sql.conf'"
sql -d postgres -c 'SELECT pg_reload_conf()'
until [ "$(sql -d postgres -c 'SHOW log_min_messages')" = debug5 ]; do sleep 0.1; done
fake_endpoint
trap 'kill "$fake"; secret stop' EXIT
file=$clusters/secret/key
printf '%s\n' "$in_file" | as_server sh -c "umask 077; cat >'$file'"
fresh secret
library secret
[ -z "$statements" ] || sql -d secret -c 'CREATE EXTENSION pg_stat_statements'
sql -d secret <<END
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER by_file FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1', api_key_file '$file');
CREATE SERVER by_env FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1', api_key_env 'T2SQL_TEST_KEY');
CREATE SERVER by_mapping FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
CREATE ROLE teller LOGIN IN ROLE t2sql_user, pg_read_all_data;
CREATE ROLE owner LOGIN;
ALTER DATABASE secret OWNER TO owner;
GRANT USAGE ON FOREIGN SERVER by_file, by_env, by_mapping TO teller;
END
# the one statement that holds a key: README says that whoever runs it sees to it that it is not logged
sql -d secret <<END
SET log_statement = none;
SET log_min_messages = fatal;
SET log_min_error_statement = panic;
SET log_duration = off;
$([ -z "$statements" ] || echo 'SET pg_stat_statements.track_utility = off;')
CREATE USER MAPPING FOR PUBLIC SERVER by_mapping OPTIONS (api_key '$in_mapping');
END

seen=$state/seen
: >"$seen"
# what a session sees, with every field of its errors
session() { PGOPTIONS='-c client_min_messages=debug5' sql -d secret -v ON_ERROR_STOP=0 -v VERBOSITY=verbose "$@" >>"$seen" 2>&1 || true; }
question="'how many loans were there per genre?', options => '{\"cache\": false}'"
for server in by_file by_env by_mapping; do
    sql -d secret -c "SELECT ok FROM t2sql.set_llm('$server', 'any')" -c "ALTER DATABASE secret SET t2sql.engine = 'llm'"
    for fault in v1 fault/status-401/v1 fault/status-500/v1 fault/redirect/v1 fault/cut-body/v1 fault/html/v1 fault/wrong-json/v1 \
        fault/huge-headers/v1 fault/header-nul/v1 fault/garbage/v1 fault/stall-headers/v1; do
        sql -d secret -c "ALTER SERVER $server OPTIONS (SET url '$address/$fault')"
        for user in postgres teller; do
            session -U "$user" -c "SET t2sql.request_timeout = '600ms'" -c "SELECT t2sql.ask($question)" \
                -c "SELECT * FROM t2sql.answer($question)" -c "SELECT * FROM t2sql.explain($question)" -c 'SELECT * FROM t2sql.health()'
        done
    done
    # waiting, while others look at it; then cancelled, and terminated
    for end in cancel terminate; do
        session -c "SET application_name = 'stalled'" -c "SELECT t2sql.ask($question)" &
        waiting=$!
        pid=
        until [ -n "$pid" ]; do
            pid=$(sql -d secret -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'stalled' AND wait_event_type = 'Extension'")
        done
        sql -d secret -c 'SELECT * FROM pg_stat_activity' -c 'SELECT * FROM pg_settings' -c "SELECT pg_${end}_backend($pid)" >>"$seen"
        wait "$waiting"
    done
    session -c "SELECT * FROM t2sql.prompt($question)" -c "SELECT * FROM t2sql.set_embedder('$server', 'any')"
    # a key that is unusable is not shown either
    session -c "CREATE SERVER wrong FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (api_key_file '$file', api_key_env 'T2SQL_TEST_KEY', url 'x')"
done
printf '%s broken\n' "$in_file" | as_server sh -c "cat >'$file'"
session -c "SELECT * FROM t2sql.set_llm('by_file', 'any')"

bin=$(pg_bin "$main_copy")
[ -z "$statements" ] || sql -d secret -c 'SELECT * FROM pg_stat_statements' >>"$seen"
# servers and mappings as others see them
for view in pg_foreign_server information_schema.foreign_server_options pg_user_mappings information_schema.user_mapping_options; do
    session -U teller -c "SELECT * FROM $view"
done
"$bin/pg_dump" -h "$clusters/secret" -U postgres -d secret --data-only -n t2sql -t 't2sql.*' >"$state/tables.sql" 2>/dev/null
"$bin/pg_dump" -h "$clusters/secret" -U postgres -d secret >"$state/superuser.sql"
sql -d secret -c 'GRANT pg_read_all_data TO owner'
"$bin/pg_dump" -h "$clusters/secret" -U owner -d secret >"$state/owner.sql" 2>>"$seen" || true

arrived() { grep -c "$1" "$state/fake.requests"; }
hits() { grep -c -F -e "$in_file" -e "$in_env" -e "$in_mapping" "$1" || true; }
# all three were really used, and there was something to find them in
for key in "$in_file" "$in_env" "$in_mapping"; do
    [ "$(arrived "$key")" -ge 20 ] || { echo "a key arrived $(arrived "$key") times only" && exit 1; }
done
[ "$(wc -l <"$clusters/secret/log")" -gt 10000 ] || { echo 'the log holds little' && exit 1; }
grep -q 'CREATE SERVER by_mapping' "$state/owner.sql" || { echo 'the dump of the owner is not whole' && exit 1; }
for what in "$clusters/secret/log" "$seen" "$state/tables.sql" "$state/owner.sql"; do
    echo "$(hits "$what") hits in $(wc -l <"$what") lines of $(basename "$what")"
    same "hits in $what" 0 "$(hits "$what")"
done
echo "$(hits "$state/superuser.sql") hit in a superuser's dump"
same "hits in a superuser's dump" 1 "$(hits "$state/superuser.sql")"
same "and that is the user mapping's" 1 "$(grep -c -F "api_key '$in_mapping'" "$state/superuser.sql")"
