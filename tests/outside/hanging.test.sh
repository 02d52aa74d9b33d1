#!/usr/bin/env bash
# An endpoint hangs while 100 clients ask: new connections stay quick, the endpoint sees no more requests than allowed,
# the others get SQLSTATE 53400, the breaker opens; and a fast shutdown takes no notice of who waits, over TLS neither.
# FAULTS=all also waits for the probe that fails and the one that closes the breaker (60 s). The figures: $state/hanging.txt
. "$(dirname "$0")/lib.sh"
exec > >(tee "$state/hanging.txt") 2>&1
export CLUSTER_CONF='max_connections = 150'
load() { "$repo/scripts/cluster.sh" "$1" load; }
sql() { "$repo/scripts/cluster.sh" psql load -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
load stop
load start
trap 'load stop' EXIT
log=$clusters/load/log
log_from=$(wc -l <"$log")
logged() { tail -n "+$((log_from + 1))" "$log" | grep "$1" || true; }
psql=$(pg_bin "$main_copy")/psql

echo '{"rules": [{"contains": "", "fault": "stall-headers"}]}' >"$state/hanging.json"
echo '{"rules": [], "otherwise": "SELECT 1 AS one"}' >"$state/back.json"
endpoint() {
    fake_endpoint "$@"
    trap 'kill "$fake"; load stop' EXIT
}
endpoint "$state/hanging.json"
port=${address##*:}
fresh hung
library hung
sql -d hung <<END
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER hung FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
-- set_llm would wait for an answer
INSERT INTO t2sql.llm_models (server, model_name) VALUES ('hung', 'any');
UPDATE t2sql.databases SET llm_model_id = (SELECT id FROM t2sql.llm_models WHERE server = 'hung');
ALTER DATABASE hung SET t2sql.engine = 'llm';
ALTER DATABASE hung SET t2sql.request_timeout = '6s';
ALTER DATABASE hung SET t2sql.queue_timeout = '1s';
END

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
# waits N: until so many sessions wait for the endpoint or for a place
waits() {
    local count="SELECT count(*) FROM pg_stat_activity WHERE datname = 'hung' AND wait_event_type = 'Extension'"
    for _ in $(seq 400); do
        [ "$(sql -d hung -c "$count")" -lt "$1" ] || return 0
        sleep 0.05
    done
    echo "fewer than $1 sessions wait" && return 1
}
# established connections, as the endpoint's side sees them (01 in the kernel's list)
connections() { awk -v port="$(printf ':%04X' "$port")" '$2 ~ port "$" && $4 == "01"' /proc/net/tcp | wc -l; }
# connecting, asking, and leaving, in milliseconds, psql's own start included
new_connection() {
    local from
    from=$(date +%s%N)
    "$psql" -h "$clusters/load" -U postgres -d hung -X -q -A -t -c 'SELECT 1' >/dev/null
    echo $((($(date +%s%N) - from) / 1000000))
}
# figures FILE: median, worst and number of what it holds
figures() { sort -n "$1" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)], t[NR], NR }'; }
# wait_all PID…
wait_all() { for pid in "$@"; do wait "$pid" || true; done; }
answer() { sql -d hung -c "SELECT coalesce(left(error, 5), status) FROM t2sql.answer('how many books are there?', NULL, '{\"cache\": false}')"; }

for _ in $(seq 20); do new_connection; done >"$state/connecting"
read -r median worst count <<<"$(figures "$state/connecting")"
echo "SELECT 1 on a new connection, idle: median $median ms, worst $worst ms of $count"

# 100 clients, each asking again and again until the first calls have run out of time and the breaker has opened
cat >"$state/client.sql" <<'END'
DO $$
DECLARE
    over timestamptz := clock_timestamp() + interval '10 s';
BEGIN
    WHILE clock_timestamp() < over LOOP
        PERFORM t2sql.answer('how many loans were there per genre?', NULL, '{"cache": false}');
        PERFORM pg_sleep(0.5);
    END LOOP;
END $$
END
started=$(milliseconds)
clients=()
for _ in $(seq 100); do
    sql -d hung -f "$state/client.sql" &
    clients+=($!)
done
most=0
# sample FILE: how long connecting takes, and how many connections the endpoint has
sample() {
    new_connection >>"$1"
    local now
    now=$(connections)
    [ "$now" -le "$most" ] || most=$now
    sleep 0.05
}
: >"$state/connecting"
: >"$state/refused"
# those that were sent away ask again half a second later, so never all wait
waits 80
open="endpoint \"hung\" keeps failing"
while [ $(($(milliseconds) - started)) -lt 11000 ]; do
    if [ -z "$(logged "$open")" ]; then sample "$state/connecting"; else sample "$state/refused"; fi
done
wait_all "${clients[@]}"
read -r median worst count <<<"$(figures "$state/connecting")"
echo "SELECT 1 on a new connection, 100 clients waiting: median $median ms, worst $worst ms of $count"
[ ! -s "$state/refused" ] || echo "SELECT 1 on a new connection, 100 clients refused (median, worst, number): $(figures "$state/refused")"
echo "connections at the endpoint at once: $most"
outcomes="SELECT count(*) || ' x ' || coalesce(regexp_replace(error, '[0-9]+ ms', 'N ms'), 'ok') FROM t2sql.requests GROUP BY coalesce(regexp_replace(error, '[0-9]+ ms', 'N ms'), 'ok') ORDER BY 1"
sql -d hung -c "$outcomes"
logged 'endpoint "hung"'
[ "$median" -le 50 ] || { echo "a new connection took $median ms" && exit 1; }
[ "$most" -le 16 ] || { echo "$most connections at once" && exit 1; }
refused() { sql -d hung -c "SELECT count(*) FROM t2sql.requests WHERE error LIKE '53400%$1%'"; }
[ "$(refused 'too many requests')" -gt 0 ] || { echo 'nobody was sent away from the queue' && exit 1; }
if [ "$PG" -ge 17 ]; then
    [ "$(refused 'keeps failing')" -gt 0 ] || { echo 'the breaker sent nobody away' && exit 1; }
    same 'openings' 1 "$(logged 'keeps failing' | wc -l)"
fi

# 30 s after it opened one request goes out, however many ask; the next one 30 s after that
if [ "${FAULTS:-}" = all ] && [ "$PG" -ge 17 ]; then
    requests() { wc -l <"$state/fake.requests"; }
    before=$(requests)
    until [ "$(requests)" -gt "$before" ]; do
        asking=()
        for _ in 1 2 3 4 5; do
            answer >>"$state/probing" &
            asking+=($!)
        done
        wait_all "${asking[@]}"
    done
    same 'probes' $((before + 1)) "$(requests)"
    echo "$(($(milliseconds) - started)) ms: one probe went out and failed"
    kill "$fake"
    wait_all "$fake"
    endpoint "$state/back.json" --port "$port"
    same 'refused although it is back' 53400 "$(answer)"
    until [ "$(answer)" = ok ]; do sleep 0.2; done
    echo "$(($(milliseconds) - started)) ms: the next probe closed it"
    logged 'answers again'
    same 'closings' 1 "$(logged 'answers again' | wc -l)"
fi

# 20 backends wait, of which four wait for a place; PostgreSQL is told to stop
for transport in plain TLS; do
    kill "$fake"
    wait_all "$fake"
    tls=()
    [ "$transport" = plain ] || tls=(--tls "$state/fake.pem")
    endpoint "$state/hanging.json" ${tls[@]+"${tls[@]}"}
    load start
    # another port, another url: no breaker remembers it
    sql -d hung -c "ALTER SERVER hung OPTIONS (SET url '$address/v1')" \
        -c "ALTER DATABASE hung SET t2sql.request_timeout = '60s'" -c "ALTER DATABASE hung SET t2sql.queue_timeout = '60s'"
    [ "$transport" = plain ] || sql -d hung -c "ALTER DATABASE hung SET t2sql.ca_file = '$state/fake.pem'"
    clients=()
    for _ in $(seq 20); do
        answer >/dev/null 2>&1 &
        clients+=($!)
    done
    waits 20
    began=$(milliseconds)
    load stop
    took=$(($(milliseconds) - began))
    wait_all "${clients[@]}"
    echo "fast shutdown with 20 waiting backends, $transport: $took ms"
    [ "$took" -le 2000 ] || { echo 'more than 2 s' && exit 1; }
done

# and when the postmaster is killed, nobody waits on
load start
clients=()
for _ in $(seq 20); do
    answer >/dev/null 2>&1 &
    clients+=($!)
done
waits 20
postmaster=$(as_server head -1 "$clusters/load/data/postmaster.pid")
backends=$(sql -d hung -c "SELECT string_agg('/proc/' || pid, ' ') FROM pg_stat_activity WHERE wait_event_type = 'Extension'")
left() {
    local backend
    # one that has ended, but that nobody has taken note of yet, has no command line any more
    for backend in $backends; do ! grep -q . "$backend/cmdline" 2>/dev/null || return 0; done
    return 1
}
began=$(milliseconds)
kill -KILL "$postmaster"
while left; do
    [ $(($(milliseconds) - began)) -lt 5000 ] || break
    sleep 0.02
done
took=$(($(milliseconds) - began))
wait_all "${clients[@]}"
# nobody is left to remove it, and pg_ctl would wait for that
as_server rm -f "$clusters/load/data/postmaster.pid"
echo "20 backends after the postmaster was killed: $took ms"
[ "$took" -le 2000 ] || { echo 'more than 2 s' && exit 1; }
