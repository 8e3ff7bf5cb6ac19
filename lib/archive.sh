#!/bin/sh
# archive.sh IN.a OUT.a OBJCOPY CC…: joins the objects of IN.a into one, hides what is not exported, and writes OUT.a.
set -eu
input=$1 output=$2 objcopy=$3
shift 3
joined=$(dirname "$output")/xinf-$$.o
trap 'rm -f "$joined"' EXIT
"$@" -nostdlib -r -o "$joined" -Wl,--whole-archive "$input" -Wl,--no-whole-archive
"$objcopy" --localize-hidden --wildcard --keep-global-symbol='xinf_*' "$joined"
rm -f "$output"
mv "$joined" "$(dirname "$output")/xinf.o"
(cd "$(dirname "$output")" && ar rcs "$(basename "$output")" xinf.o && rm -f xinf.o)
