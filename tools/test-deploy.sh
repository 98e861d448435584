#!/usr/bin/env bash
# Proves the deployment: builds for both architectures, and lets an empty local AWS go through what a user does: attach the
# transformer to a delivery stream, make deploy, frames, make logs, a changed knob, make delete.
#
# usage: tools/test-deploy.sh
# Run by `make test-deploy`, which checks the templates and installs SAM and ministack first. Version 2 of the AWS CLI is no
# Python package: it has to be there already.
#
# ministack plays the services. It differs from AWS in what this test can therefore not show:
# - A delivery stream calls its function for every single record, without `kinesisRecordMetadata`, and has no buffers: every
#   record becomes an object of its own, with the hour behind its partitions. What is refused is gone, not below errors/.
# - An event source mapping takes no batch item failures: a batch is done or comes again as a whole. It knows no age of records.
# - Roles are not enforced, alarms are not evaluated, the dashboard is not drawn. What it does not know at all is left out by
#   tools/for_emulator.py, which says what.
# - Only the functions of this machine's architecture run.
# `make test` and `make check-archive` hold the first two against the local run, which does them as AWS does.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/test-deploy
port=4599
region=us-east-1

rm -rf "$work"
mkdir -p "$work/tmp" "$work/bin"

# The command of attach.yaml calls it by its name; before 2.13 it does not read AWS_ENDPOINT_URL.
aws=$(tools/aws-cli.sh)
printf '#!/bin/sh\nexec "%s" --endpoint-url "http://127.0.0.1:%s" "$@"\n' "$aws" "$port" > "$work/bin/aws"
chmod +x "$work/bin/aws"
export PATH="$PWD/$work/bin:$PATH"

machine=$(uname -m | sed 's/aarch64/arm64/')
other=$([ "$machine" = arm64 ] && echo x86_64 || echo arm64)

echo "--- make build ARCH=$other"
if [ -d "$(rustc --print target-libdir --target "$([ "$other" = arm64 ] && echo aarch64 || echo x86_64)-unknown-linux-gnu")" ]; then
    make build ARCH="$other" > "$work/build-$other.log" 2>&1 || { cat "$work/build-$other.log" >&2; exit 1; }
    grep ' bytes, at most ' "$work/build-$other.log"
else
    echo "skipped: this Rust cannot compile for $other, and no target for it can be added"
fi

echo "--- a local AWS, and functions for $machine"
.venv-deploy-test/bin/python tools/for_emulator.py template.yaml > "$work/template.yaml"

# Everything it writes stays below target/; no port of all interfaces, and none of a service that is not used here.
env GATEWAY_PORT="$port" BIND_HOST=127.0.0.1 LAMBDA_EXECUTOR=local TMPDIR="$PWD/$work/tmp" IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
    AWS_ENDPOINT_URL="http://127.0.0.1:$port" MINISTACK_REGION="$region" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
    AWS_SESSION_TOKEN=test .venv-deploy-test/bin/ministack > "$work/ministack.log" 2>&1 &
ministack=$!
# By its id, and only then: what was started here ends here.
trap 'kill "$ministack" 2> /dev/null || true; wait "$ministack" 2> /dev/null || true' EXIT

for _ in $(seq 300); do
    kill -0 "$ministack" 2> /dev/null || { cat "$work/ministack.log" >&2; exit 1; }
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2> /dev/null; then break; fi
    sleep 0.1
done

# Two symbols that no file of events/ has; three minutes close two bars of each.
target/debug/tapeline sample --symbols SOLUSDT,DOGEUSDT --minutes 3 --out "$work/session.ndjson" 2> "$work/session.counts"

export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_REGION="$region" AWS_DEFAULT_REGION="$region" \
    AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
if ! .venv-deploy-test/bin/python tools/test_deploy.py --work "$work" --architecture "$machine" \
    --template "$work/template.yaml"; then
    echo "the last that ministack warned of; all of it is in $work/ministack.log:" >&2
    grep -aE 'WARNING|ERROR' "$work/ministack.log" | cut -c -400 | tail -n 20 >&2 || true
    exit 1
fi
