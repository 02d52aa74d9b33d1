#!/usr/bin/env bash
# An endpoint that keeps failing is left alone by all sessions (from PostgreSQL 17 on), visibly, and not for longer
# than its definition stays.
. "$(dirname "$0")/lib.sh"
fake_endpoint
fresh broken
library broken
sql -d broken <<END
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER fake FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url '$address/v1');
SELECT ok FROM t2sql.set_llm('fake', 'any');
ALTER SERVER fake OPTIONS (SET url '$address/fault/cut-headers/v1');
ALTER DATABASE broken SET t2sql.request_timeout = '200ms';
END
asking() { sql -d broken -v VERBOSITY=verbose -c "SET t2sql.engine = '$1'" -c "SELECT t2sql.ask('$2')" 2>&1 || true; }
state() { sql -d broken -c "SELECT ok, detail, remedy FROM t2sql.health() WHERE item = 'llm'"; }
same 'health before' 't|any of server fake|' "$(state)"

if [ "$PG" -lt 17 ]; then
    # each backend learns for itself
    calls=$(for n in 1 2 3 4 5 6; do echo "SELECT t2sql.ask('how many books are there in case $n?');"; done)
    told=$(sql -d broken -v ON_ERROR_STOP=0 -v VERBOSITY=verbose -c 'SET t2sql.engine = llm' -f - <<<"$calls" 2>&1 || true)
    [[ $told == *53400* ]] || { echo "$told" && exit 1; }
    exit
fi

# each session fails once or twice
refused=
for n in 1 2 3 4 5 6; do
    case $(asking llm "how many books are there in case $n?") in
        *53400*HINT*builtin*) refused=yes && break ;;
        *58030*) ;;
        *) echo 'neither failed nor refused' && exit 1 ;;
    esac
done
[ -n "$refused" ] || { echo 'six sessions failed, none was refused' && exit 1; }
requests=$(wc -l <"$state/fake.requests")
case $(asking llm 'how many readers are there?') in
    *53400*'"fake" keeps failing'*) ;;
    *) echo 'it was asked again' && exit 1 ;;
esac
same 'requests while it is left alone' "$requests" "$(wc -l <"$state/fake.requests")"
case $(state) in
    'f|any of server fake, which keeps failing and is tried again in '*' s|SET t2sql.engine = builtin') ;;
    *) echo "health says $(state)" && exit 1 ;;
esac
# what the built-in engine can answer is answered
same 'answers meanwhile' 'ok|builtin' "$(sql -d broken -c "SET t2sql.builtin_min_confidence = 1" -c "SELECT status, engine FROM t2sql.answer('how many loans were there per genre?')")"
grep -q 'endpoint "fake" keeps failing and is not asked for 30 s' "$clusters/test/log"

# another url begins anew
sql -d broken -c "ALTER SERVER fake OPTIONS (SET url '$address/v1')"
case $(asking llm 'how many books are there in case 7?') in
    *'SELECT 1'*) ;;
    *) echo 'it is still left alone' && exit 1 ;;
esac
same 'health afterwards' 't|any of server fake|' "$(state)"
