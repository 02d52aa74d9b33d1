-- shop.sql: the demo shop, a furniture web shop. Loads in seconds, the same rows every time for the same day.
--
--   psql -f demo/shop.sql                        three years of orders that end today, so that "last month" has rows
--   psql -v today=2026-07-01 -f demo/shop.sql    the same shop as of another day
--
-- Replaces the schema "shop" if it is there. Some tables and columns carry comments and some deliberately none:
-- real schemas are like that, and questions must work on both.
\set ON_ERROR_STOP on
\if :{?today}
\else
SELECT current_date AS today \gset
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';
SET LOCAL synchronous_commit = off;
SET LOCAL search_path = pg_catalog, pg_temp;

\ir shop/tables.sql
\ir shop/catalogue.sql
\ir shop/people.sql
\ir shop/sales.sql
\ir shop/finish.sql

COMMIT;
ANALYZE;
