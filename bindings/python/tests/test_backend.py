"""xinf.backend against the interface that onnx.backend.test drives."""
import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

import xinf  # noqa: E402
import xinf.backend as backend  # noqa: E402


def subtraction():
    info = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "abcd"}
    nodes = [helper.make_node("Sub", ["a", "b"], ["c"]), helper.make_node("Neg", ["c"], ["d"])]
    graph = helper.make_graph(nodes, "g", [info["a"], info["b"]], [info["d"], info["c"]])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_prepare_and_run():
    a, b = np.array([5, 7], "f4"), np.array([1, 2], "f4")
    prepared = backend.prepare(subtraction(), device="CPU")
    result = prepared.run([a, b])
    assert np.array_equal(result[0], [-4, -5]) and np.array_equal(result.c, [4, 5])
    assert np.array_equal(prepared.run({"b": b, "a": a})[1], [4, 5])
    with pytest.raises(ValueError):
        prepared.run([a, b, a])


def test_run_model_and_node():
    a, b = np.array([5, 7], "f4"), np.array([1, 2], "f4")
    assert np.array_equal(backend.run_model(subtraction(), [a, b])[1], [4, 5])
    assert np.array_equal(backend.run_node(helper.make_node("Mul", ["x", "y"], ["z"]), [a, b])[0], [5, 14])


def test_devices_and_refusals():
    assert backend.supports_device("CPU") and not backend.supports_device("CUDA:0")
    with pytest.raises(ValueError):
        backend.prepare(subtraction(), device="CUDA:0")
    with pytest.raises(xinf.Error) as caught:
        backend.prepare(b"no model")
    assert caught.value.status == "XINF_MALFORMED" or caught.value.status == "XINF_UNSUPPORTED"
