"""Families that move elements: gather, scatter, slice, pad, concat, split, transpose, reshape."""
import ml_dtypes
import numpy as np

from case import FLOATS, INTS, Case, is_float

MOVED = FLOATS + INTS + [np.dtype(bool), np.dtype("complex64"), np.dtype(ml_dtypes.float8_e5m2), np.dtype(ml_dtypes.int4)]
I64, I32 = np.dtype("int64"), np.dtype("int32")


def some(r, shape, moved=MOVED):
    dtype = r.pick(moved)
    if dtype.kind == "c":
        return (r.array(shape) + 1j * r.array(shape)).astype(dtype)
    if dtype not in INTS and dtype.itemsize == 1 and dtype != bool:
        return np.asarray(r.np.integers(0, 8, shape)).astype(dtype)
    if r.chance(0.05):
        return np.array([str(i) for i in range(int(np.prod(shape)))], dtype=object).reshape(shape)
    return r.array(shape, dtype, -100, 100)


def ints(values, dtype=I64):
    return np.array(values, dtype)


def gather(r):
    op = r.pick(["Gather", "GatherElements", "GatherND", "Compress", "OneHot"])
    if op == "OneHot":
        return _one_hot(r)
    x = some(r, r.shape(1, 4, zero=0.03))
    if op == "Gather":
        axis, written = r.axis(x.ndim)
        d = x.shape[axis]
        shape = r.shape(0, 2) if d else (0,)
        index = np.asarray(r.np.integers(-d, max(d, 1), shape)).astype(r.pick([I64, I32]))
        return Case(op, [x, index], [np.asarray(np.take(x, index, axis), x.dtype)], axis=None if written == 0 and r.chance(0.5) else written)
    if op == "GatherElements":
        axis, written = r.axis(x.ndim)
        if 0 in x.shape:
            x = x.reshape(-1)[:0].reshape((0,) * x.ndim)
        shape = [r.int(0 if r.chance(0.1) else min(1, d), d) if a != axis else (r.int(1, 6) if d else 0) for a, d in enumerate(x.shape)]
        d = x.shape[axis]
        index = np.asarray(r.np.integers(-d, max(d, 1), shape)).astype(r.pick([I64, I32]))
        part = x[tuple(slice(None) if a == axis else slice(0, n) for a, n in enumerate(shape))]
        return Case(op, [x, index], [np.take_along_axis(part, index.astype(I64) % max(d, 1), axis)], axis=written)
    if op == "GatherND":
        return _gather_nd(r, x)
    axis, written = (None, None) if r.chance(0.3) else r.axis(x.ndim)
    flat = x.reshape(-1) if axis is None else x
    length = flat.shape[axis or 0]
    keep = r.array((r.int(1, length) if length else 0,), bool)
    return Case(op, [x, keep], [np.compress(keep, flat, axis or 0)], axis=written)


def _gather_nd(r, x):
    x = x.reshape(tuple(max(1, d) for d in x.shape)) if 0 not in x.shape else some(r, tuple(max(1, d) for d in x.shape))
    batch = r.int(0, x.ndim - 1)
    depth = r.int(1, x.ndim - batch)
    outer = x.shape[:batch] + r.shape(0, 2, 3)
    bounds = np.array(x.shape[batch:batch + depth])
    index = (r.np.integers(-bounds, bounds, outer + (depth,))).astype(I64)
    rows = index.reshape((int(np.prod(x.shape[:batch])), -1, depth))
    flat = x.reshape((rows.shape[0],) + x.shape[batch:])
    got = [flat[(b, *row)] for b in range(rows.shape[0]) for row in rows[b]]
    shape = outer + x.shape[batch + depth:]
    want = np.stack(got).reshape(shape) if got else np.empty(shape, x.dtype)
    return Case("GatherND", [x, index], [want.astype(x.dtype)], batch_dims=batch)


def _one_hot(r):
    shape, depth = r.shape(0, 3), r.int(1, 6)
    index = np.asarray(r.np.integers(-depth - 1, depth + 2, shape)).astype(r.pick([I64, I32]))
    axis = r.int(-len(shape) - 1, len(shape))
    values = r.array((2,), r.pick([np.dtype("float32"), I32, np.dtype("float16")]), -5, 5)
    place = axis % (len(shape) + 1)
    hit = np.expand_dims(np.where((index >= -depth) & (index < depth), index % depth, -1), place)
    grid = np.arange(depth).reshape([-1 if a == place else 1 for a in range(len(shape) + 1)])
    d = np.asarray(depth, r.pick([I64, np.dtype("float32")]))
    return Case("OneHot", [index, d if r.chance(0.5) else d.reshape(1), values], [np.where(hit == grid, values[1], values[0])], axis=axis)


_REDUCE = {"none": None, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def scatter(r):
    op = r.pick(["ScatterElements", "ScatterND", "TensorScatter"])
    how = r.pick(list(_REDUCE))
    if op == "TensorScatter":
        return _tensor_scatter(r)
    if how == "none":
        x = some(r, r.shape(1, 4, zero=0))
    else:
        x = r.array(r.shape(1, 4, zero=0), r.pick(FLOATS[:4] + INTS), -9, 9)
        x = np.round(x).astype(x.dtype)
    if op == "ScatterElements":
        axis, written = r.axis(x.ndim)
        shape = tuple(r.int(0 if r.chance(0.1) else 1, d) for d in x.shape)
        d = x.shape[axis]
        index = r.np.integers(-d, d, shape)
        if how == "none":  # no two may meet
            index = (np.argsort(r.np.random(shape[:axis] + (d,) + shape[axis + 1:]), axis)).take(np.arange(shape[axis]), axis)
            index = index - d * (r.np.random(shape) < 0.3)
        cells = [tuple(index[i] % d if a == axis else i[a] for a in range(x.ndim)) for i in np.ndindex(*shape)]
        index, updates = index.astype(r.pick([I64, I32])), _updates(r, x, shape)
        return Case(op, [x, index, updates], [_apply(x, cells, updates.reshape(-1), how)], axis=written, reduction=how)
    depth = r.int(1, x.ndim)
    outer = r.shape(1, 2, 3, zero=0.03)
    bounds = np.array(x.shape[:depth])
    index = r.np.integers(-bounds, bounds, outer + (depth,))
    if how == "none":
        total = int(np.prod(bounds))
        outer = (min(total, r.int(0, 4)),)
        flat = r.np.permutation(total)[:outer[0]]
        index = np.stack(np.unravel_index(flat, bounds), -1).astype(I64)
    cells = [tuple(row % bounds) for row in index.reshape(-1, depth)]
    updates = _updates(r, x, outer + x.shape[depth:])
    want = _apply(x, cells, updates.reshape((len(cells),) + x.shape[depth:]), how)
    return Case(op, [x, index.astype(I64), updates], [want], reduction=how)


def _updates(r, x, shape):
    if x.dtype == object:
        return np.array(["u"] * int(np.prod(shape)), dtype=object).reshape(shape)
    if x.dtype == bool:
        return r.array(shape, bool)
    return np.asarray(r.np.integers(0, 8, shape)).astype(x.dtype)


def _apply(x, cells, updates, how):
    out = x.copy()
    with np.errstate(all="ignore"):
        for cell, update in zip(cells, updates):
            out[cell] = update if how == "none" else _REDUCE[how](out[cell], update).astype(x.dtype)
    return out


def _tensor_scatter(r):
    batch, length, width = r.int(1, 3), r.int(2, 6), r.int(1, 4)
    x = r.array((batch, r.int(1, 3), length, width), r.pick(FLOATS))
    circular = r.chance(0.5)
    count = r.int(1, length)
    updates = r.array(x.shape[:2] + (count, width), x.dtype)
    start = np.array([r.int(0, length - 1 if circular else length - count) for _ in range(batch)], I64)
    given = start if r.chance(0.8) else None
    want = x.copy()
    for b in range(batch):
        for t in range(count):
            want[b, :, ((start[b] if given is not None else 0) + t) % length] = updates[b, :, t]
    return Case("TensorScatter", [x, updates, given], [want], axis=-2, mode="circular" if circular else "linear")


def slice_(r):
    x = some(r, r.shape(1, 5))
    axes, written = r.axes(x.ndim)
    chosen = {}
    starts, ends, steps = [], [], []
    for a in written:
        step = r.pick([1, 1, 2, 3, -1, -2])
        low, high = r.int(-7, 7), r.int(-7, 7)
        if r.chance(0.2):
            low = (2**62 if step < 0 else -2**62)
        if r.chance(0.3):
            high = (-2**62 if step < 0 else 2**62)
        starts.append(low), ends.append(high), steps.append(step)
        chosen[a % x.ndim] = _slice_indices(x.shape[a], low, high, step)
    want = x
    for a, index in chosen.items():
        want = np.take(want, np.array(index, I64), a)
    dtype = r.pick([I64, I32]) if all(abs(v) < 2**30 for v in starts + ends) else I64
    plain = all(s == 1 for s in steps) and r.chance(0.5)
    inputs = [x] + [ints(v, dtype) for v in (starts, ends, written)] + ([] if plain else [ints(steps, dtype)])
    return Case("Slice", inputs, [want])


def _slice_indices(size, low, high, step):
    low, high = (v + size if v < 0 else v for v in (low, high))
    if step > 0:
        return list(range(min(max(low, 0), size), min(max(high, 0), size), step))
    return list(range(min(max(low, 0), size - 1), min(max(high, -1), size - 1), step)) if size else []


def pad(r):
    mode = r.pick(["constant", "constant", "edge", "reflect", "wrap"])
    x = some(r, r.shape(1, 4, zero=0.03 if mode == "constant" else 0), FLOATS + INTS[:4] + [np.dtype(bool)])
    if x.dtype == object:
        x = r.array(x.shape)
    axes, written = r.axes(x.ndim)
    whole = r.chance(0.3)
    if whole:
        written = list(range(x.ndim))
    low, high = [], []
    for a in written:
        d = x.shape[a]
        most = 4 if mode in ("constant", "edge") else d if mode == "wrap" else d - 1
        low.append(r.int(0, most)), high.append(r.int(0, most))
        if mode == "constant" and d > 1 and r.chance(0.2):
            low[-1] = -1
    width = [(0, 0)] * x.ndim
    cut = x
    for a, p, q in zip(written, low, high):
        if p < 0:
            cut = np.take(cut, np.arange(-p, x.shape[a]), a)
        width[a % x.ndim] = (max(p, 0), q)
    value = None if r.chance(0.4) else r.array((), x.dtype, 1, 3)
    options = {"constant_values": value if value is not None else 0} if mode == "constant" else {}
    want = np.pad(cut.astype(np.float64) if is_float(x.dtype) else cut, width, mode, **options).astype(x.dtype)
    pads = ints(low + high)
    return Case("Pad", [x, pads, value if mode == "constant" else None, None if whole else ints(written, r.pick([I64, I32]))], [want], mode=mode)


def concat(r):
    op = r.pick(["Concat", "Tile", "Expand", "Trilu", "EyeLike", "Range", "ConstantOfShape"])
    if op == "Concat":
        shape = list(r.shape(1, 4))
        axis, written = r.axis(len(shape))
        first = some(r, shape)
        parts = [first]
        for _ in range(r.int(0, 4)):
            shape[axis] = r.int(0, 4)
            part = np.asarray(r.np.integers(0, 5, shape))
            parts.append(part.astype(str).astype(object) if first.dtype == object else part.astype(first.dtype))
        return Case(op, parts, [np.concatenate(parts, axis)], axis=written)
    if op == "Tile":
        x = some(r, r.shape(0, 4))
        times = [r.int(0 if r.chance(0.1) else 1, 3) for _ in x.shape]
        return Case(op, [x, ints(times)], [np.tile(x, times)])
    if op == "Expand":
        shape = r.shape()
        x = some(r, r.narrowed(shape))
        target = r.narrowed(shape)
        return Case(op, [x, ints(target)], [np.broadcast_to(x, np.broadcast_shapes(x.shape, target)).copy()])
    if op == "Trilu":
        x = some(r, r.shape(2, 4), FLOATS + INTS + [np.dtype(bool)])
        if x.dtype == object:
            x = r.array(x.shape)
        k, upper = r.int(-4, 4), r.int(0, 1)
        mask = (np.triu if upper else np.tril)(np.ones(x.shape[-2:], bool), k)
        return Case(op, [x, ints(k) if k or r.chance(0.5) else None], [np.where(mask, x, np.zeros((), x.dtype))], upper=upper)
    if op == "EyeLike":
        x, k = r.array(r.shape(2, 2), np.float32), r.int(-3, 3)
        return Case(op, [x], [np.eye(*x.shape, k=k, dtype=np.float32)], k=k)
    if op == "Range":
        dtype = r.pick([I64, I32, np.dtype("float32"), np.dtype("float64")])
        start, stop, step = r.int(-5, 5), r.int(-5, 9), r.pick([1, 2, 3, -1, -2])
        return Case(op, [np.asarray(v, dtype) for v in (start, stop, step)], [np.arange(start, stop, step).astype(dtype)])
    from onnx import numpy_helper as nh
    value, shape = some(r, (1,), FLOATS[:4] + INTS), r.shape()
    if value.dtype == object:
        value = np.ones(1, np.float32)
    return Case(op, [ints(shape)], [np.full(shape, value[0], value.dtype)], value=nh.from_array(value))


def split(r):
    x = some(r, r.shape(1, 4))
    axis, written = r.axis(x.ndim)
    d = x.shape[axis]
    if r.chance(0.5):
        cuts = sorted(r.int(0, d) for _ in range(r.int(0, 3)))
        sizes = np.diff([0] + cuts + [d])
        return Case("Split", [x, ints(sizes)], np.split(x, cuts, axis), axis=written)
    count = r.int(1, max(1, min(d, 4)))
    piece = -(-d // count)
    while count > 1 and (count - 1) * piece > d:
        count -= 1
        piece = -(-d // count)
    cuts = [min(d, piece * i) for i in range(1, count)]
    return Case("Split", [x], np.split(x, cuts, axis), axis=written, num_outputs=count)


def transpose(r):
    op = r.pick(["Transpose", "Transpose", "DepthToSpace", "SpaceToDepth", "ReverseSequence"])
    if op == "Transpose":
        x = some(r, r.shape(0, 6, r.pick([4, 4, 12])))
        perm = [int(v) for v in r.np.permutation(x.ndim)]
        if r.chance(0.15):
            return Case(op, [x], [np.transpose(x)])
        return Case(op, [x], [np.transpose(x, perm)], perm=perm or None)
    n, c, height, width, b = r.int(1, 2), r.int(1, 3), r.int(1, 4), r.int(1, 4), r.int(1, 3)
    if op == "DepthToSpace":
        mode = r.pick(["DCR", "CRD"])
        x = some(r, (n, c * b * b, height, width))
        y = x.reshape((n, b, b, c, height, width) if mode == "DCR" else (n, c, b, b, height, width))
        y = y.transpose((0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)).reshape(n, c, height * b, width * b)
        return Case(op, [x], [y], blocksize=b, mode=mode)
    if op == "SpaceToDepth":
        x = some(r, (n, c, height * b, width * b))
        y = x.reshape(n, c, height, b, width, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, height, width)
        return Case(op, [x], [y], blocksize=b)
    x = some(r, (r.int(1, 5), r.int(1, 4)) + r.shape(0, 2))
    batch = r.int(0, 1)
    lengths = ints([r.int(0 if r.chance(0.1) else 1, x.shape[1 - batch]) for _ in range(x.shape[batch])])
    want = x.copy()
    for i, length in enumerate(lengths):
        if batch:
            want[:length, i] = x[:length, i][::-1]
        else:
            want[i, :length] = x[i, :length][::-1]
    return Case(op, [x, lengths], [want], batch_axis=batch, time_axis=1 - batch)


def reshape(r):
    op = r.pick(["Reshape", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Shape", "Size"])
    x = some(r, r.shape())
    if op == "Flatten":
        axis = r.int(-x.ndim, x.ndim)
        cut = axis + x.ndim if axis < 0 else axis
        return Case(op, [x], [x.reshape(int(np.prod(x.shape[:cut])), int(np.prod(x.shape[cut:])))], axis=axis)
    if op == "Squeeze":
        ones = [a for a, d in enumerate(x.shape) if d == 1]
        if r.chance(0.3):
            return Case(op, [x], [x.reshape([d for d in x.shape if d != 1])])
        chosen = [a for a in ones if r.chance(0.6)]
        written = [a - x.ndim if r.chance(0.5) else a for a in chosen]
        return Case(op, [x, ints(written)], [x.reshape([d for a, d in enumerate(x.shape) if a not in chosen])])
    if op == "Unsqueeze":
        count = r.int(0, 3)
        places = [int(v) for v in r.np.permutation(x.ndim + count)[:count]]
        written = [a - x.ndim - count if r.chance(0.5) else a for a in places]
        return Case(op, [x, ints(written)], [np.expand_dims(x, tuple(places))])
    if op == "Shape":
        start, end = (None if r.chance(0.3) else r.int(-6, 6) for _ in range(2))
        clamp = lambda v, other: other if v is None else min(max(v + x.ndim if v < 0 else v, 0), x.ndim)
        low, high = clamp(start, 0), clamp(end, x.ndim)
        return Case(op, [x], [ints(x.shape[low:high])], start=start, end=end)
    if op == "Size":
        return Case(op, [x], [np.asarray(x.size, I64)])
    target = _regroup(r, x.shape)
    written = list(target)
    zero = int(0 in target and r.chance(0.7) or 0 in target)
    if written and not zero:
        for a, d in enumerate(written[:x.ndim]):
            if d == x.shape[a] and r.chance(0.3):
                written[a] = 0
        if r.chance(0.5):
            written[r.int(0, len(written) - 1)] = -1
    return Case(op, [x, ints(written)], [x.reshape(target)], allowzero=zero)


def _regroup(r, shape):
    """Another shape of as many elements."""
    if 0 in shape:
        target = [r.int(0, 3) for _ in range(r.int(1, 4))]
        target[r.int(0, len(target) - 1)] = 0
        return target
    primes, total = [], int(np.prod(shape))
    for p in (2, 3, 5):
        while total % p == 0:
            primes.append(p)
            total //= p
    target = [1] * r.int(0 if not primes else 1, 4)
    for p in primes:
        target[r.int(0, len(target) - 1)] *= p
    return target


FAMILIES = {"gather": gather, "scatter": scatter, "slice": slice_, "pad": pad, "concat": concat, "split": split, "transpose": transpose,
            "reshape": reshape}
