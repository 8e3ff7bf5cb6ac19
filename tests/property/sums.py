"""Families that add up or order: reduce, matmul, softmax, norm, order, einsum."""
import numpy as np

from case import FLOATS, INTS, Case, is_float

F32, F64, I64, I32 = (np.dtype(t) for t in ("float32", "float64", "int64", "int32"))


def ints(values):
    return np.array(values, I64)


_REDUCE = {
    "ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceMax": np.max, "ReduceMin": np.min, "ReduceProd": np.prod,
    "ReduceL1": lambda x, **k: np.sum(np.abs(x), **k), "ReduceL2": lambda x, **k: np.sqrt(np.sum(x * x, **k)),
    "ReduceSumSquare": lambda x, **k: np.sum(x * x, **k), "ReduceLogSum": lambda x, **k: np.log(np.sum(x, **k)),
    "ReduceLogSumExp": lambda x, **k: np.log(np.sum(np.exp(x), **k)),
}


def reduce(r):
    op = r.pick(list(_REDUCE))
    most = r.pick([4, 4, 40])
    x_shape = r.shape(0, 4, most, zero=0.04)
    if op in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceLogSum", "ReduceLogSumExp"):
        x_shape = tuple(max(d, 1) for d in x_shape)
    integer = op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceSumSquare") and r.chance(0.3)
    dtype = r.pick([I32, I64]) if integer else r.pick(FLOATS)
    if op in ("ReduceMax", "ReduceMin") and r.chance(0.3):
        dtype = r.pick([np.dtype("int8"), np.dtype("uint8")])
    x = r.array(x_shape, dtype, 0.1 if "Log" in op else -2, 2)
    if op == "ReduceProd":
        x = x.astype(np.float32).clip(0.8, 1.2).astype(dtype)
    axes, written = r.axes(x.ndim)
    keep = r.int(0, 1)
    absent = r.chance(0.2)
    noop = r.int(0, 1) if absent or not written else None
    given = None if absent else ints(written)
    if absent or not written:
        axes = list(range(x.ndim))
    wide = x.astype(F64 if is_float(dtype) else I64)
    if (absent or not written) and noop:
        with np.errstate(all="ignore"):
            one = {"ReduceL1": np.abs, "ReduceL2": np.abs, "ReduceSumSquare": np.square, "ReduceLogSum": np.log}.get(op, lambda v: v)
            want = one(wide)
    else:
        want = np.asarray(_REDUCE[op](wide, axis=tuple(axes), keepdims=bool(keep)))
    count = max(1, x.size)
    scale = None if op in ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2") else 4 if "Log" in op else 4 * np.sqrt(count)
    steps = 0 if op in ("ReduceMax", "ReduceMin") or not is_float(dtype) else 40 if op == "ReduceProd" else 8
    return Case(op, [x, given], [want.astype(dtype)], steps, scale, keepdims=keep, noop_with_empty_axes=noop)


def matmul(r):
    op = r.pick(["MatMul", "MatMul", "Gemm", "MatMulInteger"])
    most = r.pick([5, 5, 40, 130])
    m, k, n = (0 if r.chance(0.03) else r.int(1, most) for _ in range(3))
    if op == "Gemm":
        return _gemm(r, m, k, n)
    batch = r.shape(0, 2, 3) if most < 100 else ()
    a, b = r.narrowed(batch) + (m, k), r.narrowed(batch) + (k, n)
    if r.chance(0.15):
        a = a[-1:]
    if r.chance(0.15) and len(b) == 2:
        b = (k,)
    if op == "MatMulInteger":
        if len(a) < 2 or len(b) < 2:
            a, b = (m, k), (k, n)
        x, y = (r.array(s, r.pick([np.dtype("uint8"), np.dtype("int8")]), -128, 127) for s in (a, b))
        px = None if r.chance(0.3) else r.array(() if r.chance(0.7) or len(a) > 2 else (m,), x.dtype, -128, 127)
        py = None if r.chance(0.5) else r.array(() if r.chance(0.5) or len(b) > 2 else (n,), y.dtype, -128, 127)
        wide = x.astype(I64) - (0 if px is None else px.astype(I64)[:, None] if px.ndim else px.astype(I64))
        want = wide @ (y.astype(I64) - (0 if py is None else py.astype(I64)))
        return Case(op, [x, y, px, py], [want.astype(I32)])
    dtype = r.pick(FLOATS + [I32, I64, np.dtype("uint32"), np.dtype("uint64")])
    x, y = r.array(a, dtype), r.array(b, dtype)
    wide = F64 if is_float(dtype) else dtype
    want = np.asarray(np.matmul(x.astype(wide), y.astype(wide))).astype(dtype)
    return Case(op, [x, y], [want], 8 if is_float(dtype) else 0, 2 * np.sqrt(k) + 1)


def _gemm(r, m, k, n):
    ta, tb = r.int(0, 1), r.int(0, 1)
    dtype = r.pick(FLOATS)
    alpha, beta = (r.pick([None, 0.5, 2.0, float(np.float32(0.3))]) for _ in range(2))
    a, b = r.array((k, m) if ta else (m, k), dtype), r.array((n, k) if tb else (k, n), dtype)
    c = None if r.chance(0.3) else r.array(r.pick([(m, n), (n,), (1, n), (m, 1), (1,), (), (1, 1)]), dtype)
    want = (1 if alpha is None else alpha) * ((a.T if ta else a).astype(F64) @ (b.T if tb else b).astype(F64))
    if c is not None:
        want = want + (1 if beta is None else beta) * c.astype(F64)
    return Case("Gemm", [a, b, c], [want.astype(dtype)], 8, 4 * np.sqrt(k) + 4, transA=ta, transB=tb, alpha=alpha, beta=beta)


def softmax(r):
    op = r.pick(["Softmax", "LogSoftmax", "Hardmax"])
    x = r.array(r.shape(1, 2, 70) if r.chance(0.3) else r.shape(1, 4), r.pick(FLOATS), -20, 20)
    axis, written = r.axis(x.ndim)
    if op == "Softmax" and r.chance(0.15):
        x = np.where(r.np.random(x.shape) < 0.2, np.asarray(-np.inf).astype(x.dtype), x)
        x[tuple(slice(0, 1) if a == axis else slice(None) for a in range(x.ndim))] = 1
    wide = x.astype(F64)
    if 0 in x.shape:
        want = wide
    elif op == "Hardmax":
        want = (np.arange(x.shape[axis]).reshape([-1 if a == axis else 1 for a in range(x.ndim)]) == np.expand_dims(np.argmax(wide, axis), axis))
    else:
        with np.errstate(all="ignore"):
            shifted = wide - np.max(wide, axis, keepdims=True)
            total = np.sum(np.exp(shifted), axis, keepdims=True)
            want = np.exp(shifted) / total if op == "Softmax" else shifted - np.log(total)
    return Case(op, [x], [want.astype(x.dtype)], 0 if op == "Hardmax" else 24, 40 if op == "LogSoftmax" else None,
                axis=None if written == -1 and r.chance(0.5) else written)


def norm(r):
    op = r.pick(["BatchNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", "LRN",
                 "LpNormalization", "MeanVarianceNormalization"])
    dtype = r.pick(FLOATS)
    eps = r.pick([1e-5, 1e-3, 0.1])
    eps = float(np.float32(eps))
    if op in ("LayerNormalization", "RMSNormalization"):
        return _layer(r, op, dtype, eps)
    if op == "LpNormalization":
        x = r.array(r.shape(1, 4, zero=0), dtype)
        axis, written = r.axis(x.ndim)
        p = r.int(1, 2)
        size = np.linalg.norm(x.astype(F64), p, axis, keepdims=True) if x.size else np.ones(1)
        return Case(op, [x], [(x.astype(F64) / size).astype(dtype)], 8, axis=written, p=p)
    groups = r.int(1, 3)
    c = groups * r.int(1, 4)
    x = r.array((r.int(1, 3), c) + tuple(r.int(1, 6) for _ in range(r.int(1, 3))), dtype)
    wide, column = x.astype(F64), (1, c) + (1,) * (x.ndim - 2)
    if op == "MeanVarianceNormalization":
        axes, written = r.axes(x.ndim)
        mean, var = wide.mean(tuple(axes), keepdims=True), wide.var(tuple(axes), keepdims=True)
        if not axes or any(wide.size // int(np.prod([x.shape[a] for a in range(x.ndim) if a not in axes])) < 3 for _ in (0,)) or np.min(var) < 0.05:
            axes = written = list(range(x.ndim))
            mean, var = wide.mean(keepdims=True), wide.var(keepdims=True)
        if np.min(var) < 0.05:
            return norm(r)
        return Case(op, [x], [((wide - mean) / (np.sqrt(var) + 1e-9)).astype(dtype)], 24, 2, axes=written)
    if op == "LRN":
        size, alpha, beta, bias = r.int(1, 4) * 2 - 1, *(float(np.float32(v)) for v in (0.1, 0.75, 1.5))
        square = np.stack([(wide[:, max(0, i - size // 2):i + size // 2 + 1]**2).sum(1) for i in range(c)], 1)
        return Case(op, [x], [(wide / (bias + alpha / size * square)**beta).astype(dtype)], 8, 1, size=size, alpha=alpha, beta=beta, bias=bias)
    scale, shift = r.array((c,), dtype, 0.5, 2), r.array((c,), dtype)
    s, b = scale.astype(F64).reshape(column), shift.astype(F64).reshape(column)
    if op == "BatchNormalization":
        mean, var = r.array((c,), dtype), r.array((c,), dtype, 0.2, 2)
        want = (wide - mean.astype(F64).reshape(column)) / np.sqrt(var.astype(F64).reshape(column) + eps) * s + b
        return Case(op, [x, scale, shift, mean, var], [want.astype(dtype)], 8, 12, epsilon=eps)
    g = c if op == "InstanceNormalization" else groups
    parts = wide.reshape(x.shape[0], g, -1)
    parts = (parts - parts.mean(-1, keepdims=True)) / np.sqrt(parts.var(-1, keepdims=True) + eps)
    want = (parts.reshape(x.shape) * s + b).astype(dtype)
    # A part that hardly varies is divided by little.
    loss = 8 / np.sqrt(eps) if parts.shape[-1] < 4 else 24
    return Case(op, [x, scale, shift], [want], loss, 6, epsilon=eps, num_groups=groups if op == "GroupNormalization" else None)


def _layer(r, op, dtype, eps):
    x = r.array(r.shape(1, 4, r.pick([6, 40]), zero=0), dtype)
    axis, written = r.axis(x.ndim)
    axes, part = tuple(range(axis, x.ndim)), x.shape[axis:]
    scale = r.array(r.narrowed(part) if r.chance(0.2) else part, dtype)
    shift = None if op != "LayerNormalization" or r.chance(0.3) else r.array(part, dtype)
    wide = x.astype(F64)
    mean = wide.mean(axes, keepdims=True) if op == "LayerNormalization" else np.zeros(())
    var = ((wide - mean)**2).mean(axes, keepdims=True)
    y = (wide - mean) / np.sqrt(var + eps)
    y = y * scale.astype(F64) + (0 if shift is None else shift.astype(F64))
    steps = 24 if np.prod(part) > 3 else 8 / np.sqrt(eps)
    # Stage one ends in the input's type for 16-bit floats: the product rounds again.
    inputs = [x, scale, shift] if op == "LayerNormalization" else [x, scale]
    return Case(op, inputs, [y.astype(dtype)], steps, 4, axis=None if written == -1 and r.chance(0.5) else written, epsilon=eps)


def order(r):
    op = r.pick(["CumSum", "CumProd", "TopK", "ArgMax", "ArgMin", "NonZero", "Unique"])
    dtype = r.pick(FLOATS + INTS[:2])
    x = r.array(r.shape(1, 4, r.pick([4, 4, 30])), dtype, -4, 4)
    if op == "NonZero":
        x = np.round(r.array(r.shape(0, 3), r.pick([F32, I64, I32]), -1, 1))
        rows = np.array(np.nonzero(np.atleast_1d(x)), I64) if x.ndim else np.zeros((0, int(x != 0)), I64)
        return Case(op, [x], [rows.reshape(x.ndim, -1) if x.ndim else rows])
    axis, written = r.axis(x.ndim)
    if op in ("ArgMax", "ArgMin"):
        if not x.shape[axis]:
            x = r.array(tuple(max(d, 1) for d in x.shape), dtype)
        x = np.round(x.astype(F64)).astype(dtype)  # so that equal ones are met
        last, keep = r.int(0, 1), r.int(0, 1)
        f = np.argmax if op == "ArgMax" else np.argmin
        y = x.astype(F64)
        want = x.shape[axis] - 1 - f(np.flip(y, axis), axis) if last else f(y, axis)
        return Case(op, [x], [np.asarray(np.expand_dims(want, axis) if keep else want, I64)], axis=written, keepdims=keep, select_last_index=last)
    if op == "TopK":
        x = np.round(x.astype(F64)).astype(dtype)
        k, largest = r.int(0, x.shape[axis]), r.int(0, 1)
        key = x.astype(F64)
        index = np.argsort(-key if largest else key, axis, kind="stable").take(np.arange(k), axis)
        return Case(op, [x, ints([k])], [np.take_along_axis(x, index, axis), index.astype(I64)], axis=written, largest=largest, sorted=1)
    if op == "Unique":
        return _unique(r, x)
    if op == "CumProd":
        if dtype not in STEP_DTYPES:
            dtype = F32
        x = r.array(x.shape, dtype, 0.8, 1.2)
    exclusive, reverse = r.int(0, 1), r.int(0, 1)
    wide = x.astype(F64 if is_float(dtype) else I64)
    y = np.flip(wide, axis) if reverse else wide
    y = (np.cumsum if op == "CumSum" else np.cumprod)(y, axis)
    if exclusive and x.shape[axis]:
        y = np.roll(y, 1, axis)
        y[tuple(slice(0, 1) if a == axis else slice(None) for a in range(x.ndim))] = 0 if op == "CumSum" else 1
    y = np.flip(y, axis) if reverse else y
    where = np.asarray(written, r.pick([I64, I32]))
    return Case(op, [x, where], [y.astype(dtype)], 40 if is_float(dtype) else 0, 4 * np.sqrt(x.shape[axis]) + 1, opset=26 if op == "CumProd" else 24,
                exclusive=exclusive, reverse=reverse)


STEP_DTYPES = set(FLOATS)


def _unique(r, x):
    x = np.round(r.array(r.shape(1, 2, 6, zero=0), r.pick([F32, I64, np.dtype("int8")]), -2, 2))
    axis = None if r.chance(0.5) else r.int(0, x.ndim - 1)
    values, first, back, count = np.unique(x, True, True, True, axis=axis)
    is_sorted = r.int(0, 1)
    if not is_sorted:
        by = np.argsort(first)
        rank = np.argsort(by)
        values, first, back, count = np.take(values, by, axis or 0), first[by], rank[back.reshape(-1)], count[by]
    return Case("Unique", [x], [values, first.astype(I64), back.reshape(-1).astype(I64), count.astype(I64)], axis=axis, sorted=is_sorted)


def einsum(r):
    letters = "abcde"
    size = {c: r.int(1, 5) for c in letters}
    batch = r.shape(0, 2, 3, zero=0) if r.chance(0.3) else None
    terms, arrays = [], []
    dtype = r.pick([F32, F32, F64])
    for _ in range(r.int(1, 3)):
        term = [r.pick(letters) for _ in range(r.int(0, 4))]
        if not r.chance(0.15):
            term = list(dict.fromkeys(term))
        shape = [size[c] for c in term]
        text = "".join(term)
        if batch is not None:
            at = r.int(0, len(term))
            text = text[:at] + "..." + text[at:]
            shape[at:at] = [1 if r.chance(0.2) else d for d in batch]
        terms.append(text)
        arrays.append(r.array(tuple(shape), dtype))
    used = sorted({c for t in terms for c in t if c != "."})
    equation = ",".join(terms)
    if r.chance(0.8):
        kept = [c for c in used if r.chance(0.5)]
        r.np.shuffle(kept)
        equation += "->" + ("..." if batch is not None else "") + "".join(kept)
    want = np.asarray(np.einsum(equation, *[a.astype(F64) for a in arrays]))
    scale = np.asarray(np.einsum(equation, *[np.abs(a).astype(F64) for a in arrays]))
    spaced = equation.replace(",", " , ") if r.chance(0.2) else equation
    return Case("Einsum", arrays, [want.astype(dtype)], 8, scale, equation=spaced)


FAMILIES = {"reduce": reduce, "matmul": matmul, "softmax": softmax, "norm": norm, "order": order, "einsum": einsum}
