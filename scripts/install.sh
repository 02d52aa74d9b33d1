#!/usr/bin/env bash
# install.sh: builds the extension for a PostgreSQL of yours and installs it there: PG_CONFIG=/path/to/pg_config.
. "$(dirname "$0")/lib.sh"
[ -n "${PG_CONFIG:-}" ] || die "which PostgreSQL?" "make install PG_CONFIG=/path/to/pg_config"
"$repo/scripts/setup.sh"
cd "$repo"
package=$state/install$PG
rm -rf "$package"
cargo pgrx package --pg-config "$PG_CONFIG" --no-default-features --features "pg$PG" --out-dir "$package"
say "copying into $("$PG_CONFIG" --pkglibdir) and $("$PG_CONFIG" --sharedir)"
sudo=()
[ -w "$("$PG_CONFIG" --pkglibdir)" ] || sudo=(sudo)
"${sudo[@]}" cp -r --remove-destination "$package/." /
say "now, in psql: CREATE EXTENSION t2sql CASCADE"
