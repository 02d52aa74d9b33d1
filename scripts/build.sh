#!/usr/bin/env bash
# build.sh: builds the extension (release) and installs it into the private copy of PostgreSQL.
. "$(dirname "$0")/lib.sh"
"$repo/scripts/setup.sh"
cd "$repo"
say "building t2sql for PostgreSQL $PG"
package=$state/package$PG
rm -rf "$package"
[ -t 2 ] || export NO_COLOR=1 CARGO_TERM_COLOR=never
cargo pgrx package --pg-config "$(pg_bin "$main_copy")/pg_config" --no-default-features --features "pg$PG" --out-dir "$package"
# a new file, never written over: a running backend has the old library mapped
cp -a --remove-destination "$package$main_copy/." "$main_copy/"
