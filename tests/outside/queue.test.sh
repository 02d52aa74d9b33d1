#!/usr/bin/env bash
# No more than t2sql.max_concurrent_requests are under way in the whole server; the others wait, as long as they may,
# and can be cancelled. A place is given up however its call ends.
. "$(dirname "$0")/lib.sh"
fake_endpoint
fresh queued
library queued
sql -d queued <<END
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
SELECT ok FROM t2sql.set_llm('fake', 'any');
ALTER SERVER fake OPTIONS (SET url '$address/fault/stall-headers/v1');
ALTER DATABASE queued SET t2sql.max_concurrent_requests = 2;
ALTER DATABASE queued SET t2sql.engine = 'llm';
ALTER DATABASE queued SET t2sql.request_timeout = '60s';
ALTER DATABASE queued SET t2sql.queue_timeout = '30s';
END
question="SELECT t2sql.ask('how many loans were there per genre?')"

# ask NAME [SQL…]: a session that runs these statements, and asks, in the background; its output in $state/NAME.out
ask() {
    local name=$1 statements=()
    shift
    for statement in "$@" "$question" "SELECT 'alive'"; do statements+=(-c "$statement"); done
    # exec: the job is psql itself
    (PGAPPNAME=$name exec "$repo/scripts/cluster.sh" psql test -X -q -A -t -d queued -v VERBOSITY=verbose "${statements[@]}") >"$state/$name.out" 2>&1 &
}
places() { sql -d queued -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = 0 AND objsubid = 7"; }
# waits EVENT NAME: until the session NAME waits for that; before 17 all waits have one name
waits() {
    local event=$1
    [ "$PG" -ge 17 ] || event=Extension
    for _ in $(seq 200); do
        [ "$(sql -d queued -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$2' AND wait_event = '$event'")" = 0 ] || return 0
        sleep 0.05
    done
    echo "$2 does not wait for $event" && cat "$state/$2.out" && return 1
}
# holding N: until N places are taken
holding() {
    for _ in $(seq 200); do
        [ "$(places)" != "$1" ] || return 0
        sleep 0.05
    done
    echo "$(places) places are taken instead of $1" && return 1
}
signal() { sql -d queued -c "SELECT pg_$1_backend(pid) FROM pg_stat_activity WHERE application_name = '$2'" >/dev/null; }
expect() { grep -q "$2" "$state/$1.out" || { echo "$1: no $2 in" && cat "$state/$1.out" && exit 1; }; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

ask first
ask second
waits T2sqlEndpoint first
waits T2sqlEndpoint second
same 'places of two calls' 2 "$(places)"

# a full queue: refused after the time that one is ready to wait
for patience in 0 300; do
    started=$(milliseconds)
    ask third "SET t2sql.queue_timeout = $patience"
    wait $!
    took=$(($(milliseconds) - started))
    expect third 53400
    expect third 'HINT:.*t2sql.queue_timeout'
    expect third alive
    [ "$took" -ge "$patience" ] && [ "$took" -lt $((patience + 700)) ] || { echo "waited $took ms instead of $patience" && exit 1; }
done
# never beyond the request's own deadline
ask third "SET t2sql.request_timeout = '300ms'"
wait $!
expect third 53400

# a wait in the queue can be cancelled in every way
ask third "SET statement_timeout = '300ms'"
wait $!
expect third 57014
expect third alive
ask third
client=$!
waits T2sqlQueue third
started=$(milliseconds)
signal cancel third
wait "$client"
[ $(($(milliseconds) - started)) -lt 500 ] || { echo 'a cancel in the queue took too long' && exit 1; }
expect third 57014
expect third alive
ask third
client=$!
waits T2sqlQueue third
started=$(milliseconds)
signal terminate third
wait "$client" || true
[ $(($(milliseconds) - started)) -lt 500 ] || { echo 'a termination in the queue took too long' && exit 1; }
expect third 57P01
# a client that is gone is noticed
ask third
client=$!
waits T2sqlQueue third
kill -KILL "$client"
wait "$client" || true
for _ in $(seq 20); do
    left=$(sql -d queued -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'third'")
    [ "$left" != 0 ] || break
    sleep 0.1
done
same 'backends without a client after 2 s' 0 "$left"

# the next one goes when a call ends, here by termination
ask third
waits T2sqlQueue third
signal terminate first
waits T2sqlEndpoint third
same 'places after one went and one came' 2 "$(places)"
signal cancel third
signal cancel second
holding 0

# caught inside a function, with the session going on: nothing stays behind
ask caught "SET statement_timeout = '300ms'" "DO \$\$ BEGIN PERFORM t2sql.ask('how many books are there?'); EXCEPTION WHEN query_canceled THEN NULL; END \$\$" \
    "RESET statement_timeout" "SELECT 'places: ' || count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 7" "SET t2sql.engine = builtin"
wait $!
expect caught 'places: 0'

# somebody who waits to try again holds no place
sql -d queued -c "ALTER SERVER fake OPTIONS (SET url '$address/fault/status-503-after-20/v1')"
ask retrying
waits T2sqlEndpoint retrying
holding 0
waits T2sqlEndpoint retrying
signal cancel retrying

# a READ ONLY transaction may ask, too
sql -d queued -c "ALTER SERVER fake OPTIONS (SET url '$address/v1')"
case $(sql -d queued -c 'BEGIN READ ONLY' -c "$question" -c COMMIT) in
    *'SELECT 1'*) ;;
    *) echo 'no answer in a READ ONLY transaction' && exit 1 ;;
esac
