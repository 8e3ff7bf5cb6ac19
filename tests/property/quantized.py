"""Families of integers and of memory over time: quantize, rnn, attention."""
import ml_dtypes
import numpy as np

from case import BF16, Case

F32, F64, I64, I32, U8, I8 = (np.dtype(t) for t in ("float32", "float64", "int64", "int32", "uint8", "int8"))
RANGE = {U8: (0, 255), I8: (-128, 127), np.dtype("uint16"): (0, 65535), np.dtype("int16"): (-32768, 32767),
         np.dtype(ml_dtypes.uint4): (0, 15), np.dtype(ml_dtypes.int4): (-8, 7)}
TYPES = list(RANGE)


def _scales(r, shape, how, dtype=F32):
    """Scale's shape and the axis and block that go with it."""
    if how == "tensor" or not shape:
        return (), None, None
    axis = r.int(0, len(shape) - 1)
    if how == "axis":
        return (shape[axis],), axis, None
    block = r.int(1, shape[axis])
    return tuple(-(-d // block) if a == axis else d for a, d in enumerate(shape)), axis, block


def _spread(values, shape, axis, block):
    """A scale or zero point for each element."""
    if values.ndim == 0:
        return np.broadcast_to(values, shape)
    if block is None:
        return np.broadcast_to(values.reshape([-1 if a == axis else 1 for a in range(len(shape))]), shape)
    return np.take(values, np.arange(shape[axis]) // block, axis)


def quantize(r):
    op = r.pick(["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearMatMul", "QLinearConv"])
    if op == "DynamicQuantizeLinear":
        return _dynamic(r)
    if op == "QLinearMatMul":
        return _qlinear_matmul(r)
    if op == "QLinearConv":
        return _qlinear_conv(r)
    shape = r.shape(0, 3, 6, zero=0.03)
    if 0 in shape:
        shape = shape[:1] if shape[:1] == (0,) else ()
    how = r.pick(["tensor", "axis", "block"]) if 0 not in shape else "tensor"
    scale_shape, axis, block = _scales(r, shape, how)
    dtype = r.pick(TYPES)
    low, high = RANGE[dtype]
    kind = r.pick([F32, F32, np.dtype("float16"), BF16]) if how != "block" or op == "DequantizeLinear" else F32
    scale = np.asarray(2.0**r.np.integers(-4, 1, scale_shape)).astype(kind) if kind != F32 else r.array(scale_shape, F32, 0.05, 1)
    zero = None if r.chance(0.3) else np.asarray(r.np.integers(max(low, -100), min(high, 100) + 1, scale_shape)).astype(dtype)
    s = _spread(scale.astype(F32), shape, axis, block)
    z = _spread(np.zeros(scale_shape) if zero is None else zero.astype(F64), shape, axis, block)
    written = None if axis is None else axis - len(shape) if r.chance(0.5) else axis
    attrs = {"axis": written, "block_size": block}
    if op == "QuantizeLinear":
        if zero is None:
            dtype, (low, high) = U8, RANGE[U8]
        x = r.array(shape, kind, -40, 40)
        want = np.clip(np.rint((x.astype(F32) / s).astype(F32)) + z, low, high)
        return Case(op, [x, scale, zero], [np.asarray(want).astype(np.int64).astype(dtype)], **attrs)
    q = np.asarray(r.np.integers(low, high + 1, shape)).astype(dtype)
    want = (q.astype(F64) - z) * s.astype(F64)
    return Case(op, [q, scale, zero], [np.asarray(want).astype(kind)], 1, **attrs)


def _dynamic(r):
    x = r.array(r.shape(0, 3, 8, zero=0), F32, r.pick([-3, 0.5, -9]), r.pick([3, 9, -0.0]) or 4)
    low, high = min(0, float(x.min())), max(0, float(x.max()))
    scale = F32.type((F32.type(high) - F32.type(low)) / F32.type(255))
    if scale == 0:
        return quantize(r)
    zero = np.clip(np.rint(F32.type(0 - F32.type(low)) / scale), 0, 255)
    y = np.clip(np.rint(x / scale) + zero, 0, 255)
    return Case("DynamicQuantizeLinear", [x], [np.asarray(y).astype(U8), np.asarray(scale), np.asarray(zero).astype(U8)])


def _number(r, dtype, shape=()):
    return r.array(shape, dtype, -20 if dtype == I8 else 100, 20 if dtype == I8 else 150)


def _qlinear_matmul(r):
    m, k, n = (r.int(1, r.pick([5, 40])) for _ in range(3))
    batch = r.shape(0, 1, 3, zero=0)
    a, b = r.array(batch + (m, k), r.pick([U8, I8]), -128, 255), None
    a = np.asarray(r.np.integers(*RANGE[a.dtype], batch + (m, k))).astype(a.dtype)
    bt, yt = r.pick([U8, I8]), r.pick([U8, I8])
    b = np.asarray(r.np.integers(*RANGE[bt], r.narrowed(batch) + (k, n))).astype(bt)
    column = b.ndim == 2 and r.chance(0.4)
    sa, sb, sy = (np.asarray(v, F32) for v in (2.0**-6, 2.0**-r.int(4, 7), 2.0**-r.int(0, 3)))
    if column:
        sb = (2.0**-r.np.integers(4, 8, (n,)).astype(F64)).astype(F32)
    za, zb, zy = _number(r, a.dtype), _number(r, bt, (n,) if column else ()), _number(r, yt)
    total = (a.astype(F64) - float(za)) @ (b.astype(F64) - zb.astype(F64))
    y = np.clip(np.rint(total * float(sa) * sb.astype(F64) / float(sy)) + float(zy), *RANGE[yt])
    return Case("QLinearMatMul", [a, sa, za, b, sb, zb, sy, zy], [y.astype(yt)])


def _qlinear_conv(r):
    from windows import Window, _conv
    groups, each, outs = r.int(1, 3), r.int(1, 4), r.int(1, 4)
    while True:
        size = [r.int(1, 8), r.int(1, 8)]
        w = Window(r, 2, size)
        if all(o > 0 for o in w.out):
            break
    xt, wt, yt = r.pick([U8, I8]), r.pick([U8, I8]), r.pick([U8, I8])
    x = np.asarray(r.np.integers(*RANGE[xt], (r.int(1, 2), groups * each) + tuple(size))).astype(xt)
    weight = np.asarray(r.np.integers(*RANGE[wt], (groups * outs, each) + tuple(w.kernel))).astype(wt)
    column = r.chance(0.5)
    shape = (groups * outs,) if column else ()
    sx, sy = np.asarray(2.0**-6, F32), np.asarray(2.0**-r.int(0, 3), F32)
    sw = np.asarray(2.0**-r.np.integers(4, 8, shape).astype(F64)).astype(F32)
    zx, zw, zy = _number(r, xt), _number(r, wt, shape), _number(r, yt)
    bias = r.array((groups * outs,), I32, -2000, 2000) if r.chance(0.5) else None
    spread = (-1, 1, 1, 1) if column else ()
    total = _conv(x.astype(F64) - float(zx), weight.astype(F64) - zw.astype(F64).reshape(spread), w, groups, w.out)
    if bias is not None:
        total += bias.astype(F64).reshape(1, -1, 1, 1)
    by = sw.astype(F64).reshape((1, -1, 1, 1) if column else ())
    y = np.clip(np.rint(total * float(sx) * by / float(sy)) + float(zy), *RANGE[yt])
    return Case("QLinearConv", [x, sx, zx, weight, sw, zw, sy, zy, bias], [y.astype(yt)], group=groups, **w.attrs)


# ---- recurrent networks ----

def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


_ACTIVATION = {"Sigmoid": _sigmoid, "Tanh": np.tanh, "Softsign": lambda x: x / (1 + np.abs(x))}
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def _step(op, f, x, h, c, w, rw, wb, rb, peep, linear, clip):
    n = h.shape[-1]
    cut = (lambda v: np.clip(v, -clip, clip)) if clip else (lambda v: v)
    if op == "RNN":
        return f[0](cut(x @ w.T + wb + h @ rw.T + rb)), c
    gate = lambda v, i: v[..., i * n:(i + 1) * n]
    gx, gh = x @ w.T + wb, h @ rw.T + rb
    if op == "GRU":
        z, reset = f[0](cut(gate(gx, 0) + gate(gh, 0))), f[0](cut(gate(gx, 1) + gate(gh, 1)))
        inner = reset * gate(gh, 2) if linear else (reset * h) @ gate(rw.T, 2) + gate(rb, 2)
        return (1 - z) * f[1](cut(gate(gx, 2) + inner)) + z * h, c
    pi, po, pf = (gate(peep, k) for k in range(3))
    i, o, forget, new = (gate(gx, k) + gate(gh, k) for k in range(4))
    i, forget = f[0](cut(i + pi * c)), f[0](cut(forget + pf * c))
    c = forget * c + i * f[1](cut(new))
    return f[0](cut(o + po * c)) * f[2](c), c


def rnn(r):
    op = r.pick(list(_GATES))
    g, direction = _GATES[op], r.pick(["forward", "reverse", "bidirectional"])
    d = 2 if direction == "bidirectional" else 1
    t, b, size, n = r.int(1, 5), r.int(1, 3), r.int(1, 9), r.int(1, r.pick([5, 20]))
    dtype = r.pick([F32, F32, F64, np.dtype("float16")])
    x = r.array((t, b, size), dtype)
    w, rw = r.array((d, g * n, size), dtype, -1, 1), r.array((d, g * n, n), dtype, -1, 1)
    some = lambda shape, p=0.5: r.array(shape, dtype, -1, 1) if r.chance(p) else None
    bias, h0, c0 = some((d, 2 * g * n)), some((d, b, n)), some((d, b, n)) if op == "LSTM" else None
    peep = some((d, 3 * n), 0.3) if op == "LSTM" else None
    lengths = np.array([r.int(1, t) for _ in range(b)], I32) if r.chance(0.4) else None
    names = None
    f = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[op]
    if r.chance(0.3):
        f = [r.pick(list(_ACTIVATION)) for _ in f]
        names = f * d
    clip = float(np.float32(r.np.uniform(0.3, 2))) if r.chance(0.2) else None
    linear = r.int(0, 1) if op == "GRU" else None
    zeros = np.zeros
    y, last, cell = zeros((t, d, b, n)), zeros((d, b, n)), zeros((d, b, n))
    wide = lambda v, shape: zeros(shape) if v is None else v.astype(F64)
    wx, wh, wb = w.astype(F64), rw.astype(F64), wide(bias, (d, 2 * g * n))
    first, memory, wp = wide(h0, (d, b, n)), wide(c0, (d, b, n)), wide(peep, (d, 3 * n))
    for k in range(d):
        back = direction == "reverse" or k == 1
        for i in range(b):
            length = t if lengths is None else int(lengths[i])
            h, c = first[k, i], memory[k, i]
            for step in reversed(range(length)) if back else range(length):
                h, c = _step(op, [_ACTIVATION[v] for v in f], x[step, i].astype(F64), h, c, wx[k], wh[k], wb[k, :g * n], wb[k, g * n:], wp[k],
                             linear, clip)
                y[step, k, i] = h
            last[k, i], cell[k, i] = h, c
    layout = r.int(0, 1) if r.chance(0.3) else None
    if layout:
        x, y, last, cell = np.swapaxes(x, 0, 1).copy(), y.transpose(2, 0, 1, 3), last.transpose(1, 0, 2), cell.transpose(1, 0, 2)
        h0, c0 = (None if v is None else v.transpose(1, 0, 2).copy() for v in (h0, c0))
    wanted = [v.astype(dtype) for v in ((y, last, cell) if op == "LSTM" else (y, last))]
    inputs = [x, w, rw, bias, lengths, h0] + ([c0, peep] if op == "LSTM" else [])
    constant = r.pick([(1, 2, 3, 7), (1, 2, 3, 7), ()])
    return Case(op, inputs, wanted, 60, 4, constant=constant, hidden_size=n, direction=direction, activations=names, clip=clip, layout=layout,
                linear_before_reset=linear)


# ---- attention ----

def attention(r):
    b, heads, share, tq, tk, d, dv = r.int(1, 2), r.int(1, 3), r.int(1, 2), r.int(1, 9), r.int(1, 12), r.int(1, 9), r.int(1, 9)
    past, flat = r.chance(0.3), r.chance(0.4)
    dtype = r.pick([F32, F32, F64])
    q, k, v = (r.array((b, h, t, n), dtype) for h, t, n in ((heads * share, tq, d), (heads, tk, d), (heads, tk, dv)))
    pk, pv = (r.array((b, heads, r_past, n), dtype) for r_past, n in ((3, d), (3, dv))) if past else (None, None)
    keys, values = (np.concatenate([p, c], 2) if past else c for p, c in ((pk, k), (pv, v)))
    total = keys.shape[2]
    causal = r.int(0, 1)
    mask, bias = None, np.zeros((tq, total))
    how = r.int(0, 2)
    if how == 1:
        shape = r.pick([(tq, total), (b, 1, tq, total), (1, heads * share, tq, total)])
        mask = r.array(shape, dtype)
        bias = mask.astype(F64)
    elif how == 2:
        mask = r.array(r.pick([(tq, total), (b, heads * share, tq, total)]), bool)
        mask[..., 0] = True
        bias = np.where(mask, 0, -np.inf)
    if causal:
        bias = bias + np.where(np.arange(total)[None, :] > np.arange(tq)[:, None] + total - tk, -np.inf, 0)
    scale, cap = (float(np.float32(r.np.uniform(0.1, 1))) if r.chance(0.5) else None), (float(r.int(1, 3)) if r.chance(0.2) else None)
    wide = np.repeat(keys.astype(F64), share, 1)
    y = q.astype(F64) @ wide.swapaxes(2, 3) * (1 / np.sqrt(d) if scale is None else scale)
    if cap:
        y = cap * np.tanh(y / cap)
    y = y + bias
    y = np.exp(y - y.max(-1, keepdims=True))
    y = (y / y.sum(-1, keepdims=True)) @ np.repeat(values.astype(F64), share, 1)
    attrs = {"is_causal": causal, "scale": scale, "softcap": cap}
    if flat:
        join = lambda a: a.transpose(0, 2, 1, 3).reshape(b, a.shape[2], -1).copy()
        q, k, v, y = join(q), join(k), join(v), join(y)
        attrs.update(q_num_heads=heads * share, kv_num_heads=heads)
    wanted = [y.astype(dtype)] + ([keys, values] if past else [])
    return Case("Attention", [q, k, v, mask, pk, pv], wanted, 40, 4, **attrs)


FAMILIES = {"quantize": quantize, "rnn": rnn, "attention": attention}
