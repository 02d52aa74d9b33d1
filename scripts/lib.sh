# lib.sh: what the scripts share: where things lie, how they speak, how they act as the server's user. Sourced, not run.
# shellcheck shell=bash
set -euo pipefail
# a failure inside $(…) is a failure
shopt -s inherit_errexit

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG=${PG:-17}
# a PostgreSQL named by hand decides the version
[ -z "${PG_CONFIG:-}" ] || PG=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
pgrx_version=0.18.1

say() { printf '==> %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# Another cargo (a wrapper, say) may be named by CARGO, as cargo itself does for its subcommands.
cargo() { command "${CARGO:-cargo}" "$@"; }

as_root() {
    if [ "$EUID" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# PostgreSQL refuses to run as root: then the server belongs to "postgres", otherwise to whoever calls.
if [ "$EUID" -eq 0 ]; then server_user=postgres; else server_user=$(id -un); fi
as_server() {
    if [ "$EUID" -eq 0 ]; then
        (cd / && exec runuser -u "$server_user" -- "$@")
    else
        "$@"
    fi
}

# May the server's user walk into this directory? Without asking the user: on a fresh machine it does not exist yet.
reachable() {
    [ "$EUID" -ne 0 ] && return 0
    local dir=$1
    while [ "$dir" != / ]; do
        (($(stat -c '%a' "$dir") % 2)) || return 1
        dir=$(dirname "$dir")
    done
}

# Everything made at run time lies in one directory: .t2sql in the repository or, when the server's user can't go there
# or the path is too long for a socket (107 bytes), a directory of this user under /var/tmp. `make clean` removes both.
state=$repo/.t2sql
if ! reachable "$repo" || [ ${#state} -gt 80 ]; then
    state=/var/tmp/t2sql-$EUID/$(printf '%s' "$repo" | cksum | cut -d ' ' -f 1)
    export CARGO_TARGET_DIR=$state/target
fi
make_state() {
    local top=/var/tmp/t2sql-$EUID
    if [ "$state" != "$repo/.t2sql" ]; then
        [ -d "$top" ] || mkdir -m 755 "$top"
        # /var/tmp is everybody's: somebody else may have taken the name
        if [ ! -O "$top" ] || [ -L "$top" ]; then
            die "$top belongs to somebody else" "Remove it, or clone into a path that user $server_user can enter."
        fi
    fi
    mkdir -p "$state"
}

# The private copy of PostgreSQL that demo and tests use, and a second one for the in-database suites, which install
# the extension with its test functions.
main_copy=$state/pg$PG
suite_copy=$state/pg$PG-suites
# private clusters, by name
clusters=$state/clusters/$PG

# Where inside a copy the programs are; written by setup.sh because it depends on where PostgreSQL was found.
pg_bin() {
    [ -f "$state/bindir$PG" ] || die "PostgreSQL $PG is not set up" "Run: make setup"
    printf '%s%s' "$1" "$(cat "$state/bindir$PG")"
}

# has_library COPY NAME: is there a library to preload?
has_library() { [ -f "$("$(pg_bin "$1")/pg_config" --pkglibdir)/$2.so" ]; }

# cargo-pgrx of exactly our version, beside whatever version the user has; and a configuration of its own.
pgrx_root=${CARGO_HOME:-$HOME/.cargo}/t2sql
export PATH=$pgrx_root/bin:$PATH
export PGRX_HOME=$state/pgrx$PG
# a RUSTFLAGS in the environment would cancel the link flag that keeps pgrx's schema section
unset RUSTFLAGS
