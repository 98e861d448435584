#!/usr/bin/env bash
# Fuzzes one target, or each in turn.
#
# usage: tools/fuzz.sh SECONDS-EACH [TARGET]
# Run by `make fuzz`, which installs cargo-fuzz first. libFuzzer needs unstable compiler flags: the stable compiler
# takes them with RUSTC_BOOTSTRAP=1, so no second toolchain is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
export RUSTC_BOOTSTRAP=1

targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list)

for target in "${targets[@]}"; do
    echo "--- $target, $seconds s"
    # The first folder takes what a run finds worth keeping; the seeds are only read.
    mkdir -p "fuzz/corpus/$target"
    cargo fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536
done
