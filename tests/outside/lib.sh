# lib.sh: what the tests from outside share. Sourced by each of them.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

# notices about skipped objects say nothing here
export PGOPTIONS="-c client_min_messages=warning"
sql() { "$repo/scripts/cluster.sh" psql test -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# An empty database of that name.
fresh() { sql -d postgres -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)" -c "CREATE DATABASE $1 TEMPLATE template0"; }

# fake_endpoint [SCRIPT [ARGUMENT…]]: a fake endpoint for as long as the test runs, which knows one answer unless
# another script is given. Sets `address` (http://127.0.0.1:PORT) and `fake` (its process, which ends with the test). What
# it was asked lies in $state/fake.requests, a line each.
fake_endpoint() {
    (cd "$repo" && cargo build -q --release -p fake_endpoint)
    rm -f "$state/fake.url" "$state/fake.requests"
    "${CARGO_TARGET_DIR:-$repo/target}/release/fake_endpoint" --script "${1:-$repo/tests/outside/endpoint.json}" \
        --record "$state/fake.requests" "${@:2}" >"$state/fake.url" &
    fake=$!
    trap 'kill "$fake"' EXIT
    until [ -s "$state/fake.url" ]; do sleep 0.1; done
    address=$(sed -E 's|^(https?://[^/]*).*|\1|' "$state/fake.url")
    touch "$state/fake.requests"
}

# same WHAT EXPECTED ACTUAL
same() {
    [ "$2" = "$3" ] && return
    printf '%s differs\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
    return 1
}

# A small schema that every test may index: a library that lends books.
library() {
    sql -d "$1" <<'END'
CREATE SCHEMA lending;
CREATE TABLE lending.readers (id integer PRIMARY KEY, name text NOT NULL, town text NOT NULL);
CREATE TABLE lending.books (id integer PRIMARY KEY, title text NOT NULL, genre text NOT NULL);
CREATE TABLE lending.loans (
    reader_id integer NOT NULL REFERENCES lending.readers,
    book_id integer NOT NULL REFERENCES lending.books,
    lent_on date NOT NULL
);
INSERT INTO lending.readers SELECT i, 'Reader ' || i, (ARRAY['Harwich', 'Oban', 'Truro'])[1 + i % 3] FROM generate_series(1, 30) i;
INSERT INTO lending.books SELECT i, 'Book ' || i, (ARRAY['Poetry', 'Crime', 'Travel', 'History'])[1 + i % 4] FROM generate_series(1, 60) i;
INSERT INTO lending.loans SELECT 1 + i * 7 % 30, 1 + i * 11 % 60, date '2026-01-01' + i FROM generate_series(1, 200) i;
ANALYZE;
END
}
