#!/usr/bin/env python3
"""Every fusing pass against the run without passes: patterns as exporters write them, with the variations that must not fuse.

    PYTHONPATH=bindings/python python3 tests/models/fusion.py [MODEL.onnx]…

Each case is a small ONNX graph, an operator that the graph must hold after the passes ("!Op": must not), and a tolerance. It runs with
all passes, with none, and with each pass switched off alone. A path is a model: the same comparison on random inputs."""
import re
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

import xinf
import xinf._native

TYPES = {"f32": (T.FLOAT, np.float32), "f16": (T.FLOAT16, np.float16)}
SQRT2 = 1.4142135381698608


class Graph:
    """Builds one graph node by node."""

    def __init__(self, name, seed=1, dtype="f32", opset=20):
        self.name, self.opset = name, opset
        self.type, self.np = TYPES[dtype]
        self.nodes, self.inputs, self.consts, self.outs = [], [], [], []
        self.random = np.random.default_rng(seed)

    def input(self, *shape, declared=None):
        name = f"in{len(self.inputs)}"
        self.inputs.append((name, shape, declared or shape))
        return name

    def const(self, value, dtype=None):
        name = f"c{len(self.consts)}"
        self.consts.append(nh.from_array(np.array(value, dtype or self.np), name))
        return name

    def weight(self, *shape, low=-0.5, high=0.5):
        return self.const(self.random.uniform(low, high, shape))

    def ints(self, *values):
        return self.const(list(values), np.int64)

    def op(self, kind, *inputs, outputs=1, **attrs):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(h.make_node(kind, list(inputs), names, **attrs))
        return names[0] if outputs == 1 else names

    def output(self, *names):
        self.outs += names
        return self

    def bytes(self):
        value = h.make_tensor_value_info
        inputs = [value(n, self.type, d) for n, _, d in self.inputs]
        outputs = [value(n, self.type, None) for n in self.outs]
        graph = h.make_graph(self.nodes, self.name, inputs, outputs, self.consts)
        return h.make_model(graph, opset_imports=[h.make_opsetid("", self.opset)], ir_version=9).SerializeToString()

    def feeds(self):
        return {n: self.random.standard_normal(s).astype(self.np) for n, s, _ in self.inputs}


CASES = []


def case(*wanted, tolerance=2e-6):
    def add(function):
        CASES.append((function, wanted, tolerance))
        return function
    return add


# ---- convolutions ----

def conv(g, x, cin, cout, k=3, bias=True, group=1, **attrs):
    inputs = [x, g.weight(cout, cin // group, k, k)] + ([g.weight(cout)] if bias else [])
    return g.op("Conv", *inputs, group=group, pads=[k // 2] * 4, **attrs)


ACTIVATIONS = {"Relu": {}, "Sigmoid": {}, "HardSwish": {}, "Tanh": {}, "LeakyRelu": {"alpha": 0.3}, "Elu": {"alpha": 0.7}, "Gelu": {},
               "HardSigmoid": {"alpha": 0.16, "beta": 0.4}, "Mish": {}, "Softplus": {}, "Softsign": {}, "ThresholdedRelu": {"alpha": 0.2}}
for act, act_attrs in ACTIVATIONS.items():
    def conv_act(act=act, attrs=act_attrs):
        g = Graph("conv_" + act)
        return g.output(g.op(act, conv(g, g.input(2, 8, 9, 7), 8, 12), **attrs))
    case("FusedConv", f"!{act}", tolerance=1e-5)(conv_act)

    def matmul_act(act=act, attrs=act_attrs):
        g = Graph("matmul_" + act)
        return g.output(g.op(act, g.op("Add", g.op("MatMul", g.input(2, 5, 24), g.weight(24, 20)), g.weight(20)), **attrs))
    case("FusedMatMul", f"!{act}", tolerance=1e-5)(matmul_act)


@case("FusedConv", "!Clip")
def conv_clip():
    g = Graph("conv_clip")
    return g.output(g.op("Clip", conv(g, g.input(1, 8, 6, 6), 8, 8, bias=False), g.const(0.0), g.const(6.0)))


@case("Clip")
def conv_clip_of_a_run():
    g = Graph("conv_clip_of_a_run")
    return g.output(g.op("Clip", conv(g, g.input(1, 8, 6, 6), 8, 8), g.input()))


@case("FusedConv", "!Add")
def conv_residual():
    g = Graph("conv_residual")
    x = g.input(1, 8, 6, 6)
    y = g.op("Relu", conv(g, x, 8, 8))
    return g.output(g.op("Relu", g.op("Add", conv(g, y, 8, 8), y)))


@case("FusedConv", "!Add")
def conv_two_meet():
    g = Graph("conv_two_meet")
    x = g.input(1, 8, 6, 6)
    return g.output(g.op("Relu", g.op("Add", conv(g, x, 8, 16, 1), conv(g, g.op("Neg", x), 8, 16))))


@case("FusedConv", "!Add")
def conv_residual_symbolic():
    g = Graph("conv_residual_symbolic")
    x = g.input(3, 8, 6, 6, declared=("N", 8, 6, 6))
    return g.output(g.op("Add", x, conv(g, x, 8, 8)))


@case("Add")
def conv_residual_of_unknown_size():
    g = Graph("conv_residual_of_unknown_size")
    x, r = g.input(3, 8, 6, 6, declared=("N", 8, 6, 6)), g.input(1, 8, 6, 6, declared=("M", 8, 6, 6))
    return g.output(g.op("Add", r, conv(g, x, 8, 8)))


@case("Add")
def conv_residual_broadcast():
    g = Graph("conv_residual_broadcast")
    return g.output(g.op("Add", conv(g, g.input(2, 8, 6, 6), 8, 8), g.input(1, 1, 6, 6)))


@case("Add")
def conv_residual_larger():
    g = Graph("conv_residual_larger")
    return g.output(g.op("Add", conv(g, g.input(1, 8, 6, 6), 8, 8), g.weight(4, 8, 6, 6)))


@case("FusedConv", "!Add")
def conv_bias_after():
    g = Graph("conv_bias_after")
    return g.output(g.op("Add", conv(g, g.input(2, 8, 6, 6), 8, 8, bias=False), g.weight(1, 8, 1, 1)))


@case("FusedConv", "!Add")
def conv_bias_twice():
    g = Graph("conv_bias_twice")
    return g.output(g.op("Relu", g.op("Add", g.weight(8, 1, 1), conv(g, g.input(2, 8, 6, 6), 8, 8))))


@case("Add")
def conv_bias_of_columns():
    g = Graph("conv_bias_of_columns")
    return g.output(g.op("Add", conv(g, g.input(2, 8, 6, 6), 8, 6), g.weight(6)))


@case("Relu", "Conv")
def conv_read_twice():
    g = Graph("conv_read_twice")
    y = conv(g, g.input(1, 8, 6, 6), 8, 8)
    return g.output(g.op("Mul", g.op("Relu", y), y))


@case("Relu", "Conv")
def conv_is_output():
    g = Graph("conv_is_output")
    y = conv(g, g.input(1, 8, 6, 6), 8, 8)
    return g.output(y, g.op("Relu", y))


@case("FusedConv", "!Sigmoid", "!Mul", tolerance=1e-5)
def conv_silu():
    g = Graph("conv_silu")
    y = conv(g, g.input(2, 16, 5, 5), 16, 16, group=16)
    return g.output(g.op("Mul", y, g.op("Sigmoid", y)))


@case("FusedConv", "!HardSigmoid")
def conv_hard_sigmoid_product():
    g = Graph("conv_hard_sigmoid_product")
    y = conv(g, g.input(2, 16, 5, 5), 16, 16)
    return g.output(g.op("Mul", g.op("HardSigmoid", y, alpha=1 / 6, beta=0.5), y))


@case("FusedConv", "!Clip", "!Div")
def conv_hard_swish_spelled():
    g = Graph("conv_hard_swish_spelled")
    y = conv(g, g.input(2, 16, 5, 5), 16, 16)
    z = g.op("Clip", g.op("Add", y, g.const(3.0)), g.const(0.0), g.const(6.0))
    return g.output(g.op("Div", g.op("Mul", y, z), g.const(6.0)))


@case("!HardSwish", "Mul")
def hard_swish_with_other_bounds():
    g = Graph("hard_swish_with_other_bounds")
    y = g.input(2, 16, 5, 5)
    z = g.op("Clip", g.op("Add", y, g.const(3.0)), g.const(0.0), g.const(5.0))
    return g.output(g.op("Div", g.op("Mul", y, z), g.const(6.0)))


# ---- batch normalization, scale, pads ----

def batchnorm(g, x, c):
    return g.op("BatchNormalization", x, g.weight(c, low=0.5, high=1.5), g.weight(c), g.weight(c), g.weight(c, low=0.1, high=2.0))


@case("!BatchNormalization", tolerance=1e-5)
def batchnorm_conv():
    g = Graph("batchnorm_conv")
    return g.output(g.op("Relu", batchnorm(g, conv(g, g.input(2, 8, 6, 6), 8, 12, bias=False, group=4), 12)))


@case("!BatchNormalization", tolerance=1e-5)
def batchnorm_conv_bias():
    g = Graph("batchnorm_conv_bias")
    return g.output(batchnorm(g, conv(g, g.input(2, 8, 6, 6), 8, 12), 12))


@case("!BatchNormalization", tolerance=1e-5)
def batchnorm_transposed():
    g = Graph("batchnorm_transposed")
    y = g.op("ConvTranspose", g.input(2, 8, 5, 5), g.weight(8, 3, 3, 3), g.weight(6), group=2, strides=[2, 2])
    return g.output(batchnorm(g, y, 6))


@case("!BatchNormalization", tolerance=1e-5)
def batchnorm_gemm():
    g = Graph("batchnorm_gemm")
    return g.output(batchnorm(g, g.op("Gemm", g.input(4, 10), g.weight(12, 10), g.weight(12), transB=1, alpha=0.5), 12))


@case("!BatchNormalization", tolerance=1e-5)
def batchnorm_gemm_straight():
    g = Graph("batchnorm_gemm_straight")
    return g.output(batchnorm(g, g.op("Gemm", g.input(4, 10), g.weight(10, 12)), 12))


@case("BatchNormalization")
def batchnorm_of_shared_result():
    g = Graph("batchnorm_of_shared_result")
    y = conv(g, g.input(2, 8, 6, 6), 8, 12)
    return g.output(batchnorm(g, y, 12), g.op("Neg", y))


@case("!Mul", tolerance=1e-5)
def scale_after_conv():
    g = Graph("scale_after_conv")
    return g.output(g.op("Mul", conv(g, g.input(2, 8, 6, 6), 8, 12), g.weight(12, 1, 1)))


@case("!Mul", tolerance=1e-5)
def scale_behind_transpose():
    g = Graph("scale_behind_transpose")
    y = g.op("Add", g.op("MatMul", g.input(2, 5, 6, 16), g.weight(16, 12)), g.weight(12))
    return g.output(g.op("Mul", g.weight(12, 1, 1), g.op("Transpose", y, perm=[0, 3, 1, 2])))


@case("Mul")
def scale_of_rows():
    g = Graph("scale_of_rows")
    return g.output(g.op("Mul", g.op("MatMul", g.input(2, 12, 16), g.weight(16, 12)), g.weight(12, 1)))


@case("!Pad")
def pad_conv():
    g = Graph("pad_conv")
    x = g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, 1, 2, 0, 0, 3, 0))
    return g.output(conv(g, x, 8, 8))


@case("!Pad")
def pad_conv_axes():
    g = Graph("pad_conv_axes")
    x = g.op("Pad", g.input(2, 8, 6, 6), g.ints(1, 2), g.const(0.0), g.ints(-1), mode="constant")
    return g.output(g.op("Relu", g.op("Conv", x, g.weight(8, 8, 3, 3))))


@case("Pad")
def pad_reflects():
    g = Graph("pad_reflects")
    return g.output(conv(g, g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"), 8, 8))


@case("Pad")
def pad_of_one():
    g = Graph("pad_of_one")
    return g.output(conv(g, g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, 1, 1, 0, 0, 1, 1), g.const(1.0)), 8, 8))


@case("Pad")
def pad_of_channels():
    g = Graph("pad_of_channels")
    return g.output(conv(g, g.op("Pad", g.input(2, 7, 6, 6), g.ints(0, 1, 1, 1, 0, 0, 1, 1)), 8, 8))


@case("Pad")
def pad_cuts():
    g = Graph("pad_cuts")
    return g.output(conv(g, g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, -1, 1, 0, 0, 1, 1)), 8, 8))


@case("!Pad")
def pad_average():
    g = Graph("pad_average")
    x = g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, 1, 1, 0, 0, 1, 0))
    return g.output(g.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2]))


@case("Pad")
def pad_average_own():
    g = Graph("pad_average_own")
    x = g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, 1, 1, 0, 0, 1, 0))
    return g.output(g.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))


@case("Pad")
def pad_maximum_of_zero():
    g = Graph("pad_maximum_of_zero")
    x = g.op("Pad", g.op("Sub", g.input(2, 8, 6, 6), g.const(9.0)), g.ints(0, 0, 1, 1, 0, 0, 1, 1))
    return g.output(g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]))


@case("!Pad")
def pad_maximum():
    g = Graph("pad_maximum")
    x = g.op("Pad", g.input(2, 8, 6, 6), g.ints(0, 0, 1, 1, 0, 0, 1, 1), g.const(-np.inf))
    return g.output(g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]))


# ---- matrix products ----

@case("FusedMatMul", "!Add")
def matmul_residual():
    g = Graph("matmul_residual")
    x = g.input(2, 5, 24)
    y = g.op("Add", g.weight(24), g.op("MatMul", x, g.weight(24, 24)))
    return g.output(g.op("Relu", g.op("Add", x, y)))


@case("FusedMatMul", "!Add")
def matmul_residual_first():
    g = Graph("matmul_residual_first")
    x = g.input(2, 5, 24)
    return g.output(g.op("Add", g.op("Add", g.op("MatMul", x, g.weight(24, 24)), x), g.weight(24)))


@case("Add")
def matmul_residual_larger():
    g = Graph("matmul_residual_larger")
    return g.output(g.op("Add", g.op("MatMul", g.input(1, 5, 24), g.weight(24, 24)), g.input(3, 5, 24)))


@case("Add")
def matmul_column():
    g = Graph("matmul_column")
    return g.output(g.op("Add", g.op("MatMul", g.input(5, 24), g.weight(24, 6)), g.weight(5, 1)))


@case("FusedMatMul", "!Gemm")
def gemm_relu():
    g = Graph("gemm_relu")
    return g.output(g.op("Relu", g.op("Gemm", g.input(24, 5), g.weight(6, 24), g.weight(6), transA=1, transB=1, alpha=0.25)))


@case("Gemm")
def gemm_beta():
    g = Graph("gemm_beta")
    return g.output(g.op("Relu", g.op("Gemm", g.input(5, 24), g.weight(24, 6), g.weight(6), beta=0.25)))


@case("Gemm")
def gemm_column():
    g = Graph("gemm_column")
    return g.output(g.op("Relu", g.op("Gemm", g.input(5, 24), g.weight(24, 6), g.weight(5, 1))))


@case("FusedMatMul")
def matmul_two_inputs():
    g = Graph("matmul_two_inputs")
    return g.output(g.op("Relu", g.op("MatMul", g.input(2, 3, 5, 8), g.input(2, 3, 8, 7))))


@case("MatMul")
def matmul_vector():
    g = Graph("matmul_vector")
    return g.output(g.op("Relu", g.op("MatMul", g.input(5, 8), g.weight(8))))


# ---- normalization ----

def mean(g, x, axes=(-1,)):
    return g.op("ReduceMean", x, g.ints(*axes), keepdims=1)


def layernorm(g, x, n, epsilon=1e-5, square="Pow", twice=False, cast=False, inverse=False, axes=(-1,)):
    d = g.op("Sub", x, mean(g, x, axes))
    e = g.op("Sub", x, mean(g, x, axes)) if twice else d
    if cast:
        e = g.op("Cast", e, to=T.FLOAT)
    q = g.op("Pow", e, g.const(2.0)) if square == "Pow" else g.op("Mul", e, e)
    s = g.op("Sqrt", g.op("Add", mean(g, q, axes), g.const(epsilon)))
    y = g.op("Mul", d, g.op("Reciprocal", s)) if inverse else g.op("Div", d, s)
    return g.op("Add", g.op("Mul", y, g.weight(n)), g.weight(n))


for number, options in enumerate([{}, {"square": "Mul"}, {"twice": True}, {"cast": True}, {"inverse": True, "epsilon": 1e-3}]):
    def layernorm_case(options=options, number=number):
        g = Graph(f"layernorm_{number}")
        return g.output(layernorm(g, g.input(2, 5, 24), 24, **options))
    case("LayerNormalization", "!Sqrt", "!Mul", "!Add", tolerance=1e-5)(layernorm_case)


@case("!LayerNormalization", "Sqrt", tolerance=1e-5)
def layernorm_of_other_axis():
    g = Graph("layernorm_of_other_axis")
    return g.output(layernorm(g, g.input(2, 24, 24), 24, axes=(1,)))


@case("LayerNormalization", "Mul", tolerance=1e-5)
def layernorm_scaled_by_run():
    g = Graph("layernorm_scaled_by_run")
    x = g.input(2, 5, 24)
    d = g.op("Sub", x, mean(g, x))
    y = g.op("Div", d, g.op("Sqrt", g.op("Add", mean(g, g.op("Mul", d, d)), g.const(1e-5))))
    return g.output(g.op("Mul", y, g.input(24)), d)


@case("RMSNormalization", "!Sqrt", tolerance=1e-5)
def rmsnorm():
    g = Graph("rmsnorm", opset=23)
    x = g.input(2, 5, 24)
    s = g.op("Sqrt", g.op("Add", mean(g, g.op("Pow", x, g.const(2.0))), g.const(1e-6)))
    return g.output(g.op("Mul", g.op("Mul", x, g.op("Div", g.const(1.0), s)), g.weight(24)))


@case("SkipLayerNormalization", "!Add", tolerance=1e-5)
def skipnorm():
    g = Graph("skipnorm")
    x = g.op("Add", g.input(2, 5, 24), g.input(2, 5, 24))
    return g.output(g.op("Mul", g.op("LayerNormalization", x, g.weight(24), g.weight(24)), x))


@case("!SkipLayerNormalization", tolerance=1e-5)
def skipnorm_broadcast():
    g = Graph("skipnorm_broadcast")
    x = g.op("Add", g.input(2, 5, 24), g.input(1, 5, 24))
    return g.output(g.op("LayerNormalization", x, g.weight(24), g.weight(24)))


@case("!SkipLayerNormalization", tolerance=1e-5)
def skipnorm_one_scale():
    g = Graph("skipnorm_one_scale")
    x = g.op("Add", g.input(2, 5, 24, declared=(2, 5, "C")), g.input(2, 5, 24, declared=(2, 5, "C")))
    return g.output(g.op("LayerNormalization", x, g.weight(1)))


@case("SkipLayerNormalization", "!Add", tolerance=1e-5)
def skipnorm_sum_is_output():
    g = Graph("skipnorm_sum_is_output")
    x = g.op("Add", g.input(2, 5, 24), g.input(2, 5, 24))
    return g.output(x, g.op("LayerNormalization", x, g.weight(24)))


# ---- GELU ----

def gelu_factor(g, x):
    return g.op("Add", g.op("Erf", g.op("Div", x, g.const(SQRT2))), g.const(1.0))


@case("Gelu", "!Erf", tolerance=1e-5)
def gelu_half_last():
    g = Graph("gelu_half_last")
    x = g.input(3, 50)
    return g.output(g.op("Mul", g.op("Mul", x, gelu_factor(g, x)), g.const(0.5)))


@case("Gelu", "!Erf", tolerance=1e-5)
def gelu_half_first():
    g = Graph("gelu_half_first")
    x = g.input(3, 50)
    return g.output(g.op("Mul", g.op("Mul", g.const(0.5), x), gelu_factor(g, x)))


@case("Gelu", "!Erf", tolerance=1e-5)
def gelu_half_between():
    g = Graph("gelu_half_between")
    x = g.input(3, 50)
    return g.output(g.op("Mul", x, g.op("Div", gelu_factor(g, x), g.const(2.0))))


@case("Erf", tolerance=1e-5)
def gelu_of_another():
    g = Graph("gelu_of_another")
    x, y = g.input(3, 50), g.input(3, 50)
    return g.output(g.op("Mul", g.op("Mul", x, gelu_factor(g, y)), g.const(0.5)))


@case("Erf", tolerance=1e-5)
def gelu_with_wrong_root():
    g = Graph("gelu_with_wrong_root")
    x = g.input(3, 50)
    f = g.op("Add", g.op("Erf", g.op("Div", x, g.const(1.41))), g.const(1.0))
    return g.output(g.op("Mul", g.op("Mul", x, f), g.const(0.5)))


@case("Gelu", "!Tanh", tolerance=1e-5)
def gelu_tanh():
    g = Graph("gelu_tanh")
    x = g.input(3, 50)
    inner = g.op("Add", x, g.op("Mul", g.const(0.044715), g.op("Pow", x, g.const(3.0))))
    f = g.op("Add", g.const(1.0), g.op("Tanh", g.op("Mul", inner, g.const(0.7978845608028654))))
    return g.output(g.op("Mul", g.op("Mul", g.const(0.5), x), f))


@case("Gelu", "!Tanh", tolerance=1e-5)
def gelu_tanh_factored():
    g = Graph("gelu_tanh_factored")
    x = g.input(3, 50)
    inner = g.op("Add", g.const(1.0), g.op("Mul", g.op("Mul", x, g.const(0.044715)), x))
    f = g.op("Add", g.const(1.0), g.op("Tanh", g.op("Mul", g.op("Mul", x, g.const(0.7978845608028654)), inner)))
    return g.output(g.op("Mul", g.op("Mul", x, g.const(0.5)), f))


@case("Gelu", "Erf", tolerance=1e-5)
def gelu_inner_is_output():
    g = Graph("gelu_inner_is_output")
    x = g.input(3, 50)
    f = gelu_factor(g, x)
    return g.output(g.op("Mul", g.op("Mul", x, g.const(0.5)), f), f)


@case("Swish", "!Sigmoid", tolerance=1e-5)
def quick_gelu():
    g = Graph("quick_gelu")
    x = g.input(3, 50)
    return g.output(g.op("Mul", x, g.op("Sigmoid", g.op("Mul", g.const(1.702), x))))


@case("Mish", "!Tanh", tolerance=1e-5)
def mish():
    g = Graph("mish")
    x = g.input(3, 50)
    return g.output(g.op("Mul", x, g.op("Tanh", g.op("Softplus", x))))


# ---- attention ----

def attention(g, n=2, heads=3, t=7, s=9, d=8, e=5, scale="div", mask=None, transpose="swap", declared=None, axis=-1):
    name = declared or n
    q, v = g.input(n, heads, t, d, declared=(name, heads, t, d)), g.input(n, heads, s, e, declared=(name, heads, s, e))
    if transpose == "swap":
        k = g.op("Transpose", g.input(n, heads, s, d, declared=(name, heads, s, d)), perm=[0, 1, 3, 2])
    elif transpose == "heads":
        k = g.op("Transpose", g.input(n, s, heads, d, declared=(name, s, heads, d)), perm=[0, 2, 3, 1])
    else:
        k = g.input(n, heads, d, s, declared=(name, heads, d, s))
    if scale == "operands":
        q, k = g.op("Mul", q, g.const(0.6)), g.op("Mul", k, g.const(0.5))
    y = g.op("MatMul", q, k)
    if scale in ("div", "mul"):
        y = g.op("Div", y, g.const(2.8)) if scale == "div" else g.op("Mul", g.const(0.35), y)
    if mask:
        y = g.op("Add", y, g.input(*mask))
    return g.op("MatMul", g.op("Softmax", y, axis=axis), v)


for number, options in enumerate([{}, {"scale": "mul", "mask": (2, 1, 1, 9)}, {"scale": None, "mask": (7, 9), "transpose": "heads"},
                                  {"scale": "operands", "transpose": None}, {"scale": "operands", "axis": 3}, {"declared": "N"}]):
    def attention_case(options=options, number=number):
        g = Graph(f"attention_{number}")
        return g.output(attention(g, **options))
    case("Attention", "!Softmax", tolerance=1e-5)(attention_case)

for number, options in enumerate([{"axis": 2, "s": 7}, {"mask": (4, 2, 3, 7, 9), "n": 2}]):
    def attention_not(options=options, number=number):
        g = Graph(f"attention_not_{number}")
        return g.output(attention(g, **options))
    case("Softmax", tolerance=1e-5)(attention_not)


@case("Softmax", tolerance=1e-5)
def attention_shares_keys():
    g = Graph("attention_shares_keys")
    y = g.op("MatMul", g.input(2, 4, 7, 8), g.input(2, 1, 8, 9))
    return g.output(g.op("MatMul", g.op("Softmax", y, axis=-1), g.input(2, 1, 9, 8)))


@case("Softmax", tolerance=1e-5)
def attention_weights_wanted():
    g = Graph("attention_weights_wanted")
    p = g.op("Softmax", g.op("MatMul", g.input(2, 4, 7, 8), g.input(2, 4, 8, 9)), axis=-1)
    return g.output(g.op("MatMul", p, g.input(2, 4, 9, 8)), p)


# ---- shapes and chains ----

@case("!Transpose", "!Reshape", tolerance=0)
def chain_transpose_back():
    g = Graph("chain_transpose_back")
    x = g.op("Transpose", g.op("Transpose", g.input(2, 3, 4, 5), perm=[0, 2, 3, 1]), perm=[0, 3, 1, 2])
    return g.output(g.op("Neg", x))


@case("Transpose", tolerance=0)
def chain_transpose_merge():
    g = Graph("chain_transpose_merge")
    x = g.op("Transpose", g.op("Transpose", g.input(2, 3, 4, 5), perm=[0, 2, 3, 1]), perm=[3, 1, 0, 2])
    return g.output(g.op("Neg", x))


@case("Reshape", "!Transpose", tolerance=0)
def chain_transpose_of_ones():
    g = Graph("chain_transpose_of_ones")
    return g.output(g.op("Neg", g.op("Transpose", g.input(1, 6, 5), perm=[1, 0, 2])))


@case("Transpose", tolerance=0)
def chain_transpose_real():
    g = Graph("chain_transpose_real")
    return g.output(g.op("Neg", g.op("Transpose", g.input(2, 6, 5), perm=[1, 0, 2])))


@case("Reshape", "!Squeeze", tolerance=0)
def chain_views():
    g = Graph("chain_views")
    x = g.op("Unsqueeze", g.op("Reshape", g.input(2, 3, 4), g.ints(0, -1)), g.ints(0, 3))
    return g.output(g.op("Neg", g.op("Squeeze", x, g.ints(3))))


@case("!Unsqueeze", "!Squeeze", "!Reshape", tolerance=0)
def chain_squeeze_back():
    g = Graph("chain_squeeze_back")
    x = g.input(2, 3, 4, declared=("N", 3, "T"))
    return g.output(g.op("Neg", g.op("Squeeze", g.op("Unsqueeze", x, g.ints(1)), g.ints(1))))


@case("!Shape", "!Concat", tolerance=0)
def shape_known():
    g = Graph("shape_known")
    x = g.input(2, 3, 4)
    n = g.op("Gather", g.op("Shape", x), g.const(0, np.int64), axis=0)
    target = g.op("Concat", g.op("Unsqueeze", n, g.ints(0)), g.ints(-1), axis=0)
    return g.output(g.op("Neg", g.op("Reshape", x, target)))


@case("!Slice", "!Cast", "!Expand", "!Mul", "!Concat", tolerance=0)
def noop_nodes():
    g = Graph("noop_nodes")
    x = g.input(2, 3, 4)
    x = g.op("Slice", g.op("Cast", x, to=T.FLOAT), g.ints(0), g.ints(2 ** 62), g.ints(1))
    x = g.op("Concat", g.op("Mul", g.op("Expand", x, g.ints(2, 3, 4)), g.const(1.0)), axis=0)
    return g.output(g.op("Neg", x))


@case("Slice", tolerance=0)
def noop_slice_reversed():
    g = Graph("noop_slice_reversed")
    return g.output(g.op("Neg", g.op("Slice", g.input(2, 3, 4), g.ints(-1), g.ints(-2 ** 62), g.ints(1), g.ints(-1))))


# 16-bit floats are rounded after each operator, so nothing is fused and nothing may change.
@case("!FusedConv", tolerance=0)
def half_conv():
    g = Graph("half_conv", dtype="f16")
    return g.output(g.op("Relu", conv(g, g.input(1, 8, 6, 6), 8, 8)))


PASSES = ("quantized", "shape", "fold", "noop", "chain", "batchnorm", "pad", "layernorm", "gelu", "hardswish", "swish", "attention", "conv", "matmul", "scale",
          "skipnorm")


def run_all(data, feeds, **options):
    return list(xinf.load(data, threads=1, **options).run(feeds).values())


def operators(data):
    """The operators of the session's graph, without their domain."""
    ffi, lib = xinf._native.ffi, xinf._native.lib
    parts = []

    @ffi.callback("xinf_write_fn")
    def write(_, data, size):
        parts.append(ffi.unpack(ffi.cast("char *", data), size))
        return 0

    model = xinf.load(data, threads=1)
    status = lib.xinf_session_print(model._idle[0].handle, lib.XINF_DUMP_GRAPH, write, ffi.NULL, ffi.NULL)
    if status:
        raise RuntimeError(f"xinf_session_print gave {status}")
    return [name.split(".")[-1] for name in re.findall(r" = ([A-Za-z.]+)\(", b"".join(parts).decode())]


def difference(a, b):
    worst = 0.0
    for x, y in zip(a, b):
        if x.shape != y.shape or x.dtype != y.dtype:
            return np.inf
        x, y = x.astype(np.float64), y.astype(np.float64)
        if not np.array_equal(np.isnan(x), np.isnan(y)):
            return np.inf
        same = (x == y) | np.isnan(x)
        worst = max(worst, float(np.max(np.abs(np.where(same, 0, x - y)), initial=0) / max(1.0, np.nanmax(np.abs(y), initial=0))))
    return worst


def check(data, feeds, wanted, tolerance, alone):
    """The sentence that says what is wrong; None when all is well."""
    plain = run_all(data, feeds, passes_off="all")
    ways = [("with all passes", {}), ("with reference kernels", {"isa": "portable"})]
    if alone:
        ways += [(f"without {p}", {"passes_off": p}) for p in PASSES]
    for how, options in ways:
        off = difference(run_all(data, feeds, **options), plain)
        if not off <= tolerance:
            return f"{how} it differs by {off:.2e} from the run without passes"
    names = operators(data)
    for word in wanted:
        if (word.lstrip("!") in names) == word.startswith("!"):
            return f"after the passes there is{'' if word.startswith('!') else ' no'} {word.lstrip('!')}: {' '.join(names)}"
    return None


def random_feeds(path):
    random = np.random.default_rng(5)
    feeds = {}
    for v in xinf.load(path).inputs:
        shape = [d if isinstance(d, int) else 1 for d in v.shape]
        feeds[v.name] = random.standard_normal(shape).astype(v.dtype) if v.dtype.startswith("float") else np.ones(shape, v.dtype)
    return feeds


def main(paths):
    graphs = [(function(), wanted, tolerance) for function, wanted, tolerance in CASES]
    tests = [(g.name, g.bytes(), g.feeds(), wanted, tolerance, True) for g, wanted, tolerance in graphs]
    failed = 0
    for name, data, feeds, wanted, tolerance, alone in tests if not paths else []:
        wrong = check(data, feeds, wanted, tolerance, alone)
        if wrong:
            print(f"{name}: {wrong}")
        failed += wrong is not None
    for path in paths:
        wrong = check(path, random_feeds(path), (), 1e-4, False)
        print(f"{path}: {wrong or 'the same with and without passes'}", flush=True)
        failed += wrong is not None
    passed = (len(paths) or len(tests)) - failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
