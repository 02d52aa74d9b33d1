-- session.sql: what a user sees.
SET ROLE golden_reader;
SET t2sql.engine = builtin;

-- what the confidence is exactly is not the point here
SELECT regexp_replace(t2sql.ask('how many readers are there?'), ' [01]\.\d\d ', ' … ') AS ask;
SELECT line FROM t2sql.execute_nl('how many books are there per genre?') AS line ORDER BY line::text;
SELECT t2sql.execute_nl('how many readers live in OBAN?');
SELECT t2sql.execute_nl('top 3 books by pages');
SELECT * FROM t2sql.query('how many readers are there?') AS t(readers bigint);
SELECT status, engine, columns, trusted FROM t2sql.answer('how many loans were there in January 2025?');

-- exactly what was shown is what runs
SELECT request_id FROM t2sql.answer('how many paperback books are there?') \gset
SELECT t2sql.run(:request_id);

-- feedback with a correction answers the same question next time
SELECT t2sql.feedback(:request_id, false, 'SELECT 31 AS corrected') IS NOT NULL AS learnt;
SELECT t2sql.execute_nl('how many paperback books are there?');

-- too many rows: the first ones, and a warning
SELECT t2sql.execute_nl('titles of books', max_rows => 2);

-- nothing asked, nothing answered
SELECT t2sql.ask(NULL);
SELECT count(*) FROM t2sql.execute_nl(NULL);
