#!/usr/bin/env bash
# Starts `tapeline up` and lets the official clients use it: version 2 of the AWS CLI, and boto3.
#
# usage: tools/check-clients.sh
# Run by `make check-clients`, which builds and installs first. The CLI is no Python package: it has to be there already,
# on the PATH or where Debian puts it.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/check-clients
rm -rf "$work"
mkdir -p "$work"

aws=
for found in $(type -ap aws) /usr/bin/aws /usr/local/bin/aws; do
    if "$found" --version 2>&1 | grep -q '^aws-cli/2'; then
        aws=$found
        break
    fi
done
if [ -z "$aws" ]; then
    echo "error: version 2 of the AWS CLI is not here: on Debian, apt-get install awscli" >&2
    exit 1
fi

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
