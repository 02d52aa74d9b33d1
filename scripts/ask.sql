-- ask.sql: one question, shown in full. Run by ask.sh and demo.sh with :question set.
\set QUIET on
\pset footer off
\pset pager off
\pset null '(none)'
\timing off
SELECT clock_timestamp() AS started \gset
SELECT a.*, a.status = 'ok' AS answered, coalesce(a.request_id, 0) AS id, round(a.confidence::numeric, 2) AS sure
FROM t2sql.answer(:'question') AS a \gset
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'started')) AS ms \gset
\echo
\echo 'Question:' :question
\if :answered
\echo 'SQL:     ' :sql
\echo 'Engine:  ' :engine, confidence :sure, :ms ms
-- the rows come from the sealed run, typed by the answer's own column list
SELECT format('SELECT t.* FROM t2sql.run(%s, 20) AS r(line), json_to_record(r.line) AS t(%s)', :'id', :'columns') AS show \gset
:show;
\else
\echo 'Answer:  ' :status (:ms ms)
\echo '         ' :clarification :error
\endif
