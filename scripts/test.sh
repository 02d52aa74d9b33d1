#!/usr/bin/env bash
# test.sh [SUITE…]: runs the suites (all when none is named), each to its end, and adds up what passed and failed.
. "$(dirname "$0")/lib.sh"
"$repo/scripts/setup.sh"
cd "$repo"
logs=$state/logs
mkdir -p "$logs"
passed=0 failed=0 skipped=()

suite_fmt() { scripts/lint.sh fmt; }
suite_clippy() { scripts/lint.sh clippy; }
suite_shell() { scripts/lint.sh shell; }
suite_pgspot() { scripts/lint.sh pgspot; }
suite_core() { cargo test -p t2sql-core -p fake_endpoint; }
suite_db() {
    local as=()
    if [ "$EUID" -eq 0 ]; then
        rm -rf "$state/suites"
        install -d -m 700 -o "$server_user" "$state/suites"
        as=(--runas "$server_user" --pgdata "$state/suites")
    fi
    has_library "$suite_copy" timescaledb || export WITHOUT_TIMESCALEDB=1
    cargo pgrx test "pg$PG" --no-default-features --features "pg$PG" "${as[@]}"
}
suite_golden() { scripts/golden.sh; }
suite_outside() { tests/outside/run.sh; }
suite_eval() { EVAL=mini scripts/eval.sh ask; }

count() { awk -v word="$1" '{ for (i = 2; i <= NF; i++) if ($i ~ "^" word "[;,.]?$" && $(i - 1) ~ /^[0-9]+$/) n += $(i - 1) } END { print n + 0 }' "$2"; }

# A suite counts its tests in "test result: ok. 12 passed; 0 failed" (cargo) or "12 passed, 0 failed"; without either
# it is one test.
run() {
    local name=$1 log=$logs/$1.log started=$SECONDS ok=1 p f
    say "$name"
    "suite_$name" 2>&1 | tee "$log" || ok=0
    p=$(count passed "$log") f=$(count failed "$log")
    if [ "$ok" = 1 ] && [ $((p + f)) -eq 0 ]; then p=1; fi
    # a suite that fell over before it could count has failed all the same
    if [ "$ok" = 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    passed=$((passed + p)) failed=$((failed + f))
    summary+=("$(printf '%-8s %5d passed %4d failed %5d s' "$name" "$p" "$f" $((SECONDS - started)))")
}

summary=()
if [ $# -gt 0 ]; then suites=("$@"); else suites=(fmt clippy shell core db golden pgspot outside eval); fi
for suite in "${suites[@]}"; do
    if [ "$suite" = eval ] && [ ! -f "${BENCH:-$repo/../shared/bench}/questions.jsonl" ]; then
        skipped+=("eval: no benchmark in ${BENCH:-../shared/bench}")
        continue
    fi
    run "$suite"
done
"$repo/scripts/cluster.sh" stop test
echo
printf '%s\n' "${summary[@]}" ${skipped[@]+"${skipped[@]/#/skipped }"}
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
