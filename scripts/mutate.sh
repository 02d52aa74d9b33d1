#!/usr/bin/env bash
# mutate.sh [RULE…]: switches off each rule of the guard in turn and shows how many tests notice; a rule that no test
# misses is an error. Works on a copy of the sources in .t2sql/mutants; takes about half a minute a rule.
. "$(dirname "$0")/lib.sh"
"$repo/scripts/setup.sh"
copy=$state/mutants switch=/tmp/t2sql-rule-off-$$
rm -rf "$copy" && mkdir -p "$copy"
(cd "$repo" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -m -C "$copy")
mapfile -t rules < <(python3 "$repo/scripts/mutate.py" "$copy" "$switch")
[ $# -eq 0 ] || rules=("$@")
# no SELECT of PostgreSQL 15 to 18 can hold what this one refuses, so no test can miss it
unreachable=unsafe-expression
: >"$switch" && chmod 644 "$switch"
trap 'rm -f "$switch"' EXIT
as=()
if [ "$EUID" -eq 0 ]; then
    rm -rf "$state/mutant-suites"
    install -d -m 700 -o "$server_user" "$state/mutant-suites"
    as=(--runas "$server_user" --pgdata "$state/mutant-suites")
fi
cd "$copy"
export CARGO_TARGET_DIR=$state/mutants-target
# the suites that may miss a rule, the likeliest first
suites=(guard owner_code protect seal)
failed() {
    local suite found
    for suite in "${suites[@]}"; do
        found=$(cargo pgrx test "pg$PG" --no-default-features --features "pg$PG" "${as[@]}" "suites::$suite" 2>&1 |
            sed -n 's/^test suites::\(.*\)::tests::pg_\(.*\) \.\.\. FAILED$/\1 \2/p') || true
        [ -z "$found" ] || break
    done
    printf '%s\n' "$found"
}
say "every rule on: no test may fail"
[ -z "$(failed)" ] || die "tests fail although no rule is off"
missed=()
for rule in "${rules[@]}"; do
    [ "$rule" != "$unreachable" ] || continue
    printf '%s' "$rule" >"$switch"
    noticed=$(failed)
    printf '%-22s %3d tests notice, e.g. %s\n' "$rule" "$(grep -c . <<<"$noticed" || true)" "$(head -n 1 <<<"$noticed")"
    [ -n "$noticed" ] || missed+=("$rule")
done
[ ${#missed[@]} -eq 0 ] || die "no test notices that these are off: ${missed[*]}"
