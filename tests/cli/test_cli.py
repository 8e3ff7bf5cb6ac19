"""The command line against its contract: what it prints, writes and returns. XINF_PROGRAM names the program; tests/run.sh sets it."""
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
BENCH_FIELDS = {"median_ms", "p99_ms", "min_ms", "runs", "threads", "batch", "load_ms", "first_ms", "peak_rss_mib"}


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


# ---- usage ----

@pytest.mark.parametrize("command", ["info", "run", "bench", "convert", "devices"])
def test_help_of_each_command(command):
    text = xinf(command, "--help").stdout
    assert text.startswith(f"usage: xinf {command}") and "--help" in text


def test_overview_and_version():
    text = xinf("--help").stdout
    for command in ("info", "run", "bench", "convert", "devices"):
        assert f"  {command} " in text
    assert xinf("--version").stdout.split()[0] == "xinf"


@pytest.mark.parametrize("words", [
    [], ["no-such-command"], ["info"], ["run", DIGITS, "--no-such-option"], ["run", DIGITS, "--threads"],
    ["run", DIGITS, "--threads", "none"], ["run", DIGITS, "--threads", "0"], ["run", DIGITS, "--input", "image"],
    ["bench", DIGITS, "--shape", "image=1xx8"], ["bench", DIGITS, "--shape", "image=1x"], ["bench", DIGITS, "--seconds", "-1"],
    ["run", DIGITS, "--isa", "mmx"], ["run", DIGITS, "--precision", "int3"], ["convert", DIGITS], ["run", DIGITS, DIGITS],
    ["devices", DIGITS], ["run", DIGITS, "--random=yes"], ["bench", DIGITS, "--memory"], ["info", DIGITS, "--json", "--dump-plan"],
])
def test_wrong_usage_is_2(words):
    assert xinf(*words, code=2).stderr


# ---- info ----

def test_info_json():
    info = json.loads(xinf("info", DIGITS, "--json", "--memory").stdout)
    assert info["format"] == "onnx" and info["unsupported"] == []
    assert [v["name"] for v in info["inputs"]] == ["image"] and info["inputs"][0]["shape"][1:] == [1, 8, 8]
    assert isinstance(info["inputs"][0]["shape"][0], str)
    assert info["operators"]["Conv"] == 3 and sum(info["operators"].values()) == info["nodes"]
    assert info["memory"]["peak_bytes"] > 0


def test_info_text_names_what_cannot_run():
    text = xinf("info", SMALL / "unknown.onnx").stdout
    assert "cannot run here" in text and "NoSuchOperator" in text
    assert "runs here" in xinf("info", DIGITS).stdout
    assert "peak memory = " in xinf("info", DIGITS, "--memory").stdout


def test_dumps():
    text = xinf("info", SMALL / "conv.onnx", "--dump-graph", "--dump-plan").stdout
    assert text.index("# before the passes") < text.index("# after the passes") < text.index("# plan")
    assert "Conv(" in text


# ---- run ----

def test_run_computes(tmp_path):
    x = np.arange(6, dtype=np.float32).reshape(2, 3) - 3
    y = np.ones((2, 3), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.asfortranarray(y))
    xinf("run", SMALL / "add.onnx", "--input", f"x={tmp_path}/x.npy", f"--input=y={tmp_path}/y.npy", "--output-dir", tmp_path / "out")
    files = json.loads((tmp_path / "out" / "outputs.json").read_text())
    assert files == {"z": "z.npy"}
    assert np.array_equal(np.load(tmp_path / "out" / "z.npy"), np.maximum(x + y, 0))


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


def test_sequence_outputs(tmp_path):
    done = xinf("run", SMALL / "sequence.onnx", "--random", "--output-dir", tmp_path)
    assert "sequence of" in done.stdout
    files = json.loads((tmp_path / "outputs.json").read_text())
    assert isinstance(files["parts"], list) and all((tmp_path / name).is_file() for name in files["parts"])


def test_profile_is_a_chrome_trace(tmp_path):
    xinf("run", DIGITS, "--random", "--profile", tmp_path / "p.json")
    events = json.loads((tmp_path / "p.json").read_text())["traceEvents"]
    assert events and all(e["ph"] == "X" and e["dur"] >= 0 and e["args"]["kernel"] for e in events)
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)


@pytest.mark.parametrize("words", [["--threads", "1"], ["--threads", "2"], ["--isa", "portable"], ["--passes-off", "all"]])
def test_session_options_keep_results(tmp_path, words):
    xinf("run", DIGITS, "--random", "--output-dir", tmp_path / "a")
    xinf("run", DIGITS, "--random", "--output-dir", tmp_path / "b", *words)
    a, b = (np.load(tmp_path / name / "probability.npy") for name in "ab")
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# ---- failures ----

def test_failures_name_file_and_reason(tmp_path):
    missing = tmp_path / "missing.onnx"
    assert said("info", missing).startswith(f"xinf: {missing}: ")
    text = tmp_path / "text.onnx"
    text.write_text("this is no model")
    assert said("run", text, "--random").startswith(f"xinf: {text}: ")
    assert "NoSuchOperator" in said("run", SMALL / "unknown.onnx", "--random")
    assert "steps" in said("run", SMALL / "endless.onnx", "--random", "--max-steps", 1000)
    assert said("run", SMALL / "endless.onnx", "--random", "--deadline", 100)
    assert "no input nobody; the model has image" in said("run", DIGITS, "--random", "--shape", "nobody=1")
    assert "--random" in said("run", DIGITS)


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


# ---- bench, convert, devices ----

def test_bench_json():
    bench = json.loads(xinf("bench", DIGITS, "--batch", 3, "--seconds", 0.2, "--threads", 1, "--json").stdout)
    assert set(bench) == BENCH_FIELDS
    assert bench["batch"] == 3 and bench["threads"] == 1 and bench["runs"] >= 5
    assert 0 < bench["min_ms"] <= bench["median_ms"] <= bench["p99_ms"] and bench["peak_rss_mib"] > 0


def test_bench_text():
    assert "median" in xinf("bench", DIGITS, "--seconds", "0.1").stdout


def test_convert_gives_an_equal_model(tmp_path):
    xinf("convert", DIGITS, "-o", tmp_path / "again.onnx")
    onnx.checker.check_model(str(tmp_path / "again.onnx"))
    xinf("run", DIGITS, "--random", "--output-dir", tmp_path / "a")
    xinf("run", tmp_path / "again.onnx", "--random", "--output-dir", tmp_path / "b")
    a, b = (np.load(tmp_path / name / "probability.npy") for name in "ab")
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_devices():
    devices = json.loads(xinf("devices", "--json").stdout)["devices"]
    assert devices[0]["name"] == "cpu" and devices[0]["units"] >= 1
    assert xinf("devices").stdout.startswith("cpu")
