#!/usr/bin/env bash
# demo.sh: the whole way once: load the shop, create the extension, index, ask. Safe to repeat.
# With DEMO_URI the same on a database of your own: nothing is loaded there, and its own tables are asked about.
. "$(dirname "$0")/lib.sh"
[ -n "${DEMO_URI:-}" ] || "$repo/scripts/build.sh"
# after the build: on a fresh machine there is no psql before
. "$(dirname "$0")/asking.sh"

if [ -n "${DEMO_URI:-}" ]; then
    say "creating the extension where DEMO_URI points (needs a superuser, once)"
    "${owner[@]}" -c 'CREATE EXTENSION IF NOT EXISTS t2sql CASCADE' ||
        die "t2sql can't be created there" "If it is not installed in that server: make install PG_CONFIG=/path/to/its/pg_config"
    say "indexing"
    "${owner[@]}" -x -c 'SELECT * FROM t2sql.index_schema()'
    questions=()
    while IFS= read -r table; do questions+=("how many ${table//_/ } are there?"); done < <(
        "${owner[@]}" -A -t -c "SELECT relname FROM pg_class c
            WHERE relkind = 'r' AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 't2sql')
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
            ORDER BY reltuples DESC LIMIT 3")
else
    "$repo/scripts/cluster.sh" start demo
    if [ "$("${server[@]}" -d postgres -A -t -c "SELECT 1 FROM pg_database WHERE datname = 'demo'")" != 1 ]; then
        say "loading the demo shop: 18 tables, about 200,000 rows"
        "${server[@]}" -d postgres -c 'CREATE DATABASE demo'
        "${owner[@]}" -f "$repo/demo/shop.sql" || {
            "${server[@]}" -d postgres -c 'DROP DATABASE demo'
            exit 1
        }
    fi
    # an extension created from other install SQL is created anew: this is a demo, not an upgrade
    made_from=$(cat "$("$(pg_bin "$main_copy")/pg_config" --sharedir)"/extension/t2sql* | cksum)
    if [ "$("${owner[@]}" -A -t -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'demo'")" != "$made_from" ]; then
        say "CREATE EXTENSION t2sql CASCADE"
        "${owner[@]}" -f "$repo/demo/create.sql" -c "COMMENT ON DATABASE demo IS '$made_from'"
    fi
    say "SELECT * FROM t2sql.index_schema()"
    "${owner[@]}" -x -c 'SELECT * FROM t2sql.index_schema()'
    # question, tab, the same by hand (which a test compares with)
    mapfile -t questions < <(cut -f 1 "$repo/demo/questions.tsv")
fi

for question in "${questions[@]}"; do ask "$question"; done

cat <<END

Now you: make ask Q='…'
END
[ -n "${DEMO_URI:-}" ] || cat <<END
  make ask Q='which supplier has the most products?'
  make ask Q='total refund by reason'
  make ask Q='delete all cancelled orders'        (it should refuse)

By hand, as a role that may only read the shop:
  ${person[*]}
  shop=> SELECT t2sql.ask('orders per channel') \gexec

make stop stops the server, make clean removes everything.
END
