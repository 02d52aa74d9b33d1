#!/usr/bin/env bash
# ablation.sh CATALOGS QUESTIONS RECALL: what each part of the ranking is worth, without a database.
# CATALOGS holds NAME.json (t2sql_core::schema::Catalog) and NAME.values.jsonl per database, and _all.json with every
# table at once; QUESTIONS is the JSONL and RECALL the scoring script of a benchmark.
set -euo pipefail
[ $# = 3 ] || { sed -n '2,4s/^# //p' "$0"; exit 2; }
catalogs=$1 questions=$2 recall=$3
cd "$(dirname "$0")/.."
cargo build -q --release -p t2sql-core --example retrieve
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# share of questions with all tables among the first k, for one way of ranking
full() { # k, then arguments of the retrieve example
    local k=$1
    shift
    "${CARGO_TARGET_DIR:-target}/release/examples/retrieve" "$@" <"$questions" >"$found" 2>/dev/null
    python3 "$recall" --pred "$found" --k "$k" | awk '$1 == "overall" { print $4 }'
}

row() { # label, then parts to switch off
    local label=$1 off=()
    shift
    for part; do off+=(--off "$part"); done
    printf '%-22s  %s       %s\n' "$label" "$(full 5 --catalogs "$catalogs" ${off[@]+"${off[@]}"})" \
        "$(full 10 --all "$catalogs/_all.json" ${off[@]+"${off[@]}"})"
}

parts=(vector bm25 names trigram values pool closure)
printf '%-22s  %s  %s\n' "" "own, top 5" "all, top 10"
row "everything"
for part in "${parts[@]}"; do row "without $part" "$part"; done
for only in bm25 vector; do row "$only alone" "${parts[@]/$only/pool}"; done
