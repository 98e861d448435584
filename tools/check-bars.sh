#!/usr/bin/env bash
# Replays trades and lets an outside reader compare the bars with the exchange's own.
#
# usage: tools/check-bars.sh [RECORDING KLINES]
# RECORDING holds aggregate trades, KLINES the 1m bars of the same time as CSV. Without them, a sample session stands in,
# whose closed klines are the bars. Run by `make check-bars`, which builds and installs first.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/check-bars
mkdir -p "$work"

if [ $# -eq 0 ]; then
    target/debug/tapeline sample --out "$work/sample.ndjson"
    target/debug/tapeline replay "$work/sample.ndjson" --out "$work/sample.out"
    .venv/bin/python tools/check_bars.py "$work/sample.out" "$work/sample.ndjson"
    exit
fi

out="$work/$(basename "$1").out"
BAR_SOURCE=agg_trade INTERVALS=1m FILL=none target/debug/tapeline replay "$1" --out "$out"
.venv/bin/python tools/check_bars.py "$out" "$2"
