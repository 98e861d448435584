#!/usr/bin/env bash
# Builds what a template deploys, for one architecture, and holds the binaries against their limits.
#
# usage: tools/build.sh arm64|x86_64 TEMPLATE
# Run by `make build`, which installs SAM and cargo-lambda first. What was built is what is deployed: the architecture stands
# in the template that `sam build` leaves in .aws-sam/build, so it is nothing to choose, or to get wrong, a second time.
set -euo pipefail
cd "$(dirname "$0")/.."

architecture=$1
template=$2
case $architecture in
    # The machine as an ELF file tells it, in hexadecimal (e_machine).
    arm64) target=aarch64-unknown-linux-gnu machine=b7 ;;
    x86_64) target=x86_64-unknown-linux-gnu machine=3e ;;
    *) echo "error: expected the architecture arm64 or x86_64, was \"$architecture\"" >&2; exit 2 ;;
esac

# Asked of the compiler itself: not every Rust was installed by rustup.
if [ ! -d "$(rustc --print target-libdir --target "$target")" ]; then
    echo "error: this Rust cannot compile for $architecture. Add the target, with rustup:" >&2
    echo "    rustup target add $target" >&2
    echo "or build for this machine's own architecture: make build ARCH=$(uname -m | sed 's/aarch64/arm64/')" >&2
    exit 1
fi

if [ "$architecture" != arm64 ]; then
    mkdir -p target
    built=target/$architecture-$(basename "$template")
    sed -E "s/^( +Architectures: )\[arm64\]$/\1[$architecture]/" "$template" > "$built"
    if cmp -s "$template" "$built"; then
        echo "error: expected a line \"Architectures: [arm64]\" in $template" >&2
        exit 1
    fi
    template=$built
fi
# cargo-lambda takes neither --target-dir nor this variable: it would look for the binaries in target/ all the same.
env -u CARGO_TARGET_DIR sam build --template-file "$template" --base-dir .

# A large binary starts slowly, on every cold start. The calculator has two clients of the SDK and TLS.
bytes_max_transformer=5000000
bytes_max_calculator=14000000

for bootstrap in .aws-sam/build/*/bootstrap; do
    function=$(basename "$(dirname "$bootstrap")")
    bytes_max=$bytes_max_transformer
    [[ $function != *Calculator* ]] || bytes_max=$bytes_max_calculator
    bytes=$(stat --format=%s "$bootstrap")
    found=$(od -An -tx1 -j18 -N1 "$bootstrap" | tr -d ' ')
    printf '%-24s %-7s %10d bytes, at most %d\n' "$function" "$architecture" "$bytes" "$bytes_max"
    if [ "$found" != "$machine" ]; then
        echo "error: expected a binary for $architecture (e_machine $machine), was $found: SAM builds x86_64 on x86-64 machines only" >&2
        exit 1
    fi
    if [ "$bytes" -ge "$bytes_max" ]; then
        echo "error: expected less than $bytes_max bytes in $function, were $bytes" >&2
        exit 1
    fi
done
