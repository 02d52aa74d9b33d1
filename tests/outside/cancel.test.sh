#!/usr/bin/env bash
# Ctrl-C and statement_timeout end a call that waits for a stalled endpoint within half a second; the session lives on.
. "$(dirname "$0")/lib.sh"
fake_endpoint

fresh stalled
library stalled
sql -d stalled <<END
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
SELECT ok FROM t2sql.set_llm('fake', 'any');
END

for phase in stall-headers stall-body; do
    sql -d stalled -c "ALTER SERVER fake OPTIONS (SET url '$address/fault/$phase/v1')"
    # the question's own timeout is far away: only the cancellation can end it
    question="SELECT t2sql.ask('how many loans were there per genre?')"
    settings="SET t2sql.engine = llm; SET t2sql.request_timeout = '60s'"

    # statement_timeout
    started=$(date +%s%N)
    sql -d stalled -v ON_ERROR_STOP=0 -c "$settings" -c "SET statement_timeout = '300ms'" -c "$question" \
        -c "SET statement_timeout = 0" -c "SELECT 'alive'" >"$state/cancel.out" 2>&1
    ms=$((($(date +%s%N) - started) / 1000000))
    grep -q 'statement timeout' "$state/cancel.out" || { cat "$state/cancel.out" && exit 1; }
    grep -q alive "$state/cancel.out" || { echo "$phase: the session did not go on" && exit 1; }
    [ "$ms" -lt 900 ] || { echo "$phase: statement_timeout of 300 ms took $ms ms" && exit 1; }
    echo "$phase: statement_timeout after $ms ms"

    # Ctrl-C: the same signal that a terminal sends to psql
    set -m
    sql -d stalled -v ON_ERROR_STOP=0 -c "$settings" -c "$question" -c "SELECT 'alive'" >"$state/cancel.out" 2>&1 &
    client=$!
    set +m
    sleep 1.5
    started=$(date +%s%N)
    kill -INT -- "-$client"
    wait "$client" || true
    ms=$((($(date +%s%N) - started) / 1000000))
    grep -q 'canceling statement due to user request' "$state/cancel.out" || { cat "$state/cancel.out" && exit 1; }
    [ "$ms" -lt 500 ] || { echo "$phase: Ctrl-C took $ms ms" && exit 1; }
    echo "$phase: Ctrl-C after $ms ms"
done
