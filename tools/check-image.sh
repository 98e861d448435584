#!/usr/bin/env bash
# Lints the feed's Dockerfile and says what its image holds: the binary, certificates and licences. Where Docker runs, the
# image is built and its files are listed; elsewhere what the last stage copies is.
#
# usage: tools/check-image.sh
# Run by `make check-image`, which installs the linter first.
set -euo pipefail
cd "$(dirname "$0")/.."

expected=$(printf '%s\n' etc/ssl/certs/ca-certificates.crt licences/LICENSE-APACHE licences/LICENSE-MIT \
    licences/THIRD-PARTY tapeline-feed)
work=target/check-image
mkdir -p "$work"

hadolint feed/Dockerfile

if docker info > /dev/null 2>&1; then
    DOCKER_BUILDKIT=1 docker build --quiet --file feed/Dockerfile --tag tapeline-feed:check .
    container=$(docker create tapeline-feed:check)
    trap 'docker rm "$container" > /dev/null' EXIT
    # Docker itself adds places to mount on to every container: they are empty.
    found=$(docker export "$container" | tar --list --verbose | awk '/^-/ && $3 > 0 { print $NF }' | sort)
else
    echo "no Docker here: the image is not built, what it would copy is listed"
    mkdir -p "$work/licences"
    cp LICENSE-APACHE LICENSE-MIT "$work/licences/"
    tools/licences.sh tapeline-feed > "$work/licences/THIRD-PARTY"
    copied=$(sed -n '/^FROM scratch/,$p' feed/Dockerfile | awk '$1 == "COPY" { print substr($NF, 2) }' | sort)
    # One place is a folder of files that are made as above, and one is empty.
    found=$(for place in $copied; do
        case $place in
            licences) (cd "$work" && find licences -type f) ;;
            state) ;;
            *) echo "$place" ;;
        esac
    done | sort)
fi

if [ "$found" != "$expected" ]; then
    diff <(echo "$expected") <(echo "$found") >&2 || true
    echo "error: the image must hold the binary, certificates and licences, and nothing else" >&2
    exit 1
fi
echo "$found"
