#!/usr/bin/env bash
# Prints the licences of everything that is built into a package: of each crate its name, its licence and the texts that
# it brings, equal texts once. Runs wherever cargo has fetched the crates, in the build of an image too.
#
# usage: tools/licences.sh PACKAGE
set -euo pipefail
cd "$(dirname "$0")/.."

crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
declare -A printed

# Our own crates are named with their folder; their licences lie beside this text.
cargo tree --locked --package "$1" --edges normal --prefix none --no-dedupe --format '{p} {l}' \
    | grep -v '(/' | sort -u | while read -r name version licence; do
    printf '\n==== %s %s: %s\n' "$name" "${version#v}" "$licence"
    for file in "$crates"/*/"$name-${version#v}"/*; do
        case ${file##*/} in
            [Ll][Ii][Cc][Ee][Nn][CcSs][Ee]* | [Cc][Oo][Pp][Yy][Ii][Nn][Gg]* | [Nn][Oo][Tt][Ii][Cc][Ee]*) ;;
            *) continue ;;
        esac
        [ -f "$file" ] || continue
        sum=$(sha256sum < "$file")
        if [ -n "${printed[$sum]:-}" ]; then
            printf '\n-- %s: as of %s\n' "${file##*/}" "${printed[$sum]}"
            continue
        fi
        printed[$sum]=$name
        printf '\n-- %s\n\n' "${file##*/}"
        cat "$file"
    done
done
