#!/usr/bin/env python3
"""Fits the weights of the built-in engine's confidence (src/core/engine/confidence.rs).

    fit.py PREDICTIONS.jsonl RESULTS.jsonl [QUESTIONS.jsonl]

PREDICTIONS: what the example `answer` writes. RESULTS: one {"id", "db", "source", "acc"} per line, acc 1 where the
answer, executed, was right. Logistic regression by Newton's method with a ridge; every third database (by hash of its
name) is left out and used to check. Sources count alike, however many questions they have, up to a factor of 8.
"""
import collections
import hashlib
import json
import math
import sys

RIDGE = 4.0


def held_out(db):
    return int(hashlib.md5(db.encode()).hexdigest(), 16) % 3 == 0


def features(prediction):
    line = next(t for t in prediction["trace"] if t.startswith("features: "))
    pairs = [p.rsplit(" ", 1) for p in line[len("features: "):].split(", ")]
    return [n for n, _ in pairs], [float(v) for _, v in pairs]


def solve(a, b):
    n = len(b)
    m = [row[:] + [b[i]] for i, row in enumerate(a)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(m[r][i]))
        m[i], m[p] = m[p], m[i]
        for r in range(n):
            if r != i and m[r][i]:
                f = m[r][i] / m[i][i]
                m[r] = [x - f * y for x, y in zip(m[r], m[i])]
    return [m[i][n] / m[i][i] for i in range(n)]


def chance(w, x):
    z = sum(a * b for a, b in zip(w, x))
    return 1 / (1 + math.exp(-max(-30, min(30, z))))


def fit(rows):
    n = len(rows[0][0])
    w = [0.0] * n
    for _ in range(12):
        gradient = [-RIDGE * v for v in w]
        hessian = [[RIDGE * (i == j) for j in range(n)] for i in range(n)]
        for x, y, weight in rows:
            p = chance(w, x)
            for i in range(n):
                if x[i]:
                    gradient[i] += weight * (y - p) * x[i]
                    for j in range(n):
                        hessian[i][j] += weight * p * (1 - p) * x[i] * x[j]
        step = solve(hessian, gradient)
        w = [a + b for a, b in zip(w, step)]
    return w


def main():
    predictions = {p["id"]: p for p in map(json.loads, open(sys.argv[1])) if p.get("sql")}
    results = [r for r in map(json.loads, open(sys.argv[2])) if r["id"] in predictions]
    sizes = collections.Counter(r["source"] for r in results if not held_out(r["db"]))
    largest = max(sizes.values())
    train, check, names = [], [], []
    for r in results:
        names, x = features(predictions[r["id"]])
        if held_out(r["db"]):
            check.append((x, r["acc"]))
        else:
            train.append((x, r["acc"], min(8.0, largest / sizes[r["source"]])))
    w = fit(train)
    for name, value in zip(names, w):
        print(f"    {value:.2f}, // {name}")
    for title, rows in (("fitted", [(x, y) for x, y, _ in train]), ("left out", check)):
        for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
            kept = [y for x, y in rows if chance(w, x) >= threshold]
            print(f"{title}: at {threshold} {len(kept)} of {len(rows)} answered, {100 * sum(kept) / max(1, len(kept)):.1f} % right", file=sys.stderr)


if __name__ == "__main__":
    main()
