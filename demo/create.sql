-- create.sql: the extension, anew, and the right to ask for the role that reads the shop.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS t2sql CASCADE;
DROP SCHEMA IF EXISTS t2sql CASCADE;
CREATE EXTENSION t2sql CASCADE;
GRANT t2sql_user TO shop_analyst;
SELECT format('ALTER DATABASE %I SET search_path = shop, public', current_database()) \gexec
