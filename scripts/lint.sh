#!/usr/bin/env bash
# lint.sh [fmt|clippy|shell|pgspot]: one of the checks, or all.
. "$(dirname "$0")/lib.sh"
cd "$repo"
check() {
    case $1 in
        fmt) cargo fmt --all --check -- -l ;;
        clippy) cargo clippy --workspace --all-targets --no-default-features --features "pg$PG" -- -D warnings ;;
        shell)
            if command -v shellcheck >/dev/null; then
                shellcheck scripts/*.sh tests/outside/*.sh .ci/run
            else
                say "shellcheck is not installed: scripts not checked"
            fi
            ;;
        pgspot) scripts/pgspot.sh ;;
        *) die "usage: lint.sh [fmt|clippy|shell|pgspot]" ;;
    esac
}
[ -f "$state/bindir$PG" ] || "$repo/scripts/setup.sh"
for one in "${@:-fmt clippy shell pgspot}"; do
    # shellcheck disable=SC2086  # the default is a list
    for what in $one; do check "$what"; done
done
