#!/usr/bin/env bash
# On a hot standby and in a READ ONLY transaction ask, answer and execute_nl work; they record nothing.
. "$(dirname "$0")/lib.sh"
bin=$(pg_bin "$main_copy")
fake_endpoint
fresh primary_side
library primary_side
sql -d primary_side <<END
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
SELECT ok FROM t2sql.set_llm('fake', 'any');
END

questions() {
    same "$1: execute_nl" 30 "$(tr -dc '0-9' <<<"$("$2" "SELECT t2sql.execute_nl('how many readers are there?')")")"
    same "$1: answer" 'ok|t' "$("$2" "SELECT status, request_id IS NULL FROM t2sql.answer('how many books are there?')")"
    case $("$2" "SELECT t2sql.ask('how many loans are there?')") in
        *lending.loans*) ;;
        *) echo "$1: ask gave something else" && return 1 ;;
    esac
    # a question that only the model answers: places in the queue and shared memory need no primary
    same "$1: a model's answer" 'llm' "$("$2" "SELECT engine FROM t2sql.answer('what would a model make of this?')")"
}

read_only() { sql -d primary_side -c 'BEGIN READ ONLY' -c "$1" -c COMMIT; }
questions 'READ ONLY' read_only

"$repo/scripts/cluster.sh" stop standby
rm -rf "$clusters/standby"
install -d -m 700 -o "$server_user" "$clusters/standby"
as_server "$bin/pg_basebackup" -h "$clusters/test" -U postgres -D "$clusters/standby/data" -R -c fast
"$repo/scripts/cluster.sh" start standby
trap 'kill "$fake"; "$repo/scripts/cluster.sh" stop standby' EXIT
standby() { "$repo/scripts/cluster.sh" psql standby -X -q -A -t -v ON_ERROR_STOP=1 -d primary_side -c "$1"; }
same 'in recovery' t "$(standby 'SELECT pg_is_in_recovery()')"
questions standby standby

# one NOTICE in a transaction says that nothing is recorded
told() { grep -c 'NOTICE:  t2sql records nothing' || true; }
"$repo/scripts/cluster.sh" psql standby -X -q -d primary_side -c 'SET client_min_messages = notice' -c 'BEGIN' \
    -c "SELECT t2sql.ask('how many books are there?'), t2sql.ask('how many loans are there?')" -c "SELECT status FROM t2sql.answer('x')" -c COMMIT \
    >"$state/standby.out" 2>&1
same 'notices in one transaction' 1 "$(told <"$state/standby.out")"
grep -q 'because this server is a standby' "$state/standby.out"
before=$(sql -d primary_side -c 'SELECT count(*) FROM t2sql.requests')
sql -d primary_side -c 'BEGIN READ ONLY' -c 'SET LOCAL client_min_messages = notice' -c "SELECT t2sql.ask('how many books are there?')" -c COMMIT 2>"$state/standby.out" >/dev/null
same 'notices of a READ ONLY transaction' 1 "$(told <"$state/standby.out")"
same 'requests' "$before" "$(sql -d primary_side -c 'SELECT count(*) FROM t2sql.requests')"

# what would have to be stored says so, with a hint
for call in "SELECT t2sql.index_schema()" "CALL t2sql.reindex()" "SELECT t2sql.feedback(1, true)" "SELECT t2sql.feedback('q', 'SELECT 1', true)" \
    "SELECT t2sql.add_sample('q', 'SELECT 1')" "SELECT t2sql.set_description('lending.books', 'x')" "SELECT t2sql.register_database('x', ARRAY['lending'])" \
    "SELECT t2sql.unregister_database('x')" "SELECT t2sql.set_llm('x', 'y')" "SELECT t2sql.set_embedder('builtin')"; do
    "$repo/scripts/cluster.sh" psql standby -X -q -d primary_side -v VERBOSITY=verbose -c "$call" >"$state/standby.out" 2>&1 || true
    if ! grep -q 'ERROR:  25006' "$state/standby.out" || ! grep -q 'HINT' "$state/standby.out"; then
        echo "$call on a standby:"
        cat "$state/standby.out"
        exit 1
    fi
done
