#!/usr/bin/env bash
# Measures the local run with the real binaries: frames through one delivery stream to Parquet, and trades through the
# calculator, each at full speed; the largest memory of a process.
#
# usage: tools/bench-local.sh
# Run by `make bench-local`, which builds first.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/bench-local
mkdir -p "$work"

# Fifty symbols: a million frames of every kind, and the trades of a session in which takers are a hundred times as busy,
# some four thousand trades a second.
symbols=$(seq -f 'S%02gUSDT' -s , 1 50)
[ -f "$work/frames.ndjson" ] || target/release/tapeline sample --symbols "$symbols" --minutes 94 --out "$work/frames.ndjson" 2> "$work/frames.counts"
if [ ! -f "$work/trades.ndjson" ]; then
    target/release/tapeline sample --symbols "$symbols" --minutes 8 --pace 100 2> "$work/trades.counts" \
        | grep -F '@trade"' > "$work/trades.ndjson"
fi

python3 tools/bench_local.py "$work"
