#!/usr/bin/env bash
# Everything a change is held against besides its tests. Run by `make lint`, which installs the tools.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
cargo deny --locked check bans licenses sources
cargo machete
python3 -m py_compile tools/*.py bench/peers/*/*.py
