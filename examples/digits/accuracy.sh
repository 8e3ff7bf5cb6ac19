#!/bin/sh
# accuracy.sh CLASSIFY MODEL FOLDER: fails when less than 97 % of the held-out scans are read right, or the picture is not drawn.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$2" "$3" "$folder/digits.svg" | tee "$folder/said"
pictures=$(grep -c '</svg>' "$folder/digits.svg")
awk -v pictures="$pictures" '$1 == "accuracy" { right = $2 } END { exit !(right >= 97 && pictures == 1) }' "$folder/said"
