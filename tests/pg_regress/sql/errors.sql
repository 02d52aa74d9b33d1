-- errors.sql: each kind of bad input has its SQLSTATE and says what to do; the transaction is usable afterwards.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
SET ROLE golden_reader;
SET t2sql.engine = builtin;

SELECT t2sql.ask('');
SELECT t2sql.ask('   ');
SELECT t2sql.ask(repeat('how many books ', 2000));
SELECT t2sql.ask('wie wird das Wetter?');
SELECT t2sql.ask('delete all books');
SELECT t2sql.ask('how many staff notes are there?');
SELECT t2sql.ask('how many books are there?', 'no such context');
SELECT t2sql.ask('how many books are there?', options => '{"no such": "option"}');
SELECT * FROM t2sql.query('how many readers are there?') AS t(readers text);
SELECT * FROM t2sql.query('how many readers are there?') AS t(a bigint, b bigint);
SELECT t2sql.run(0);
SELECT t2sql.feedback(0, true);
SELECT t2sql.execute_nl('titles of books', max_rows => 0);
SELECT * FROM t2sql.search('books', 0);
SELECT t2sql.add_sample('x', 'SELECT 1');
SELECT * FROM t2sql.index_schema();
SET t2sql.engine = llm;
SELECT t2sql.ask('how many books are there?');
SET t2sql.no_such_setting = 1;
SET t2sql.run_as = 'postgres';
RESET t2sql.engine;

-- answer() tells the same without raising
SELECT status, error FROM t2sql.answer('how many penguins are there?');

-- and a transaction goes on when the error is caught
BEGIN;
SAVEPOINT before;
SELECT t2sql.ask('delete all books');
ROLLBACK TO before;
SELECT t2sql.execute_nl('how many books are there?');
COMMIT;

RESET ROLE;
SELECT t2sql.add_sample('broken', 'SELECT * FROM lending.no_such_table');
SELECT t2sql.add_sample('writes', 'DELETE FROM lending.books');
SELECT t2sql.add_sample('two', 'SELECT 1; SELECT 2');
SELECT t2sql.register_database('nothing', ARRAY['no_such_schema']);
SELECT * FROM t2sql.set_llm('no_such_server', 'model');
SELECT t2sql.set_description('lending.no_such_table', 'x');
