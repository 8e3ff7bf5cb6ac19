"""The binding on small models: values in and out, errors, threads, life times."""
import gc
import pathlib
import threading

import numpy as np
import pytest

import xinf
from xinf import _native

root = pathlib.Path(__file__).resolve().parents[3]
small = root / "tests" / "models" / "small"
digits = root / "examples" / "digits" / "digits.onnx"
onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402


def model_bytes(nodes, inputs, outputs):
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def identity(dtype, shape=("n",)):
    info = lambda name: helper.make_tensor_value_info(name, dtype, shape)
    return xinf.load(model_bytes([helper.make_node("Identity", ["x"], ["y"])], [info("x")], [info("y")]), threads=1)


def add():
    return xinf.load(small / "add.onnx", threads=1)


def test_declarations_of_values():
    model = add()
    assert [v.name for v in model.inputs] == ["x", "y"] and [v.name for v in model.outputs] == ["z"]
    assert model.inputs[0].shape == ("n", 3) and model.inputs[0].dtype == "float32" and model.inputs[0].kind == "tensor"


def test_sum_from_path_and_bytes():
    x, y = np.arange(6, dtype="f4").reshape(2, 3), np.ones((2, 3), "f4")
    for model in add(), xinf.load((small / "add.onnx").read_bytes()):
        assert np.array_equal(model.run({"x": x, "y": y})["z"], x + y)


def test_strided_reversed_and_big_endian_inputs():
    x = np.arange(24, dtype="f4").reshape(3, 8).T[1:7:2]
    y = np.arange(9, dtype=">f4").reshape(3, 3)
    assert np.array_equal(add().run({"x": x, "y": y})["z"], x + y)
    assert np.array_equal(add().run({"x": x[::-1], "y": y})["z"], x[::-1] + y)


def test_lists_take_the_declared_type():
    assert np.array_equal(add().run({"x": [[1, 2, 3]], "y": [[4, 5, 6]]})["z"], np.array([[5, 7, 9]], "f4"))


def test_results_stay_when_more_runs_follow():
    model = identity(TensorProto.FLOAT)
    for count in 10, 100_000:
        first = model.run({"x": np.full(count, 1, "f4")})["y"]
        second = model.run({"x": np.full(count, 2, "f4")})["y"]
        assert first.min() == first.max() == 1 and second.min() == second.max() == 2
        first += 1  # the caller's own, not the input's memory
    del model
    gc.collect()
    assert second.sum() == 200_000 and first.sum() == 200_000


def test_result_is_not_the_input():
    x = np.zeros(100_000, "f4")
    y = identity(TensorProto.FLOAT).run({"x": x})["y"]
    assert not np.shares_memory(x, y)
    x[:] = 7
    assert not y.any()


def test_empty_and_scalar():
    assert add().run({"x": np.zeros((0, 3), "f4"), "y": np.zeros((0, 3), "f4")})["z"].shape == (0, 3)
    assert identity(TensorProto.INT64, ()).run({"x": np.int64(5)})["y"] == 5


@pytest.mark.parametrize("name", ["float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"])
def test_element_types(name):
    x = np.array([0, 1, 1], name)
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(name))
    y = identity(dtype).run({"x": x})["y"]
    assert y.dtype == x.dtype and np.array_equal(x, y)


@pytest.mark.parametrize("name, dtype", [("bfloat16", TensorProto.BFLOAT16), ("float8_e4m3fn", TensorProto.FLOAT8E4M3FN),
                                         ("float8_e5m2", TensorProto.FLOAT8E5M2), ("int4", TensorProto.INT4), ("uint4", TensorProto.UINT4)])
def test_types_of_ml_dtypes(name, dtype):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array([0, 1, 2, 3], getattr(ml_dtypes, name))
    y = identity(dtype).run({"x": x})["y"]
    assert y.dtype == x.dtype and np.array_equal(x.astype("f4"), y.astype("f4"))


def test_raw_numbers_stand_for_bfloat16():
    y = identity(TensorProto.BFLOAT16).run({"x": np.array([0x3F80, 0x4000], "u2")})["y"]
    assert y.view("u2").tolist() == [0x3F80, 0x4000]


def test_strings():
    model = xinf.load(small / "text.onnx")
    c = model.run({"a": np.array(["x", "ä", ""], object), "b": np.array(["1", "2", "3"])})["c"]
    assert c.dtype == object and c.tolist() == ["x1", "ä2", "3"]


def test_sequence_out_and_in():
    parts = xinf.load(small / "sequence.onnx").run({"x": np.arange(6, dtype="f4").reshape(2, 3)})["parts"]
    assert isinstance(parts, list) and all(isinstance(p, np.ndarray) for p in parts)
    info = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = xinf.load(model_bytes([helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0)], [info], [out]))
    assert model.inputs[0].kind == "sequence"
    assert model.run({"s": [np.ones(2, "f4"), np.zeros(1, "f4")]})["y"].tolist() == [1, 1, 0]


def test_errors():
    with pytest.raises(xinf.Error) as e:
        xinf.load("no/such/file.onnx")
    assert e.value.status == "XINF_IO" and "no/such/file.onnx" in e.value.message
    with pytest.raises(xinf.Error) as e:
        xinf.load(b"\x08\x07\xff\xff")
    assert e.value.status in ("XINF_MALFORMED", "XINF_UNSUPPORTED")
    with pytest.raises(xinf.Error) as e:
        xinf.load(small / "unknown.onnx")
    assert e.value.status == "XINF_UNSUPPORTED"
    model = add()
    good = np.zeros((1, 3), "f4")
    for feeds, status in [({"x": good}, None), ({"x": good, "y": good, "w": good}, "XINF_INVALID_ARGUMENT"),
                          ({"x": good, "y": np.zeros((1, 3), "f8")}, "XINF_MISMATCH"), ({"x": good, "y": np.zeros((1, 4), "f4")}, "XINF_MISMATCH")]:
        with pytest.raises(xinf.Error) as e:
            model.run(feeds)
        assert status is None or e.value.status == status
    assert model.run({"x": good, "y": good})["z"].shape == (1, 3)  # a failed run leaves the model usable


def test_limits():
    with pytest.raises(xinf.Error) as e:
        model = xinf.load(small / "endless.onnx", max_steps=1000)
        model.run({v.name: np.zeros([k if isinstance(k, int) else 1 for k in v.shape or ()], v.dtype) for v in model.inputs})
    assert e.value.status == "XINF_LIMIT"


def test_threads_share_a_model():
    model = xinf.load(digits, threads=1, pool=2)
    x = [np.random.default_rng(i).random((4, 1, 8, 8), dtype="f4") for i in range(6)]
    want = [model.run({"image": v})["probability"] for v in x]
    wrong = []

    def work(i):
        for _ in range(20):
            if not np.array_equal(model.run({"image": x[i]})["probability"], want[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(x))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and model._made <= 2


def test_save_and_notes(tmp_path):
    model = xinf.load(digits)
    assert model.metadata["producer_name"]
    model.save(tmp_path / "again.onnx")
    x = {"image": np.random.default_rng(0).random((2, 1, 8, 8), dtype="f4")}
    assert np.allclose(xinf.load(tmp_path / "again.onnx").run(x)["probability"], model.run(x)["probability"], atol=1e-6)


def test_devices_and_version():
    assert xinf.devices()[0].name == "cpu" and xinf.devices()[0].units >= 1
    assert xinf.__version__.count(".") == 2


def test_declarations_of_the_header():
    text = _native.declarations('#ifndef A\n#ifdef __cplusplus\nextern "C" {\n#endif\n#define B \\\n  2\n/* c */ XINF_API int f(void);\n#endif\n')
    assert text.split() == ["int", "f(void);"]
