#!/usr/bin/env python3
"""Writes the tiny models of tests/models/small, which the C tests open. Run again after a change; needs the onnx package."""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

OUT = pathlib.Path(__file__).parent / "small"


def value(name, dtype, shape):
    return h.make_tensor_value_info(name, dtype, shape)


def save(name, nodes, inputs, outputs, weights=(), opset=17):
    graph = h.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(v, k) for k, v in weights])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8, producer_name="make_small")
    onnx.checker.check_model(model)
    onnx.save(model, OUT / f"{name}.onnx")


def main():
    OUT.mkdir(exist_ok=True)
    xn = value("x", T.FLOAT, ["n", 3])
    save("add", [h.make_node("Add", ["x", "y"], ["s"]), h.make_node("Relu", ["s"], ["z"])],
         [xn, value("y", T.FLOAT, ["n", 3])], [value("z", T.FLOAT, ["n", 3])])
    then = h.make_graph([h.make_node("Abs", ["a"], ["t"])], "then", [], [value("t", T.FLOAT, ["n", 3])])
    other = h.make_graph([h.make_node("Neg", ["a"], ["e"])], "else", [], [value("e", T.FLOAT, ["n", 3])])
    save("branch", [h.make_node("Add", ["x", "x"], ["a"]), h.make_node("If", ["c"], ["z"], then_branch=then, else_branch=other)],
         [xn, value("c", T.BOOL, [])], [value("z", T.FLOAT, ["n", 3])])
    body = h.make_graph([h.make_node("Identity", ["go"], ["go_on"]), h.make_node("Add", ["acc", "step"], ["next"]),
                         h.make_node("Identity", ["next"], ["scan"])], "body",
                        [value("i", T.INT64, []), value("go", T.BOOL, []), value("acc", T.FLOAT, [1])],
                        [value("go_on", T.BOOL, []), value("next", T.FLOAT, [1]), value("scan", T.FLOAT, [1])])
    save("loop", [h.make_node("Loop", ["turns", "", "start"], ["last", "all"], body=body)],
         [value("turns", T.INT64, []), value("start", T.FLOAT, [1])], [value("last", T.FLOAT, [1]), value("all", T.FLOAT, ["t", 1])],
         [("step", np.array([0.5], np.float32))])
    endless = h.make_graph([h.make_node("Identity", ["go"], ["go_on"]), h.make_node("Identity", ["acc"], ["next"])], "body",
                           [value("i", T.INT64, []), value("go", T.BOOL, []), value("acc", T.FLOAT, [1])],
                           [value("go_on", T.BOOL, []), value("next", T.FLOAT, [1])])
    save("endless", [h.make_node("Loop", ["", "go0", "start"], ["last"], body=endless)],
         [value("start", T.FLOAT, [1])], [value("last", T.FLOAT, [1])], [("go0", np.array(True))])
    save("nonzero", [h.make_node("NonZero", ["x"], ["where"]), h.make_node("Shape", ["where"], ["shape"])],
         [xn], [value("where", T.INT64, [2, "k"]), value("shape", T.INT64, [2])])
    save("sequence", [h.make_node("SplitToSequence", ["x"], ["parts"], axis=0), h.make_node("SequenceLength", ["parts"], ["count"])],
         [xn], [h.make_tensor_sequence_value_info("parts", T.FLOAT, ["k", 3]), value("count", T.INT64, [])])
    save("text", [h.make_node("StringConcat", ["a", "b"], ["c"])],
         [value("a", T.STRING, ["n"]), value("b", T.STRING, ["n"])], [value("c", T.STRING, ["n"])], opset=20)
    save("reshape", [h.make_node("Shape", ["x"], ["s"]), h.make_node("Gather", ["s", "zero"], ["n"], axis=0),
                     h.make_node("Concat", ["n", "rest"], ["to"], axis=0), h.make_node("Reshape", ["x", "to"], ["z"])],
         [value("x", T.FLOAT, ["batch", 2, 3])], [value("z", T.FLOAT, ["batch", 6])],
         [("zero", np.array([0], np.int64)), ("rest", np.array([-1], np.int64))])
    rng = np.random.default_rng(1)
    save("conv", [h.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]), h.make_node("Relu", ["c"], ["r"]),
                  h.make_node("GlobalAveragePool", ["r"], ["p"]), h.make_node("Flatten", ["p"], ["f"]), h.make_node("Gemm", ["f", "g", "h"], ["z"])],
         [value("x", T.FLOAT, ["n", 3, 8, 8])], [value("z", T.FLOAT, ["n", 4])],
         [("w", rng.standard_normal((8, 3, 3, 3)).astype(np.float32)), ("b", rng.standard_normal(8).astype(np.float32)),
          ("g", rng.standard_normal((8, 4)).astype(np.float32)), ("h", rng.standard_normal(4).astype(np.float32))])
    unknown = h.make_node("NoSuchOperator", ["x"], ["z"], name="odd", domain="example.org")
    graph = h.make_graph([unknown], "unknown", [xn], [value("z", T.FLOAT, ["n", 3])])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("example.org", 1)], ir_version=8), OUT / "unknown.onnx")


if __name__ == "__main__":
    main()
