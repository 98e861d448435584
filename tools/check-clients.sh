#!/usr/bin/env bash
# Starts `tapeline up` and lets the official clients use it: version 2 of the AWS CLI, and boto3.
#
# usage: tools/check-clients.sh
# Run by `make check-clients`, which builds and installs first; the CLI has to be there already.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/check-clients
rm -rf "$work"
mkdir -p "$work"

aws=$(tools/aws-cli.sh)

target/debug/tapeline up --port 0 --data "$work/data" --json > "$work/up.log" 2> "$work/up.err" &
up=$!
# By its id, and only then: what was started here ends here.
trap 'kill "$up" 2> /dev/null || true; wait "$up" 2> /dev/null || true' EXIT

endpoint=
for _ in $(seq 300); do
    endpoint=$(sed -nE "s/^export AWS_ENDPOINT_URL='?([^' ]+)'?.*/\1/p" "$work/up.err")
    [ -z "$endpoint" ] || break
    kill -0 "$up" 2> /dev/null || { cat "$work/up.err" >&2; exit 1; }
    sleep 0.1
done

AWS="$aws" .venv/bin/python tools/check_clients.py --endpoint-url "$endpoint" --data "$work/data"
