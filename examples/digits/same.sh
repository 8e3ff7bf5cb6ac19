#!/bin/sh
# same.sh CLASSIFY MODEL OTHER FOLDER: fails unless both models say the same about each held-out scan.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$2" "$4" "$folder/one.svg" | grep -v -e '^picture' -e 'ms per image' >"$folder/one"
"$1" "$3" "$4" "$folder/other.svg" | grep -v -e '^picture' -e 'ms per image' >"$folder/other"
cmp "$folder/one" "$folder/other"
cmp "$folder/one.svg" "$folder/other.svg"
grep '^accuracy' "$folder/one"
echo "$(basename "$2") and $(basename "$3") say the same about each scan"
