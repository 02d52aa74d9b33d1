#!/usr/bin/env bash
# pgvector and pg_trgm may lie in a schema where others may create: CREATE EXTENSION notices when its names would lead to
# something else of the same name.
. "$(dirname "$0")/lib.sh"
create() { "$repo/scripts/cluster.sh" psql test -X -q -A -t -d shadowed -c 'CREATE EXTENSION t2sql CASCADE' 2>&1; }
fresh shadowed
sql -d shadowed -c 'CREATE SCHEMA first' -c 'CREATE SCHEMA second' -c 'CREATE EXTENSION vector SCHEMA first' \
    -c 'CREATE EXTENSION pg_trgm SCHEMA second' -c 'CREATE EXTENSION unaccent SCHEMA second'
sql -d shadowed -c "CREATE FUNCTION first.similarity(text, text) RETURNS real LANGUAGE sql STABLE AS 'SELECT 1::real'"
output=$(create || true)
[[ $output == *'names of pgvector or pg_trgm lead to function first.similarity('* ]] || { echo "$output" && exit 1; }
[[ $output == *HINT* ]]
sql -d shadowed -c 'DROP FUNCTION first.similarity(text, text)'
same 'without it' '' "$(create)"
library shadowed
same 'an index' t "$(sql -d shadowed -c 'SELECT success FROM t2sql.index_schema()')"
same 'a value' Oban "$(sql -d shadowed -c "SELECT snippet FROM t2sql.search('readers in Oban', 1, ARRAY['value'])")"
