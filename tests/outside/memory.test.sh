#!/usr/bin/env bash
# A session that asks again and again does not grow: between call 1,000 and the end at most 5 MB, whether the built-in
# engine or a model answers. CALLS=100000 for the whole length (make test-security).
. "$(dirname "$0")/lib.sh"
calls=${CALLS:-2000} most=5120
fake_endpoint
fresh remembering
library remembering
sql -d remembering -o /dev/null <<END
CREATE EXTENSION t2sql CASCADE;
GRANT USAGE ON SCHEMA lending TO t2sql_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA lending TO t2sql_reader;
SELECT success FROM t2sql.index_schema();
CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
SELECT ok FROM t2sql.set_llm('fake', 'any');
END

# A thousand questions: answered, refused, unanswerable, no questions at all; asked anew instead of remembered.
thousand() {
    local i
    for ((i = 0; i < 1000; i++)); do
        case $((i % 5)) in
            0) echo "SELECT t2sql.ask('how many readers live in Oban?', options => '{\"cache\": false}');" ;;
            1) echo "SELECT t2sql.execute_nl('loans per genre', options => '{\"cache\": false}');" ;;
            2) echo "SELECT t2sql.answer('number $i of books that are about poetry', options => '{\"cache\": false}');" ;;
            3) echo "SELECT t2sql.ask('delete all $i books');" ;;
            4) echo "SELECT t2sql.ask('');" ;;
        esac
    done
}
thousand >"$state/thousand.sql"

# The backend's own memory in kB; pages of shared memory that it has touched are everybody's.
memory() { awk '/^RssAnon|^RssFile/ { sum += $2 } END { print sum }' "/proc/$1/status"; }

ask_on() {
    local engine=$1 run from to pid before after contexts done line
    coproc RUN { sql -d remembering -v ON_ERROR_STOP=0 2>/dev/null; }
    run=$RUN_PID
    exec {from}<&"${RUN[0]}"- {to}>&"${RUN[1]}"-
    printf '%s\n' "SET t2sql.engine = $engine;" 'SET log_min_messages = panic;' 'SELECT pg_backend_pid();' >&"$to"
    read -r pid <&"$from"
    for ((done = 0; done < calls; done += 1000)); do
        printf '%s\n' '\o /dev/null' "\i $state/thousand.sql" '\o' "SELECT 'next';" >&"$to"
        read -r _ <&"$from"
        if [ "$done" = 0 ]; then before=$(memory "$pid"); fi
    done
    after=$(memory "$pid")
    printf '%s\n' 'SELECT name, sum(total_bytes) FROM pg_backend_memory_contexts GROUP BY 1 ORDER BY 2 DESC LIMIT 8;' "SELECT 'end';" >&"$to"
    contexts=$(while read -r line <&"$from" && [ "$line" != end ]; do echo "  $line"; done)
    exec {to}>&- {from}<&-
    wait "$run" || true
    echo "$engine: $before kB after 1000 calls, $after kB after $calls: $((after - before)) kB more"
    [ $((after - before)) -le $most ] || { echo "$contexts" && return 1; }
}

# both at once: two processes of their own
ask_on builtin &
builtin=$!
ask_on llm &
llm=$!
wait "$builtin"
wait "$llm"
same 'sessions that asked to the end' 2 "$(sql -d remembering -c "SELECT count(DISTINCT engine) FROM t2sql.requests WHERE engine IN ('builtin', 'llm')")"
# tens of thousands of prompts were recorded
rm -f "$state/fake.requests"
