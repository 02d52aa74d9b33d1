# Two commands on a fresh machine: make demo, make test. The work is done by scripts/.
export PG PG_CONFIG Q DEMO_URI EVAL DB ORACLE BENCH KEEP T2SQL_YES NAME

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
demo: ## install what is missing, build, load the demo shop, ask five questions
	@scripts/demo.sh
ask: ## ask another: make ask Q='…' (DEMO_URI=postgresql://… asks your own database)
	@scripts/ask.sh
psql: ## a session in the demo shop
	@scripts/cluster.sh start demo && scripts/cluster.sh psql demo -d demo
test: ## everything that is tested; PG=15 for another PostgreSQL
	@scripts/test.sh
test-security: ## the same against attack and fault, at full size (an hour)
	@scripts/test-security.sh
test-mutations: ## whether some test misses each rule of the guard
	@scripts/mutate.sh
unit: ## the core alone: needs no PostgreSQL
	cargo test -p t2sql-core
lint: ## format, clippy, shellcheck where it is installed
	@scripts/lint.sh
golden-accept: ## take the golden files' present output as right (read the diff before you commit)
	@scripts/golden.sh accept
eval: ## accuracy on a benchmark of real questions: EVAL=core|mini|all DB=… ORACLE=1
	@scripts/eval.sh ask
eval-retrieval: ## how well tables are found, on the same questions
	@scripts/eval.sh search
eval-guard: ## whether the guard accepts the SQL that those questions need
	@scripts/eval.sh guard
eval-engine: ## the built-in engine alone, on catalogues exported from what was indexed: KEEP=1 within a minute
	@scripts/eval.sh engine
build: ## build the extension and install it into the private copy of PostgreSQL
	@scripts/build.sh
install: ## install the extension into your own PostgreSQL: make install PG_CONFIG=/path/to/pg_config
	@scripts/install.sh
setup: ## make sure of PostgreSQL, pgvector and cargo-pgrx
	@scripts/setup.sh
stop: ## stop the private servers
	@scripts/cluster.sh stop-all
clean: ## stop, and remove everything that was made outside the sources
	@scripts/clean.sh

.PHONY: help demo ask psql test test-mutations test-security unit lint golden-accept eval eval-retrieval eval-guard eval-engine build install setup stop clean
.DEFAULT_GOAL := help
