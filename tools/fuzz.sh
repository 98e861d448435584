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
    cargo fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048
done
