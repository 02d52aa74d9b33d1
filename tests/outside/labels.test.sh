#!/usr/bin/env bash
# Labels of protect() survive pg_dump | pg_restore where the library is loaded in the restoring session, and README says
# what happens otherwise.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dump-lib.sh"

labels() { sql -d "$1" -c "SELECT objtype, objname, label FROM pg_seclabels WHERE provider = 't2sql' ORDER BY 1, 2"; }
refused() { sql -d "$1" -c "SELECT rule FROM t2sql.check_sql('SELECT town FROM lending.readers')"; }

fresh labelled
library labelled
sql -d labelled <<'END'
CREATE EXTENSION t2sql CASCADE;
SELECT t2sql.protect('lending.readers', 'town', 'hidden');
SELECT t2sql.protect('lending.books');
CREATE VIEW lending."all" AS SELECT id FROM lending.books;
SELECT t2sql.protect('lending."all"', 'id');
SELECT success FROM t2sql.index_schema();
END
same 'labels' 3 "$(labels labelled | wc -l)"
dump labelled

# the session that creates the extension has loaded the library
fresh labelled_again
restore labelled labelled_again
same 'labels after the restore' "$(labels labelled)" "$(labels labelled_again)"
same 'the guard after the restore' protected-column "$(refused labelled_again)"
# as text, by psql
fresh labelled_text
"$bin/pg_dump" -h "$clusters/test" -U postgres labelled 2>/dev/null | sql -d labelled_text >/dev/null
same 'labels after psql' "$(labels labelled)" "$(labels labelled_text)"

# a session that does not create the extension has to load it
part() {
    fresh labelled_part
    sql -d labelled_part -c 'CREATE SCHEMA lending' -c "$1"
    "$bin/pg_restore" -h "$clusters/test" -U postgres --schema lending -d labelled_part "$state/labelled.dump" 2>&1 || true
}
errors=$(part 'SELECT 1' | grep -o 'security label provider "t2sql" is not loaded' | sort -u)
same 'the error without the library' 'security label provider "t2sql" is not loaded' "$errors"
same 'labels without the library' '' "$(labels labelled_part)"
same 'errors with the library' '' "$(part "ALTER DATABASE labelled_part SET session_preload_libraries = 't2sql'")"
same 'labels with the library' "$(labels labelled)" "$(labels labelled_part)"
