#!/usr/bin/env bash
# clean.sh: stops the private servers and removes what demo and tests made: clusters, copies of PostgreSQL, build
# results, cargo-pgrx of our version, the package source and its pin. Installed packages stay.
. "$(dirname "$0")/lib.sh"
"$repo/scripts/cluster.sh" stop-all
rm -rf "$state" "$repo/target" "$pgrx_root"
rmdir "/var/tmp/t2sql-$EUID" 2>/dev/null || true
"$repo/scripts/debian.sh" remove-source
say "removed; packages that were installed stay (apt list '~ipostgresql')"
