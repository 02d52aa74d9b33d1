#!/usr/bin/env bash
# The questions that make demo asks are answered rightly: each against SQL written by hand.
. "$(dirname "$0")/lib.sh"
fresh demo_check
sql -d demo_check -f "$repo/demo/shop.sql"
sql -d demo_check -f "$repo/demo/create.sql" -c "SELECT success FROM t2sql.index_schema()"
ask() { "$repo/scripts/cluster.sh" psql test -X -q -A -t -d demo_check -U shop_analyst -v ON_ERROR_STOP=1 -c "SET t2sql.engine = builtin" "$@"; }

# The rows of a query as text: values alone, since what a column is called or where it stands is not right or wrong;
# rows in their order only where the question asks for one.
rows() {
    local order=line
    [[ $1 != top* ]] || order=n
    ask -c "SELECT string_agg(line, E'\n' ORDER BY $order) FROM (
        SELECT n, string_agg(e.value, ' ' ORDER BY e.value) AS line
        FROM ($2) AS x(row, n), json_each_text(x.row) AS e GROUP BY n) AS r"
}

asked=0
while IFS=$'\t' read -r question expected; do
    got=$(rows "$question" "SELECT x, row_number() OVER () FROM t2sql.execute_nl(\$q\$$question\$q\$) AS x")
    want=$(rows "$question" "SELECT row_to_json(w), row_number() OVER () FROM ($expected) AS w")
    same "$question" "$want" "$got"
    asked=$((asked + 1))
done <"$repo/demo/questions.tsv"
echo "$asked questions answered rightly"
# and what the shop can't know is not answered
status=$(ask -c "SELECT status FROM t2sql.answer('what will the weather be like tomorrow?')")
[ "$status" != ok ] || { echo "the weather was answered" && exit 1; }
