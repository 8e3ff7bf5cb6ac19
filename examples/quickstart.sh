#!/bin/sh
# From a checkout to predictions on real scans: installs what is missing (Debian 12, Ubuntu 24.04), builds a release in
# build/release and classifies the held-out digits.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh

need cc:gcc meson:meson ninja:ninja-build pkg-config:pkg-config protoc-c:protobuf-c-compiler
need_dev libprotobuf-c:libprotobuf-c-dev libpng:libpng-dev
install_missing

# meson puts ccache before the compiler by itself where it is installed.
[ -f build/release/build.ninja ] || meson setup build/release --buildtype=release -Dtests=false >/dev/null
ninja -C build/release
build/release/examples/classify examples/digits/digits.onnx examples/digits/heldout build/release/digits.svg
# The same network as PyTorch and TensorFlow save it, without PyTorch or TensorFlow: the same answers.
examples/digits/same.sh build/release/examples/classify examples/digits/digits.onnx examples/digits/digits.pt examples/digits/heldout
examples/digits/same.sh build/release/examples/classify examples/digits/digits.onnx examples/digits/digits.pb examples/digits/heldout
