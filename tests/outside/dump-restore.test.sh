#!/usr/bin/env bash
# pg_dump | pg_restore keeps every row of the knowledge base and the next ids; asking works afterwards.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dump-lib.sh"
fresh dumped
fill dumped
dump dumped
fresh restored
restore dumped restored
same 'rows and next ids' "$(state_of dumped)" "$(state_of restored)"
[ "$(state_of restored | grep -c '|0$')" -lt "$(state_of restored | wc -l)" ]
still_answers restored
