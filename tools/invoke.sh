#!/usr/bin/env bash
# Sends one event to a function that runs on this machine behind the real Invoke API.
#
# usage: tools/invoke.sh FUNCTION EVENT-FILE
# Run by `make invoke`, which installs cargo-lambda first.
set -euo pipefail
cd "$(dirname "$0")/.."

function=$1
event=$2
port=9100
log=target/invoke.log

[ -f "$event" ] || { echo "no event file $event" >&2; exit 2; }

# Built first, so that the invocation does not wait for the compiler.
cargo build --locked -p "$function"

pids=()
stop() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}
trap stop EXIT

# This function calls Kinesis and DynamoDB: both are played by `tapeline endpoints`.
if [ "$function" = indicator-calculator ]; then
    cargo build --locked -p tapeline
    exports=target/invoke.exports
    : >"$exports"
    target/debug/tapeline endpoints >"$exports" &
    pids+=($!)
    for _ in $(seq 100); do
        kill -0 "${pids[0]}" 2>/dev/null || { echo "tapeline endpoints ended early" >&2; exit 1; }
        # The lines come at once.
        if [ -s "$exports" ]; then break; fi
        sleep 0.1
    done
    # shellcheck source=/dev/null
    source "$exports"
fi

# The default address is every interface: stay on loopback. The function is started here: `cargo lambda watch` would compile it
# once more, with the features of the whole workspace.
cargo lambda watch -A 127.0.0.1 -P "$port" --ignore-changes --only-lambda-apis >"$log" 2>&1 &
watch=$!
pids+=("$watch")

for _ in $(seq 100); do
    kill -0 "$watch" 2>/dev/null || { echo "cargo lambda watch ended early:" >&2; cat "$log" >&2; exit 1; }
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    sleep 0.1
done

AWS_LAMBDA_RUNTIME_API="http://127.0.0.1:$port/.rt/$function" AWS_LAMBDA_FUNCTION_NAME="$function" AWS_LAMBDA_FUNCTION_VERSION='$LATEST' \
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512 "target/debug/$function" >>"$log" 2>&1 &
pids+=($!)

cargo lambda invoke "$function" --invoke-address 127.0.0.1 --invoke-port "$port" --data-file "$event"
