#!/usr/bin/env bash
# test-security.sh [PART…]: what `make test` does in passing, at full size: each fuzz target for a minute, every fault,
# 200 kills, 100,000 questions in one session. Takes about an hour; prints one table at the end.
. "$(dirname "$0")/lib.sh"
"$repo/scripts/setup.sh"
cd "$repo"
logs=$state/logs
mkdir -p "$logs"

# hostile corpus, guard rules, seal, injection, permissions, odd inputs, asking from everywhere
part_database() { scripts/test.sh db; }
# who may do what, and what is told
part_golden() { scripts/test.sh golden; }
part_fuzz() {
    T2SQL_FUZZ_SECONDS=${T2SQL_FUZZ_SECONDS:-60} RUST_BACKTRACE=0 \
        cargo test --release -p t2sql-core --lib fuzz -- --nocapture --test-threads 2
}
part_faults() { FAULTS=all outside faults; }
part_kill() { KILLS=${KILLS:-200} outside kill; }
part_pooler() { TRANSACTIONS=${TRANSACTIONS:-50} outside pgbouncer; }
part_memory() { CALLS=${CALLS:-100000} outside memory; }
part_statements() { STATEMENTS=${STATEMENTS:-20000} outside sqlsmith; }
# cancellation, queue, breaker, secrets, privileges, standby: those that have one size
part_others() {
    local file name names=()
    for file in tests/outside/*.test.sh; do
        name=$(basename "$file" .test.sh)
        case $name in faults | kill | pgbouncer | memory | sqlsmith) ;; *) names+=("$name") ;; esac
    done
    tests/outside/run.sh "${names[@]}"
}

outside() {
    if [ ! -f "tests/outside/$1.test.sh" ]; then echo "skipped: no tests/outside/$1.test.sh" && return; fi
    tests/outside/run.sh "$1"
    cat "$state/outside.log"
}

# what a log says for itself, in one line
figure() {
    case $1 in
        database | golden | others) grep -E '^[0-9]+ passed, ' "$2" | tail -n 1 ;;
        fuzz) awk '/^[0-9]+ inputs$/ { targets++; inputs += $1 } END { printf "%d inputs for %d targets\n", inputs, targets }' "$2" ;;
        *) grep -v '^==>' "$2" | grep -E '^[a-z0-9].*[0-9]|^skipped' | tail -n 2 | paste -s -d '|' | cut -c 1-160 ;;
    esac || true
}

summary=() failed=0
if [ $# -gt 0 ]; then parts=("$@"); else parts=(database golden others fuzz faults kill pooler memory statements); fi
for part in "${parts[@]}"; do
    say "$part"
    started=$SECONDS log=$logs/security-$part.log outcome=ok
    # a process of its own: `set -e` does not hold inside a condition
    (
        set -e
        "part_$part"
    ) >"$log" 2>&1 &
    wait $! || outcome=FAILED
    if [ "$outcome" = FAILED ]; then
        failed=$((failed + 1))
        tail -n 60 "$log"
    elif grep -q '^skipped' "$log"; then
        outcome=skipped
    fi
    summary+=("$(printf '%-11s %-8s %5d s  %s' "$part" "$outcome" $((SECONDS - started)) "$(figure "$part" "$log")")")
done
"$repo/scripts/cluster.sh" stop test
echo
printf '%s\n' "${summary[@]}"
[ "$failed" -eq 0 ]
