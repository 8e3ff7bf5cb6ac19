#!/usr/bin/env python3
"""Writes digits.pb, the network of digits.onnx as a frozen TensorFlow GraphDef: input `image` [n,8,8,1], output `probability`.

The protobuf is written field by field with the numbers that TensorFlow publishes (graph.proto, node_def.proto, attr_value.proto,
tensor.proto), so that no TensorFlow is needed. Images lie with their channels last there, and kernels as height, width, in, out.
Needs: numpy, onnx.
"""
import pathlib

import numpy as np
import onnx
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent
FLOAT, INT32 = 1, 3  # DataType


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def number(field, n):
    return varint(field << 3) + varint(n)


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def shape(dims):
    """TensorShapeProto: dim = 2 {size = 1}."""
    return b"".join(block(2, number(1, d)) for d in dims)


def tensor(array):
    """TensorProto: dtype = 1, tensor_shape = 2, tensor_content = 4."""
    return number(1, FLOAT if array.dtype == np.float32 else INT32) + block(2, shape(array.shape)) + block(4, array.tobytes())


# AttrValue: list = 1, s = 2, i = 3, b = 5, type = 6, shape = 7, tensor = 8; ListValue: i = 3.
def a_type(t): return number(6, t)
def a_text(s): return block(2, s)
def a_ints(values): return block(1, block(3, b"".join(varint(v) for v in values)))
def a_bool(b): return number(5, int(b))


class GraphDef:
    """node = 1, versions = 4 {producer = 1}; NodeDef: name = 1, op = 2, input = 3, attr = 5 {key = 1, value = 2}."""

    def __init__(self):
        self.nodes = []

    def add(self, name, op, inputs=(), **attrs):
        body = block(1, name) + block(2, op) + b"".join(block(3, i) for i in inputs)
        for key in sorted(attrs):
            body += block(5, block(1, key) + block(2, attrs[key]))
        self.nodes.append(block(1, body))
        return name

    def const(self, name, array):
        array = np.ascontiguousarray(array)
        return self.add(name, "Const", dtype=a_type(FLOAT if array.dtype == np.float32 else INT32), value=block(8, tensor(array)))

    def bytes(self):
        return b"".join(self.nodes) + block(4, number(1, 27))


def main():
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(HERE / "digits.onnx").graph.initializer}
    nodes = onnx.load(HERE / "digits.onnx").graph.node
    convs = [n.input for n in nodes if n.op_type == "Conv"]
    gemms = [n.input for n in nodes if n.op_type == "Gemm"]
    g, f = GraphDef(), a_type(FLOAT)
    x = g.add("image", "Placeholder", dtype=f, shape=block(7, shape([-1, 8, 8, 1])))
    for k, (_, w, b) in enumerate(convs, 1):
        w = g.const(f"conv{k}/kernel", weights[w].transpose(2, 3, 1, 0))
        x = g.add(f"conv{k}/Conv2D", "Conv2D", [x, w], T=f, data_format=a_text("NHWC"), dilations=a_ints([1, 1, 1, 1]), padding=a_text("SAME"),
                  strides=a_ints([1, 1, 1, 1]), use_cudnn_on_gpu=a_bool(True))
        x = g.add(f"conv{k}/BiasAdd", "BiasAdd", [x, g.const(f"conv{k}/bias", weights[b])], T=f, data_format=a_text("NHWC"))
        x = g.add(f"conv{k}/Relu", "Relu", [x], T=f)
        if k > 1:
            x = g.add(f"pool{k}", "MaxPool", [x], T=f, data_format=a_text("NHWC"), ksize=a_ints([1, 2, 2, 1]), padding=a_text("VALID"),
                      strides=a_ints([1, 2, 2, 1]))
    x = g.add("flatten", "Reshape", [x, g.const("flatten/shape", np.array([-1, 256], np.int32))], T=f, Tshape=a_type(INT32))
    for k, (_, w, b) in enumerate(gemms, 1):
        w = weights[w].T
        if k == 1:  # its rows were channel, row, column; now row, column, channel
            w = w.reshape(64, 2, 2, -1).transpose(1, 2, 0, 3).reshape(256, -1)
        x = g.add(f"dense{k}/MatMul", "MatMul", [x, g.const(f"dense{k}/kernel", w)], T=f, transpose_a=a_bool(False), transpose_b=a_bool(False))
        x = g.add(f"dense{k}/BiasAdd", "BiasAdd", [x, g.const(f"dense{k}/bias", weights[b])], T=f, data_format=a_text("NHWC"))
        if k == 1:
            x = g.add("dense1/Relu", "Relu", [x], T=f)
    g.add("probability", "Softmax", [x], T=f)
    (HERE / "digits.pb").write_bytes(g.bytes())


if __name__ == "__main__":
    main()
