#!/usr/bin/env bash
# debian.sh install VERSION | pgvector-source DIRECTORY | tool NAME | remove-source: packages on Debian. Where the release lacks PostgreSQL of that version
# (Debian 12 has 15 alone), the trixie suite of the mirror that is configured already is added, pinned so low that
# nothing else is taken from it.
. "$(dirname "$0")/lib.sh"
source_file=/etc/apt/sources.list.d/t2sql-trixie.sources
pin_file=/etc/apt/preferences.d/t2sql-trixie
vector_file=/etc/apt/sources.list.d/t2sql-pgvector.sources
cluster_file=/etc/postgresql-common/createcluster.d/t2sql.conf

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"; }
# no `grep -q` behind a pipe: it stops reading early, and pipefail takes that for a failure of the writer
installed() { [[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == *'ok installed'* ]]; }
candidate() { [[ $(apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]; }

mirror() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016  # apt expands these, not the shell
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v release="$codename" '$2 == release { print $1; exit }'
}

suite_trixie() {
    cat <<END
Types: $1
URIs: $2
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
}

add_trixie() {
    local uri
    [ -f "$source_file" ] && return
    uri=$(mirror)
    [ -n "$uri" ] || die "no Debian mirror is configured" "Install PostgreSQL $1 with pgvector and server headers, then: PG_CONFIG=… make demo"
    say "Debian $(cat /etc/debian_version) has no PostgreSQL $1: adding suite trixie of $uri"
    say "  $source_file and $pin_file (priority 100; make clean removes both)"
    say "  its packages bring a newer C library"
    ask_if_running
    suite_trixie deb "$uri" | as_root tee "$source_file" >/dev/null
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' | as_root tee "$pin_file" >/dev/null
    apt update || {
        remove_source
        die "the mirror $uri has no suite trixie"
    }
}

# pgvector is packaged for the release's own PostgreSQL alone; for others it is built from Debian's source.
pgvector_source() {
    local uri
    uri=$(mirror)
    suite_trixie deb-src "$uri" | as_root tee "$vector_file" >/dev/null
    apt update
    (cd "$1" && apt-get -q source pgvector)
    as_root rm "$vector_file"
}

# Prints the path of a program that tests use if it is there: the system's, or that of the package of this name,
# unpacked under .t2sql with what it needs. Installed, pgbouncer would start a service of its own.
tool() {
    local name=$1 into=$state/tools/$1
    if ! command -v "$name" && [ ! -x "$into/run" ]; then
        command -v apt-get >/dev/null || return 1
        candidate "$name" || apt update >&2
        candidate "$name" || return 1
        make_state
        rm -rf "$into" && mkdir -p "$into/packages"
        (
            cd "$into/packages"
            # the package and those of its dependencies that are missing
            mapfile -t wanted < <(apt-get -s -q --no-install-recommends install "$name" | awk '$1 == "Inst" { print $2 }')
            apt-get -q download "${wanted[@]}" >&2
            for package in *.deb; do dpkg-deb -x "$package" "$into"; done
        ) || return 1
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$into/usr/lib/$(gcc -print-multiarch)" \
            "$(find "$into/usr" -path "*bin/$name")" >"$into/run"
        chmod 755 "$into/run"
    fi
    command -v "$name" >/dev/null || echo "$into/run"
}

# A newer C library can sort text in another order, which breaks indexes of clusters that are there already.
ask_if_running() {
    [ "${T2SQL_YES:-}" = 1 ] && return
    # no pgrep: a bare machine has none
    [[ $'\n'$(cat /proc/[0-9]*/comm 2>/dev/null)$'\n' == *$'\npostgres\n'* ]] || return 0
    die "a PostgreSQL server is running on this machine, and the packages bring a newer C library" \
        "Text indexes of its databases may need REINDEX afterwards. To go on: T2SQL_YES=1 make demo" \
        "Or use another PostgreSQL: PG_CONFIG=/path/to/pg_config make demo"
}

remove_source() {
    local file
    for file in "$source_file" "$pin_file" "$vector_file" "$cluster_file"; do
        [ ! -f "$file" ] || as_root rm "$file"
    done
}

install_packages() {
    local version=$1 package elsewhere wanted=() suite=()
    candidate "postgresql-$version" || apt update
    candidate "postgresql-$version" || add_trixie "$version"
    # only where the release itself has none: the suite brings its own C library along
    elsewhere=$(apt-cache madison "postgresql-$version" | grep -v ' trixie/') || suite=(-t trixie)
    for package in "postgresql-$version" "postgresql-server-dev-$version" libclang-19-dev build-essential pkg-config sudo; do
        installed "$package" || wanted+=("$package")
    done
    # where these are not packaged, pgvector is built and the others are done without
    for package in "postgresql-$version-pgvector" "postgresql-$version-timescaledb" "postgresql-$version-cron" python3-venv; do
        installed "$package" || ! candidate "$package" || wanted+=("$package")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    say "installing ${wanted[*]}"
    # without this file the package starts a cluster of its own on port 5432
    as_root mkdir -p "$(dirname "$cluster_file")"
    [ -d /etc/postgresql ] || echo 'create_main_cluster = false' | as_root tee "$cluster_file" >/dev/null
    apt install "${suite[@]}" --no-install-recommends "${wanted[@]}"
}

case ${1:-} in
    install) install_packages "$2" ;;
    pgvector-source) pgvector_source "$2" ;;
    tool) tool "$2" ;;
    remove-source) remove_source ;;
    *) die "usage: debian.sh install VERSION | pgvector-source DIRECTORY | tool NAME | remove-source" ;;
esac
