#!/usr/bin/env bash
# pgspot.sh: looks for names in the install script that somebody else could shadow (https://github.com/timescale/pgspot).
# No finding is the only good result. Skipped where Python can't give it.
. "$(dirname "$0")/lib.sh"
cd "$repo"
version=0.9.4
home=$state/pgspot-$version
if [ ! -x "$home/bin/pgspot" ]; then
    make_state
    rm -rf "$home"
    if ! python3 -m venv "$home" >/dev/null 2>&1 || ! "$home/bin/pip" install -q "pgspot==$version" >/dev/null 2>&1; then
        rm -rf "$home"
        say "pgspot can't be had from python3 and pip: the install script was not checked"
        exit
    fi
fi
script() { find "$state/package$PG" -name 't2sql--*.sql' 2>/dev/null | head -n 1; }
stale() { [ -z "$(script)" ] || [ -n "$(find sql src -newer "$(script)" -print -quit)" ]; }
if stale; then "$repo/scripts/build.sh"; fi
"$home/bin/python" scripts/pgspot.py "$(script)" >"$state/pgspot.sql"
# reindex() commits, and a SET clause would forbid that; each name in it is qualified
found=$("$home/bin/pgspot" --proc-without-search-path 't2sql.reindex(database text,max_time interval)' "$state/pgspot.sql") || true
echo "$found"
[[ $found == *'Errors: 0 Warnings: 0 Unknown: 0'* ]]
