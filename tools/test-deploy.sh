#!/usr/bin/env bash
# Proves the deployment: checks the template, builds both functions for both architectures, and lets an empty local AWS go
# through what a user does: make deploy, frames, make logs, a changed knob, make delete.
#
# usage: tools/test-deploy.sh
# Run by `make test-deploy`, which installs SAM and ministack first.
#
# ministack plays the services. It differs from AWS in what this test can therefore not show:
# - A delivery stream calls its function for every single record, without `kinesisRecordMetadata`, and has no buffers: every
#   record becomes an object of its own, with the hour behind its partitions. What is refused is gone, not below errors/.
# - An event source mapping takes no batch item failures: a batch is done or comes again as a whole. It knows no age of records.
# - Roles are not enforced, alarms are not evaluated, the dashboard is not drawn.
# - Only the functions of this machine's architecture run.
# `make test` and `make check-archive` hold the first two against the local run, which does them as AWS does.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/test-deploy
port=4599
region=us-east-1

rm -rf "$work"
mkdir -p "$work/tmp"

echo "--- the template"
sam validate --lint --template-file template.yaml --region "$region"
cfn-lint --regions "$region" eu-west-1 ap-northeast-1 --template template.yaml

machine=$(uname -m | sed 's/aarch64/arm64/')
for architecture in arm64 x86_64; do
    if [ "$architecture" != "$machine" ]; then
        echo "--- make build ARCH=$architecture"
        make build ARCH="$architecture"
    fi
done

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
if ! .venv-deploy-test/bin/python tools/test_deploy.py --work "$work" --architecture "$machine"; then
    echo "the last that ministack warned of; all of it is in $work/ministack.log:" >&2
    grep -aE 'WARNING|ERROR' "$work/ministack.log" | cut -c -400 | tail -n 20 >&2 || true
    exit 1
fi
