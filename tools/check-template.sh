#!/usr/bin/env bash
# Lints the templates: what SAM and CloudFormation take, and what checkov holds against them.
#
# usage: tools/check-template.sh
# Run by `make check-template`, which installs the linters first.
set -euo pipefail
cd "$(dirname "$0")/.."

work=target/check-template
rm -rf "$work"
mkdir -p "$work"

cfn-lint template.yaml attach.yaml
for template in template.yaml attach.yaml; do
    sam validate --lint --template-file "$template" --region us-east-1
done

# Checkov looks at what the defaults deploy; the second look is at all that there is.
sed -e '/^  Search:/,/Default:/s/Default: none/Default: new/' \
    -e '/^  Feed:/,/Default:/s/Default: none/Default: new/' \
    -e '/^  SourceBackup:/,/Default:/s/Default: disabled/Default: enabled/' template.yaml > "$work/everything.yaml"
if [ "$(diff template.yaml "$work/everything.yaml" | grep -c '^>')" -ne 3 ]; then
    echo "error: expected the switches Search, Feed and SourceBackup to be off by default" >&2
    exit 1
fi
for template in template.yaml "$work/everything.yaml" attach.yaml; do
    .venv-security/bin/checkov --config-file .checkov.yaml --file "$template"
done
