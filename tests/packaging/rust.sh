#!/bin/sh
# rust.sh BUILD: the Rust crates against an installed copy of BUILD, and the example. Exit code 77: no cargo or no libclang.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
command -v cargo >/dev/null || { echo "skipped: no cargo"; exit 77; }
tree=$build/rust-tree
rm -rf "$tree"
meson install -C "$build" --no-rebuild --destdir "$tree" >/dev/null
config=$(find "$tree" -name xinf.pc)
libraries=$(dirname "$(dirname "$config")")
export PKG_CONFIG_PATH="${config%/*}" PKG_CONFIG_SYSROOT_DIR="$tree" LD_LIBRARY_PATH="$libraries" CARGO_TARGET_DIR="$build/rust"
cd "$root/bindings/rust"
cargo test --quiet --features ndarray
cargo run --quiet --example first "$root/examples/digits/digits.onnx"
