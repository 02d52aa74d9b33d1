#!/usr/bin/env bash
# cluster.sh start|stop|psql|uri NAME, stop-all: private clusters of the server's user. They listen on a Unix socket in
# their own directory (mode 0700) and on no port, so nobody else can connect and no number can collide.
. "$(dirname "$0")/lib.sh"
command=${1:?usage: cluster.sh start|stop|psql|uri NAME, stop-all} name=${2:-}
home=$clusters/$name

# initdb and the server need a directory that is theirs
make_home() {
    make_state
    mkdir -p "$clusters"
    [ -d "$home" ] || install -d -m 700 -o "$server_user" "$home"
}

configure() {
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$home'"
    echo 'port = 5432'
    echo "timezone = 'UTC'"
    echo 'jit = off'
    echo 'max_connections = 40'
    # tests lose nothing when the machine stops; a person's demo might
    [ "$name" = demo ] || printf 'fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n'
    ! has_library "$main_copy" timescaledb || printf "shared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\n"
    printf '%s\n' "${CLUSTER_CONF:-}"
}

running() { as_server "$(pg_bin "$main_copy")/pg_ctl" -D "$home/data" status >/dev/null 2>&1; }

start() {
    local bin
    bin=$(pg_bin "$main_copy")
    if running; then return; fi
    make_home
    if ! as_server test -f "$home/data/PG_VERSION"; then
        say "creating cluster $name in $home"
        as_server "$bin/initdb" -D "$home/data" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 -N >/dev/null
        as_server sh -c "echo \"include_if_exists = '../t2sql.conf'\" >>'$home/data/postgresql.conf'"
    fi
    configure | as_server tee "$home/t2sql.conf" >/dev/null
    as_server "$bin/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 start >/dev/null ||
        die "cluster $name did not start, see $home/log"
}

stop() {
    if running; then
        as_server "$(pg_bin "$main_copy")/pg_ctl" -D "$home/data" -m fast -w stop >/dev/null
        say "stopped cluster $name"
    fi
}

case $command in
    start) start ;;
    stop) stop ;;
    stop-all)
        for home in "$state"/clusters/*/*; do
            name=$(basename "$home")
            [ ! -d "$home" ] || stop
        done
        ;;
    psql)
        shift 2
        exec "$(pg_bin "$main_copy")/psql" -h "$home" -U postgres "$@"
        ;;
    uri) printf 'postgresql://postgres@/%s?host=%s\n' "${3:-postgres}" "$home" ;;
    *) die "no such command: $command" ;;
esac
