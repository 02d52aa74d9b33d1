#!/usr/bin/env bash
# Every ```sql block of README.md runs, in order, in one session on the demo shop. A block is left out only when the
# line above it is <!-- not run: reason -->.
. "$(dirname "$0")/lib.sh"
fake_endpoint

fresh readme
sql -d readme -f "$repo/demo/shop.sql"
awk '
    /^<!-- not run:/ { skip = 1; next }
    /^```sql/ { if (!skip) inside = 1; skip = 0; if (inside) print "\\echo README line " NR; next }
    /^```/ { inside = 0; next }
    inside { print }
' "$repo/README.md" |
    # no test talks to the world: an endpoint in README is the fake one here, and its key file is left out
    sed -E "s|url 'https?://[^']*'|url '$address/v1'|; s|, api_key_file '[^']*'||" >"$state/readme.sql"
[ -s "$state/readme.sql" ] || { echo "README.md has no sql blocks" && exit 1; }
sql -d readme -f "$state/readme.sql"

# what there is stands in README, and nothing else
named() { grep -oE "$1" "$repo/README.md" | sort -u; }
for setting in $(sql -d readme -c "LOAD 't2sql'" -c "SELECT name FROM pg_settings WHERE name LIKE 't2sql.%'"); do
    [[ $(named "\`$setting\`") ]] || { echo "README says nothing of $setting" && exit 1; }
done
for function in $(sql -d readme -c "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 't2sql'::regnamespace AND proname !~ '^_'"); do
    [[ $(named "\`$function\(") ]] || { echo "README says nothing of $function()" && exit 1; }
done
