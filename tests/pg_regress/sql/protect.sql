-- protect.sql: what an owner keeps from questions.
SET t2sql.engine = builtin;
SELECT t2sql.protect('lending.readers', 'town');
SELECT t2sql.protect('lending.readers', 'name', 'hidden');
SELECT objtype, objname, provider, label FROM pg_seclabels WHERE provider = 't2sql' ORDER BY objname;

SET ROLE golden_reader;
SELECT t2sql.execute_nl('names of readers', max_rows => 1);
SELECT kind, object, snippet FROM t2sql.search('readers in Oban', 5, ARRAY['value']);
SELECT rule, sqlstate, message, hint FROM t2sql.check_sql('SELECT * FROM lending.readers');
SELECT ok FROM t2sql.check_sql('SELECT town, count(*) FROM lending.readers GROUP BY town');
RESET ROLE;

SELECT t2sql.protect('lending.readers', 'town', 'secret');
SECURITY LABEL FOR t2sql ON SCHEMA lending IS 'hidden';
SELECT t2sql.protect('lending.readers', 'name', 'none');
SELECT t2sql.protect('lending.readers', 'town', NULL);
SELECT count(*) FROM pg_seclabels WHERE provider = 't2sql';
