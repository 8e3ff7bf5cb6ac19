#!/usr/bin/env python3
"""Attributes drawn at random, against onnxruntime: nothing may be accepted and computed in another way.

    PYTHONPATH=bindings/python python3 tests/models/attributes.py [--filter REGEX] [--rounds N] [--seed N] [--verbose]

For each operator a function draws inputs and attributes. A draw that onnxruntime refuses counts for nothing; one that we refuse as
not supported is counted and shown; a result that differs, or a refusal of another kind, is a failure."""
import argparse
import collections
import re
import sys
import zlib

import numpy as np
import onnx
from onnx import helper as h
from onnx.reference import ReferenceEvaluator

import xinf

try:
    import onnxruntime as ort
except ImportError:
    print("onnxruntime is not installed")
    sys.exit(77)

DRAWS = {}
BY_DEFINITION = {"Resize"}  # where onnxruntime has its own ways, the onnx package's reference may agree instead
OPSET = 23


def draw(name, opset=OPSET, tol=2e-5, outputs=1):
    """Registers a function (r) -> (inputs, attributes[, outputs]); the operator's name stands before a possible blank."""
    def register(f):
        DRAWS[name] = (f, opset, tol, outputs)
        return f
    return register


class Random(np.random.Generator):
    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))

    def f(self, *shape, scale=1.0):
        return (self.standard_normal(shape) * scale).astype(np.float32)

    def pick(self, *of):
        return of[self.integers(len(of))]

    def maybe(self, attrs, name, *of):
        """One of the values, or the attribute left out."""
        if self.random() < 0.7:
            attrs[name] = self.pick(*of)

    def ints(self, low, high, count):
        return [int(v) for v in self.integers(low, high, count)]


def window(r, dims, kernel, attrs, dilations=True, ceil=True):
    """Left out: what SAME means with dilations or with strides above the kernel, where onnxruntime does not follow the definition."""
    attrs["kernel_shape"] = kernel
    r.maybe(attrs, "strides", r.ints(1, 4, dims))
    if dilations:
        r.maybe(attrs, "dilations", r.ints(1, 3, dims))
    kind = r.pick("pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID", "none")
    if kind == "pads":
        attrs["pads"] = [min(p, k - 1) for p, k in zip(r.ints(0, 3, 2 * dims), kernel * 2)]
    elif kind != "none":
        attrs["auto_pad"] = kind
        attrs.pop("dilations", None)
        if "strides" in attrs:
            attrs["strides"] = [min(s, k) for s, k in zip(attrs["strides"], kernel)]
    if ceil:
        r.maybe(attrs, "ceil_mode", 0, 1)


@draw("Conv", tol=1e-4)
def _(r):
    dims, group, attrs = r.pick(1, 2, 2, 3), r.pick(1, 2, 4), {}
    kernel = r.ints(1, 4, dims)
    window(r, dims, kernel, attrs, ceil=False)
    attrs["group"] = group
    return [r.f(2, 4, *r.ints(6, 10, dims)), r.f(4, 4 // group, *kernel), r.f(4) if r.random() < 0.5 else None], attrs


@draw("ConvTranspose", tol=1e-4)
def _(r):
    dims, group, attrs = r.pick(1, 2, 2), r.pick(1, 2, 4), {}
    kernel = r.ints(1, 4, dims)
    window(r, dims, kernel, attrs, ceil=False)
    attrs["group"] = group
    if "strides" in attrs and "auto_pad" not in attrs:
        r.maybe(attrs, "output_padding", [int(r.integers(0, s)) for s in attrs["strides"]])
    return [r.f(1, 4, *r.ints(4, 7, dims)), r.f(4, 2, *kernel), r.f(2 * group) if r.random() < 0.5 else None], attrs


for pool in ("AveragePool", "MaxPool", "LpPool"):
    @draw(pool, outputs=2 if pool == "MaxPool" else 1)
    def _(r, pool=pool):
        dims, attrs = r.pick(1, 2, 2, 3), {}
        window(r, dims, r.ints(1, 4, dims), attrs)
        if pool == "AveragePool":
            r.maybe(attrs, "count_include_pad", 0, 1)
        if pool == "MaxPool":
            r.maybe(attrs, "storage_order", 0, 1)
        if pool == "LpPool":
            r.maybe(attrs, "p", 1, 2, 3)
        x = r.f(2, 3, *r.ints(6, 10, dims))
        return [x.astype(np.float64) if pool == "MaxPool" and r.random() < 0.3 else x], attrs


@draw("GlobalLpPool", opset=2)
def _(r):
    return [r.f(2, 3, 4, 5)], {"p": r.pick(1, 2, 3)}


@draw("Resize", opset=19, tol=1e-4)
def _(r):
    mode = r.pick("nearest", "linear", "cubic")
    attrs = {"mode": mode, "coordinate_transformation_mode": r.pick("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                                                                    "tf_crop_and_resize")}
    if mode == "nearest":
        r.maybe(attrs, "nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    elif r.random() < 0.4 and attrs["coordinate_transformation_mode"] != "tf_crop_and_resize":
        attrs["antialias"] = 1
    if mode == "cubic":
        r.maybe(attrs, "cubic_coeff_a", -0.5, -0.75)
        r.maybe(attrs, "exclude_outside", 0, 1)
    roi = None
    if attrs["coordinate_transformation_mode"] == "tf_crop_and_resize":
        roi = np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 1.1], np.float32)
        r.maybe(attrs, "extrapolation_value", 0.5, -2.0)
    x = r.f(1, 2, 5, 7)
    if r.random() < 0.5:
        return [x, roi, None, np.array([1, 2, *r.ints(2, 12, 2)], np.int64)], attrs
    if mode == "nearest" and roi is None:  # scales whose rounding decides nothing
        return [x, roi, np.array([1, 1, r.pick(1.0, 2.0), r.pick(2.0, 4.0)], np.float32)], attrs
    return [x, roi, np.array([1, 1, r.pick(0.6, 1.5, 2.0, 2.3), r.pick(0.7, 1.0, 2.0, 3.0)], np.float32)], attrs


@draw("GridSample", opset=20, tol=1e-4)
def _(r):
    dims = r.pick(2, 2, 3)
    attrs = {"mode": r.pick("linear", "nearest", "cubic") if dims == 2 else r.pick("linear", "nearest")}
    r.maybe(attrs, "padding_mode", "zeros", "border", "reflection")
    r.maybe(attrs, "align_corners", 0, 1)
    return [r.f(2, 2, *r.ints(3, 7, dims)), r.uniform(-1.4, 1.4, (2, *r.ints(2, 5, dims), dims)).astype(np.float32)], attrs


def recurrent(r, gates):
    batch, length, width, hidden, layout = 3, 4, 5, 6, r.pick(0, 0, 1)
    direction = r.pick("forward", "reverse", "bidirectional")
    dirs, attrs = 2 if direction == "bidirectional" else 1, {"hidden_size": hidden, "direction": direction}
    if layout:
        attrs["layout"] = 1
    per = {1: 1, 3: 2, 4: 3}[gates]
    if r.random() < 0.6:
        pool = ["Tanh", "Sigmoid", "Relu", "HardSigmoid", "LeakyRelu", "Affine", "ScaledTanh", "Elu", "Softsign", "ThresholdedRelu"]
        names = [r.pick(*pool) for _ in range(per * dirs)]
        attrs["activations"] = names
        alphas = {"HardSigmoid": 0.3, "LeakyRelu": 0.1, "Affine": 0.9, "ScaledTanh": 0.8, "Elu": 0.7, "ThresholdedRelu": 0.2}
        betas = {"HardSigmoid": 0.4, "Affine": 0.1, "ScaledTanh": 0.6}
        if any(n in alphas for n in names):
            attrs["activation_alpha"] = [alphas[n] for n in names if n in alphas]
        if any(n in betas for n in names):
            attrs["activation_beta"] = [betas[n] for n in names if n in betas]
    r.maybe(attrs, "clip", 0.6)
    x = r.f(batch, length, width) if layout else r.f(length, batch, width)
    start = lambda: (r.f(batch, dirs, hidden) if layout else r.f(dirs, batch, hidden)) if r.random() < 0.5 else None
    inputs = [x, r.f(dirs, gates * hidden, width, scale=0.5), r.f(dirs, gates * hidden, hidden, scale=0.5),
              r.f(dirs, 2 * gates * hidden) if r.random() < 0.7 else None,
              np.array(r.ints(1, length + 1, batch), np.int32) if r.random() < 0.4 else None, start()]
    return inputs, attrs, start, dirs, hidden


@draw("RNN", outputs=2)
def _(r):
    return recurrent(r, 1)[:2]


@draw("GRU", outputs=2)
def _(r):
    inputs, attrs, *_ = recurrent(r, 3)
    r.maybe(attrs, "linear_before_reset", 0, 1)
    return inputs, attrs


@draw("LSTM", outputs=3)
def _(r):
    inputs, attrs, start, dirs, hidden = recurrent(r, 4)
    r.maybe(attrs, "input_forget", 0, 0, 1)
    return inputs + [start(), r.f(dirs, 3 * hidden, scale=0.4) if r.random() < 0.4 else None], attrs


NARROW = [np.uint8, np.int8, np.uint16, np.int16]


@draw("QuantizeLinear", opset=21)
def _(r):
    kind, (a, b, c) = r.pick(*NARROW), r.ints(1, 5, 3)
    form, attrs = r.pick("one", "axis", "blocks"), {}
    shape = {"one": (), "axis": (b,), "blocks": (a, -(-(b * 4) // 4), c)}[form]
    if form != "one":
        attrs["axis"] = r.pick(1, -2)
    if form == "blocks":
        attrs["block_size"] = 4
    x = r.f(a, b * 4 if form == "blocks" else b, c, scale=40)
    return [x, np.abs(r.f(*shape)).astype(np.float32) + np.float32(0.05), r.integers(0, 100, shape).astype(kind) if r.random() < 0.7 else None], attrs


@draw("DequantizeLinear", opset=21)
def _(r):
    kind, (a, b, c) = r.pick(*NARROW), r.ints(1, 5, 3)
    form, attrs = r.pick("one", "axis", "blocks"), {}
    shape = {"one": (), "axis": (b,), "blocks": (a, b, c)}[form]
    if form != "one":
        attrs["axis"] = r.pick(1, -2)
    if form == "blocks":
        attrs["block_size"] = 4
    x = r.integers(0, 120, (a, b * 4 if form == "blocks" else b, c)).astype(kind)
    return [x, np.abs(r.f(*shape)).astype(np.float32), r.integers(0, 100, shape).astype(kind) if r.random() < 0.7 else None], attrs


for arg in ("ArgMax", "ArgMin"):
    @draw(arg, opset=13)
    def _(r):
        attrs = {"axis": r.pick(0, 1, 2, -1, -3)}
        r.maybe(attrs, "keepdims", 0, 1)
        r.maybe(attrs, "select_last_index", 0, 1)
        return [r.integers(0, 4, (3, 4, 5)).astype(r.pick(np.float32, np.int32))], attrs

for reduce in "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".split():
    @draw("Reduce" + reduce, opset=18, tol=1e-4)
    def _(r):
        attrs = {}
        r.maybe(attrs, "keepdims", 0, 1)
        r.maybe(attrs, "noop_with_empty_axes", 0, 1)
        axes = r.pick(None, [0], [1, 2], [-1], [0, -2], [])
        return [np.abs(r.f(3, 4, 5)) + np.float32(0.1), None if axes is None else np.array(axes, np.int64)], attrs


@draw("TopK", opset=11, outputs=2)
def _(r):
    attrs = {"axis": r.pick(0, 1, -1)}
    r.maybe(attrs, "largest", 0, 1)
    return [r.permutation(60).reshape(3, 4, 5).astype(np.float32), np.array([2], np.int64)], attrs


@draw("CumSum", opset=14)
def _(r):
    attrs = {}
    r.maybe(attrs, "exclusive", 0, 1)
    r.maybe(attrs, "reverse", 0, 1)
    return [r.f(3, 4, 5), np.array(r.pick(0, 1, 2, -1), np.int64)], attrs


@draw("ScatterElements", opset=18)
def _(r):
    attrs, axis = {}, r.pick(0, 1, -1)
    r.maybe(attrs, "reduction", "none", "add", "mul", "max", "min")
    attrs["axis"] = axis
    size = (4, 5)[axis]
    index = np.stack([r.permutation(size)[:2] for _ in range(3)])
    index = index if axis in (1, -1) else index.T[:, :3]
    return [r.f(4, 5), index.astype(np.int64), r.f(*index.shape)], attrs


@draw("ScatterND", opset=18)
def _(r):
    attrs = {}
    r.maybe(attrs, "reduction", "none", "add", "mul", "max", "min")
    return [r.f(4, 5), r.permutation(4)[:2].reshape(2, 1).astype(np.int64), r.f(2, 5)], attrs


@draw("Pad", opset=19)
def _(r):
    mode = r.pick("constant", "reflect", "edge", "wrap")
    low = -1 if mode == "constant" else 0
    inputs = [r.f(4, 5), np.array(r.ints(low, 3, 4), np.int64), np.float32(1.5) if mode == "constant" and r.random() < 0.5 else None]
    if r.random() < 0.3:
        return [inputs[0], inputs[1][:2], inputs[2], np.array([r.pick(0, 1, -1)], np.int64)], {"mode": mode}
    return inputs, {"mode": mode}


@draw("DepthToSpace", opset=13)
def _(r):
    return [r.f(2, 8, 3, 4)], {"blocksize": 2, "mode": r.pick("DCR", "CRD")}


@draw("Gemm", opset=13, tol=1e-4)
def _(r):
    ta, tb = r.pick(0, 1), r.pick(0, 1)
    attrs = {"transA": ta, "transB": tb}
    r.maybe(attrs, "alpha", 0.5, 2.0)
    r.maybe(attrs, "beta", 0.0, 0.5)
    bias = r.pick(None, r.f(5), r.f(1, 5), r.f(3, 1), r.f(3, 5), r.f())
    return [r.f(4, 3) if ta else r.f(3, 4), r.f(5, 4) if tb else r.f(4, 5), bias], attrs


for softmax in ("Softmax", "LogSoftmax", "Hardmax"):
    for version in (11, 13):
        @draw(f"{softmax} {version}", opset=version)
        def _(r):
            attrs = {}
            r.maybe(attrs, "axis", 0, 1, 2, -1, -2)
            return [r.f(3, 4, 5)], attrs


@draw("LayerNormalization", opset=17, outputs=3)
def _(r):
    axis = r.pick(-1, 1, 2, -2)
    attrs = {"axis": axis}
    r.maybe(attrs, "epsilon", 1e-2)
    shape = (3, 4, 5)[axis:]
    return [r.f(3, 4, 5), r.f(*shape), r.f(*shape) if r.random() < 0.5 else None], attrs


@draw("RMSNormalization")
def _(r):
    axis = r.pick(-1, 1, 2, -2)
    attrs = {"axis": axis}
    r.maybe(attrs, "epsilon", 1e-2)
    return [r.f(3, 4, 5), r.f(*(3, 4, 5)[axis:])], attrs


@draw("GroupNormalization", opset=21, tol=1e-4)
def _(r):
    attrs = {"num_groups": r.pick(1, 2, 4)}
    r.maybe(attrs, "epsilon", 1e-2)
    return [r.f(2, 4, 3, 5), r.f(4), r.f(4)], attrs


@draw("InstanceNormalization", opset=6, tol=1e-4)
def _(r):
    attrs = {}
    r.maybe(attrs, "epsilon", 1e-2)
    return [r.f(2, 4, 3, 5), r.f(4), r.f(4)], attrs


@draw("BatchNormalization", opset=15, tol=1e-4)
def _(r):
    attrs = {}
    r.maybe(attrs, "epsilon", 1e-2)
    return [r.f(2, 4, 3, 5), r.f(4), r.f(4), r.f(4), np.abs(r.f(4))], attrs


@draw("LpNormalization", opset=22)
def _(r):
    attrs = {"axis": r.pick(0, 1, -1)}
    r.maybe(attrs, "p", 1, 2)
    return [r.f(3, 4, 5)], attrs


@draw("LRN", opset=13)
def _(r):
    attrs = {"size": r.pick(1, 3, 5)}
    r.maybe(attrs, "alpha", 0.01, 0.2)
    r.maybe(attrs, "beta", 0.5, 0.75)
    r.maybe(attrs, "bias", 1.0, 2.0)
    return [r.f(2, 6, 3, 4)], attrs


@draw("MeanVarianceNormalization", opset=13, tol=1e-4)
def _(r):
    return [r.f(2, 3, 4, 5)], r.pick({}, {"axes": [0, 2, 3]}, {"axes": [2, 3]})


@draw("RoiAlign", opset=16, tol=1e-4)
def _(r):
    attrs = {"output_height": 2, "output_width": 3}
    r.maybe(attrs, "mode", "avg", "max")
    r.maybe(attrs, "sampling_ratio", 0, 1, 2)
    r.maybe(attrs, "spatial_scale", 0.5, 1.0)
    r.maybe(attrs, "coordinate_transformation_mode", "half_pixel", "output_half_pixel")
    low = r.uniform(0, 4, (3, 2))
    return [r.f(2, 2, 8, 9), np.hstack([low, low + r.uniform(1, 4, (3, 2))]).astype(np.float32), np.array([0, 1, 0], np.int64)], attrs


@draw("NonMaxSuppression", opset=11)
def _(r):
    attrs = {}
    r.maybe(attrs, "center_point_box", 0, 1)
    low = r.uniform(0, 4, (2, 8, 2))
    boxes = np.concatenate([low, low + r.uniform(1, 4, (2, 8, 2))], 2).astype(np.float32)
    return [boxes, r.random((2, 2, 8)).astype(np.float32), np.array([r.pick(1, 3, 8)], np.int64), np.array([r.pick(0.2, 0.5)], np.float32),
            np.array([0.3], np.float32)], attrs


@draw("OneHot", opset=11)
def _(r):
    return [r.integers(-3, 4, (2, 3)).astype(np.int64), np.array(4, np.int64), np.array([0.5, 2], np.float32)], {"axis": r.pick(0, 1, 2, -1, -2)}


@draw("EyeLike", opset=9)
def _(r):
    attrs = {}
    r.maybe(attrs, "k", -1, 0, 2)
    return [r.f(3, 5)], attrs


@draw("Mod", opset=13)
def _(r):
    fmod = r.pick(0, 1)
    kind = r.pick(np.int32, np.int64, np.int8) if not fmod else r.pick(np.float32, np.int32)
    b = r.integers(1, 7, (4, 5)) * r.choice([-1, 1], (4, 5))
    return [r.integers(-50, 50, (4, 5)).astype(kind), b.astype(kind)], {"fmod": fmod}


@draw("Shape", opset=15)
def _(r):
    attrs = {}
    r.maybe(attrs, "start", 0, 1, -2, -7, 9)
    r.maybe(attrs, "end", 0, 1, -1, 2, 9)
    return [r.f(2, 3, 4)], attrs


@draw("Flatten", opset=13)
def _(r):
    return [r.f(2, 3, 4)], {"axis": r.pick(0, 1, 2, 3, -1, -3)}


@draw("Unique", opset=11, outputs=4)
def _(r):
    attrs = {}
    r.maybe(attrs, "axis", 0, 1, -1)
    r.maybe(attrs, "sorted", 0, 1)
    return [r.integers(0, 3, (4, 3)).astype(np.float32)], attrs


for loss in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"):
    @draw(loss, opset=13, outputs=2 if loss.startswith("Soft") else 1, tol=1e-4)
    def _(r):
        attrs = {}
        r.maybe(attrs, "reduction", "none", "sum", "mean")
        r.maybe(attrs, "ignore_index", 1, -1)
        labels = r.integers(0, 4, (3, 2))
        if attrs.get("ignore_index") == -1 and r.random() < 0.5:
            labels[0, 0] = -1
        return [r.f(3, 4, 2), labels.astype(np.int64), np.abs(r.f(4)) if r.random() < 0.5 else None], attrs


@draw("DFT", opset=20, tol=1e-4)
def _(r):
    attrs, real = {}, r.pick(1, 2)
    if real == 1:
        r.maybe(attrs, "onesided", 0, 1)
    if not attrs.get("onesided"):
        r.maybe(attrs, "inverse", 0, 1)
    length = r.pick(None, np.array(5, np.int64), np.array(9, np.int64))
    return [r.f(2, 7, 6, real), length, np.array(r.pick(1, 2, -2), np.int64)], attrs


@draw("STFT", opset=17, tol=1e-4)
def _(r):
    attrs = {}
    r.maybe(attrs, "onesided", 0, 1)
    return [r.f(2, 40, 1), np.array(5, np.int64), r.f(8) if r.random() < 0.5 else None, np.array(8, np.int64)], attrs


for curve in ("HannWindow", "HammingWindow", "BlackmanWindow"):
    @draw(curve, opset=17)
    def _(r):
        attrs = {}
        r.maybe(attrs, "periodic", 0, 1)
        return [np.array(r.pick(2, 3, 9), np.int64)], attrs


@draw("Col2Im", opset=18)
def _(r):
    attrs = {"strides": r.ints(1, 3, 2), "dilations": r.ints(1, 3, 2), "pads": r.ints(0, 2, 4)}
    image, block = [7, 8], [2, 3]
    count = 1
    for i in range(2):
        count *= (image[i] + attrs["pads"][i] + attrs["pads"][i + 2] - attrs["dilations"][i] * (block[i] - 1) - 1) // attrs["strides"][i] + 1
    return [r.f(2, 3 * 6, count), np.array(image, np.int64), np.array(block, np.int64)], attrs


@draw("CenterCropPad", opset=18)
def _(r):
    axes = r.pick(None, [0, 1], [1, 2], [-1])
    attrs = {} if axes is None else {"axes": axes}
    return [r.f(5, 6, 7), np.array(r.ints(2, 10, 3 if axes is None else len(axes)), np.int64)], attrs


@draw("ReverseSequence", opset=10)
def _(r):
    time = r.pick(0, 1)
    return [r.f(4, 4, 2), np.array(r.ints(1, 5, 4), np.int64)], {"time_axis": time, "batch_axis": 1 - time}


@draw("GatherND", opset=13)
def _(r):
    return [r.f(2, 3, 4), r.integers(-2, 2, (2, 5, 1)).astype(np.int64)], {"batch_dims": r.pick(0, 1)}


@draw("Attention", tol=1e-4)
def _(r):
    heads, kv, flat, attrs, length, keys = 4, r.pick(1, 2, 4), r.pick(0, 1), {}, 3, 5
    q, k, v = (r.f(2, length, heads * 8), r.f(2, keys, kv * 8), r.f(2, keys, kv * 8)) if flat else (r.f(2, heads, length, 8), r.f(2, kv, keys, 8), r.f(2, kv, keys, 8))
    if flat:
        attrs.update(q_num_heads=heads, kv_num_heads=kv)
    r.maybe(attrs, "is_causal", 0, 1)
    r.maybe(attrs, "scale", 0.3)
    r.maybe(attrs, "softcap", 0.0, 2.0)
    past = r.pick(None, 2)
    total = keys + (past or 0)
    mask = r.pick(None, r.f(length, total), r.f(2, heads, length, total), r.random((length, total)) < 0.7, r.f(2, 1, length, total))
    if mask is not None and mask.dtype == bool:
        mask[:, 0] = True
    old = [r.f(2, kv, past, 8), r.f(2, kv, past, 8)] if past else [None, None]
    outputs = r.pick(1, 3, 4) if past else r.pick(1, 4)
    if outputs == 4:
        r.maybe(attrs, "qk_matmul_output_mode", 0, 1, 2, 3)
    return [q, k, v, mask, *old], attrs, outputs if past or outputs == 1 else [1, 0, 0, 1]


@draw("RotaryEmbedding", tol=1e-4)
def _(r):
    attrs, part = {}, r.pick(0, 4)
    r.maybe(attrs, "interleaved", 0, 1)
    half = part // 2 or 4
    if part:
        attrs["rotary_embedding_dim"] = part
    flat = r.pick(0, 1) or part
    if flat:
        attrs["num_heads"] = 3
    x = r.f(2, 5, 24) if flat else r.f(2, 3, 5, 8)
    if r.random() < 0.5:
        return [x, r.f(9, half), r.f(9, half), r.integers(0, 9, (2, 5)).astype(np.int64)], attrs
    return [x, r.f(2, 5, half), r.f(2, 5, half)], attrs


for unary, options in {"LeakyRelu": {"alpha": (0.2, -0.3)}, "Elu": {"alpha": (0.5, 2.0)}, "Selu": {"alpha": (1.2,), "gamma": (0.7,)},
                       "HardSigmoid": {"alpha": (0.3,), "beta": (0.4,)}, "ThresholdedRelu": {"alpha": (0.3,)}, "Celu": {"alpha": (0.7,)},
                       "Shrink": {"lambd": (0.3,), "bias": (0.2,)}, "Gelu": {"approximate": ("none", "tanh")},
                       "IsInf": {"detect_negative": (0, 1), "detect_positive": (0, 1)}}.items():
    @draw(unary, opset=22 if unary in ("HardSigmoid",) else 20)
    def _(r, unary=unary, options=options):
        attrs = {}
        for name, values in options.items():
            r.maybe(attrs, name, *values)
        x = r.f(3, 7)
        if unary == "IsInf":
            x[0, :2], x[1, :2] = np.inf, -np.inf
        return [x], attrs


def build(name, spec, inputs, attrs, outputs):
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    while names and not names[-1]:
        names.pop()
    wanted = outputs if isinstance(outputs, list) else [1] * outputs
    outs = [f"y{i}" if w else "" for i, w in enumerate(wanted)]
    infos = [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(np.asarray(x).dtype), np.shape(x)) for n, x in zip(names, inputs) if n]
    graph = h.make_graph([h.make_node(name.split()[0], names, outs, name="n", **attrs)], "g", infos, [onnx.ValueInfoProto(name=n) for n in outs if n])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", spec[1])], ir_version=10)
    return model.SerializeToString(), {n: np.asarray(x) for n, x in zip(names, inputs) if n}, [n for n in outs if n]


def difference(want, got, tol):
    if want.shape != got.shape or want.dtype != got.dtype:
        return f"{got.dtype}{list(got.shape)} where onnxruntime gives {want.dtype}{list(want.shape)}"
    if want.dtype.kind not in "fc":
        return "" if np.array_equal(want, got) or (want.dtype.itemsize == 1 and np.abs(want.astype(int) - got.astype(int)).max() <= 1) else "other values"
    if want.dtype.kind == "f":  # -inf and the lowest number both keep a key out
        want, got = np.where(want < -1e37, np.float32(-np.inf), want), np.where(got < -1e37, np.float32(-np.inf), got)
    if np.allclose(got, want, rtol=tol * 10, atol=tol * max(1.0, np.abs(want[np.isfinite(want)]).max(initial=0)), equal_nan=True):
        return ""
    return f"values differ by {np.nanmax(np.abs(got - want)):.3g}"


def run(name, spec, r):
    """(kind, text): same, skipped (onnxruntime refuses), unsupported, failed."""
    inputs, attrs, *outputs = spec[0](r)
    data, feeds, outs = build(name, spec, inputs, attrs, outputs[0] if outputs else spec[3])
    said = f"{attrs} on {[None if x is None else list(np.shape(x)) for x in inputs]}"
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        want = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(outs, feeds)
    except Exception as e:
        return "skipped", str(e)[:160]
    try:
        got = xinf.load(data, threads=1).run(feeds)
    except xinf.Error as e:
        return ("unsupported" if e.status == "XINF_UNSUPPORTED" else "failed"), f"{e.message}; {said}"
    why = next(filter(None, (difference(w, got[n], spec[2]) and f"{n}: {difference(w, got[n], spec[2])}" for n, w in zip(outs, want))), "")
    if why and name in BY_DEFINITION:
        want = ReferenceEvaluator(onnx.load_from_string(data)).run(None, feeds)
        why = next((f"{n}: {difference(w, got[n], spec[2])}, also from the reference" for n, w in zip(outs, want) if difference(w, got[n], spec[2])), "")
    return ("failed", f"{why}; {said}") if why else ("same", "")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--filter", default="")
    ap.add_argument("--rounds", type=int, default=12)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()
    total = collections.Counter()
    for name, spec in DRAWS.items():
        if not re.search(args.filter, name):
            continue
        counts = collections.Counter()
        for i in range(args.rounds):
            kind, text = run(name, spec, Random(zlib.crc32(f"{name} {i} {args.seed}".encode())))
            counts[kind] += 1
            if kind == "failed" or (args.verbose and text):
                print(f"{kind.upper()} {name} {i}: {text}")
        if not counts["same"] + counts["failed"]:
            print(f"NOTHING COMPARED {name}: {dict(counts)}")
        total += counts
    print(f"{total['skipped']} draws that onnxruntime refuses, {total['unsupported']} that we do")
    print(f"{total['same']} passed, {total['failed']} failed")
    return 1 if total["failed"] or not total["same"] else 0


if __name__ == "__main__":
    sys.exit(main())
