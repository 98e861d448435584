#!/usr/bin/env bash
# Deploys the stack, follows its logs, or deletes it, as the answers in CONFIG say.
#
# usage: tools/stack.sh deploy|logs|delete CONFIG [STACK]
# STACK is the name that the first deployment proposes. Run by `make deploy`, `make logs` and `make delete`, which install SAM first. The first deployment asks for the stack's name,
# the region and every parameter, and keeps the answers in CONFIG; later ones take them from there. One file is one stack.
set -euo pipefail
cd "$(dirname "$0")/.."

command=$1
# SAM looks for a relative path beside the template.
config=$(realpath --canonicalize-missing "$2")

# What the answers say, the last line of a name: the stack's is among the settings for all commands, too.
answer() {
    sed -nE "s/^$1 = \"(.*)\"$/\1/p" "$config" | tail -n 1
}

if [ "$command" != deploy ] && [ ! -f "$config" ]; then
    echo "error: expected the answers of \`make deploy\` in $2: nothing was deployed from here" >&2
    exit 1
fi

case $command in
    deploy)
        if [ -f "$config" ] && grep -q '^parameter_overrides = ' "$config"; then
            sam deploy --config-file "$config"
        else
            sed "s/^stack_name = .*/stack_name = \"$3\"/" samconfig.toml > "$config"
            sam deploy --guided --config-file "$config"
        fi
        ;;
    logs) sam logs --stack-name "$(answer stack_name)" --region "$(answer region)" --tail ;;
    delete) sam delete --stack-name "$(answer stack_name)" --region "$(answer region)" ;;
    *) echo "error: expected deploy, logs or delete, was \"$command\"" >&2; exit 2 ;;
esac
