#!/usr/bin/env bash
# CREATE EXTENSION takes over roles that exist, but not those that somebody prepared; generated SQL of superusers never
# runs as a role that passes row security.
. "$(dirname "$0")/lib.sh"
# with notices, and going on after errors
psql() { env -u PGOPTIONS "$repo/scripts/cluster.sh" psql test -X -q -A -t -d adopted "$@" 2>&1 || true; }
create() { psql -c 'DROP EXTENSION IF EXISTS t2sql CASCADE' -c 'CREATE EXTENSION t2sql CASCADE'; }
# whatever happens, the roles are afterwards what they were
tidy() {
    psql -c 'RESET ROLE' -c 'ALTER ROLE t2sql_reader NOSUPERUSER NOLOGIN NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS' \
        -c 'ALTER ROLE t2sql_user NOSUPERUSER NOLOGIN' -c 'REVOKE pg_write_all_data FROM t2sql_reader' \
        -c 'DROP OWNED BY prepared CASCADE' -c 'DROP ROLE prepared' >/dev/null
}
says() { [[ $2 == *"$1"* ]] || { printf 'not said: %s\nbut: %s\n' "$1" "$2" && return 1; }; }

fresh adopted
create >/dev/null
trap tidy EXIT
says 'extension "t2sql"' "$(psql -c "SELECT 'extension \"' || extname || '\"' FROM pg_extension WHERE extname = 't2sql'")"

for attribute in SUPERUSER BYPASSRLS REPLICATION CREATEROLE CREATEDB LOGIN; do
    psql -c "ALTER ROLE t2sql_reader $attribute"
    output=$(create)
    says "ERROR:  role t2sql_reader exists and has $attribute" "$output"
    says "ALTER ROLE t2sql_reader NO$attribute" "$output"
    psql -c "ALTER ROLE t2sql_reader NO$attribute"
done
psql -c 'ALTER ROLE t2sql_user SUPERUSER'
says 'ERROR:  role t2sql_user exists and has SUPERUSER' "$(create)"
psql -c 'ALTER ROLE t2sql_user NOSUPERUSER LOGIN'
says 'WARNING:  role t2sql_user exists and may log in' "$(create)"
psql -c 'ALTER ROLE t2sql_user NOLOGIN'
psql -c 'GRANT pg_write_all_data TO t2sql_reader'
says 'ERROR:  role t2sql_reader exists and is a member of pg_write_all_data' "$(create)"
psql -c 'REVOKE pg_write_all_data FROM t2sql_reader'
psql -c 'CREATE ROLE prepared' -c 'GRANT prepared TO t2sql_reader'
says 'WARNING:  role t2sql_reader exists and is a member of prepared' "$(create)"
psql -c 'REVOKE prepared FROM t2sql_reader' -c 'GRANT t2sql_reader TO prepared'
says 'WARNING:  role t2sql_reader exists and is held by prepared' "$(create)"
psql -c 'REVOKE t2sql_reader FROM prepared' -c 'GRANT t2sql_admin TO prepared WITH ADMIN OPTION'
says 'WARNING:  role t2sql_admin exists and is held by prepared (with admin option)' "$(create)"
psql -c 'REVOKE t2sql_admin FROM prepared' -c 'GRANT t2sql_user TO prepared'
# nothing to say of roles that are as they should be, also not of one who may ask
same 'of roles as they should be' '' "$(create | sed -n '/^WARNING/p; /^ERROR/p')"

# row security holds for a superuser's questions, also when the reader was changed afterwards
library adopted
psql -c 'ALTER TABLE lending.readers ENABLE ROW LEVEL SECURITY' -c 'CREATE POLICY none ON lending.readers USING (false)' >/dev/null
sql -d adopted -c 'SELECT success FROM t2sql.index_schema()' >/dev/null
readers() { psql -c "SELECT t2sql.execute_nl('how many readers are there?')"; }
same 'readers by the policy' 0 "$(readers | tr -dc '0-9')"
psql -c 'ALTER ROLE t2sql_reader BYPASSRLS'
says 'of t2sql.run_as may do more than read tables' "$(readers)"
