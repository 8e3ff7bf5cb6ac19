#!/bin/sh
# From a checkout to predictions on real scans: installs what is missing (Debian 12, Ubuntu 24.04), builds a release in
# build/release and classifies the held-out digits.
set -eu
cd "$(dirname "$0")/.."

missing=""
for pair in cc:gcc meson:meson ninja:ninja-build pkg-config:pkg-config protoc-c:protobuf-c-compiler; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
if command -v pkg-config >/dev/null 2>&1; then
    pkg-config --exists libprotobuf-c || missing="$missing libprotobuf-c-dev"
    pkg-config --exists libpng || missing="$missing libpng-dev"
else
    missing="$missing libprotobuf-c-dev libpng-dev"
fi
if [ -n "$missing" ]; then
    echo "installing:$missing"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

[ -f build/release/build.ninja ] || meson setup build/release --buildtype=release -Dtests=false >/dev/null
ninja -C build/release
build/release/examples/classify examples/digits/digits.onnx examples/digits/heldout build/release/digits.svg
