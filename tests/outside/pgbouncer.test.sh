#!/usr/bin/env bash
# Behind pgbouncer in transaction mode fifty clients share four backends, each transaction under a role of its own:
# nobody gets another's rows, requests or corrections, and no call leaves anything for the backend's next client.
# TRANSACTIONS=50 for 10,000 questions (make test-security).
. "$(dirname "$0")/lib.sh"
transactions=${TRANSACTIONS:-4}
if ! pgbouncer=$("$repo/scripts/debian.sh" tool pgbouncer); then
    echo "skipped: no pgbouncer"
    exit
fi
fresh pooled
sql -d pooled -o /dev/null <<'END'
CREATE EXTENSION t2sql CASCADE;
CREATE SCHEMA mail;
CREATE TABLE mail.letters (owner name NOT NULL, body text NOT NULL);
ALTER TABLE mail.letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON mail.letters USING (owner = CURRENT_USER);
DO $$
BEGIN
    CREATE ROLE pool_login LOGIN NOINHERIT;
    FOR i IN 0..49 LOOP
        EXECUTE format('CREATE ROLE pooled_%s IN ROLE t2sql_user', i);
        EXECUTE format('GRANT pooled_%s TO pool_login', i);
        EXECUTE format('GRANT USAGE ON SCHEMA mail TO pooled_%s', i);
        EXECUTE format('GRANT SELECT ON mail.letters TO pooled_%s', i);
        INSERT INTO mail.letters SELECT 'pooled_' || i, 'canary of ' || i FROM generate_series(0, i);
    END LOOP;
END $$;
ANALYZE;
SELECT success FROM t2sql.index_schema();
END
home=$clusters/pgbouncer
rm -rf "$home" && install -d -m 700 -o "$server_user" "$home"
as_server tee "$home/ini" >/dev/null <<END
[databases]
pooled = host=$clusters/test port=5432 dbname=pooled user=pool_login
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $home
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
logfile = $home/log
pidfile = $home/pid
END
as_server "$pgbouncer" -d "$home/ini"
cleanup() {
    kill "$(cat "$home/pid")"
    while [ -e "$home/pid" ]; do sleep 0.1; done
    sql -d pooled -c "DO \$\$ BEGIN FOR i IN 0..49 LOOP EXECUTE format('DROP OWNED BY pooled_%s', i); EXECUTE format('DROP ROLE pooled_%s', i); END LOOP; END \$\$" \
        -c 'DROP ROLE pool_login'
}
trap cleanup EXIT
bench() { as_server env -u PGOPTIONS "$(pg_bin "$main_copy")/pgbench" -n -h "$home" -p 6432 -U anybody -c 50 -j 2 "$@" pooled >"$state/pgbouncer.out" 2>&1 || { cat "$state/pgbouncer.out" && exit 1; }; }

# Every check divides by zero when it does not hold, which ends pgbench with an error.
cat >"$home/teach" <<'END'
BEGIN;
SET LOCAL ROLE pooled_:client_id;
SELECT t2sql.feedback('what is my number', 'SELECT ' || :client_id || ' AS n', true);
END;
END
cat >"$home/ask" <<'END'
SELECT 1 / (count(*) = 0)::integer AS no_setting FROM pg_settings
    WHERE source = 'session' AND setting IS DISTINCT FROM reset_val
        AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle', 'standard_conforming_strings', 'search_path');
SELECT 1 / (current_user = 'pool_login')::integer AS no_role;
SELECT 1 / (count(*) = 0)::integer AS no_lock FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory';
SELECT 1 / (count(*) = 0)::integer AS no_statement FROM pg_prepared_statements;
SELECT 1 / (pg_my_temp_schema() = 0)::integer AS no_temporary_table;
BEGIN;
SET LOCAL ROLE pooled_:client_id;
SELECT 1 / (r.doc ->> 'letters_count' = (:client_id + 1)::text)::integer AS own_rows FROM t2sql.execute_nl('how many letters are there') AS r(doc);
SELECT 1 / (bool_and(r.doc ->> 'body' = 'canary of ' || :client_id) AND count(*) = :client_id + 1)::integer AS own_values
    FROM t2sql.execute_nl('list the body of all letters') AS r(doc);
SELECT 1 / (r.doc ->> 'n' = :client_id::text)::integer AS own_sample FROM t2sql.execute_nl('what is my number') AS r(doc);
SELECT 1 / (a.status <> 'error')::integer AS status FROM t2sql.answer('how many letters of person ' || :client_id || ' are there') AS a;
SELECT 1 / (bool_and(question NOT LIKE '%person%' OR question LIKE '% person ' || :client_id || ' are there'))::integer AS own_requests FROM t2sql.my_requests;
END;
END
chmod 644 "$home/teach" "$home/ask"
bench -t 1 -f "$home/teach"
bench -t "$transactions" -f "$home/ask"
grep -E 'transactions actually|failed' "$state/pgbouncer.out"
same 'questions that were recorded' $((50 * transactions * 4)) "$(sql -d pooled -c 'SELECT count(*) FROM t2sql.requests')"
backends=$(sql -d pooled -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pool_login'")
[ "$backends" -ge 1 ] && [ "$backends" -le 4 ] || { echo "$backends backends" && exit 1; }
