"""Operators written in Python."""
import numpy as np
import pytest

import xinf

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

seen = []


def scale_up(node, x, extra):
    seen.append(node.name)
    y = x * np.float32(node.float("by", 1.0)) + sum(node.ints("add"))
    return [y if extra is None else y + extra, np.int64(x.size)]


def scale_up_shape(node, x, extra):
    return [x, ("int64", ())]


xinf.add_operator("py.test", "ScaleUp", scale_up, scale_up_shape, inputs=(1, 2), outputs=(1, 2))
xinf.add_operator("py.test", "Broken", lambda node, x: x[:, :0])


def model(nodes, opset=20):
    info = helper.make_tensor_value_info
    outputs = [info("y", TensorProto.FLOAT, None)] + ([info("n", TensorProto.INT64, None)] if "n" in nodes[-1].output else [])
    graph = helper.make_graph(nodes, "g", [info("x", TensorProto.FLOAT, ["a", "b"])], outputs)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("py.test", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def test_operator_between_others():
    seen.clear()
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("ScaleUp", ["a", ""], ["b"], domain="py.test", name="mine", by=2.0, add=[1, 2]),
             helper.make_node("Relu", ["b"], ["c"]), helper.make_node("ScaleUp", ["c", "x"], ["y", "n"], domain="py.test")]
    m = xinf.load(model(nodes))
    for shape in ((2, 3), (0, 4), (5, 1)):
        x = np.random.default_rng(1).standard_normal(shape).astype("f4")
        out = m.run({"x": x})
        np.testing.assert_array_equal(out["y"], np.maximum(-x * np.float32(2) + 3, 0) + x)
        assert out["n"] == x.size and out["n"].dtype == np.int64
    assert seen[0] == "mine" and len(seen) == 6


def test_wrong_result_is_an_error():
    m = xinf.load(model([helper.make_node("Broken", ["x"], ["y"], domain="py.test")]))
    with pytest.raises(xinf.Error, match=r"Broken.*output 0 is float32\[2, 0\], not float32\[2, 3\]") as caught:
        m.run({"x": np.ones((2, 3), "f4")})
    assert caught.value.status == "XINF_RUN_ERROR"


def test_names_that_are_taken():
    with pytest.raises(xinf.Error, match="there is an operator py.test.ScaleUp already"):
        xinf.add_operator("py.test", "ScaleUp", scale_up)
    with pytest.raises(xinf.Error, match="is the library's"):
        xinf.add_operator("", "Mine", scale_up)


def test_unknown_operator_is_refused():
    with pytest.raises(xinf.Error, match="operator py.test.Other is not supported"):
        xinf.load(model([helper.make_node("Other", ["x"], ["y"], domain="py.test")]))
