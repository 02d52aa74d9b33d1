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
