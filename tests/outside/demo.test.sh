#!/usr/bin/env bash
# The questions that make demo asks are answered rightly: each against SQL written by hand.
. "$(dirname "$0")/lib.sh"
fresh demo_check
sql -d demo_check -f "$repo/demo/shop.sql"
sql -d demo_check -f "$repo/demo/create.sql" -c "SELECT success FROM t2sql.index_schema()"
ask() { "$repo/scripts/cluster.sh" psql test -X -q -A -t -d demo_check -U shop_analyst -v ON_ERROR_STOP=1 -c "SET t2sql.engine = builtin" "$@"; }
asked=0
while IFS=$'\t' read -r question expected; do
    # values alone: what a column is called is not right or wrong
    got=$(ask -c "SELECT string_agg(r.line::jsonb::text, E'\n') FROM (SELECT json_agg(e.value ORDER BY e.ordinality) AS line
        FROM t2sql.execute_nl(\$q\$$question\$q\$) WITH ORDINALITY AS x(row, n),
        json_each_text(x.row) WITH ORDINALITY AS e GROUP BY n ORDER BY n) AS r")
    want=$(ask -c "SELECT string_agg(r.line::jsonb::text, E'\n') FROM (SELECT json_agg(e.value ORDER BY e.ordinality) AS line
        FROM (SELECT row_to_json(w) AS row, row_number() OVER () AS n FROM ($expected) AS w) AS x,
        json_each_text(x.row) WITH ORDINALITY AS e GROUP BY n ORDER BY n) AS r")
    same "$question" "$want" "$got"
    asked=$((asked + 1))
done <"$repo/demo/questions.tsv"
echo "$asked questions answered rightly"
# and what the shop can't know is not answered
status=$(ask -c "SELECT status FROM t2sql.answer('what will the weather be like tomorrow?')")
[ "$status" != ok ] || { echo "the weather was answered" && exit 1; }
