"""Values of the command line: where inputs come from, what is refused, where results go. cli_test.py has the rest."""

import json
import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests" / "models" / "small"
DIGITS = ROOT / "examples" / "digits" / "digits.onnx"
PROGRAM = os.environ.get("XINF_PROGRAM", str(ROOT / "build" / "release" / "src" / "xinf" / "xinf"))


def xinf(*words, code=0):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    if code == 0:
        assert done.stderr == "", "quiet in a pipe"
    return done


def said(*words, code=1):
    """The one line of a failure, which begins with the file's name."""
    done = xinf(*words, code=code)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("xinf"), done.stderr
    return lines[0]


def save(path, nodes, inputs, outputs, initializer=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializer))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def test_random_is_seeded(tmp_path):
    results = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        xinf("run", DIGITS, "--random", "--seed", seed, "--output-dir", tmp_path / name)
        results.append(np.load(tmp_path / name / "probability.npy"))
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


def test_shape_closes_open_dimensions(tmp_path):
    done = json.loads(xinf("run", SMALL / "add.onnx", "--random", "--shape", "x=5x3", "--json").stdout)
    assert done["outputs"][0]["shape"] == [5, 3], "the size of n in x holds for y too"
    model = save(tmp_path / "open.onnx", [helper.make_node("Relu", ["x"], ["y"])], [value("x", ["n", "h"])], [value("y", ["n", "h"])])
    assert "--shape x=" in said("run", model, "--random")
    assert json.loads(xinf("run", model, "--random", "--shape", "x=2x7", "--json").stdout)["outputs"][0]["shape"] == [2, 7]


def test_names_never_leave_the_folder(tmp_path):
    names = ["../escape", ".hidden", "a/b", "100%", "/tmp/absolute", "grün", "x" * 300]
    nodes = [helper.make_node("Relu", ["x"], [name]) for name in names]
    model = save(tmp_path / "names.onnx", nodes, [value("x", [2])], [value(name, [2]) for name in names])
    out = tmp_path / "deep"
    xinf("run", model, "--random", "--output-dir", out)
    files = json.loads((out / "outputs.json").read_text())
    assert set(files) == set(names)
    assert files["../escape"] == "%2E.%2Fescape.npy" and files["100%"] == "100%25.npy" and files[".hidden"] == "%2Ehidden.npy"
    assert files["grün"] == "gr%C3%BCn.npy"
    assert sorted(os.listdir(out)) == sorted([*files.values(), "outputs.json"])
    assert sorted(os.listdir(tmp_path)) == ["deep", "names.onnx"]


@pytest.mark.parametrize("words", [["--threads", "1"], ["--threads", "2"], ["--isa", "portable"], ["--passes-off", "all"]])
def test_session_options_keep_results(tmp_path, words):
    xinf("run", DIGITS, "--random", "--output-dir", tmp_path / "a")
    xinf("run", DIGITS, "--random", "--output-dir", tmp_path / "b", *words)
    a, b = (np.load(tmp_path / name / "probability.npy") for name in "ab")
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_wrong_inputs(tmp_path):
    np.save(tmp_path / "double.npy", np.zeros((1, 1, 8, 8)))
    np.save(tmp_path / "flat.npy", np.zeros((1, 64), np.float32))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "flat.npy").read_bytes()[:-1])
    line = said("run", DIGITS, "--input", f"image={tmp_path}/double.npy")
    assert "float32" in line and "float64" in line
    assert "image" in said("run", DIGITS, "--input", f"image={tmp_path}/flat.npy")
    assert "shorter" in said("run", DIGITS, "--input", f"image={tmp_path}/cut.npy")
    assert said("run", DIGITS, "--input", f"image={tmp_path}/none.npy")
    assert said("run", DIGITS, "--input", f"image={DIGITS}")


def test_output_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert said("run", DIGITS, "--random", "--output-dir", tmp_path / "file" / "x")
    assert said("run", DIGITS, "--random", "--profile", tmp_path / "no" / "p.json")
    assert said("convert", DIGITS, "-o", tmp_path / "no" / "m.onnx")
