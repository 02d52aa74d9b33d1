#!/usr/bin/env bash
# Every fault of an endpoint × its own timeout, statement_timeout, cancel, terminate: within bounds, no thread left, the
# session usable, the server alive. FAULTS=all runs all of them (minutes), otherwise a part. The table: $state/faults.txt
. "$(dirname "$0")/lib.sh"
fresh faulty
library faulty
sql -d faulty <<'END'
CREATE EXTENSION t2sql CASCADE;
SELECT success FROM t2sql.index_schema();
CREATE SERVER faulty FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url 'http://127.0.0.1:1/v1');
-- set_llm would want an answer
INSERT INTO t2sql.llm_models (server, model_name) VALUES ('faulty', 'any');
UPDATE t2sql.databases SET llm_model_id = (SELECT id FROM t2sql.llm_models WHERE server = 'faulty');
ALTER DATABASE faulty SET t2sql.engine = 'llm';
END
cd "$repo"
cargo run -q --release -p fake_endpoint --example faults -- \
    "$(pg_bin "$main_copy")/psql" -h "$clusters/test" -U postgres -d faulty | tee "$state/faults.txt"
