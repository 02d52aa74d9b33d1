-- objects.sql: everything that CREATE EXTENSION makes. A name that starts with _ is private.
\dx+ t2sql
