#!/bin/sh
# Where does somebody speak? Installs the package silero-vad into build/speech (its two model files are all that is used),
# makes a WAV file of synthesised speech, and runs the detector from the TorchScript and from the ONNX file.
#
#     speech.sh [FILE.wav]        a recording of your own instead
set -eu
cd "$(dirname "$0")/../.."
. tests/packages.sh

need cc:gcc meson:meson ninja:ninja-build pkg-config:pkg-config protoc-c:protobuf-c-compiler python3:python3
[ $# -gt 0 ] || need espeak-ng:espeak-ng
need_dev libprotobuf-c:libprotobuf-c-dev
python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
install_missing

out=build/speech
mkdir -p "$out"
[ -d "$out/venv" ] || python3 -m venv "$out/venv"
models=$(echo "$out"/venv/lib/python3*/site-packages/silero_vad/data)
if [ ! -d "$models" ]; then
    "$out/venv/bin/pip" install -q --disable-pip-version-check --no-deps silero-vad
    models=$(echo "$out"/venv/lib/python3*/site-packages/silero_vad/data)
fi
sound=${1:-$out/speech.wav}
[ $# -gt 0 ] || sh examples/speech/speak.sh "$sound"

[ -f build/release/build.ninja ] || meson setup build/release --buildtype=release -Dtests=false >/dev/null
ninja -C build/release examples/vad
for form in jit onnx; do
    build/release/examples/vad "$models/silero_vad.$form" "$sound" "$out/$form.svg" "$out/$form.txt" >"$out/$form"
done
cmp "$out/jit" "$out/onnx"
cat "$out/jit"
echo "silero_vad.jit and silero_vad.onnx say the same"
echo "picture: $out/jit.svg"
