"""Families that compute element by element: unary, binary, compare, cast."""
import math

import ml_dtypes
import numpy as np

from case import BF16, FLOATS, INTS, Case, is_float

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softplus(x):
    return np.logaddexp(x, 0)


# name: (function of float64, low, high, special values allowed, steps that may be lost)
UNARY = {
    "Abs": (np.abs, -9, 9, True, 0), "Neg": (np.negative, -9, 9, True, 0), "Sqrt": (np.sqrt, 0, 9, True, 1),
    "Exp": (np.exp, -9, 9, True, 4), "Log": (np.log, 0.01, 9, True, 4), "Sin": (np.sin, -9, 9, False, 4), "Cos": (np.cos, -9, 9, False, 4),
    "Tan": (np.tan, -1.4, 1.4, False, 4), "Asin": (np.arcsin, -1, 1, False, 4), "Acos": (np.arccos, -1, 1, False, 4),
    "Atan": (np.arctan, -9, 9, True, 4), "Sinh": (np.sinh, -5, 5, True, 8), "Cosh": (np.cosh, -5, 5, True, 8),
    "Tanh": (np.tanh, -9, 9, True, 8), "Asinh": (np.arcsinh, -9, 9, True, 8), "Acosh": (np.arccosh, 1.1, 9, False, 8),
    "Atanh": (np.arctanh, -0.9, 0.9, False, 8), "Ceil": (np.ceil, -9, 9, True, 0), "Floor": (np.floor, -9, 9, True, 0),
    "Round": (np.rint, -9, 9, True, 0), "Sign": (np.sign, -9, 9, False, 0), "Erf": (_erf, -4, 4, False, 8),
    "Reciprocal": (lambda x: 1 / x, 0.1, 9, True, 1), "Relu": (lambda x: np.maximum(x, 0), -9, 9, True, 0),
    "Sigmoid": (_sigmoid, -9, 9, True, 8), "Softplus": (_softplus, -9, 9, False, 8), "Softsign": (lambda x: x / (1 + np.abs(x)), -9, 9, False, 4),
    "HardSwish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), -9, 9, False, 4), "Mish": (lambda x: x * np.tanh(_softplus(x)), -9, 9, False, 12),
}


def _with_attrs(r):
    """Operators with numbers of their own: (name, function, attributes)."""
    f32 = lambda: float(np.float32(r.np.uniform(0.1, 2)))
    a, b = f32(), f32()
    return r.pick([
        ("LeakyRelu", lambda x: np.where(x < 0, a * x, x), {"alpha": a}),
        ("Elu", lambda x: np.where(x < 0, a * np.expm1(x), x), {"alpha": a}),
        ("Celu", lambda x: np.maximum(x, 0) + np.minimum(0, a * np.expm1(x / a)), {"alpha": a}),
        ("Selu", lambda x: b * np.where(x <= 0, a * np.expm1(x), x), {"alpha": a, "gamma": b}),
        ("ThresholdedRelu", lambda x: np.where(x > a, x, 0.0), {"alpha": a}),
        ("HardSigmoid", lambda x: np.clip(a * x + b, 0, 1), {"alpha": a, "beta": b}),
        ("Shrink", lambda x: np.where(x < -a, x + b, np.where(x > a, x - b, 0)), {"lambd": a, "bias": b}),
        ("Swish", lambda x: x * _sigmoid(a * x), {"alpha": a}),
        ("Gelu", lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2))), {}),
        ("Gelu", lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), {"approximate": "tanh"}),
    ])


def unary(r):
    shape = r.shape(most=r.pick([5, 5, 40]))
    which = r.int(0, 9)
    if which == 0:
        dtype = r.pick(INTS[:4])
        op, f = r.pick([("Abs", np.abs), ("Neg", np.negative), ("Sign", np.sign), ("Relu", lambda x: np.maximum(x, 0))])
        x = r.array(shape, dtype, -100, 100)
        return Case(op, [x], [f(x).astype(dtype)])
    if which == 1:
        x = r.special(r.array(shape, r.pick(FLOATS)))
        op = r.pick(["IsNaN", "IsInf", "Identity", "Not", "BitwiseNot"])
        if op == "IsInf":
            plus, minus = r.int(0, 1), r.int(0, 1)
            y = x.astype(np.float64)
            return Case(op, [x], [(np.isposinf(y) & bool(plus)) | (np.isneginf(y) & bool(minus))], detect_positive=plus, detect_negative=minus)
        if op == "Not":
            x = r.array(shape, bool)
            return Case(op, [x], [~x])
        if op == "BitwiseNot":
            x = r.array(shape, r.pick(INTS), 0, 100)
            return Case(op, [x], [~x])
        return Case(op, [x], [np.isnan(x.astype(np.float64)) if op == "IsNaN" else x])
    dtype = r.pick(FLOATS)
    if which < 4:
        op, f, attrs = _with_attrs(r)
        if dtype == BF16 and op in ("Celu",):
            dtype = np.dtype("float32")
        x = r.array(shape, dtype, -6, 6)
        if op == "Celu":
            x = x.astype(np.float32)
        scale = 1 if op in ("HardSigmoid", "Shrink", "Gelu", "Swish", "Selu", "Elu", "Celu") else None
        return Case(op, [x], [f(x.astype(np.float64)).astype(x.dtype)], 8, scale, **attrs)
    op = r.pick(list(UNARY))
    f, low, high, special, steps = UNARY[op]
    if dtype == BF16 and op in ("Sinh",):
        steps = 2
    x = r.array(shape, dtype, low, high)
    if special and r.chance(0.3):
        x = r.special(x)
    with np.errstate(all="ignore"):
        want = f(x.astype(np.float64)).astype(dtype)
    return Case(op, [x], [want], steps and max(steps, 1), 1 if op in ("Sin", "Cos", "Log", "Mish", "HardSwish", "Acosh") else None)


def _shift(x, y, direction):
    return x << y if direction == "LEFT" else x >> y


def binary(r):
    shape = r.shape(most=r.pick([5, 5, 24]))
    a, b = r.narrowed(shape), r.narrowed(shape)
    if r.chance(0.5):
        a = shape
    which = r.int(0, 9)
    if which == 0:
        op, f = r.pick([("And", np.logical_and), ("Or", np.logical_or), ("Xor", np.logical_xor)])
        x, y = r.array(a, bool), r.array(b, bool)
        return Case(op, [x, y], [f(x, y)])
    if which == 1:
        op, f = r.pick([("BitwiseAnd", np.bitwise_and), ("BitwiseOr", np.bitwise_or), ("BitwiseXor", np.bitwise_xor), ("BitShift", None)])
        dtype = r.pick(INTS[4:] if op == "BitShift" else INTS)
        x, y = r.array(a, dtype, 0, 120), r.array(b, dtype, 0, 7 if op == "BitShift" else 120)
        direction = r.pick(["LEFT", "RIGHT"]) if op == "BitShift" else None
        return Case(op, [x, y], [np.asarray(_shift(x, y, direction) if direction else f(x, y)).astype(dtype)], direction=direction)
    if which == 2:
        return _variadic(r, shape)
    if which < 6:
        return _integer(r, a, b)
    dtype = r.pick(FLOATS)
    op, f = r.pick([("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide), ("Pow", np.power), ("PRelu", None), ("Mod", np.fmod)])
    x, y = r.array(a, dtype), r.array(b, dtype)
    if op in ("Div", "Mod"):
        y = np.where(np.abs(y.astype(np.float64)) < 0.2, np.asarray(1).astype(dtype), y).astype(dtype)
    if op == "Pow":
        x = np.abs(x)
    if op == "PRelu":
        x, y = r.array(shape, dtype), r.array(r.narrowed(shape), dtype)
        f = lambda p, q: np.where(p < 0, p * q, p)
    x = x if op in ("PRelu", "Pow", "Mod") or r.chance(0.7) else r.special(x)
    with np.errstate(all="ignore"):
        want = np.asarray(f(x.astype(np.float64), y.astype(np.float64))).astype(dtype)
    return Case(op, [x, y], [want], 4 if op == "Pow" else 1, fmod=1 if op == "Mod" else None)


def _integer(r, a, b):
    dtype = r.pick(INTS)
    op, f = r.pick([("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", None), ("Mod", np.mod), ("Mod", np.fmod), ("Pow", np.power)])
    x, y = r.array(a, dtype, -100, 100), r.array(b, dtype, -100, 100)
    if op == "Div":
        y = np.where(y == 0, 3, y).astype(dtype)
        want = np.trunc(x.astype(np.float64) / y.astype(np.float64))
        return Case(op, [x, y], [np.asarray(want).astype(np.int64).astype(dtype)])
    fmod = None
    if op == "Mod":
        y = np.where(y == 0, 3, y).astype(dtype)
        fmod = 1 if f is np.fmod else 0
    if op == "Pow":
        dtype = r.pick([np.dtype("int32"), np.dtype("int64")])
        x, y = r.array(a, dtype, -5, 5), r.array(b, dtype, 0, 5)
    with np.errstate(all="ignore"):
        return Case(op, [x, y], [np.asarray(f(x, y)).astype(dtype)], fmod=fmod)


def _variadic(r, shape):
    op, f = r.pick([("Max", np.maximum), ("Min", np.minimum), ("Sum", np.add), ("Mean", np.add)])
    dtype = r.pick(FLOATS + (INTS if op in ("Max", "Min") else []))
    parts = [r.array(r.narrowed(shape), dtype, -50, 50) for _ in range(r.int(1, 4))]
    if op in ("Max", "Min") and is_float(dtype) and r.chance(0.3):
        parts[0] = r.special(parts[0])
    wide = [p.astype(np.float64) if is_float(dtype) else p for p in parts]
    want = wide[0]
    for p in wide[1:]:
        want = f(want, p)
    if op == "Mean":
        want = want / len(parts)
    return Case(op, parts, [np.asarray(want).astype(dtype)], 0 if op in ("Max", "Min") else 3, 100)


def compare(r):
    shape = r.shape()
    a, b = r.narrowed(shape), r.narrowed(shape)
    op = r.pick(["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Where", "Where", "Clip"])
    dtype = r.pick(FLOATS + INTS)
    x, y = r.array(a, dtype, -3, 3), r.array(b, dtype, -3, 3)
    if is_float(dtype):
        x, y = np.round(x.astype(np.float64)).astype(dtype), np.round(y.astype(np.float64)).astype(dtype)
        if r.chance(0.5):
            x, y = r.special(x), r.special(y)
    if op == "Where":
        c = r.array(r.narrowed(shape), bool)
        return Case(op, [c, x, y], [np.where(c, x, y).astype(dtype)])
    if op == "Clip":
        low, high = (None if r.chance(0.3) else np.asarray(v).astype(dtype) for v in (1, 2))
        x = r.array(shape, dtype, 0, 4)
        want = x if low is None else np.maximum(x, low)
        want = want if high is None else np.minimum(want, high)
        return Case(op, [x, low, high], [np.asarray(want).astype(dtype)])
    f = {"Equal": np.equal, "Less": np.less, "Greater": np.greater, "LessOrEqual": np.less_equal, "GreaterOrEqual": np.greater_equal}[op]
    wide = np.float64 if is_float(dtype) else dtype
    return Case(op, [x, y], [np.asarray(f(x.astype(wide), y.astype(wide)))])


_SMALL = [np.dtype(t) for t in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2fnuz)]
_NARROW = [np.dtype(t) for t in (ml_dtypes.int4, ml_dtypes.uint4)]
_F4 = np.dtype(ml_dtypes.float4_e2m1fn)


def cast(r):
    """Values that both types hold, and for floats any value of the wider type."""
    every = FLOATS[1:] + INTS + [np.dtype(bool)] + _SMALL + _NARROW + [_F4]
    src, dst = r.pick(every), r.pick(every)
    op = r.pick(["Cast", "Cast", "CastLike"])
    shape = r.shape()
    if src == bool:
        x = r.array(shape, bool)
    elif is_float(src):
        x = np.asarray(r.np.uniform(-100, 100, shape)) if is_float(dst) or dst in _SMALL else np.asarray(r.np.integers(0, 6, shape) + r.pick([0, 0.25]))
        x = x.astype(src)
    elif src in _SMALL or src == _F4:
        x = np.asarray(r.np.integers(0, 6, shape)).astype(np.float32).astype(src)
    else:
        x = np.asarray(r.np.integers(0, 7, shape)).astype(src)
    wide = x.astype(np.float64) if not (src.kind in "iu") else x.astype(np.int64)
    if dst == bool:
        want = wide != 0
    elif is_float(dst) or dst in _SMALL or dst == _F4:
        want = wide.astype(np.float32) if dst.itemsize < 4 else wide
        if dst in _SMALL:  # saturates
            most = float(ml_dtypes.finfo(dst).max)
            want = np.clip(want, -most, most)
        want = np.asarray(want).astype(dst)
    else:
        want = np.asarray(np.trunc(wide)).astype(np.int64).astype(dst)
    from onnx import helper as h
    if op == "Cast":
        return Case(op, [x], [want], to=h.np_dtype_to_tensor_dtype(dst))
    like = np.zeros(r.shape(), np.int8).astype(dst)
    return Case(op, [x, like], [want])


FAMILIES = {"unary": unary, "binary": binary, "compare": compare, "cast": cast}
