#!/usr/bin/env bash
# ask.sh: asks the question in Q, of the demo shop or of the database that DEMO_URI names.
. "$(dirname "$0")/lib.sh"
[ -n "${Q:-}" ] || die "no question" "make ask Q='how many orders were placed last month?'"
if [ -z "${DEMO_URI:-}" ]; then
    [ -d "$clusters/demo" ] || die "there is no demo yet" "Run: make demo"
    "$repo/scripts/cluster.sh" start demo
fi
. "$(dirname "$0")/asking.sh"
ask "$Q" || die "the question could not be asked" \
    "${DEMO_URI:+DEMO_URI=$DEMO_URI }make demo prepares the database: it creates the extension and indexes it."
