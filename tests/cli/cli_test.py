"""The command line: what it prints and writes, its exit codes, its messages."""
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

root = pathlib.Path(__file__).resolve().parents[2]
program = os.environ.get("XINF_PROGRAM", str(root / "build/release/src/xinf/xinf"))
small = root / "tests/models/small"
digits = root / "examples/digits/digits.onnx"
COMMANDS = ["info", "run", "bench", "convert", "quantize", "devices"]


def xinf(*args, code=0):
    """Runs it; the exit code must be `code`. Gives standard output and standard error."""
    done = subprocess.run([program, *map(str, args)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def as_json(*args):
    out, err = xinf(*args)
    assert err == "" and out.endswith("}\n")
    return json.loads(out)


def failure(*args):
    """The message of work that failed: one line."""
    out, err = xinf(*args, code=1)
    assert err.startswith("xinf: ") and err.count("\n") == 1, err
    return err


def save(tmp_path, name, array):
    path = tmp_path / f"{name}.npy"
    np.save(path, array)
    return f"{name}={path}"


def made_model(tmp_path, name, nodes, inputs, outputs):
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / name)
    return tmp_path / name


# ---- usage ----


def test_help_and_version():
    out, err = xinf("--help")
    assert err == "" and all(c in out for c in COMMANDS)
    assert xinf("--version")[0].split()[-1].count(".") == 2
    for command in COMMANDS:
        out, err = xinf(command, "--help")
        assert err == "" and f"xinf {command}" in out and "--help" in out


def test_man_page_names_every_option():
    page = (root / "docs/man/xinf.1").read_text().replace("\\-", "-")
    for command in COMMANDS:
        for word in xinf(command, "--help")[0].split():
            if word.startswith("--") and word != "--help":
                assert word.strip(",;.") in page, word


@pytest.mark.parametrize("args", [
    [], ["nothing"], ["info"], ["run"], ["bench"], ["convert", digits], ["convert", "-o", "x.onnx"], ["info", digits, "--no-such"],
    ["devices", digits], ["info", digits, digits], ["run", digits, "--threads", "many"], ["run", digits, "--threads"],
    ["run", digits, "--input", "image"], ["run", digits, "--shape", "image=axb"], ["run", digits, "--isa", "z80"],
    ["bench", digits, "--seconds", "0"], ["bench", digits, "--batch", "-1"], ["info", digits, "--random"]])
def test_wrong_usage(args):
    out, err = xinf(*args, code=2)
    assert out == "" and "xinf" in err


# ---- info ----


def test_info():
    out, err = xinf("info", digits)
    assert err == "" and all(word in out for word in ("onnx", "image", "probability", "float32", "Conv"))


def test_info_json():
    found = as_json("info", digits, "--json", "--memory")
    assert found["format"] == "onnx"
    assert [v["name"] for v in found["inputs"]] == ["image"] and [v["name"] for v in found["outputs"]] == ["probability"]
    text = json.dumps(found)
    assert '"Conv"' in text and "unsupported" in found and not found["unsupported"]
    assert "peak" in text


def test_info_of_what_cannot_run():
    out, _ = xinf("info", small / "unknown.onnx")
    found = as_json("info", small / "unknown.onnx", "--json")
    assert found["unsupported"] and "not" in json.dumps(found["unsupported"]) and "not" in out


def test_info_dumps():
    graph = xinf("info", digits, "--dump-graph")[0]
    assert "Conv" in graph and "probability" in graph
    assert "xk_" in xinf("info", digits, "--dump-plan")[0]
    assert xinf("info", digits, "--dump-graph", "--passes-off", "all")[0] != ""


# ---- run ----


def test_run_from_files(tmp_path):
    x, y = np.arange(6, dtype="f4").reshape(2, 3), np.full((2, 3), 10, "f4")
    out, err = xinf("run", small / "add.onnx", "--input", save(tmp_path, "x", x), "--input", save(tmp_path, "y", y), "--output-dir",
                    tmp_path / "out")
    assert err == "" and "z" in out
    assert json.loads((tmp_path / "out/outputs.json").read_text()) == {"z": "z.npy"}
    assert np.array_equal(np.load(tmp_path / "out/z.npy"), x + y)


def test_run_makes_the_same_random_values(tmp_path):
    results = []
    for i, more in enumerate([["--threads", 1], ["--threads", 2], ["--seed", 7]]):
        xinf("run", digits, "--random", "--shape", "image=5x1x8x8", "--output-dir", tmp_path / str(i), *more)
        results.append(np.load(tmp_path / str(i) / "probability.npy"))
    assert results[0].shape == (5, 10) and np.allclose(results[0].sum(1), 1, atol=1e-5)
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


def test_run_agrees_with_portable_kernels(tmp_path):
    for name, more in (("a", []), ("b", ["--isa", "portable", "--passes-off", "all"])):
        xinf("run", digits, "--random", "--output-dir", tmp_path / name, *more)
    assert np.allclose(np.load(tmp_path / "a/probability.npy"), np.load(tmp_path / "b/probability.npy"), atol=1e-5)


def test_run_json():
    found = as_json("run", digits, "--random", "--json")
    assert found["outputs"][0]["name"] == "probability" and found["outputs"][0]["shape"][1] == 10


def test_profile(tmp_path):
    xinf("run", digits, "--random", "--profile", tmp_path / "p.json")
    trace = json.loads((tmp_path / "p.json").read_text())
    events = [e for e in (trace["traceEvents"] if isinstance(trace, dict) else trace) if e.get("ph") == "X"]
    assert events and all(e["dur"] >= 0 and e["ts"] >= 0 and e["name"] for e in events)
    assert "xk_" in json.dumps(events)


def test_names_that_are_not_file_names(tmp_path):
    onnx = pytest.importorskip("onnx")
    names = ["../../away", ".hidden", "a b%", "plain-1.x_y", "/ü"]
    info = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in ["x", *names]]
    model = made_model(tmp_path, "names.onnx", [onnx.helper.make_node("Neg", ["x"], [n]) for n in names], info[:1], info[1:])
    xinf("run", model, "--random", "--output-dir", tmp_path / "out")
    files = {"..%2F..%2Faway", "%2Ehidden", "a%20b%25", "plain-1.x_y", "%2F%C3%BC"}
    files = {f.replace("..%2F..", "%2E.%2F..") + ".npy" for f in files}
    assert {p.name for p in (tmp_path / "out").iterdir()} == files | {"outputs.json"}
    assert set(json.loads((tmp_path / "out/outputs.json").read_text())) == set(names)
    assert {p.name for p in tmp_path.iterdir()} == {"names.onnx", "out"}


def test_sequence_results(tmp_path):
    xinf("run", small / "sequence.onnx", "--random", "--output-dir", tmp_path / "out")
    found = json.loads((tmp_path / "out/outputs.json").read_text())
    assert isinstance(found["parts"], list) and found["parts"]
    for file in found["parts"] + [found["count"]]:
        np.load(tmp_path / "out" / file)
    assert np.load(tmp_path / "out" / found["count"]) == len(found["parts"])


def test_failures_name_file_and_cause(tmp_path):
    assert "no-such.onnx" in failure("run", tmp_path / "no-such.onnx", "--random")
    (tmp_path / "bad.onnx").write_bytes(b"\x0a\xff\xff\xff\xff\x0f")
    for args in ["info"], ["run", "--random"], ["bench"], ["convert", "-o", tmp_path / "x.onnx"]:
        assert "bad.onnx" in failure(args[0], tmp_path / "bad.onnx", *args[1:])
    assert not (tmp_path / "x.onnx").exists()
    assert "unknown.onnx" in failure("run", small / "unknown.onnx", "--random")
    wrong = save(tmp_path, "image", np.zeros((1, 1, 9, 9), "f4"))
    message = failure("run", digits, "--input", wrong)
    assert "digits.onnx" in message and "image" in message and "9" in message
    assert "picture" in failure("run", digits, "--input", wrong.replace("image=", "picture="))
    assert "image" in failure("run", digits)
    assert "none.npy" in failure("run", digits, "--input", f"image={tmp_path}/none.npy")
    assert "threads" not in failure("run", digits, "--random", "--device", "abacus")
    (tmp_path / "file").write_text("")
    assert "file" in failure("run", digits, "--random", "--output-dir", tmp_path / "file")


def test_limits_end_a_run():
    failure("run", small / "endless.onnx", "--random", "--max-steps", "1000")
    failure("run", small / "endless.onnx", "--random", "--deadline", "100")


# ---- bench, convert, devices ----


def test_bench():
    keys = {"median_ms", "p99_ms", "min_ms", "runs", "threads", "batch", "load_ms", "first_ms", "peak_rss_mib"}
    found = as_json("bench", digits, "--seconds", "0.2", "--threads", 1, "--batch", 3, "--json")
    assert keys <= set(found) and found["batch"] == 3 and found["threads"] == 1 and found["runs"] >= 1
    assert 0 < found["min_ms"] <= found["median_ms"] <= found["p99_ms"] and found["peak_rss_mib"] > 0
    assert "median" in xinf("bench", digits, "--seconds", "0.1")[0]


def test_roofline():
    found = as_json("bench", digits, "--seconds", "0.1", "--batch", 2, "--roofline", "--json")
    steps = found["steps"]
    assert found["peak_gflops"] > 0 and found["peak_gbytes"] > 0
    assert any("conv" in s["kernel"] and s["flops"] > 0 and s["us"] > 0 for s in steps)
    text = xinf("bench", digits, "--seconds", "0.1", "--roofline")[0]
    assert "peak of" in text and len(text.splitlines()) > len(steps) / 2


def test_convert(tmp_path):
    xinf("convert", digits, "-o", tmp_path / "again.onnx")
    for name, model in (("a", digits), ("b", tmp_path / "again.onnx")):
        xinf("run", model, "--random", "--output-dir", tmp_path / name)
    assert np.allclose(np.load(tmp_path / "a/probability.npy"), np.load(tmp_path / "b/probability.npy"), atol=1e-6)
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(str(tmp_path / "again.onnx"), full_check=True)
    failure("convert", digits, "-o", tmp_path / "no/such/folder.onnx")


def test_quantize(tmp_path):
    onnx = pytest.importorskip("onnx")
    out, _ = xinf("quantize", digits, "-o", tmp_path / "q4.onnx", "--report", tmp_path / "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report == as_json("quantize", digits, "-o", tmp_path / "again.onnx", "--json")
    assert out.splitlines()[-1].startswith(f"{report['quantized_layers']} layers")
    assert (tmp_path / "q4.onnx").read_bytes() == (tmp_path / "again.onnx").read_bytes()
    assert report["bytes_after"] < 0.16 * report["bytes_before"] and report["quantized_layers"] == 3
    kept = [layer for layer in report["layers"] if layer["bits"] == 32]
    assert kept and all(layer["sqnr_db"] is None and layer["bytes_after"] == layer["bytes_before"] for layer in kept)
    saved = onnx.load(str(tmp_path / "q4.onnx"))
    onnx.checker.check_model(saved, full_check=True)
    assert sum(t.data_type == onnx.TensorProto.INT4 for t in saved.graph.initializer) == 3
    assert sum(n.op_type == "DynamicQuantizeLinear" for n in saved.graph.node) == 3
    for bits, least in ((8, 40), (6, 28), (4, 16), (2, 3)):
        layers = as_json("quantize", digits, "-o", tmp_path / "b.onnx", "--weight-bits", bits, "--json")["layers"]
        assert all(layer["sqnr_db"] > least for layer in layers if layer["bits"] == bits)
    assert "quantised already" in failure("quantize", tmp_path / "q4.onnx", "-o", tmp_path / "twice.onnx")
    assert "nothing to quantise" in failure("quantize", small / "add.onnx", "-o", tmp_path / "none.onnx")
    xinf("quantize", digits, "-o", tmp_path / "x.onnx", "--weight-bits", 9, code=2)


@pytest.mark.parametrize("method", ["per-channel", "per-tensor", "per-group"])
def test_quantized_runs_elsewhere(tmp_path, method):
    """onnxruntime gives what we give, and both stay near the float model."""
    ort = pytest.importorskip("onnxruntime")
    images = np.random.default_rng(3).random((32, 1, 8, 8), dtype=np.float32)
    image = save(tmp_path, "image", images)
    xinf("quantize", digits, "-o", tmp_path / "q.onnx", "--method", method, "--weight-bits", 8, "--group", 32)
    for name, model in (("float", digits), ("ours", tmp_path / "q.onnx")):
        xinf("run", model, "--input", image, "--output-dir", tmp_path / name)
    ours, float32 = (np.load(tmp_path / name / "probability.npy") for name in ("ours", "float"))
    theirs = ort.InferenceSession(str(tmp_path / "q.onnx"), providers=["CPUExecutionProvider"]).run(["probability"], {"image": images})[0]
    assert np.abs(ours - theirs).max() < 0.01  # a step of an activation may fall the other way
    assert np.abs(ours - float32).max() < 0.05


def test_devices():
    assert "cpu" in xinf("devices")[0]
    found = as_json("devices", "--json")
    assert found["devices"][0]["name"] == "cpu" and found["devices"][0]["units"] >= 1
