#!/usr/bin/env bash
# run.sh [NAME…]: tests that need more than one session, database or server. Each NAME.test.sh beside this file is one:
# it begins with `. "$(dirname "$0")/lib.sh"` and fails by its exit code.
. "$(dirname "$0")/../../scripts/lib.sh"
here=$repo/tests/outside
"$repo/scripts/build.sh"
"$repo/scripts/cluster.sh" start test
passed=0 failed=0
if [ $# -gt 0 ]; then tests=("${@/%/.test.sh}"); else
    tests=()
    for file in "$here"/*.test.sh; do [ ! -f "$file" ] || tests+=("$(basename "$file")"); done
fi
for file in ${tests[@]+"${tests[@]}"}; do
    # a process of its own: `set -e` does not hold inside a condition
    if bash "$here/$file" >"$state/outside.log" 2>&1; then
        # a test that can't run here says so and why
        echo "outside ${file%.test.sh}: $(grep -m 1 '^skipped' "$state/outside.log" || echo ok)"
        passed=$((passed + 1))
    else
        echo "outside ${file%.test.sh}: FAILED"
        sed 's/^/    /' "$state/outside.log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
