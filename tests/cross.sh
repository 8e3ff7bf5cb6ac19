#!/bin/sh
# Other systems than this one, from an x86-64 Debian or Ubuntu.
#
#     cross.sh aarch64   builds in build/aarch64 and runs the unit tests under qemu
#     cross.sh windows   compiles every source of the library with mingw
#     cross.sh macos     compiles every source for both kinds of Mac with the clang of the package ziglang (PyPI)
#
# Needs a built build/release. PYTHON: one with pip, for macos.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh
python=${PYTHON:-python3}

# libprotobuf-c for arm64: fetched beside this system's own lists and only unpacked.
protobuf_for_arm() {
    root=$PWD/build/arm64
    [ ! -f "$root/ready" ] || return 0
    rm -rf "$root"
    mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
    options="-o APT::Architecture=arm64 -o Dir::State::lists=$root/lists -o Dir::Cache=$root/cache"
    # shellcheck disable=SC2086
    if ! (cd "$root" && apt-get $options update -qq && apt-get $options download -qq libprotobuf-c-dev:arm64) >"$root/log" 2>&1; then
        cat "$root/log"
        echo "the package mirrors of this system have no libprotobuf-c-dev for arm64 (Ubuntu keeps it elsewhere)"
        exit 77
    fi
    dpkg -x "$root"/libprotobuf-c-dev_*.deb "$root/files"
    # The .pc file names /usr: point it into the unpacked folder, and keep the static library only.
    sed -i "s#^prefix=.*#prefix=$root/files/usr#; s#=/usr/#=$root/files/usr/#" "$root"/files/usr/lib/aarch64-linux-gnu/pkgconfig/libprotobuf-c.pc
    rm -f "$root"/files/usr/lib/aarch64-linux-gnu/*.so
    touch "$root/ready"
}

aarch64() {
    need aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user
    [ -f /usr/aarch64-linux-gnu/include/stdio.h ] || missing="$missing libc6-dev-arm64-cross"
    install_missing
    protobuf_for_arm
    export PKG_CONFIG_LIBDIR="$PWD/build/arm64/files/usr/lib/aarch64-linux-gnu/pkgconfig"
    [ -f build/aarch64/build.ninja ] ||
        meson setup build/aarch64 --cross-file tests/cross-aarch64.ini -Dbuildtype=release -Doptimization=1 -Dexamples=false >/dev/null
    ninja -C build/aarch64
    meson test -C build/aarch64 --no-rebuild --suite unit --suite kernels --timeout-multiplier 8 --print-errorlogs
}

windows() {
    need x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64
    install_missing
    python3 tests/compile_check.py build/release x86_64-w64-mingw32-gcc
}

macos() {
    if [ ! -d build/zig/ziglang ] && ! "$python" -m pip --version >/dev/null 2>&1; then
        echo "$python has no pip to install ziglang with"
        exit 77
    fi
    [ -d build/zig/ziglang ] || "$python" -m pip install -q --disable-pip-version-check --target build/zig ziglang
    export PYTHONPATH="$PWD/build/zig"
    python3 tests/compile_check.py build/release python3 -m ziglang cc -target x86_64-macos
    # The list of sources differs: it comes from a build for the same processor.
    if [ -f build/aarch64/build.ninja ]; then
        python3 tests/compile_check.py build/aarch64 python3 -m ziglang cc -target aarch64-macos
    fi
}

case ${1:-} in
aarch64 | windows | macos) "$1" ;;
*)
    echo "usage: cross.sh aarch64 | windows | macos" >&2
    exit 2
    ;;
esac
