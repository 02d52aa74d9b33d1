#!/usr/bin/env bash
# Random statements (sqlsmith) over the demo shop, the catalog and every built-in function: judged by check_sql() and,
# where that finds nothing, run by execute_nl(). The server doesn't crash, nothing changes, no error is internal.
# STATEMENTS=20000 for many (make test-security), SEED to repeat a run.
. "$(dirname "$0")/lib.sh"
statements=${STATEMENTS:-400} seed=${SEED:-$RANDOM}
if ! sqlsmith=$("$repo/scripts/debian.sh" tool sqlsmith); then
    echo "skipped: no sqlsmith"
    exit
fi
echo "seed $seed"
# a cluster of its own, whose log is read
"$repo/scripts/cluster.sh" start smith
trap '"$repo/scripts/cluster.sh" stop smith' EXIT
sql() { "$repo/scripts/cluster.sh" psql smith -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
fresh smith
sql -d smith -f "$repo/demo/shop.sql"
sql -d smith -f "$repo/demo/create.sql" -o /dev/null
sql -d smith -o /dev/null <<'END'
SELECT success FROM t2sql.index_schema();
CREATE SCHEMA smith;
-- What became of a statement. Whatever happens is rolled back but for the outcome, so that a change that the seal
-- let through would show as one in the transaction of the question itself.
CREATE FUNCTION smith.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    checked record;
    rows bigint;
    before text;
BEGIN
    SELECT * INTO checked FROM t2sql.check_sql(statement);
    IF NOT checked.ok THEN
        RETURN coalesce(checked.rule, checked.sqlstate);
    END IF;
    BEGIN
        PERFORM t2sql.add_sample('what does the smith say', statement);
        before := smith.state();
        SELECT count(*) INTO rows FROM t2sql.execute_nl('what does the smith say');
        IF smith.state() IS DISTINCT FROM before THEN
            RAISE 'changed: %', statement USING ERRCODE = 'XX001';
        END IF;
        RAISE 'undone' USING ERRCODE = 'UNDO1';
    EXCEPTION
        WHEN SQLSTATE 'UNDO1' THEN RETURN 'ran';
        WHEN query_canceled THEN RAISE;
        WHEN OTHERS THEN RETURN 'fell ' || SQLSTATE;
    END;
END; $$;
CREATE FUNCTION smith.state() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', current_user, session_user, pg_current_xact_id_if_assigned() IS NULL,
        (SELECT md5(string_agg(name || '=' || coalesce(setting, ''), ',' ORDER BY name)) FROM pg_settings),
        (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_authid), (SELECT count(*) FROM pg_largeobject_metadata),
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), (SELECT count(*) FROM pg_cursors),
        (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
        (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables WHERE schemaname NOT IN ('t2sql')))
$$;
END

# Everything that must be as it was at the end.
contents() {
    sql -d smith -c "SELECT format('%s %s', c.oid::regclass, (xpath('/row/x/text()', query_to_xml(format('SELECT md5(string_agg(t::text, '','' ORDER BY t::text)) AS x FROM %s t', c.oid::regclass), false, true, '')))[1])
        FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'shop'::regnamespace ORDER BY 1" \
        -c "SELECT count(*) FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace" -c 'SELECT count(*) FROM pg_proc' -c 'SELECT rolname FROM pg_roles ORDER BY 1' -c 'SELECT count(*) FROM pg_largeobject_metadata' \
        -c 'SELECT count(*) FROM pg_db_role_setting' -c 'SELECT count(*) FROM pg_replication_slots' -c 'SELECT count(*) FROM t2sql.sql_samples'
}
contents >"$state/smith.before"
log=$clusters/smith/log
from=$(($(wc -l <"$log") + 1))

# A quarter over everything there is, the rest over the shop alone, where the guard finds less to refuse. Statements end
# with a semicolon at the end of a line.
fresh shop_alone
sql -d shop_alone -f "$repo/demo/shop.sql"
generate() {
    as_server "$sqlsmith" --target="host=$clusters/smith port=5432 dbname=$1 user=postgres" --dry-run --seed="$seed" --max-queries="$2" $3 2>/dev/null |
        python3 -c '
import sys
for statement in filter(None, (part.strip() for part in sys.stdin.read().split(";\n"))):
    print("SELECT smith.outcome($smith$" + statement + "$smith$);")'
}
{
    generate smith $((statements / 4)) ''
    generate shop_alone $((statements * 3 / 4)) --exclude-catalog
} >"$state/smith.sql"
[ "$(grep -c 'SELECT smith.outcome' "$state/smith.sql")" -ge $((statements * 9 / 10)) ] || { echo 'sqlsmith gave too few statements' && exit 1; }
{
    echo "SET t2sql.execution_timeout = '500ms';"
    echo "SET client_min_messages = error;"
    cat "$state/smith.sql"
} | sql -d smith -v ON_ERROR_STOP=0 >"$state/smith.out" 2>&1
sort "$state/smith.out" | uniq -c | sort -rn | head -30
contents >"$state/smith.after"
diff "$state/smith.before" "$state/smith.after"
judged=$(grep -cE '^(ran|fell|[a-z-]+$|[0-9A-Z]{5}$)' "$state/smith.out")
echo "$judged judged, $(grep -c '^ran' "$state/smith.out") ran"
[ "$judged" -ge $((statements * 9 / 10)) ] || { echo 'too few were judged' && exit 1; }
[ "$(grep -c '^ran' "$state/smith.out")" -gt 0 ] || { echo 'none ran' && exit 1; }
if tail -n "+$from" "$log" | grep -E 'PANIC|terminated by signal|XX0'; then exit 1; fi
if grep -E 'XX0|server closed|changed:' "$state/smith.out"; then exit 1; fi
