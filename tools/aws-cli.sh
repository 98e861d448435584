#!/usr/bin/env bash
# Prints the path of version 2 of the AWS CLI, or fails saying how to get it. It is no package of a language's registry: it
# has to be there already, on the PATH or where Debian puts it.
#
# usage: tools/aws-cli.sh
set -euo pipefail

for aws in $(type -ap aws) /usr/bin/aws /usr/local/bin/aws; do
    if "$aws" --version 2>&1 | grep -q '^aws-cli/2'; then
        echo "$aws"
        exit
    fi
done
echo "error: version 2 of the AWS CLI is not here: on Debian, apt-get install awscli" >&2
exit 1
