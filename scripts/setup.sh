#!/usr/bin/env bash
# setup.sh: makes sure of Rust, PostgreSQL with pgvector and headers, and cargo-pgrx; makes the private copies.
# Quick when everything is there. PG_CONFIG=/path/to/pg_config takes that PostgreSQL instead of looking for one.
. "$(dirname "$0")/lib.sh"

need_rust() {
    local have
    have=$(cargo --version 2>/dev/null | cut -d ' ' -f 2 | cut -d . -f 1,2) || true
    if [ -z "$have" ] || [ "$(printf '%s\n1.95\n' "$have" | sort -V | head -n 1)" != 1.95 ]; then
        die "Rust 1.95 or newer is needed${have:+, here is $have}" \
            "Get it from https://rustup.rs, then: rustup toolchain install 1.95 --component clippy,rustfmt"
    fi
}

# On Debian what is missing is installed, or built into the copies.
on_debian=false
if [ -f /etc/debian_version ] && command -v apt-get >/dev/null; then on_debian=true; fi

# What a pg_config lacks to serve here; empty when nothing.
lacking() {
    local config=$1 version
    version=$("$config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    [ "$version" -ge 15 ] || echo "PostgreSQL 15 or newer (this is $version)"
    [ -f "$("$config" --includedir-server)/postgres.h" ] || echo "server headers (Debian: postgresql-server-dev-$version)"
    [ -x "$("$config" --bindir)/initdb" ] || echo "the server itself (Debian: postgresql-$version)"
    local extensions
    extensions=$("$config" --sharedir)/extension
    [ -f "$extensions/vector.control" ] || $on_debian || echo "pgvector (Debian: postgresql-$version-pgvector)"
    [ -f "$extensions/pg_trgm.control" ] || echo "contrib (pg_trgm, unaccent)"
    has_libclang || echo "libclang (Debian: libclang-dev)"
}

has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null ||
        [[ $(ldconfig -p 2>/dev/null) == *libclang* ]] || compgen -G '/usr/lib*/libclang.so*' >/dev/null
}

# Prints the pg_config to use; installs packages on Debian when none will do.
find_postgres() {
    local config missing
    if [ -n "${PG_CONFIG:-}" ]; then
        [ -x "$PG_CONFIG" ] || die "PG_CONFIG=$PG_CONFIG can't be run"
        missing=$(lacking "$PG_CONFIG")
        [ -z "$missing" ] || die "the PostgreSQL of $PG_CONFIG lacks:" "${missing//$'\n'/, }"
        echo "$PG_CONFIG"
        return
    fi
    config=/usr/lib/postgresql/$PG/bin/pg_config
    if [ ! -x "$config" ] || [ -n "$(lacking "$config")" ]; then
        if $on_debian; then
            "$repo/scripts/debian.sh" install "$PG" >&2
        else
            config=$(command -v pg_config) || die "no PostgreSQL found" \
                "Install PostgreSQL $PG with contrib, server headers, pgvector and libclang (the PGDG packages have all but the last)," \
                "then: PG_CONFIG=/path/to/pg_config make demo"
        fi
    fi
    missing=$(lacking "$config")
    [ -z "$missing" ] || die "the PostgreSQL of $config lacks:" "${missing//$'\n'/, }" \
        "Install that, or name another one: PG_CONFIG=/path/to/pg_config make demo"
    echo "$config"
}

# A relocated copy: PostgreSQL finds its files relative to its programs, so the extension can be installed into the
# copy without root, and the system's PostgreSQL stays as it is.
copy_postgres() {
    local config=$1 copy=$2 stamp dir
    stamp=$("$config" --version; for dir in bindir sharedir pkglibdir; do "$config" --$dir; done
        find "$("$config" --sharedir)/extension" "$("$config" --bindir)" -printf '%p %s %T@\n' | sort | cksum)
    [ "$(cat "$copy/.stamp" 2>/dev/null)" = "$stamp" ] && return
    say "copying PostgreSQL to $copy"
    "$repo/scripts/cluster.sh" stop-all
    rm -rf "$copy"
    for dir in bindir sharedir pkglibdir includedir-server; do
        dir=$("$config" --$dir)
        mkdir -p "$copy$(dirname "$dir")"
        # bin may hold lib (or the other way round); JIT bitcode is big and not needed
        [ -d "$copy$dir" ] || cp -a --reflink=auto "$dir" "$copy$(dirname "$dir")/"
    done
    rm -rf "$copy$("$config" --pkglibdir)/bitcode"
    dir=$("$copy$("$config" --bindir)/pg_config" --sharedir)
    [ "$dir" = "$copy$("$config" --sharedir)" ] || die "this PostgreSQL can't be relocated: its copy looks for $dir"
    [ -f "$copy$("$config" --sharedir)/extension/vector.control" ] || build_pgvector "$copy$("$config" --bindir)/pg_config"
    printf '%s' "$stamp" >"$copy/.stamp"
}

build_pgvector() {
    local source=$state/pgvector
    if ! compgen -G "$source/pgvector-*/Makefile" >/dev/null; then
        rm -rf "$source" && mkdir -p "$source"
        "$repo/scripts/debian.sh" pgvector-source "$source" >&2
    fi
    say "building pgvector for $("$1" --version)"
    # OPTFLAGS: the default compiles for this very processor
    make -s -C "$source"/pgvector-*/ clean all install PG_CONFIG="$1" OPTFLAGS= with_llvm=no >&2
}

need_cargo_pgrx() {
    [ "$(cargo pgrx --version 2>/dev/null)" = "cargo-pgrx $pgrx_version" ] && return
    say "building cargo-pgrx $pgrx_version into $pgrx_root (once, some minutes)"
    # not into the repository's target directory: it has nothing to do with the workspace
    env -u CARGO_TARGET_DIR "${CARGO:-cargo}" install cargo-pgrx --version "$pgrx_version" --locked --root "$pgrx_root"
}

need_rust
make_state
config=$(find_postgres)
# the wrapper in /usr/bin answers for another place: take the program that stands beside the server
config=$("$config" --bindir)/pg_config
printf '%s' "$("$config" --bindir)" >"$state/bindir$PG"
copy_postgres "$config" "$main_copy"
copy_postgres "$config" "$suite_copy"
need_cargo_pgrx
mkdir -p "$PGRX_HOME"
wanted=$(printf '[configs]\npg%s = "%s/pg_config"' "$PG" "$(pg_bin "$suite_copy")")
# written only when it says something new: pgrx is compiled again whenever this file is younger than its build
[ "$(cat "$PGRX_HOME/config.toml" 2>/dev/null)" = "$wanted" ] || printf '%s\n' "$wanted" >"$PGRX_HOME/config.toml"
