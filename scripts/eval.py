"""eval.py ask|search|guard|engine: asks a benchmark's questions as an unprivileged role and scores the answers.

Called by eval.sh, which loads the benchmark's databases as schemas of one PostgreSQL database. Here each of them
becomes a context (register_database), is indexed and asked. Scoring is the benchmark's own: compare.py runs the SQL,
recall.py compares tables.

`engine` runs the built-in engine without a database, on catalogues exported from the knowledge base: what it says is
the same, and a change of it is measured within a minute. OUT/catalogs holds the export, also for scripts/ablation.sh.
"""
import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import time

import psycopg

READER = "bench_ro"
HERE = pathlib.Path(__file__).parent


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file if line.strip()]


def write_lines(path, rows):
    with open(path, "w") as file:
        write_lines_to(file, rows)


def write_lines_to(file, rows):
    for row in rows:
        file.write(json.dumps(row) + "\n")


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def part(count, whole):
    return f"{100 * count / whole:5.1f} %" if whole else "    –"


def prepare(args, databases):
    """Creates the extension and indexes every context; then again, and with one new column, to see what is done anew."""
    with psycopg.connect(args.uri, autocommit=True) as owner:
        owner.execute("SET client_min_messages = warning")
        owner.execute("DROP EXTENSION IF EXISTS t2sql CASCADE")
        owner.execute("DROP SCHEMA IF EXISTS t2sql CASCADE")
        owner.execute("CREATE EXTENSION t2sql CASCADE")
        owner.execute(f"GRANT t2sql_user TO {READER}")
        for name, database in databases.items():
            owner.execute("SELECT t2sql.register_database(%s, %s)", (name, database["schemas"]))
        for run in ("first", "second", "one column more"):
            if run == "one column more":
                table = owner.execute("SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                                      " WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY c.oid LIMIT 1",
                                      (next(iter(databases.values()))["schemas"][0],)).fetchone()[0]
                owner.execute(f"ALTER TABLE {table} ADD COLUMN added_for_eval text")
            started, totals = time.monotonic(), collections.Counter()
            for name in databases:
                cursor = owner.execute("SELECT * FROM t2sql.index_schema(database => %s)", (name,))
                columns = [column.name for column in cursor.description]
                for row in cursor:
                    totals.update({k: v for k, v in zip(columns, row) if isinstance(v, int) and not isinstance(v, bool)})
            print(f"index, {run} run: {time.monotonic() - started:.1f} s; "
                  + ", ".join(f"{k} {v}" for k, v in totals.items()), flush=True)
        owner.execute(f"ALTER TABLE {table} DROP COLUMN added_for_eval")
        owner.execute("SELECT * FROM t2sql.index_schema(database => %s)", (next(iter(databases)),))


def use_oracle(args):
    with psycopg.connect(args.uri, autocommit=True) as owner:
        owner.execute("SET client_min_messages = warning")
        owner.execute("DROP SERVER IF EXISTS oracle CASCADE")
        owner.execute(psycopg.sql.SQL("CREATE SERVER oracle FOREIGN DATA WRAPPER t2sql_endpoint OPTIONS (url {})")
                      .format(psycopg.sql.Literal(args.oracle)))
        owner.execute(f"GRANT USAGE ON FOREIGN SERVER oracle TO {READER}")
        owner.execute("SELECT * FROM t2sql.set_llm('oracle', 'oracle')")


def connect(args):
    """A session of the reader: it may SELECT the benchmark's tables and ask, nothing else."""
    session = psycopg.connect(args.uri, user=READER, autocommit=True)
    session.execute("SET client_min_messages = warning")
    session.execute("SET statement_timeout = '60s'")
    # a setting under the reserved prefix is known once the library is loaded
    session.execute("SELECT t2sql.version()")
    session.execute(f"SET t2sql.engine = {'llm' if args.oracle else 'builtin'}")
    return session


def answer(session, question, database):
    """One answer: (row, milliseconds). An error here is a bug: answer() must never raise."""
    options = {"evidence": question["evidence"]} if question.get("evidence") else None
    started = time.monotonic()
    try:
        row = session.execute(
            "SELECT status, sql, confidence, coalesce(error, clarification) FROM t2sql.answer(%s, %s, %s::jsonb)",
            (question["question"], database, json.dumps(options) if options else None),
        ).fetchone()
    except psycopg.Error as error:
        row = ("raised", None, None, str(error).splitlines()[0])
    return row, 1000 * (time.monotonic() - started)


def ask(args, questions, unanswerable):
    """Predictions as a user gets them and, where the answer was held back, what it would have been."""
    session = connect(args)
    asked = []
    for question in questions:
        (status, sql, confidence, detail), ms = answer(session, question, question["db"])
        asked.append({"id": question["id"], "db": question["db"], "source": question["source"],
                      "question": question["question"], "status": status, "sql": sql if status == "ok" else None,
                      "confidence": confidence, "detail": detail, "ms": round(ms, 2)})
    declined = [answer(session, question, question["db"])[0][0] != "ok" for question in unanswerable]
    session.execute("SET t2sql.min_confidence = 0")
    for row, question in zip(asked, questions):
        forced = row["sql"]
        if forced is None and row["status"] == "needs_clarification":
            forced_answer = answer(session, question, question["db"])[0]
            forced = forced_answer[1] if forced_answer[0] == "ok" else None
        row["forced"] = forced
    write_lines(args.out / "answers.jsonl", asked)
    return asked, declined


def export(args, databases):
    """Writes what the knowledge base holds of each context as the core's own types, with positions instead of keys."""
    query = (HERE.parent / "src/pg/sql/read_catalog.sql").read_text().replace("$1", "%(id)s")
    directory = args.out / "catalogs"
    directory.mkdir(exist_ok=True)
    with psycopg.connect(args.uri) as owner, open(directory / "catalogs.jsonl", "w") as every:
        for name in databases:
            context = owner.execute("SELECT id FROM t2sql.databases WHERE name = %s", (name,)).fetchone()[0]
            catalog = json.loads(owner.execute(query, {"id": context}).fetchone()[0])
            tables = {table["id"]: place for place, table in enumerate(catalog["tables"])}
            places = {column["id"]: (t, c) for t, table in enumerate(catalog["tables"]) for c, column in enumerate(table["columns"])}
            names = [{column["name"]: c for c, column in enumerate(table["columns"])} for table in catalog["tables"]]
            for edge in catalog["edges"]:
                for end in ("from", "to"):
                    edge[end] = tables[edge[end]]
                    edge[end + "_columns"] = [names[edge[end]][column] for column in edge[end + "_columns"]]
            values = collections.defaultdict(list)
            for column, value in owner.execute(
                    "SELECT v.column_id, v.value FROM t2sql.column_values v JOIN t2sql.db_columns c ON c.id = v.column_id"
                    " JOIN t2sql.db_tables t ON t.id = c.table_id JOIN t2sql.database_schemas s ON s.id = t.schema_id"
                    " WHERE s.database_id = %s ORDER BY v.frequency DESC NULLS LAST, v.value", (context,)):
                values[places[column]].append(value)
            del catalog["valued"], catalog["samples"]
            (directory / f"{name}.json").write_text(json.dumps(catalog))
            write_lines(directory / f"{name}.values.jsonl", [[*place, value] for place, all in values.items() for value in all])
            write_lines_to(every, [{"db": name, "catalog": catalog, "values": [[*place, all] for place, all in values.items()]}])


def engine(args, questions, unanswerable):
    """What `ask` returns, from the engine alone."""
    write_lines(args.out / "engine-questions.jsonl",
                [{"id": q["id"], "db": q["db"], "question": q["question"], "evidence": q.get("evidence")}
                 for q in questions + [dict(u, id=f"unanswerable {i}") for i, u in enumerate(unanswerable)]])
    with open(args.out / "engine.jsonl", "w") as out:
        subprocess.run([args.engine, args.out / "catalogs/catalogs.jsonl", args.out / "engine-questions.jsonl"], stdout=out, check=True)
    said = {row["id"]: row for row in lines(args.out / "engine.jsonl")}
    sure = lambda row: bool(row["sql"]) and row["confidence"] >= 0.5
    asked = [{"id": q["id"], "db": q["db"], "source": q["source"], "question": q["question"], "status": "ok" if sure(said[q["id"]]) else "needs_clarification",
              "sql": said[q["id"]]["sql"] if sure(said[q["id"]]) else None, "confidence": said[q["id"]].get("confidence"),
              "detail": None, "ms": 1000 * said[q["id"]]["seconds"], "forced": said[q["id"]]["sql"]} for q in questions]
    write_lines(args.out / "answers.jsonl", asked)
    return asked, [not sure(said[f"unanswerable {i}"]) for i in range(len(unanswerable))]


def score(args, asked):
    """What compare.py says about every prediction, by id; one run serves both ways of counting."""
    write_lines(args.out / "predictions.jsonl", [{"id": row["id"], "sql": row["forced"]} for row in asked])
    (args.out / "ids").write_text("\n".join(row["id"] for row in asked))
    subprocess.run(
        [sys.executable, args.bench / "compare.py", "--uri", args.uri, "--role", READER,
         "--pred", args.out / "predictions.jsonl", "--ids", args.out / "ids",
         "--out", args.out / "report.json", "--details", args.out / "details.jsonl"],
        check=True, stdout=subprocess.DEVNULL)
    return {row["id"]: row for row in lines(args.out / "details.jsonl") if not row["gold_error"]}


def report(args, asked, declined, scores):
    rows = [row for row in asked if row["id"] in scores]

    def line(name, chosen):
        right = sum(scores[row["id"]]["acc"] for row in chosen if row["sql"])
        spider = sum(scores[row["id"]]["ex_spider"] for row in chosen if row["sql"])
        forced = sum(scores[row["id"]]["acc"] for row in chosen)
        answered = sum(bool(row["sql"]) for row in chosen)
        n = len(chosen)
        print(f"{name:<28}{n:>6}  {part(right, n)}    {part(spider, n)}  {part(answered - right, n)}"
              f"  {part(n - answered, n)}   {part(forced, n)}")

    print(f"\n{'':<28}{'asked':>6}{'acc':>9}{'ex_spider':>12}{'wrong':>9}{'abstains':>10}{'forced acc':>11}")
    line("all", rows)
    for source in sorted({row["source"] for row in rows}):
        line("  " + source, [row for row in rows if row["source"] == source])

    sure = [row for row in rows if row["sql"] and (row["confidence"] or 0) >= 0.8]
    wrong = sum(not scores[row["id"]]["acc"] for row in sure)
    print(f"\nconfidence ≥ 0.8: {len(sure)} answers, {part(wrong, len(sure)).strip()} of them wrong")
    edges = [0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.01]
    for low, high in zip(edges, edges[1:]):
        band = [row for row in rows if row["sql"] and low <= (row["confidence"] or 0) < high]
        if band:
            right = sum(scores[row["id"]]["acc"] for row in band)
            print(f"  from {low:.1f}: {len(band):>5} answers, {part(right, len(band))} right")
    times = [row["ms"] for row in rows]
    print(f"time of one answer: median {statistics.median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms" if times else "")
    if declined and not args.oracle:
        print(f"unanswerable questions answered: {declined.count(False)} of {len(declined)}")
    raised = [row for row in rows if row["status"] == "raised"]
    if raised:
        print(f"answer() RAISED {len(raised)} times, e.g. {raised[0]['id']}: {raised[0]['detail']}")
    if args.oracle:
        log = lines(args.oracle_log)
        lost = {row["id"] for row in rows if not (row["sql"] and scores[row["id"]]["acc"])}
        missing = {entry.get("id") for entry in log if entry.get("missing_tables") or entry.get("missing_columns")}
        print(f"oracle: not right {len(lost)}; missing in prompt {len(lost & missing)}; lost later {len(lost - missing)}")
        for row in rows:
            if row["id"] in lost:
                print(f"  {row['id']} {'missing in prompt' if row['id'] in missing else 'lost later'}: {row['status']} {row['detail'] or ''}")


def search(args, questions):
    """Tables found for each question, in its own database and in all of them at once."""
    session = connect(args)
    for scope, database, k in (("own database", None, 10), ("all databases", "everything", 20)):
        found, times = [], []
        for question in questions:
            started = time.monotonic()
            rows = session.execute("SELECT object FROM t2sql.search(%s, %s, ARRAY['table'], 0, %s)",
                                   (question["question"], k, database or question["db"])).fetchall()
            times.append(1000 * (time.monotonic() - started))
            found.append({"id": question["id"], "tables": [row[0] for row in rows]})
        path = args.out / f"tables-{scope.split()[0]}.jsonl"
        write_lines(path, found)
        print(f"\n{scope}: median {statistics.median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms", flush=True)
        command = [sys.executable, args.bench / "recall.py", "--pred", path]
        subprocess.run(command + ([] if args.set == "all" else ["--" + args.set]), check=True)


def guard(args, questions):
    """The benchmark's own SQL through the guard: it is what people really need, so hardly any of it may be refused."""
    session = connect(args)
    asked, refused, times = 0, [], []
    for question in questions:
        for sql in question["gold_sql"]:
            started = time.monotonic()
            ok, rule, sqlstate, message = session.execute(
                "SELECT ok, rule, sqlstate, message FROM t2sql.check_sql(%s, %s)", (sql, question["db"])).fetchone()
            times.append(1000 * (time.monotonic() - started))
            asked += 1
            if not ok:
                refused.append((question["id"], rule or sqlstate, message))
    print(f"\nguard: {asked} statements, {asked - len(refused)} accepted ({part(asked - len(refused), asked).strip()});"
          f" median {statistics.median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms")
    for line in refused:
        print("  refused {}: {}: {}".format(*line))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ask", "search", "guard", "engine"])
    parser.add_argument("--uri", required=True)
    parser.add_argument("--bench", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--set", choices=["core", "mini", "all"], default="core")
    parser.add_argument("--db")
    parser.add_argument("--keep", action="store_true", help="ask what is indexed already")
    parser.add_argument("--engine", type=pathlib.Path, help="the built example `answer` of the core")
    parser.add_argument("--oracle", help="url of an endpoint that knows the answers")
    parser.add_argument("--oracle-log", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    questions = [q for q in lines(args.bench / "questions.jsonl")
                 if (args.set == "all" or q.get(args.set)) and (not args.db or q["db"] == args.db)
                 and not {"gold_empty", "unstable"} & set(q.get("flags") or [])]
    unanswerable = [q for q in lines(args.bench / "unanswerable.jsonl") if not args.db or q["db"] == args.db]
    databases = json.loads((args.bench / "databases.json").read_text())
    needed = {q["db"] for q in questions} | {q["db"] for q in unanswerable}
    if args.what != "search":
        databases = {name: databases[name] for name in sorted(needed)}
    else:
        schemas = sorted({schema for database in databases.values() for schema in database["schemas"]})
        databases["everything"] = {"schemas": schemas}
    if not args.keep:
        prepare(args, databases)
    if args.what == "engine" and not (args.keep and (args.out / "catalogs").exists()):
        export(args, databases)
    if args.oracle:
        use_oracle(args)
    if args.what == "search":
        search(args, questions)
    elif args.what == "guard":
        guard(args, questions)
    else:
        asked, declined = (engine if args.what == "engine" else ask)(args, questions, unanswerable)
        report(args, asked, declined, score(args, asked))


if __name__ == "__main__":
    main()
