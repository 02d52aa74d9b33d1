# dump-lib.sh: the round trip that the dump tests share. Sourced after lib.sh.
# shellcheck shell=bash disable=SC2154
bin=$(pg_bin "$main_copy")

# A knowledge base with something in it, in database $1.
fill() {
    library "$1"
    sql -d "$1" <<'END'
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
SELECT t2sql.add_sample('which towns do readers live in?', 'SELECT DISTINCT town FROM lending.readers');
SELECT t2sql.ask('how many readers are there?') IS NOT NULL;
SELECT t2sql.feedback((SELECT request_id FROM t2sql.answer('how many books are there?')), true);
END
}

# Rows and next id of every table that an extension has marked for dumping.
state_of() {
    sql -d "$1" <<'END'
SELECT format('SELECT %L, count(*) FROM %s', c.oid::regclass, c.oid::regclass)
FROM pg_extension e CROSS JOIN unnest(e.extconfig) AS marked JOIN pg_class c ON c.oid = marked
WHERE e.extname = 't2sql' AND c.relkind = 'r' ORDER BY c.relname \gexec
SELECT format('SELECT %L, last_value, is_called FROM %s', c.oid::regclass, c.oid::regclass)
FROM pg_extension e CROSS JOIN unnest(e.extconfig) AS marked JOIN pg_class c ON c.oid = marked
WHERE e.extname = 't2sql' AND c.relkind = 'S' ORDER BY c.relname \gexec
END
}

dump() { "$bin/pg_dump" -h "$clusters/test" -U postgres -Fc -f "$state/$1.dump" "$1" 2>"$state/dump.log"; }
restore() { "$bin/pg_restore" -h "$clusters/test" -U postgres --exit-on-error -d "$2" "$state/$1.dump"; }

# Asking works and goes on counting where the dump ended.
still_answers() { same "an answer after the restore" 30 "$(sql -d "$1" -c "SELECT t2sql.execute_nl('how many readers are there?')" | tr -dc '0-9')"; }
