#!/bin/sh
# Installs what the tests need (Debian 12, Ubuntu 24.04), builds a release in build/release and runs every test.
# The last line is `N passed, N failed, N skipped`; reasons for what is skipped stand before it.
#
# XINF_TEST_PYTHON   a Python with numpy, onnx, cffi, ml_dtypes and pytest; else the system's if it has them, else a virtual
#                    environment in build/venv
# XINF_DATA          the folder of case suites; else ../shared/data. Without it those suites are skipped.
set -eu
cd "$(dirname "$0")/.."
. tests/packages.sh

need cc:gcc
need g++:g++
need meson:meson
need ninja:ninja-build
need pkg-config:pkg-config
need protoc-c:protobuf-c-compiler
need python3:python3
need nm:binutils
need espeak-ng:espeak-ng
need_dev libprotobuf-c:libprotobuf-c-dev
need_dev libpng:libpng-dev
need_dev libcjson:libcjson-dev
need_dev libturbojpeg:libturbojpeg0-dev
need_dev libwebp:libwebp-dev
need_dev libopenjp2:libopenjp2-7-dev

modules='import numpy, onnx, cffi, ml_dtypes, pytest'
python=${XINF_TEST_PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3 build/venv/bin/python3; do
        if "$candidate" -c "$modules" >/dev/null 2>&1; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
    install_missing
    mkdir -p build
    python3 -m venv build/venv
    build/venv/bin/pip install -q --disable-pip-version-check numpy onnx cffi ml_dtypes pytest setuptools
    python=build/venv/bin/python3
fi
install_missing

if [ -f build/release/build.ninja ]; then
    meson configure build/release -Dtests=true >/dev/null
else
    meson setup build/release --buildtype=release >/dev/null
fi
ninja --quiet -C build/release

results=build/tests
rm -rf "$results"
mkdir -p "$results"
echo "$python" >"$results/python"
counts=$results/counts
: >"$counts"
tally() { "$python" tests/tally.py "$@"; }

meson test -C build/release --no-rebuild --print-errorlogs >"$results/meson.txt" 2>&1 || cat "$results/meson.txt"
tally meson "$counts" build/release/meson-logs/testlog.json

XINF_LIBRARY=$PWD/build/release/lib/libxinf.so
XINF_PROGRAM=$PWD/build/release/src/xinf/xinf
PYTHONPATH=$PWD/bindings/python
export XINF_LIBRARY XINF_PROGRAM PYTHONPATH

for folder in bindings/python/tests tests/cli; do
    if [ -d "$folder" ]; then tally add "$counts" -- "$python" -m pytest -q -rs -p no:cacheprovider "$folder"; fi
done
if [ -f tests/models/onnx_node.py ]; then
    tally add "$counts" -- "$python" tests/models/onnx_node.py
fi
tally add "$counts" -- "$python" tests/models/fusion.py
tally add "$counts" -- "$python" tests/models/contrib.py
tally add "$counts" -- "$python" tests/models/image.py
tally add "$counts" -- "$python" tests/models/torchscript.py
# The package brings two model files; nothing of it is run.
[ -d build/silero/silero_vad ] ||
    "$python" -m pip install -q --disable-pip-version-check --no-deps --target build/silero silero-vad >/dev/null 2>&1 || true
tally add "$counts" -- "$python" tests/models/speech.py build/release/examples/vad build/silero
tally add "$counts" -- "$python" tests/models/attributes.py
tally add "$counts" -- "$python" tests/models/convert.py --every 10
tally add "$counts" -- "$python" tests/property/run.py

# Suites of cases: {name, what may stay beyond this build, how they run}. Malformed files get a process each.
data=${XINF_DATA:-../shared/data}
run_case=build/release/tests/models/run-case
suite() {
    name=$1
    shift
    extra=""
    if [ "$1" = some ]; then extra=--allow-unsupported; fi
    shift
    # shellcheck disable=SC2086
    tally add "$counts" --suite-result "$results/$name.json" $extra -- "$python" "$data/run_suite.py" --backend xinf \
        --cmd "$PWD/$run_case" --suite "$name" --json "$results/$name.json" "$@"
}
if [ ! -f "$data/run_suite.py" ]; then
    tally skip "$counts" "case suites: there is no $data"
elif [ ! -x "$run_case" ]; then
    tally skip "$counts" "case suites: run-case was not built"
else
    suite onnx_light all --batch
    suite torch_to_onnx all --batch
    suite demo_faces all --batch
    suite demo_silero_onnx all --batch
    suite demo_images all --batch
    suite onnx_simple some --batch
    suite tract_onnx some --batch
    suite torch_models all --batch
    suite torch_ops all --batch
    suite torch_script all --batch
    suite torch_thirdparty some --batch
    suite torch_pt2 all --batch
    suite torch_reject all --batch
    suite malformed all --timeout 2 --filter "^(onnx|torchscript)__"
fi

tally sum "$counts"
