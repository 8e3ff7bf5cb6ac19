"""Families that slide windows or sample: pool, conv, transposed conv, resize."""


import numpy as np

from case import FLOATS, Case

F32, F64, I64, I32 = (np.dtype(t) for t in ("float32", "float64", "int64", "int32"))


class Window:
    """Kernel, strides, dilations and pads of a random operator, as attributes and as plain lists."""

    def __init__(self, r, dims, size, ceil=False, most=3, dilate=True):
        self.kernel = [r.int(1, most) for _ in range(dims)]
        self.stride = [r.int(1, 3) for _ in range(dims)]
        self.dilation = [r.int(1, 2) if dilate and r.chance(0.3) else 1 for _ in range(dims)]
        self.reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation)]
        auto = r.pick([None, None, None, "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
        self.low, self.high = [0] * dims, [0] * dims
        self.attrs = {"strides": self.stride, "dilations": self.dilation, "auto_pad": auto}
        self.ceil = ceil and auto in (None, "NOTSET") and r.chance(0.3)
        if auto in (None, "NOTSET"):
            self.low = [r.int(0, k - 1) for k in self.kernel]
            self.high = [r.int(0, k - 1) for k in self.kernel]
            for i, n in enumerate(size):
                if n + self.low[i] + self.high[i] < self.reach[i]:
                    self.low[i] = self.high[i] = self.reach[i]
            self.attrs["pads"] = self.low + self.high
        self.out = []
        for i, n in enumerate(size):
            if auto in ("SAME_UPPER", "SAME_LOWER"):
                out = -(-n // self.stride[i])
                total = max(0, (out - 1) * self.stride[i] + self.reach[i] - n)
                self.low[i] = total // 2 if auto == "SAME_UPPER" else total - total // 2
                self.high[i] = total - self.low[i]
            else:
                space = n + self.low[i] + self.high[i] - self.reach[i]
                out = space // self.stride[i] + 1
                if self.ceil and space % self.stride[i] and out * self.stride[i] < n + self.low[i]:
                    out += 1
            self.out.append(out)
        if not dilate:
            del self.attrs["dilations"]

    def taps(self, place, size):
        """(index into the kernel, index into the data) of the window at an output's place, what lies in the pads left out."""
        for tap in np.ndindex(*self.kernel):
            at = [p * s - low + t * d for p, s, low, t, d in zip(place, self.stride, self.low, tap, self.dilation)]
            if all(0 <= a < n for a, n in zip(at, size)):
                yield tap, tuple(at)

    def padded_taps(self, place, size):
        """How many taps lie in the data and its pads."""
        count = 1
        for i, p in enumerate(place):
            start = p * self.stride[i] - self.low[i]
            count *= sum(1 for t in range(self.kernel[i]) if start + t * self.dilation[i] < size[i] + self.high[i])
        return count


def _valid(r, most_dims=3):
    """A window whose every output sees data."""
    while True:
        dims = r.pick([1, 2, 2, 2, 3][:most_dims + 2])
        size = [r.int(1, r.pick([6, 6, 14])) if dims < 3 else r.int(1, 5) for _ in range(dims)]
        w = Window(r, dims, size, ceil=True)
        if all(o > 0 for o in w.out) and all(any(True for _ in w.taps(p, size)) for p in np.ndindex(*w.out)):
            return dims, size, w


def pool(r):
    op = r.pick(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"])
    dtype = r.pick(FLOATS)
    if op.startswith("Global"):
        x = r.array((r.int(0, 2), r.int(1, 20)) + tuple(r.int(1, 7) for _ in range(r.int(1, 3))), dtype)
        axes, wide = tuple(range(2, x.ndim)), x.astype(F64)
        p = r.int(1, 3)
        want = {"GlobalMaxPool": np.max, "GlobalAveragePool": np.mean,
                "GlobalLpPool": lambda v, **k: np.sum(np.abs(v)**p, **k)**(1 / p)}[op](wide, axis=axes, keepdims=True)
        return Case(op, [x], [want.astype(dtype)], 0 if "Max" in op else 8, 2, p=p if "Lp" in op else None)
    dims, size, w = _valid(r)
    if op == "MaxPool" and r.chance(0.2):
        dtype = r.pick([np.dtype("int8"), np.dtype("uint8")])
    x = r.array((r.int(1, 2), r.pick([1, 2, 3, 8, 17])) + tuple(size), dtype, -9, 9)
    wide = x.astype(F64)
    out = np.zeros(x.shape[:2] + tuple(w.out))
    attrs = dict(w.attrs, kernel_shape=w.kernel, ceil_mode=int(w.ceil))
    if op == "MaxPool":
        return _max_pool(r, x, wide, w, out, attrs)
    include, p = r.int(0, 1), r.int(1, 3)
    for place in np.ndindex(*w.out):
        values = np.stack([wide[(..., *at)] for _, at in w.taps(place, size)], -1)
        if op == "LpPool":
            out[(..., *place)] = np.sum(np.abs(values)**p, -1)**(1 / p)
        else:
            out[(..., *place)] = values.sum(-1) / (w.padded_taps(place, size) if include else values.shape[-1])
    attrs.update({"p": p} if op == "LpPool" else {"count_include_pad": include})
    return Case(op, [x], [out.astype(dtype)], 8, 9, **attrs)


def _max_pool(r, x, wide, w, out, attrs):
    size = x.shape[2:]
    index = np.zeros(out.shape, I64)
    column = r.int(0, 1)
    strides = np.cumprod((1,) + size[:-1]) if column else np.cumprod((1,) + size[:0:-1])[::-1]
    base = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2]) * int(np.prod(size))
    for place in np.ndindex(*out.shape[2:]):
        places = [at for _, at in w.taps(place, size)]
        values = np.stack([wide[(..., *at)] for at in places], -1)
        best = np.argmax(values, -1)
        out[(..., *place)] = values.max(-1)
        index[(..., *place)] = base + np.array([int(np.dot(at, strides)) for at in places])[best]
    want = [out.astype(x.dtype)]
    if r.chance(0.4):
        unique = wide.size == np.unique(wide).size  # which of two equal ones is named is not said
        want.append(index if unique else None)
        attrs["storage_order"] = column
    return Case("MaxPool", [x], want, 0, **attrs)


def _conv(x, weight, w, groups, out_size):
    """A convolution as the sum over its taps."""
    n, c = x.shape[:2]
    m, each = weight.shape[:2]
    padded = np.zeros((n, c) + tuple(s + lo + max(0, (o - 1) * st + re - s - lo) for s, lo, o, st, re in
                                     zip(x.shape[2:], w.low, out_size, w.stride, w.reach)))
    padded[(slice(None), slice(None)) + tuple(slice(lo, lo + s) for lo, s in zip(w.low, x.shape[2:]))] = x
    out = np.zeros((n, groups, m // groups) + tuple(out_size))
    for tap in np.ndindex(*w.kernel):
        part = padded[(slice(None), slice(None)) + tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, w.dilation, out_size, w.stride))]
        part = part.reshape((n, groups, each) + tuple(out_size))
        taps = weight[(slice(None), slice(None)) + tap].reshape(groups, m // groups, each)
        out += np.einsum("gme,nge...->ngm...", taps, part)
    return out.reshape((n, m) + tuple(out_size))


def _channels(r):
    """Groups and channels of each group, in and out: depthwise, a few, and enough to fill vectors."""
    how = r.int(0, 4)
    if how == 0:
        return r.int(1, 20), 1, r.int(1, 2)
    if how == 1:
        return 1, r.pick([3, 8, 16, 24]), r.pick([1, 8, 16, 20])
    return r.int(1, 3), r.int(1, 4), r.int(1, 4)


def conv(r):
    dims = r.pick([1, 2, 2, 2, 2, 3])
    groups, each, outs = _channels(r)
    while True:
        size = [r.int(1, 14 if dims == 2 else 6) for _ in range(dims)]
        w = Window(r, dims, size, dilate=r.chance(0.4))
        if all(o > 0 for o in w.out):
            break
    if r.chance(0.15):  # the shape that fast ways are made for
        w.stride[:] = [1] * dims
        w = Window.__new__(Window)
        w.kernel, w.stride, w.dilation, w.low, w.high = [3] * dims, [1] * dims, [1] * dims, [1] * dims, [1] * dims
        w.reach, w.out = list(w.kernel), list(size)
        w.attrs = {"pads": w.low + w.high}
    n = 0 if r.chance(0.02) else r.int(1, 2)
    shape, kernel = (n, groups * each) + tuple(size), (groups * outs, each) + tuple(w.kernel)
    attrs = dict(w.attrs, group=groups, kernel_shape=w.kernel if r.chance(0.5) else None)
    if r.chance(0.2):
        return _conv_integer(r, shape, kernel, w, attrs)
    dtype = r.pick(FLOATS)
    x, weight = r.array(shape, dtype), r.array(kernel, dtype)
    bias = r.array((groups * outs,), dtype) if r.chance(0.5) else None
    want = _conv(x.astype(F64), weight.astype(F64), w, groups, w.out)
    if bias is not None:
        want += bias.astype(F64).reshape((1, -1) + (1,) * dims)
    scale = 4 * np.sqrt(each * np.prod(w.kernel)) + 2
    constant = r.pick([(1, 2), (1,), (), (1, 2)])
    return Case("Conv", [x, weight, bias], [want.astype(dtype)], 16, scale, constant=constant, **attrs)


def _conv_integer(r, shape, kernel, w, attrs):
    types = [np.dtype("uint8"), np.dtype("int8")]
    x, weight = r.array(shape, r.pick(types), -128, 127), r.array(kernel, r.pick(types), -128, 127)
    px = r.array((), x.dtype, -128, 127) if r.chance(0.6) else None
    pw = r.array(() if r.chance(0.6) else (kernel[0],), weight.dtype, -128, 127) if r.chance(0.6) else None
    wide = x.astype(F64) - (0 if px is None else float(px))
    wide_weight = weight.astype(F64) - (0 if pw is None else pw.astype(F64).reshape((-1,) + (1,) * (weight.ndim - 1)) if pw.ndim else float(pw))
    want = _conv(wide, wide_weight, w, attrs["group"], w.out)
    return Case("ConvInteger", [x, weight, px, pw], [np.rint(want).astype(I32)], **attrs)


def conv_transpose(r):
    dims = r.pick([1, 2, 2, 3])
    groups, each, outs = _channels(r)
    size = [r.int(1, 6) for _ in range(dims)]
    kernel, stride = ([r.int(1, 4) for _ in range(dims)] for _ in range(2))
    stride = [min(s, 3) for s in stride]
    dilation = [r.pick([1, 1, 2]) for _ in range(dims)]
    extra = [r.int(0, max(s, d) - 1) if r.chance(0.3) else 0 for s, d in zip(stride, dilation)]
    full = [(n - 1) * s + (k - 1) * d + 1 + e for n, s, k, d, e in zip(size, stride, kernel, dilation, extra)]
    low, high = ([r.int(0, k - 1) for k in kernel] for _ in range(2))
    attrs = {"group": groups, "strides": stride, "dilations": dilation, "output_padding": extra if any(extra) else None}
    how = r.int(0, 3)
    if how == 0:  # the output's size is given and the pads follow
        shape = [max(1, f - p - q) for f, p, q in zip(full, low, high)]
        upper = r.chance(0.5)
        total = [f - o for f, o in zip(full, shape)]
        low = [t // 2 if upper else t - t // 2 for t in total]
        high = [t - p for t, p in zip(total, low)]
        attrs.update(output_shape=shape, auto_pad="SAME_UPPER" if upper else "SAME_LOWER")
    else:
        for i, f in enumerate(full):
            if f - low[i] - high[i] < 1:
                low[i] = high[i] = 0
        attrs["pads"] = low + high
    dtype = r.pick(FLOATS)
    x, weight = r.array((r.int(1, 2), groups * each) + tuple(size), dtype), r.array((groups * each, outs) + tuple(kernel), dtype)
    bias = r.array((groups * outs,), dtype) if r.chance(0.5) else None
    out = np.zeros((x.shape[0], groups, outs) + tuple(full))
    data = x.astype(F64).reshape((x.shape[0], groups, each) + tuple(size))
    taps = weight.astype(F64).reshape((groups, each, outs) + tuple(kernel))
    for tap in np.ndindex(*kernel):
        place = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, size, stride))
        out[(slice(None),) * 3 + place] += np.einsum("geo,nge...->ngo...", taps[(slice(None),) * 3 + tap], data)
    out = out.reshape((x.shape[0], groups * outs) + tuple(full))
    out = out[(slice(None), slice(None)) + tuple(slice(p, f - q) for p, q, f in zip(low, high, full))]
    if bias is not None:
        out = out + bias.astype(F64).reshape((1, -1) + (1,) * dims)
    scale = 4 * np.sqrt(each * np.prod(kernel)) + 2
    constant = r.pick([(1, 2), (1,), (), (1, 2)])
    return Case("ConvTranspose", [x, weight, bias], [out.astype(dtype)], 8, scale, constant=constant, **attrs)


# ---- resize ----

def _source(mode, i, n, out, scale):
    """Where output i of an axis of n elements lies in it."""
    if mode == "half_pixel":
        return (i + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        adjustment = out / (scale * n)
        return n / 2 * (1 - adjustment) + (i + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if out > 1 else 0.0
    if mode == "align_corners":
        length = scale * n  # not rounded, so that what is left of a fraction is kept
        return i * (n - 1) / (length - 1) if length != 1 else 0.0
    if mode == "asymmetric":
        return i / scale
    raise ValueError(mode)


def _cubic(t, a):
    t = abs(t)
    if t < 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def _weights(mode, where, n, a, exclude):
    """The weights of the n elements of an axis at one place."""
    row = np.zeros(n)
    base = int(np.floor(where))
    taps = [(base + k, 1 - abs(where - base - k)) for k in (0, 1)] if mode == "linear" else \
        [(base + k, _cubic(where - base - k, a)) for k in (-1, 0, 1, 2)]
    if exclude:
        taps = [(i, w) for i, w in taps if 0 <= i < n]
        total = sum(w for _, w in taps)
        taps = [(i, w / total) for i, w in taps]
    for i, w in taps:
        row[min(max(i, 0), n - 1)] += w
    return row


def _nearest(mode, where, n):
    i = {"round_prefer_floor": np.ceil(where - 0.5), "round_prefer_ceil": np.floor(where + 0.5), "floor": np.floor(where),
         "ceil": np.ceil(where)}[mode]
    return int(min(max(i, 0), n - 1))


def resize(r):
    mode = r.pick(["nearest", "linear", "cubic"])
    where = r.pick(["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"])
    rounding = r.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    rank = r.pick([4, 4, 4, 3, 5, 2, 1])
    x = r.array(tuple(r.int(1, 7) for _ in range(rank)), r.pick(FLOATS))
    axes = list(range(rank)) if mode == "nearest" and r.chance(0.3) else list(range(max(0, rank - 2), rank))
    a, exclude = float(np.float32(r.pick([-0.75, -0.5]))), r.int(0, 1) if mode == "cubic" else 0
    by_scale = r.chance(0.5)
    out = x.astype(F64)
    scales, sizes = [1.0] * rank, list(x.shape)
    for axis in axes:
        n = x.shape[axis]
        if by_scale:
            scales[axis] = r.pick([1.0, 2.0, 0.5, 1.5, 3.0, 0.75])
            sizes[axis] = int(np.floor(n * scales[axis]))
            if sizes[axis] == 0:
                sizes[axis], scales[axis] = n, 1.0
        else:
            sizes[axis] = r.int(1, 9)
            scales[axis] = sizes[axis] / n
        rows = np.zeros((sizes[axis], n))
        if sizes[axis] == n and scales[axis] == 1.0:
            continue
        for i in range(sizes[axis]):
            at = _source(where, i, n, sizes[axis], scales[axis])
            if mode == "nearest":
                if abs(at * 2 - np.rint(at * 2)) < 1e-4 and not by_scale:
                    return resize(r)  # a tie that single precision may see otherwise
                rows[i, _nearest(rounding, at, n)] = 1
            else:
                rows[i] = _weights(mode, at, n, a, exclude)
        out = np.moveaxis(np.tensordot(rows, out, (1, axis)), 0, axis)
    part = r.chance(0.4)
    written = [v - rank if r.chance(0.5) else v for v in axes]
    scale = np.array([scales[v] for v in axes] if part else scales, F32) if by_scale else None
    size = None if by_scale else np.array([sizes[v] for v in axes] if part else sizes, I64)
    attrs = {"mode": mode, "coordinate_transformation_mode": where, "axes": written if part else None}
    attrs.update({"nearest_mode": rounding} if mode == "nearest" else {"cubic_coeff_a": a, "exclude_outside": exclude} if mode == "cubic" else {})
    return Case("Resize", [x, None, scale, size], [out.astype(x.dtype)], 0 if mode == "nearest" else 16, 8, **attrs)


FAMILIES = {"pool": pool, "conv": conv, "conv_transpose": conv_transpose, "resize": resize}
