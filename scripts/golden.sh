#!/usr/bin/env bash
# golden.sh [accept] [NAME…]: what a user sees. Runs tests/pg_regress/sql/*.sql by psql, each in a database of its own
# that starts with setup.sql, and compares with tests/pg_regress/expected/*.out. A file without its .out is an error.
# (cargo pgrx regress does the same but can't start its server as another user.)
. "$(dirname "$0")/lib.sh"
mkdir -p "$repo/tests/pg_regress/sql"
cd "$repo/tests/pg_regress"
accept=
if [ "${1:-}" = accept ]; then accept=1 && shift; fi
"$repo/scripts/build.sh"
"$repo/scripts/cluster.sh" start test
out=$state/golden
mkdir -p "$out" expected
passed=0 failed=0
if [ $# -gt 0 ]; then names=("$@"); else
    names=()
    for file in sql/*.sql; do
        name=$(basename "$file" .sql)
        # setup.sql is what every file starts with, not a test
        [ "$name" = setup ] || [ "$name" = '*' ] || names+=("$name")
    done
fi
sql() { "$repo/scripts/cluster.sh" psql test -X -q "$@"; }
for name in "${names[@]}"; do
    sql -c "DROP DATABASE IF EXISTS golden WITH (FORCE)" -c "CREATE DATABASE golden" 2>/dev/null
    [ ! -f sql/setup.sql ] || sql -d golden -v ON_ERROR_STOP=1 -f sql/setup.sql >"$out/setup.log" 2>&1 ||
        die "setup.sql failed, see $out/setup.log"
    # the environment a person might have must not show in the output
    env -u PGOPTIONS PGTZ=UTC PGDATESTYLE='ISO, YMD' RUST_BACKTRACE=0 \
        "$repo/scripts/cluster.sh" psql test -X -a -q -d golden <"sql/$name.sql" 2>&1 |
        # where in a source file an error was raised says nothing to users and changes with every edit
        sed '/^LOCATION:  /d' >"$out/$name.out"
    if [ -n "$accept" ]; then
        cp "$out/$name.out" "expected/$name.out"
    fi
    if [ ! -f "expected/$name.out" ]; then
        echo "golden $name: no expected/$name.out (make golden-accept makes it)"
        failed=$((failed + 1))
    elif diff -u "expected/$name.out" "$out/$name.out"; then
        echo "golden $name: ok"
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
for file in expected/*.out; do
    [ -f "sql/$(basename "$file" .out).sql" ] || [ "$file" = 'expected/*.out' ] || {
        echo "golden: $file has no .sql"
        failed=$((failed + 1))
    }
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
