#!/usr/bin/env python3
"""The speech example: silero-vad's TorchScript and ONNX file find the same segments, and agree with torch and onnxruntime.

    python3 tests/models/speech.py VAD PACKAGE      the example's program, the folder with the package silero_vad

Skipped without the package or espeak-ng; torch and onnxruntime are compared with where this Python has them."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import wave

import numpy as np

RATE, WINDOW, CONTEXT = 16000, 512, 64


def skip(why):
    print(why)
    sys.exit(77)


def speak(path):
    """A WAV file at the model's own rate, so that the example resamples nothing."""
    here = pathlib.Path(__file__).resolve().parents[2]
    spoken = path.with_name("spoken.wav")
    subprocess.run(["sh", str(here / "examples/speech/speak.sh"), str(spoken)], check=True)
    with wave.open(str(spoken)) as f:
        rate, samples = f.getframerate(), np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float64)
    at = np.arange(0, len(samples) / rate, 1 / RATE) * rate
    samples = np.interp(at, np.arange(len(samples)), samples).astype("<i2")
    samples = np.concatenate([np.zeros(RATE // 2, "<i2"), samples])
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(samples.tobytes())
    samples = np.pad(samples, (0, -len(samples) % WINDOW)).astype(np.float32) / 32768
    return samples.reshape(-1, 1, WINDOW), str(spoken)


def listen(program, model, sound, folder):
    stem = folder / model.suffix[1:]
    r = subprocess.run([program, str(model), str(sound), f"{stem}.svg", f"{stem}.txt"], capture_output=True, text=True)
    if r.returncode:
        return r.stderr.strip(), None, ""
    return r.stdout, np.loadtxt(f"{stem}.txt"), pathlib.Path(f"{stem}.svg").read_text()


def by_torch(model, windows):
    import torch
    module = torch.jit.load(str(model))
    with torch.no_grad():
        return np.array([float(module(torch.from_numpy(w.copy()), RATE)) for w in windows])


def by_onnxruntime(model, windows):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(model))
    state, before, out = np.zeros((2, 1, 128), np.float32), np.zeros((1, CONTEXT), np.float32), []
    for w in windows:
        p, state = session.run(None, {"input": np.concatenate([before, w], 1), "state": state, "sr": np.array(RATE)})
        before = w[:, -CONTEXT:]
        out.append(float(p[0, 0]))
    return np.array(out)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = pathlib.Path(sys.argv[2]) / "silero_vad/data"
    jit, onnx = data / "silero_vad.jit", data / "silero_vad.onnx"
    if not jit.is_file() or not onnx.is_file():
        skip("the package silero-vad is not installed")
    if not shutil.which("espeak-ng"):
        skip("espeak-ng is not installed")
    if not pathlib.Path(sys.argv[1]).is_file():
        skip("the example vad is not built")
    results = []

    def check(name, good):
        results.append(bool(good))
        if not good:
            print(f"{name}: failed")

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        windows, spoken = speak(folder / "sound.wav")
        said, p, svg = listen(sys.argv[1], jit, folder / "sound.wav", folder)
        said_onnx, q, _ = listen(sys.argv[1], onnx, folder / "sound.wav", folder)
        if p is None or q is None:
            sys.exit(f"vad: {said if p is None else said_onnx}")
        check("three segments", said.splitlines()[-1].startswith("3 segments"))
        check("both files give the same segments", said == said_onnx)
        check("both files give the same probabilities", np.abs(p - q).max() < 1e-4)
        check("one probability a window", len(p) == len(windows))
        check("a picture with the segments", svg.count("#d9ead3") == 3)
        resampled = listen(sys.argv[1], jit, spoken, folder)[0]
        check("another rate is resampled", resampled.splitlines()[-1].startswith("3 segments"))
        for name, model, judge, ours in (("torch", jit, by_torch, p), ("onnxruntime", onnx, by_onnxruntime, q)):
            try:
                worst = np.abs(judge(model, windows) - ours).max()
            except ImportError:
                print(f"{name} is not installed: not compared")
                continue
            print(f"{name}: largest difference {worst:.1e}")
            check(f"agrees with {name}", worst < 1e-4)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
