#!/usr/bin/env bash
# Replays recordings and lets an outside reader compare the Parquet with the frames.
#
# usage: tools/check-archive.sh [MARKET:FILE]...
# Without recordings, a sample session stands in. Run by `make check-archive`, which builds and installs first.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/check-archive
mkdir -p "$work"

if [ $# -eq 0 ]; then
    target/debug/tapeline sample --out "$work/sample.ndjson"
    set -- "spot:$work/sample.ndjson"
fi

for recording in "$@"; do
    market=${recording%%:*}
    file=${recording#*:}
    out="$work/$(basename "$file").out"
    echo "--- $file ($market)"
    rm -rf "$out"
    # Open klines are frames like any other here: all digits are to be compared.
    KLINES=all target/debug/tapeline replay "$file" --market "$market" --out "$out"
    .venv/bin/python tools/check_archive.py --market "$market" "$out" "$file"
done
