#!/bin/sh
# What takes longer than .ci/run may.
#
#     long.sh fuzz             20 minutes each of the targets of shape inference and of the ONNX loader on two jobs, ASan and UBSan on
#     long.sh cross            all other systems: Arm under qemu, Windows, macOS
#     long.sh property         5,000 random cases of each operator family against NumPy, from a seed of today
#     long.sh convert          each node case of the onnx package saved, and run by onnxruntime when the Python in use has it
#     long.sh malformed-asan   the malformed files of the case suites, a process each, ASan and UBSan on
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh

prepare() {
    need cc:gcc clang:clang meson:meson ninja:ninja-build pkg-config:pkg-config python3:python3 protoc-c:protobuf-c-compiler
    need_dev libprotobuf-c:libprotobuf-c-dev libpng:libpng-dev libcjson:libcjson-dev libturbojpeg:libturbojpeg0-dev libwebp:libwebp-dev libopenjp2:libopenjp2-7-dev
    install_missing
    python=${XINF_TEST_PYTHON:-$(cat build/tests/python 2>/dev/null || echo python3)}
}

asan_build() {
    [ -f build/asan/build.ninja ] || CC=clang meson setup build/asan --buildtype=debug -Doptimization=1 \
        -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true >/dev/null
    ninja -C build/asan
}

fuzz() {
    asan_build
    mkdir -p build/corpus build/crashes
    "$python" tests/fuzz/make_corpus.py build/corpus
    mkdir -p build/corpus-infer
    build/asan/tests/fuzz/fuzz-shape-infer -max_total_time="${XINF_FUZZ_SECONDS:-1200}" -timeout=10 -rss_limit_mb=2048 -max_len=512 -fork=2 \
        -ignore_crashes=0 -artifact_prefix=build/crashes/infer- build/corpus-infer
    build/asan/tests/fuzz/fuzz-onnx-load -max_total_time="${XINF_FUZZ_SECONDS:-1200}" -timeout=10 -rss_limit_mb=2048 -fork=2 -ignore_crashes=0 \
        -artifact_prefix=build/crashes/ build/corpus
}

cross() {
    release_build
    for system in aarch64 windows macos; do PYTHON=$python sh tests/cross.sh "$system"; done
}

release_build() {
    [ -f build/release/build.ninja ] || meson setup build/release --buildtype=release >/dev/null
    ninja -C build/release
    export XINF_LIBRARY=$PWD/build/release/lib/libxinf.so PYTHONPATH=$PWD/bindings/python
}

property() {
    release_build
    "$python" tests/property/run.py --count 5000 --seed "${XINF_SEED:-$(date +%Y%m%d)}" --times
}

convert() {
    release_build
    "$python" tests/models/convert.py
}

malformed_asan() {
    data=${XINF_DATA:-../shared/data}
    if [ ! -f "$data/run_suite.py" ]; then
        echo "long.sh: there is no $data" >&2
        exit 1
    fi
    asan_build
    mkdir -p build/tests
    : >build/tests/long
    export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1
    "$python" tests/tally.py add build/tests/long --suite-result build/tests/malformed-asan.json -- "$python" "$data/run_suite.py" \
        --backend xinf --cmd "$PWD/build/asan/tests/models/run-case" --suite malformed --timeout 10 --mem-mib 2000 --filter '^onnx__' \
        --json build/tests/malformed-asan.json
    "$python" tests/tally.py sum build/tests/long
}

case ${1:-} in
fuzz | cross | property | convert)
    prepare
    "$1"
    ;;
malformed-asan)
    prepare
    malformed_asan
    ;;
*)
    echo "usage: long.sh fuzz | cross | property | convert | malformed-asan" >&2
    exit 2
    ;;
esac
