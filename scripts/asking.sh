# asking.sh: whom to ask and how an answer is shown. Sourced by demo.sh and ask.sh after lib.sh.
# shellcheck shell=bash disable=SC2154
home=$clusters/demo
if [ -n "${DEMO_URI:-}" ]; then
    person=(psql -X -d "$DEMO_URI")
    owner=("${person[@]}" -q -v ON_ERROR_STOP=1)
else
    # the extension's owner indexes, a role that may only read the shop asks
    psql=$(pg_bin "$main_copy")/psql
    server=("$psql" -X -q -h "$home" -U postgres -v ON_ERROR_STOP=1)
    owner=("${server[@]}" -d demo)
    person=("$psql" -X -h "$home" -U shop_analyst -d demo)
fi

# One question: how it was understood, the SQL, the rows, who answered, how long it took.
ask() { "${person[@]}" -q -v ON_ERROR_STOP=1 -v question="$1" <"$repo/scripts/ask.sql"; }
