#!/usr/bin/env bash
# eval.sh ask|search|guard|engine: measures on a benchmark of real questions (BENCH=, default ../shared/bench).
# EVAL=core|mini|all chooses the questions, DB=name one database, ORACLE=1 the LLM path against a perfect model,
# KEEP=1 asks what was indexed by the last run. PYTHON= names a Python that has psycopg; otherwise one is made.
. "$(dirname "$0")/lib.sh"
bench=$(cd "${BENCH:-$repo/../shared/bench}" 2>/dev/null && pwd) || die "no benchmark in ${BENCH:-../shared/bench}" "Name its directory: BENCH=… make eval"
[ "${KEEP:-}" = 1 ] || "$repo/scripts/build.sh"
CLUSTER_CONF='shared_buffers = 256MB' "$repo/scripts/cluster.sh" start eval
uri=$("$repo/scripts/cluster.sh" uri eval bench)
sql() { "$repo/scripts/cluster.sh" psql eval -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

python=${PYTHON:-python3}
if ! "$python" -c 'import psycopg' 2>/dev/null; then
    python=$state/venv/bin/python
    if ! "$python" -c 'import psycopg' 2>/dev/null; then
        say "making a Python environment with psycopg"
        python3 -m venv "$state/venv"
        "$python" -m pip install -q 'psycopg[binary]'
    fi
fi

PATH=$(pg_bin "$main_copy"):$PATH

# psql 17.11 ends at an empty statement right after COPY data. The loader writes one after every file, so that
# the transactions of files that end in data are never committed, without an error: those are loaded here.
load_missing() {
    local schema file
    "$python" -c 'import json, sys
for d in json.load(open(sys.argv[1])).values():
    print(*d["schemas"], d["file"])' "$bench/databases.json" | while read -r schema file; do
        [ "$(sql -d bench -c "SELECT count(*) FROM pg_namespace WHERE nspname = '$schema'" </dev/null)" = 0 ] || continue
        { gzip -dc "$bench/$file"; printf 'GRANT USAGE ON SCHEMA "%s" TO bench_ro;\n' "$schema"
          printf 'GRANT SELECT ON ALL TABLES IN SCHEMA "%s" TO bench_ro;\n' "$schema"; } | sql -d bench -1 -o /dev/null
    done
    sql -d bench -c ANALYZE
}

stamp=$(cksum <"$bench/databases.json")
if [ "$(sql -d postgres -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'bench'")" != "$stamp" ]; then
    say "loading the benchmark's databases"
    sql -d postgres -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench' 2>/dev/null
    "$bench/load.sh" "$uri"
    load_missing
    sql -d postgres -c "COMMENT ON DATABASE bench IS '$stamp'" -c 'ALTER ROLE bench_ro LOGIN'
    date +%F >"$state/bench-loaded"
fi
# some databases hold dates relative to the day on which they were loaded
if [ "$(cat "$state/bench-loaded" 2>/dev/null)" != "$(date +%F)" ]; then
    RELATIVE=1 "$bench/load.sh" "$uri"
    date +%F >"$state/bench-loaded"
fi

oracle=()
if [ "${ORACLE:-}" = 1 ]; then
    (cd "$repo" && cargo build -q --release -p fake_endpoint)
    rm -f "$state/oracle.log" "$state/oracle.url"
    "${CARGO_TARGET_DIR:-$repo/target}/release/fake_endpoint" --oracle "$bench/questions.jsonl" "$bench/linking.jsonl" \
        --log "$state/oracle.log" >"$state/oracle.url" &
    endpoint=$!
    trap 'kill "$endpoint"' EXIT
    until [ -s "$state/oracle.url" ]; do sleep 0.1; done
    oracle=(--oracle "$(cat "$state/oracle.url")" --oracle-log "$state/oracle.log")
fi
engine=()
if [ "$1" = engine ]; then
    (cd "$repo" && cargo build -q --release -p t2sql-core --example answer)
    engine=(--engine "${CARGO_TARGET_DIR:-$repo/target}/release/examples/answer")
fi
"$python" "$repo/scripts/eval.py" "$1" --uri "$uri" --bench "$bench" --out "$state/eval" --set "${EVAL:-core}" \
    ${DB:+--db "$DB"} ${KEEP:+--keep} ${oracle[@]+"${oracle[@]}"} ${engine[@]+"${engine[@]}"}
