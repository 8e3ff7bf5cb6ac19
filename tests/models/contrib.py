#!/usr/bin/env python3
"""Operators of domain com.microsoft against onnxruntime, on random inputs.

    PYTHONPATH=bindings/python python3 tests/models/contrib.py [--filter REGEX] [--verbose]

Each case is one node. Both engines run it on the same inputs; outputs must agree within the case's tolerance, integers within one
step, at most two or two in a hundred of them off. A case whose `refused` is set must be refused by us with these words."""
import argparse
import re
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h

import xinf

try:
    import onnxruntime as ort
except ImportError:
    print("onnxruntime is not installed")
    sys.exit(77)

CASES = []
R = np.random.default_rng(7)


def f32(*shape, scale=1.0):
    return (R.standard_normal(shape) * scale).astype(np.float32)


def u8(*shape, low=0, high=256):
    return R.integers(low, high, shape).astype(np.uint8)


def s8(*shape, low=-128, high=128):
    return R.integers(low, high, shape).astype(np.int8)


def scale(value):
    return np.float32(value)


def case(op, inputs, outputs=1, tol=2e-5, refused=None, const=(), opset=21, domain="com.microsoft", out_types=None, name=None, symbolic=False,
         ort_inputs=None,
         compared=None, **attrs):
    """inputs: arrays, None where one is left out. const: indices of inputs that the model holds itself.
    ort_inputs: what onnxruntime is given where it cannot take the same. compared: how many outputs count; all unless given."""
    CASES.append(dict(op=op, inputs=inputs, outputs=outputs, tol=tol, refused=refused, const=const, opset=opset, domain=domain,
                      out_types=out_types, attrs=attrs, symbolic=symbolic, ort_inputs=ort_inputs, compared=compared,
                      name=f"{op}#{sum(c['op'] == op for c in CASES)}" + (f" {name}" if name else "")))


def model_of(c):
    names = ["" if x is None else f"x{i}" for i, x in enumerate(c["inputs"])]
    outs = [f"y{i}" for i in range(c["outputs"])] if isinstance(c["outputs"], int) else [f"y{i}" if w else "" for i, w in enumerate(c["outputs"])]
    node = h.make_node(c["op"], names, outs, domain=c["domain"], name="n", **c["attrs"])
    kind = lambda x: h.np_dtype_to_tensor_dtype(np.asarray(x).dtype)
    shape = lambda n, x: [f"{n}_{k}" for k in range(np.ndim(x))] if c["symbolic"] else np.shape(x)
    inputs = [h.make_tensor_value_info(n, kind(x), shape(n, x)) for i, (n, x) in enumerate(zip(names, c["inputs"])) if n and i not in c["const"]]
    inits = [onnx.numpy_helper.from_array(np.asarray(c["inputs"][i]), names[i]) for i in c["const"]]
    types = c["out_types"] or [kind(next(x for x in c["inputs"] if x is not None))] * len(outs)
    outputs = [h.make_tensor_value_info(n, t, None) for n, t in zip(outs, types) if n]
    graph = h.make_graph([node], "g", inputs, outputs, inits)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", c["opset"]), h.make_opsetid("com.microsoft", 1)])
    model.ir_version = 10
    feeds = {n: np.asarray(x) for i, (n, x) in enumerate(zip(names, c["inputs"])) if n and i not in c["const"]}
    return model.SerializeToString(), feeds, [n for n in outs if n]


def difference(want, got, tol):
    if want.shape != got.shape:
        return f"shape {got.shape} where onnxruntime gives {want.shape}"
    if want.dtype != got.dtype:
        return f"{got.dtype} where onnxruntime gives {want.dtype}"
    if want.dtype.kind in "iu":
        apart = np.abs(want.astype(np.int64) - got.astype(np.int64))
        if want.dtype.itemsize > 1:
            return "" if not apart.any() else f"integers differ by {apart.max()}"
        return "" if apart.max(initial=0) <= 1 and (apart > 0).sum() <= max(2, 0.02 * apart.size) else f"steps apart: {apart.max()}, {100 * (apart > 0).mean():.1f} % of them"
    want, got = want.astype(np.float64), got.astype(np.float64)
    worst = np.nanmax(np.abs(want - got), initial=0) / max(1.0, np.nanmax(np.abs(want), initial=0))
    return "" if worst <= tol and np.array_equal(np.isnan(want), np.isnan(got)) else f"error {worst:.3g}"


def run(c):
    data, feeds, outs = model_of(c)
    try:
        got = xinf.load(data, threads=1).run(feeds)
    except xinf.Error as e:
        if c["refused"]:
            return "" if c["refused"] in e.message and "node n" in e.message else f"refused by other words: {e.message}"
        return f"refused: {e.message}"
    if c["refused"]:
        return "it ran and should have been refused"
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if c["ort_inputs"]:
        data, feeds, outs = model_of({**c, "inputs": c["ort_inputs"]})
    want = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(outs, feeds)
    return next(filter(None, (difference(w, got[n], c["tol"]) and f"{n}: {difference(w, got[n], c['tol'])}" for n, w in list(zip(outs, want))[:c["compared"]])), "")


# ---- activations and products ----

case("Gelu", [f32(3, 7)])
case("BiasGelu", [f32(2, 3, 8), f32(8)])
case("FastGelu", [f32(2, 3, 8)])
case("FastGelu", [f32(2, 3, 8), f32(8)])
case("QuickGelu", [f32(4, 5)])
case("QuickGelu", [f32(4, 5)], alpha=0.7)
for a, b, attrs in [((2, 3, 4, 5), (2, 3, 5, 6), {}), ((2, 3, 5, 4), (2, 3, 5, 6), dict(transA=1)), ((3, 4, 5), (6, 5), dict(transB=1, alpha=0.25)),
                    ((5, 4), (6, 5), dict(transA=1, transB=1)), ((4, 3, 5), (3, 5, 6), dict(transBatchA=1)),
                    ((5, 3, 4), (5, 3, 6), dict(transA=1, transBatchA=1, transBatchB=1)), ((3, 4, 5), (6, 3, 5), dict(transB=1, transBatchB=1))]:
    case("FusedMatMul", [f32(*a), f32(*b)], **attrs)
case("FusedMatMul", [f32(5), f32(5, 6)])
case("TransposeMatMul", [f32(5, 4), f32(5, 6)], transA=1)
for activation, params in [("Relu", {}), ("LeakyRelu", dict(activation_alpha=0.3)), ("Sigmoid", {}), ("Tanh", {})]:
    case("FusedGemm", [f32(3, 4), f32(5, 4), f32(5)], transB=1, alpha=0.5, beta=2.0, activation=activation, **params)
case("FusedGemm", [f32(3, 4), f32(4, 5), f32(5)], activation="Cosine", refused="activation is not supported")
for activation, params in [("Relu", {}), ("LeakyRelu", dict(activation_params=[0.2])), ("Clip", dict(activation_params=[-0.5, 0.5])),
                           ("HardSigmoid", dict(activation_params=[0.2, 0.4])), ("Sigmoid", {}), ("Tanh", {})]:
    case("FusedConv", [f32(1, 4, 6, 6), f32(8, 4, 3, 3), f32(8)], activation=activation, pads=[1, 1, 1, 1], kernel_shape=[3, 3], **params)
case("FusedConv", [f32(1, 4, 6, 6), f32(8, 4, 3, 3), f32(8), f32(1, 8, 6, 6)], activation="Relu", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
case("MatMulInteger16", [R.integers(-99, 99, (2, 3, 4)).astype(np.int16), R.integers(-99, 99, (4, 5)).astype(np.int16)], out_types=[T.INT32])
case("ExpandDims", [f32(2, 3), np.int32(-1)])
case("ExpandDims", [f32(2, 3), np.int32(1)])
case("GatherND", [f32(2, 3, 4), np.array([[0, 1], [1, 2]], np.int64)])
case("Trilu", [f32(3, 4, 4), np.int64(1)], upper=0)
case("Range", [np.int64(2), np.int64(11), np.int64(3)])

# ---- normalisations ----

case("SkipLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8)])
case("SkipLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8), f32(8)], outputs=[1, 0, 0, 1], epsilon=1e-3)
case("SkipLayerNormalization", [f32(2, 3, 8), f32(3, 8), f32(8)])
case("SkipLayerNormalization", [f32(2, 3, 8), f32(1, 3, 8), f32(8), f32(8)])
case("SkipLayerNormalization", [f32(2, 3, 8).astype(np.float16), f32(2, 3, 8).astype(np.float16), f32(8).astype(np.float16), f32(8).astype(np.float16)], tol=4e-3)
case("SkipSimplifiedLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8)])
case("SkipSimplifiedLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8)], outputs=[1, 0, 0, 1])
case("SimplifiedLayerNormalization", [f32(2, 3, 8), f32(8)], domain="", axis=-1, epsilon=1e-5)
IDS, SEGMENTS = R.integers(0, 11, (2, 5)).astype(np.int32), R.integers(0, 2, (2, 5)).astype(np.int32)
EMBED = [f32(11, 8), f32(6, 8), f32(2, 8), f32(8), f32(8)]
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
case("EmbedLayerNormalization", [IDS, SEGMENTS, *EMBED, MASK], outputs=2, out_types=[T.FLOAT, T.INT32])
case("EmbedLayerNormalization", [IDS, SEGMENTS, *EMBED], outputs=3, out_types=[T.FLOAT, T.INT32, T.FLOAT])
case("EmbedLayerNormalization", [IDS, None, *EMBED[:2], None, *EMBED[3:], MASK, R.integers(0, 6, (2, 5)).astype(np.int32)], outputs=2, out_types=[T.FLOAT, T.INT32])
case("EmbedLayerNormalization", [IDS, SEGMENTS, *EMBED, MASK, R.integers(0, 6, (1, 5)).astype(np.int32)], outputs=2, out_types=[T.FLOAT, T.INT32], epsilon=1e-3)

# ---- integers with scales ----

for op in ("QLinearAdd", "QLinearMul"):
    case(op, [u8(2, 3, 4), scale(0.03), np.uint8(120), u8(2, 3, 4), scale(0.05), np.uint8(7), scale(0.07), np.uint8(90)])
    case(op, [u8(2, 3, 4), scale(0.03), np.uint8(120), u8(4), scale(0.05), np.uint8(7), scale(0.11), np.uint8(90)])
    case(op, [s8(2, 3, 4), scale(0.03), np.int8(-12), s8(2, 1, 4), scale(0.05), np.int8(7), scale(0.07), np.int8(9)])
for op, attrs in (("QLinearSigmoid", {}), ("QLinearLeakyRelu", dict(alpha=0.2))):
    case(op, [u8(2, 9), scale(0.03), np.uint8(120), scale(0.008), np.uint8(10)], const=(1, 2, 3, 4), **attrs)
    case(op, [s8(2, 9), scale(0.03), np.int8(-3), scale(0.02), np.int8(10)], **attrs)
for opset, axis in ((13, -1), (13, 1), (12, 1), (12, 2)):
    case("QLinearSoftmax", [u8(2, 3, 4), scale(0.05), np.uint8(120), scale(1 / 256), np.uint8(0)], opset=13 if opset > 12 else 12, axis=axis, const=(1, 2, 3, 4))
    CASES[-1]["attrs"]["opset"] = opset
case("QLinearConcat", [scale(0.05), np.uint8(12), u8(2, 3), scale(0.03), np.uint8(100), u8(2, 4), scale(0.05), np.uint8(12)], axis=1, out_types=[T.UINT8])
case("QLinearConcat", [scale(0.05), np.int8(2), s8(2, 3), scale(0.03), np.int8(1), s8(3, 3), scale(0.05), np.int8(12)], axis=0, out_types=[T.INT8])
case("QLinearWhere", [R.random((2, 3)) < 0.5, u8(2, 3), scale(0.03), np.uint8(100), u8(2, 3), scale(0.05), np.uint8(12), scale(0.06), np.uint8(60)],
     out_types=[T.UINT8], const=(2, 3, 5, 6, 7, 8))
for attrs in (dict(pads=[1, 1, 1, 1]), dict(strides=[2, 2], ceil_mode=1), dict(pads=[1, 0, 1, 0], count_include_pad=1)):
    case("QLinearAveragePool", [u8(1, 3, 7, 7), scale(0.03), np.uint8(120), scale(0.03), np.uint8(110)], kernel_shape=[3, 3], **attrs)
case("QLinearAveragePool", [u8(1, 7, 7, 3), scale(0.03), np.uint8(120), scale(0.03), np.uint8(110)], kernel_shape=[3, 3], channels_last=1)
case("QLinearGlobalAveragePool", [u8(2, 3, 7, 7), scale(0.03), np.uint8(120), scale(0.01), np.uint8(110)])
case("QLinearGlobalAveragePool", [u8(2, 7, 7, 3), scale(0.03), np.uint8(120), scale(0.01), np.uint8(110)], channels_last=1)
QCONV = [scale(0.03), np.uint8(120), u8(8, 4, 3, 3), scale(0.02), np.uint8(128), scale(0.5), np.uint8(110)]
case("QLinearConv", [u8(1, 4, 7, 7), *QCONV], pads=[1, 1, 1, 1], domain="com.microsoft")
case("QLinearConv", [u8(1, 7, 7, 4), *QCONV], pads=[1, 1, 1, 1], channels_last=1)
# Without VNNI onnxruntime adds two products in 16 bits that saturate: int8 beside uint8 stays below 64.
GEMM = [u8(3, 4), scale(0.03), np.uint8(120), s8(4, 5, low=-64, high=64), scale(0.02), np.int8(3)]
BIAS = R.integers(-99, 99, 5).astype(np.int32)
case("QGemm", [*GEMM, BIAS], out_types=[T.FLOAT])
case("QGemm", [*GEMM, BIAS, scale(0.1), np.uint8(100)])
case("QGemm", [*GEMM, None, scale(0.1), np.uint8(100)], alpha=0.5)
case("QGemm", [u8(4, 3), scale(0.03), np.uint8(120), s8(5, 4, low=-64, high=64), np.array([0.02, 0.01, 0.03, 0.02, 0.05], np.float32), s8(5, low=-5, high=5), BIAS, scale(0.1), np.uint8(100)],
     transA=1, transB=1)
for az, bz, bias in ((np.uint8(120), np.uint8(3), f32(5)), (None, None, None), (np.uint8(7), None, None)):
    case("MatMulIntegerToFloat", [u8(2, 3, 4), u8(4, 5), scale(0.03), scale(0.02), az, bz, bias], out_types=[T.FLOAT])
case("MatMulIntegerToFloat", [u8(3, 4), s8(4, 5, low=-64, high=64), scale(0.03), np.abs(f32(5)), np.uint8(120), s8(5), None], out_types=[T.FLOAT])
for bz, bias in ((np.uint8(120), f32(5)), (None, None)):
    case("DynamicQuantizeMatMul", [f32(2, 3, 4), u8(4, 5), scale(0.02), bz, bias])
case("DynamicQuantizeMatMul", [f32(3, 4), s8(4, 5, low=-64, high=64), np.abs(f32(5)), s8(5), None])
case("NhwcMaxPool", [u8(1, 7, 7, 3)], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
case("QuantizeLinear", [f32(3, 4), scale(0.05), np.uint16(3000)], out_types=[T.UINT16])
case("DequantizeLinear", [R.integers(0, 60000, (3, 4)).astype(np.uint16), scale(0.05), np.uint16(3000)], out_types=[T.FLOAT])
case("DequantizeLinear", [u8(3, 4), np.abs(f32(3)), u8(3)], axis=0, out_types=[T.FLOAT])


def nbits(rows, depth, block, bits, zero=None, **more):
    blocks = -(-depth // block)
    b = u8(rows, blocks, block * bits // 8)
    zeros = {None: None, "packed": u8(rows * -(-blocks * bits // 8)), "float": f32(rows * blocks, scale=2.0) + 2 ** (bits - 1)}[zero]
    case("MatMulNBits", [f32(2, 3, depth), b, np.abs(f32(rows * blocks, scale=0.1)), zeros, None, f32(rows) if more.pop("bias", None) else None],
         K=depth, N=rows, bits=bits, block_size=block, tol=2e-4, **more)


nbits(8, 64, 32, 4, const=(1, 2))
nbits(8, 64, 32, 4, "packed", const=(1, 2, 3))
nbits(6, 96, 32, 4, "packed")
nbits(6, 96, 32, 4, "float")
nbits(6, 40, 16, 4, bias=True)
nbits(6, 64, 16, 8, "packed")
nbits(6, 64, 32, 8)
case("MatMulNBits", [f32(3, 64), u8(8, 2, 16), f32(16)], K=64, N=8, bits=3, block_size=32, refused="2, 4 nor 8 bits")

# ---- attention ----

X, W, B3 = f32(2, 5, 8), f32(8, 24, scale=0.5), f32(24)
LENGTHS = np.array([3, 5], np.int32)
for m in (None, LENGTHS, np.array([3, 5, 1, 0], np.int32), MASK, (R.random((2, 5, 5)) < 0.6).astype(np.int32)):
    case("Attention", [X, W, B3, m], num_heads=2, const=(1, 2))
    case("Attention", [X, W, B3, m], num_heads=2, unidirectional=1, scale=0.3)
case("Attention", [X, W, B3, MASK, None, f32(2, 2, 5, 5)], num_heads=2)
case("Attention", [X, W, B3, None, None, f32(1, 2, 5, 5)], num_heads=2, mask_filter_value=-5.0)
case("Attention", [X, W, B3, MASK], num_heads=2, mask_filter_value=-2.0)
case("Attention", [X, f32(8, 28), f32(28)], num_heads=2, qkv_hidden_sizes=[8, 8, 12])
PAST = f32(2, 2, 2, 3, 4)
case("Attention", [X, W, B3, None, PAST], outputs=2, num_heads=2, unidirectional=1)
case("Attention", [X, W, B3, (R.random((2, 8)) < 0.7).astype(np.int32), PAST], outputs=2, num_heads=2, unidirectional=1)
case("Attention", [X, W, B3], num_heads=2, do_rotary=1, refused="do_rotary is not supported")
for m in (None, LENGTHS, MASK):
    case("QAttention", [u8(2, 5, 8), s8(8, 24, low=-64, high=64), B3, scale(0.02), scale(0.01), m, np.uint8(120), np.int8(3)], num_heads=2, out_types=[T.FLOAT])
Q, K, V = f32(2, 3, 8), f32(2, 5, 8), f32(2, 5, 8)
case("MultiHeadAttention", [Q, K, V], num_heads=2)
case("MultiHeadAttention", [Q, K, f32(2, 5, 12), f32(28)], num_heads=2, scale=0.4)
case("MultiHeadAttention", [Q, K, V, B3, LENGTHS], num_heads=2)
case("MultiHeadAttention", [Q, K, V, B3, MASK], num_heads=2)
case("MultiHeadAttention", [Q, K, V, None, (R.random((2, 3, 5)) < 0.7).astype(np.int32)], num_heads=2)
case("MultiHeadAttention", [Q, K, V, B3, None, f32(2, 2, 3, 5)], num_heads=2)
case("MultiHeadAttention", [Q, K, V, B3, MASK, f32(1, 2, 3, 5)], num_heads=2)
case("MultiHeadAttention", [f32(2, 5, 8), K, V], num_heads=2, unidirectional=1)
case("MultiHeadAttention", [Q, f32(2, 2, 5, 4), f32(2, 2, 5, 4), B3], num_heads=2, name="K and V as heads")
flat = lambda x: x.reshape(*x.shape[:2], -1)
PACKED = f32(2, 5, 2, 3, 4)
case("MultiHeadAttention", [PACKED], num_heads=2, name="packed QKV", ort_inputs=[flat(PACKED[:, :, :, i]) for i in range(3)])
case("MultiHeadAttention", [Q, PACKED[:, :, :, 1:].copy()], num_heads=2, name="packed KV", ort_inputs=[Q, flat(PACKED[:, :, :, 1]), flat(PACKED[:, :, :, 2])])
case("MultiHeadAttention", [Q, f32(2, 3, 8), f32(2, 3, 8), B3, None, None, f32(2, 2, 4, 4), f32(2, 2, 4, 4)], outputs=3, num_heads=2)
case("MultiHeadAttention", [Q, f32(2, 3, 8), f32(2, 3, 8), None, None, f32(1, 2, 3, 7), f32(2, 2, 4, 4), f32(2, 2, 4, 4)], outputs=3, num_heads=2, unidirectional=1)
case("MultiHeadAttention", [Q, K, V, None, None, f32(1, 2, 3, 5)], outputs=[1, 0, 0, 1], num_heads=2, name="scores")
case("MultiHeadAttention", [Q, K, V, None, MASK, f32(1, 2, 3, 5)], outputs=[1, 0, 0, 1], num_heads=2, name="masked scores")
case("MultiHeadAttention", [Q, K, V, None, None, None, None, None, np.array([3], np.int32)], num_heads=2, refused="shares memory")

COS, SIN = np.cos(f32(16, 4)), np.sin(f32(16, 4))
POSITIONS = np.array([[1, 2, 3], [5, 7, 6]], np.int64)
for interleaved in (0, 1):
    case("RotaryEmbedding", [f32(2, 3, 16), POSITIONS, COS, SIN], interleaved=interleaved)
    case("RotaryEmbedding", [f32(2, 3, 16), np.array([4], np.int64), COS, SIN], interleaved=interleaved)
    case("RotaryEmbedding", [f32(2, 2, 3, 8), POSITIONS, COS, SIN], interleaved=interleaved)
    case("RotaryEmbedding", [f32(2, 3, 24), POSITIONS, COS, SIN], interleaved=interleaved, num_heads=2, rotary_embedding_dim=8)


WIDE = f32(16, 8)


def gqa(length, past=None, lengths=None, total=None, packed=False, batch=2, heads=4, kv=2, depth=16, rotary=False, bias=False, sink=False, positions=False,
        norm=False, **attrs):
    total = total or length + (past or 0)
    lengths = np.array([total - 1] * batch if lengths is None else lengths, np.int32)
    qkv = [f32(batch, length, (heads + 2 * kv) * depth), None, None] if packed else [f32(batch, length, heads * depth), f32(batch, length, kv * depth),
                                                                                   f32(batch, length, kv * depth)]
    old = [f32(batch, kv, past, depth), f32(batch, kv, past, depth)] if past else [None, None]
    tables = [np.cos(WIDE), np.sin(WIDE)] if rotary else [None, None]
    ids = np.tile(np.arange(total - length, total, dtype=np.int64), (batch, 1)) if positions else None
    case("GroupQueryAttention", [*qkv, *old, lengths, np.int32(total), *tables, ids, f32(1, heads, length, total) if bias else None,
                                 f32(heads) if sink else None, None, None] + ([f32(depth), f32(depth)] if norm else []),
         outputs=3, num_heads=heads, kv_num_heads=kv, do_rotary=int(rotary), opset=21, **attrs)


gqa(5)
gqa(5, packed=True)
gqa(5, rotary=True)
gqa(5, rotary=True, rotary_interleaved=1, packed=True)
gqa(5, local_window_size=2)
gqa(5, softcap=2.0)
gqa(5, scale=0.3)
gqa(5, bias=True)
gqa(5, sink=True)
gqa(5, smooth_softmax=1)
gqa(5, rotary=True, positions=True)
gqa(1, past=4)
gqa(1, past=4, rotary=True, local_window_size=3)
gqa(1, past=4, bias=True)
gqa(1, past=4, sink=True, softcap=3.0)
gqa(1, past=6, total=5, lengths=[4, 2], rotary=True, compared=1, name="room for more: onnxruntime leaves the rest of the cache as memory was")
gqa(3, past=4, batch=1, rotary=True, name="several new tokens")
gqa(1, past=4, kv_cache_bit_width=8, refused="quantised cache")
gqa(1, past=4, sliding_window_cache=1, refused="sliding_window_cache")

case("AttnLSTM", [f32(2, 3)], refused="is not supported")


def floats(*shape):
    return f32(*shape)


def bytes_(*shape, dtype=np.uint8, low=0, high=256):
    return R.integers(low, high, shape).astype(dtype)


def number(value, dtype=np.float32):
    return dtype(value)


def wider(op, inputs, outputs=1, tolerance=2e-5, weights=(), **attrs):
    """outputs: how many, or which."""
    wanted = outputs if isinstance(outputs, int) else [int(i in outputs) for i in range(max(outputs) + 1)]
    types = None
    if op == "EmbedLayerNormalization":
        types = [T.FLOAT, T.INT32]
    elif op in ("QGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"):
        types = [T.FLOAT] if op != "QGemm" or len(inputs) < 8 else [T.UINT8 if np.asarray(inputs[8]).dtype == np.uint8 else T.INT8]
    elif op == "QLinearConcat":
        types = [h.np_dtype_to_tensor_dtype(np.asarray(inputs[1]).dtype)]
    case(op, inputs, wanted, tolerance, const=tuple(weights), out_types=types)
    CASES[-1]["attrs"] = attrs


# ---- the same again over more sizes ----
for shape in ((3, 5), (2, 1, 7)):
    wider("Gelu", [floats(*shape)], tolerance=1e-5)
    wider("BiasGelu", [floats(*shape), floats(shape[-1])])
    wider("FastGelu", [floats(*shape), floats(shape[-1])])
    wider("FastGelu", [floats(*shape)])
    wider("QuickGelu", [floats(*shape)], alpha=1.5)
wider("FusedMatMul", [floats(3, 4), floats(4, 5)], alpha=0.5)
wider("FusedMatMul", [floats(2, 4, 3), floats(2, 5, 4)], transA=1, transB=1, alpha=2.0)
wider("FusedMatMul", [floats(3, 2, 4), floats(2, 4, 5)], transBatchA=1)
wider("FusedMatMul", [floats(4, 2, 3), floats(5, 2, 4)], transA=1, transB=1, transBatchA=1, transBatchB=1)
wider("FusedGemm", [floats(3, 4), floats(4, 5), floats(5)], activation="Relu")
wider("FusedGemm", [floats(4, 3), floats(5, 4), floats(3, 5)], activation="LeakyRelu", activation_alpha=0.2, transA=1, transB=1, alpha=0.5,
     beta=2.0)
for activation, params in (("Relu", None), ("Tanh", None), ("Clip", [-0.5, 0.7]), ("HardSigmoid", [0.3, 0.4])):
    extra = {"activation_params": params} if params else {}
    wider("FusedConv", [floats(1, 4, 7, 6), floats(6, 4, 3, 3), floats(6)], weights=[1, 2], activation=activation, pads=[1, 1, 1, 1],
         strides=[2, 1], **extra)
wider("FusedConv", [floats(1, 4, 5, 5), floats(4, 2, 3, 3), floats(4), floats(1, 4, 5, 5)], weights=[1, 2], activation="Relu",
     pads=[1, 1, 1, 1], group=2)
for bits in (4, 8):
    for k, block in ((64, 16), (40, 32), (128, 128)):
        rows, blocks = 5, -(-k // block)
        packed = bytes_(rows, blocks, block * bits // 8)
        zeros = bytes_(rows * -(-blocks * bits // 8))
        scales = floats(rows * blocks) * 0.1
        if bits == 8:
            zeros = bytes_(rows * blocks)
        wider("MatMulNBits", [floats(3, k), packed, scales], tolerance=2e-4, weights=[1, 2], K=k, N=rows, bits=bits, block_size=block)
        wider("MatMulNBits", [floats(2, 3, k), packed, scales, zeros, None, floats(rows)], tolerance=2e-4, weights=[1, 2, 3, 5], K=k, N=rows,
             bits=bits, block_size=block)

for dtype, low, high, zero in ((np.uint8, 0, 256, 120), (np.int8, -128, 128, -3)):
    def q(*shape, dtype=dtype, low=low, high=high):
        return bytes_(*shape, dtype=dtype, low=low, high=high)

    def scaled(scale, dtype=dtype, zero=zero):
        return [number(scale), number(zero, dtype)]

    wider("QLinearAdd", [q(3, 4), *scaled(0.05), q(3, 4), *scaled(0.03), *scaled(0.09)])
    wider("QLinearAdd", [q(2, 3, 4), *scaled(0.05), q(4), *scaled(0.03), *scaled(0.09)])
    wider("QLinearMul", [q(3, 4), *scaled(0.05), q(1, 4), *scaled(0.03), *scaled(0.2)])
    wider("QLinearSigmoid", [q(3, 40), *scaled(0.05), number(1 / 256), number(0 if dtype is np.uint8 else -128, dtype)])
    wider("QLinearLeakyRelu", [q(3, 40), *scaled(0.05), *scaled(0.04)], alpha=0.3)
    wider("QLinearConcat", [*scaled(0.08), q(2, 3), *scaled(0.05), q(2, 4), *scaled(0.1)], axis=1)
    wider("QLinearAveragePool", [q(1, 3, 6, 7), *scaled(0.05), *scaled(0.043)], kernel_shape=[3, 2], strides=[2, 2],
         pads=[1, 0, 1, 1])
    wider("QLinearGlobalAveragePool", [q(1, 3, 6, 7), *scaled(0.05), *scaled(0.02)])
    wider("QLinearGlobalAveragePool", [q(1, 6, 7, 3), *scaled(0.05), *scaled(0.02)], channels_last=1)
    wider("QLinearSoftmax", [q(3, 10), *scaled(0.05), number(1 / 256), number(0 if dtype is np.uint8 else -128, dtype)], axis=-1,
         opset=13)
    # Small weights: onnxruntime's integer product saturates for large ones on processors without VNNI.
    wider("QGemm", [q(4, 6), *scaled(0.05), bytes_(6, 5, dtype=np.int8, low=-30, high=31), number(0.02), number(0, np.int8),
                   bytes_(5, dtype=np.int32, low=-500, high=500), *scaled(0.1)], weights=[3, 6])
wider("QGemm", [bytes_(4, 6), number(0.05), number(7, np.uint8), bytes_(5, 6, dtype=np.int8, low=-30, high=31), floats(5) ** 2 + 0.01,
               np.zeros(5, np.int8), bytes_(5, dtype=np.int32, low=-500, high=500)], weights=[3, 4, 5, 6], transB=1, alpha=1.0)
wider("MatMulIntegerToFloat", [bytes_(4, 6), bytes_(6, 5, high=60), number(0.05), number(0.02), number(100, np.uint8), number(3, np.uint8),
                              floats(5)])
wider("DynamicQuantizeMatMul", [floats(4, 6), bytes_(6, 5, high=60), number(0.02), number(30, np.uint8), floats(5)], tolerance=1e-3)

B, S, N, H = 2, 5, 3, 16
D = N * H
wider("SkipLayerNormalization", [floats(B, S, D), floats(B, S, D), floats(D), floats(D), floats(D)], outputs=[0, 3], epsilon=1e-5)
wider("SkipLayerNormalization", [floats(B, S, D), floats(B, S, D), floats(D)], epsilon=1e-5)
wider("SkipSimplifiedLayerNormalization", [floats(B, S, D), floats(B, S, D), floats(D), floats(D)], outputs=[0, 3], epsilon=1e-5)
ids = bytes_(B, S, dtype=np.int32, high=9)
wider("EmbedLayerNormalization", [ids, ids % 2, floats(9, D), floats(S + 2, D), floats(2, D), floats(D), floats(D),
                                 np.array([[1] * S, [1, 1, 0, 0, 0]], np.int32)], outputs=[0, 1], epsilon=1e-5)
wider("EmbedLayerNormalization", [ids, None, floats(9, D), floats(S + 2, D), None, floats(D), floats(D)], outputs=[0, 1], epsilon=1e-5)
mask2 = np.array([[1] * S, [1, 1, 1, 0, 0]], np.int32)
lengths = np.array([5, 3], np.int32)
for causal in (0, 1):
    for mask in (None, mask2, lengths):
        wider("Attention", [floats(B, S, D), floats(D, 3 * D) * 0.2, floats(3 * D), mask], num_heads=N, unidirectional=causal)
wider("Attention", [floats(B, S, D), floats(D, 3 * D) * 0.2, floats(3 * D), None, floats(2, B, N, 4, H)], outputs=2, num_heads=N,
     unidirectional=1)
wider("Attention", [floats(B, S, D), floats(D, 2 * D + 12) * 0.2, floats(2 * D + 12)], num_heads=N, qkv_hidden_sizes=[D, D, 12], scale=0.3)
wider("Attention", [floats(B, S, D), floats(D, 3 * D) * 0.2, floats(3 * D), None, None, floats(B, N, S, S)], num_heads=N)
wider("MultiHeadAttention", [floats(B, S, D), floats(B, 7, D), floats(B, 7, D)], num_heads=N)
wider("MultiHeadAttention", [floats(B, S, D), floats(B, 7, D), floats(B, 7, 12), floats(2 * D + 12)], num_heads=N, scale=0.4)
wider("MultiHeadAttention", [floats(B, S, D), floats(B, S, D), floats(B, S, D), None, mask2, floats(1, N, S, S)], num_heads=N)
wider("MultiHeadAttention", [floats(B, S, D), floats(B, N, 7, H), floats(B, N, 7, H)], num_heads=N)
wider("MultiHeadAttention", [floats(B, 2, D), floats(B, 2, D), floats(B, 2, D), None, None, None, floats(B, N, 4, H), floats(B, N, 4, H)],
     outputs=3, num_heads=N, unidirectional=1)
angles = np.outer(np.arange(16), 1 / 100 ** (np.arange(H // 2) / (H // 2))).astype(np.float32)
cosine, sine = np.cos(angles), np.sin(angles)
for interleaved in (0, 1):
    wider("RotaryEmbedding", [floats(B, S, D), np.array([2], np.int64), cosine, sine], num_heads=N, interleaved=interleaved)
    wider("RotaryEmbedding", [floats(B, N, S, H), np.arange(B * S, dtype=np.int64).reshape(B, S), cosine, sine], interleaved=interleaved)
for kv in (1, 3):
    for rotary in (0, 1):
        wider("GroupQueryAttention", [floats(B, S, D), floats(B, S, kv * H), floats(B, S, kv * H), None, None, np.array([4, 4], np.int32),
                                     number(5, np.int32), cosine, sine], outputs=3, num_heads=N, kv_num_heads=kv, do_rotary=rotary)
        wider("GroupQueryAttention", [floats(1, 1, D), floats(1, 1, kv * H), floats(1, 1, kv * H), floats(1, kv, 6, H), floats(1, kv, 6, H),
                                     np.array([6], np.int32), number(7, np.int32), cosine, sine], outputs=3, num_heads=N, kv_num_heads=kv,
             do_rotary=rotary)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--filter", default="")
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()
    passed = failed = 0
    for c in CASES:
        if not re.search(args.filter, c["name"]):
            continue
        try:
            why = run(c)
        except Exception as e:  # onnxruntime refuses the case: the case is wrong
            why = f"{type(e).__name__}: {str(e)[:200]}"
        passed, failed = passed + (not why), failed + bool(why)
        if why or args.verbose:
            print(f"{'FAILED' if why else 'passed'} {c['name']}{': ' if why else ''}{why}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
