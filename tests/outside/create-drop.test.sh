#!/usr/bin/env bash
# CREATE EXTENSION, DROP EXTENSION, CREATE EXTENSION: nothing is left behind, and the second works like the first.
. "$(dirname "$0")/lib.sh"

members() { sql -d coming_going -c "SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 't2sql')"; }
everything() {
    sql -d coming_going -c "SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text NOT LIKE 'pg\_%'" \
        -c 'SELECT count(*) FROM pg_proc' -c 'SELECT count(*) FROM pg_foreign_data_wrapper' -c 'SELECT count(*) FROM pg_event_trigger'
}

fresh coming_going
sql -d coming_going -c 'CREATE EXTENSION vector' -c 'CREATE EXTENSION pg_trgm' -c 'CREATE EXTENSION unaccent'
library coming_going
before=$(everything)
sql -d coming_going -c 'CREATE EXTENSION t2sql'
first=$(members)
[ "$first" -gt 20 ] || { echo "the extension owns only $first objects" && exit 1; }
sql -d coming_going -c 'SELECT success FROM t2sql.index_schema()'
sql -d coming_going -c 'DROP EXTENSION t2sql CASCADE'
same 'what is there after DROP EXTENSION' "$before" "$(everything)"
sql -d coming_going -c 'CREATE EXTENSION t2sql'
same 'number of objects the second time' "$first" "$(members)"
same 'an answer the second time' 30 "$(
    sql -d coming_going -c 'SELECT success FROM t2sql.index_schema()' >/dev/null
    sql -d coming_going -c "SELECT t2sql.execute_nl('how many readers are there?')" | tr -dc '0-9'
)"

# text is compared and cut as UTF-8: any other encoding of the server is refused, of a client is fine
for encoding in LATIN1 SQL_ASCII EUC_JP; do
    sql -d postgres -c "DROP DATABASE IF EXISTS other_encoding WITH (FORCE)" -c "CREATE DATABASE other_encoding TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'"
    if sql -d other_encoding -v VERBOSITY=verbose -c 'CREATE EXTENSION t2sql CASCADE' >"$state/encoding.out" 2>&1; then
        echo "$encoding was taken" && exit 1
    fi
    grep -q 'ERROR:  0A000: t2sql needs a database with encoding UTF8' "$state/encoding.out" || { cat "$state/encoding.out" && exit 1; }
done
sql -d postgres -c 'DROP DATABASE other_encoding WITH (FORCE)'
sql -d coming_going -c "UPDATE lending.readers SET town = 'Köln' WHERE id = 1" -c 'ANALYZE lending.readers' -c 'SELECT success FROM t2sql.index_schema(force => true)'
for encoding in LATIN1 UTF8; do
    same "an answer in $encoding" 1 "$(iconv -f UTF-8 -t "$encoding" <<<"SELECT t2sql.execute_nl('how many readers live in Köln?');" |
        PGCLIENTENCODING=$encoding sql -d coming_going | tr -dc '0-9')"
done
