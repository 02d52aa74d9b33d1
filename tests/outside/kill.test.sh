#!/usr/bin/env bash
# A backend that indexes, or its whole server, is killed (kill -9) at random moments: the server comes back, what was indexed serves, and the
# next run completes to exactly what a fresh index holds. KILLS=200 for many (make test-security), SEED to repeat a run.
. "$(dirname "$0")/lib.sh"
kills=${KILLS:-5} seed=${SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed"
# a cluster of its own: a killed backend takes every other session of its server along
"$repo/scripts/cluster.sh" start killed
trap '"$repo/scripts/cluster.sh" stop killed' EXIT
sql() { "$repo/scripts/cluster.sh" psql killed -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
# the new server waits for the last process of the old one
restart() {
    local n
    while kill -0 "$1" 2>/dev/null; do sleep 0.05; done
    for n in $(seq 100); do
        if "$repo/scripts/cluster.sh" start killed 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "no start after $n tries" && return 1
}
up() { until sql -d postgres -c 'SELECT 1' >/dev/null 2>&1; do sleep 0.05; done; }

# Tables enough that a run takes a while; the library is what is asked about.
fresh killed
library killed
sql -d killed <<'END'
DO $$
BEGIN
    FOR i IN 1..30 LOOP
        EXECUTE format('CREATE TABLE lending.shelf_%s (id integer PRIMARY KEY, book_id integer REFERENCES lending.books, label text, state text)', i);
        EXECUTE format('INSERT INTO lending.shelf_%s SELECT n, n, ''Label '' || n, (ARRAY[''full'', ''empty''])[1 + n %% 2] FROM generate_series(1, 20) n', i);
    END LOOP;
END $$;
ANALYZE;
CREATE EXTENSION t2sql CASCADE;
GRANT USAGE ON SCHEMA lending TO t2sql_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA lending TO t2sql_reader;
END

# What an index holds, by names, so that it can be compared with another; ids and times differ.
contents() {
    sql -d "$1" <<'END'
SELECT 'table', table_name, description, row_estimate FROM t2sql.db_tables ORDER BY 2;
SELECT 'column', t.table_name, c.column_name, c.description, c.data_type FROM t2sql.db_columns c JOIN t2sql.db_tables t ON t.id = c.table_id ORDER BY 2, 3;
SELECT 'join', f.table_name, r.from_columns, t.table_name, r.to_columns, r.origin
FROM t2sql.table_relationships r JOIN t2sql.db_tables f ON f.id = r.from_table_id JOIN t2sql.db_tables t ON t.id = r.to_table_id ORDER BY 2, 3, 4, 5;
SELECT 'value', t.table_name, c.column_name, v.value
FROM t2sql.column_values v JOIN t2sql.db_columns c ON c.id = v.column_id JOIN t2sql.db_tables t ON t.id = c.table_id ORDER BY 2, 3, 4;
SELECT 'vector', e.collection, coalesce(t.table_name, ct.table_name), c.column_name, md5(e.embedding::text), e.content_chunk
FROM t2sql.vector_embeddings e
LEFT JOIN t2sql.db_tables t ON e.collection = 'table' AND t.id = e.object_id
LEFT JOIN t2sql.db_columns c ON e.collection = 'column' AND c.id = e.object_id
LEFT JOIN t2sql.db_tables ct ON ct.id = c.table_id ORDER BY 2, 3, 4, 5, 6;
END
}

# Everything that a run must look at and embed anew.
change() {
    sql -d killed -c "DO \$\$
        DECLARE r record;
        BEGIN
            FOR r IN SELECT a.attrelid::regclass AS of, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                     WHERE c.relnamespace = 'lending'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped LOOP
                EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', r.of, r.attname, 'state $1 of ' || r.attname);
            END LOOP;
        END \$\$" \
        -c "DROP TABLE IF EXISTS lending.passing_$(($1 - 1))" -c "CREATE TABLE lending.passing_$1 (id integer PRIMARY KEY, note_$1 text)" \
        -c "GRANT SELECT ON ALL TABLES IN SCHEMA lending TO t2sql_reader"
}
answer() { sql -d killed -c "SELECT t2sql.execute_nl('how many readers are there?')" | tr -dc '0-9'; }
call() { if [ $(($1 % 2)) = 0 ]; then echo 'CALL t2sql.reindex();'; else echo 'SELECT t2sql.index_schema();'; fi; }
milliseconds() { date +%s%3N; }

sql -d killed -c 'CALL t2sql.reindex()'
change 1
started=$(milliseconds)
sql -d killed -c 'CALL t2sql.reindex()'
whole=$(($(milliseconds) - started))
echo "a whole run takes $whole ms"

hit=0
for ((i = 1; i <= kills; i++)); do
    change $((i + 1))
    coproc RUN { sql -d killed 2>/dev/null; }
    # bash forgets these names when the process is gone
    run=$RUN_PID
    exec {from}<&"${RUN[0]}"- {to}>&"${RUN[1]}"-
    echo 'SELECT pg_backend_pid();' >&"$to"
    read -r pid <&"$from"
    call "$i" >&"$to"
    moment=$((RANDOM % (whole + 20)))
    sleep "$((moment / 1000)).$(printf '%03d' $((moment % 1000)))"
    # still at it? then this one counts
    if [ "$(sql -d killed -c "SELECT state FROM pg_stat_activity WHERE pid = $pid")" = active ]; then hit=$((hit + 1)); fi
    # every fifth time it is the server itself; its backends end when they notice
    server=$(head -n 1 "$clusters/killed/data/postmaster.pid")
    if [ $((i % 5)) = 4 ]; then kill -9 "$server"; else kill -9 "$pid"; fi
    exec {to}>&- {from}<&-
    wait "$run" || true
    if [ $((i % 5)) = 4 ]; then restart "$server"; fi
    up
    same "an answer after kill $i" 30 "$(answer)"
    # every other time the next run is left to the end, otherwise it is killed as well
    if [ $((i % 2)) = 0 ] || [ "$i" = "$kills" ]; then sql -d killed -c 'CALL t2sql.reindex()'; fi
done
echo "$hit of $kills kills hit a run at work"
[ "$hit" -gt 0 ] || { echo 'no kill hit a run' && exit 1; }

same 'an answer at the end' 30 "$(answer)"
same 'runs that look under way' 0 "$(sql -d killed -c "SELECT count(*) FROM t2sql.index_runs WHERE state = 'running'")"
same 'vectors twice' '' "$(sql -d killed -c 'SELECT collection, object_id FROM t2sql.vector_embeddings GROUP BY 1, 2, embedding_model_id HAVING count(*) > 1')"

# the same schema, indexed anew
fresh anew
as_server "$(pg_bin "$main_copy")/pg_dump" -h "$clusters/killed" -U postgres -n lending --no-privileges killed | sql -d anew -o /dev/null
sql -d anew -c 'ANALYZE' -c 'CREATE EXTENSION t2sql CASCADE' -c 'GRANT USAGE ON SCHEMA lending TO t2sql_reader' \
    -c 'GRANT SELECT ON ALL TABLES IN SCHEMA lending TO t2sql_reader' -c 'CALL t2sql.reindex()'
sql -d killed -c 'ANALYZE' -c 'CALL t2sql.reindex()'
contents killed >"$state/killed.contents"
contents anew >"$state/anew.contents"
[ "$(wc -l <"$state/anew.contents")" -gt 300 ] || { echo 'the contents were not read' && exit 1; }
diff "$state/anew.contents" "$state/killed.contents"

# tables and indexes hold what they should
sql -d killed -o /dev/null <<'END'
CREATE EXTENSION IF NOT EXISTS amcheck;
SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
WHERE a.amname = 'btree' AND c.relnamespace = 't2sql'::regnamespace AND c.relkind = 'i' AND c.relpersistence = 'p';
DO $$
DECLARE found text;
BEGIN
    SELECT string_agg(format('%s: %s', c.relname, v.msg), E'\n') INTO found
    FROM pg_class c, verify_heapam(c.oid) v WHERE c.relnamespace = 't2sql'::regnamespace AND c.relkind = 'r' AND c.relpersistence = 'p';
    IF found IS NOT NULL THEN RAISE '%', found; END IF;
END $$;
END
