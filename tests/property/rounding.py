"""Chains of operators in 16-bit floats: each operator computes in single precision and rounds once, and fusing may drop none of it. Values are
chosen so that single precision is exact within an operator: what NumPy gives after rounding is wanted to the bit."""
import numpy as np
from onnx import helper as h

from case import BF16, Case

HALF = [np.dtype("float16"), BF16]


class Chain(Case):
    def __init__(self, op, inputs, wanted, made):
        super().__init__(op, inputs, wanted)
        self.made = made  # (operator, places of inputs, attributes) with input numbers, or "vK" for what node K gives

    def nodes(self, names, outputs):
        place = lambda p: names[p] if isinstance(p, int) else p
        last = len(self.made) - 1
        return [h.make_node(op, [place(p) for p in inputs], [outputs[0] if k == last else f"v{k}"], **attrs)
                for k, (op, inputs, attrs) in enumerate(self.made)]


class Builder:
    """Makes a chain and computes it as it grows."""

    def __init__(self, r, dtype):
        self.r, self.dtype, self.arrays, self.made, self.value = r, dtype, [], [], None

    def input(self, array):
        self.arrays.append(np.asarray(array).astype(self.dtype))
        return len(self.arrays) - 1

    def eighths(self, shape):
        """Few bits: products and short sums of them are exact in single precision."""
        return self.input(self.r.np.integers(-16, 17, shape) / 8)

    def any(self, shape):
        return self.input(self.r.np.uniform(-2, 2, shape))

    def wide(self, p):
        return (self.arrays[p] if isinstance(p, int) else self.value).astype(np.float32)

    def op(self, name, inputs, function, **attrs):
        with np.errstate(all="ignore"):
            self.value = np.asarray(function(*[self.wide(p) for p in inputs]), np.float32).astype(self.dtype)
        self.made.append((name, inputs, attrs))
        return f"v{len(self.made) - 1}"


def _step(r, b, at, shape):
    """One more element by element operator on what there is."""
    kind = r.int(0, 7)
    other = r.pick([shape, shape[-1:], (1,) * len(shape), shape[:1] + (1,) * (len(shape) - 1)])
    if kind == 0:
        return b.op("Relu", [at], lambda x: np.maximum(x, 0))
    if kind == 1:
        return b.op("Add", [at, b.any(other)], np.add)
    if kind == 2:
        return b.op("Mul", [at, b.any(other)], np.multiply)
    if kind == 3:
        return b.op("Sub", [b.any(shape), at], np.subtract)
    if kind == 4:
        return b.op("Clip", [at, b.input(-1), b.input(1)], lambda x, low, high: np.clip(x, low, high))
    if kind == 5:
        return b.op("Div", [at, b.input(r.np.uniform(0.5, 3, other))], np.divide)
    if kind == 6:
        return b.op("Neg", [at], np.negative)
    return b.op("Sqrt", [b.op("Abs", [at], np.abs)], np.sqrt)


def rounding(r):
    b = Builder(r, r.pick(HALF))
    how = r.int(0, 3)
    if how == 0:
        k = r.int(1, 24)
        shape = (r.int(1, 3), r.int(1, 6), r.int(1, 20))
        at = b.op("MatMul", [b.eighths(shape[:2] + (k,)), b.eighths((k, shape[2]))], np.matmul)
    elif how == 1:
        n, c, m, size = r.int(1, 2), r.pick([1, 3, 8]), r.pick([1, 4, 8, 16]), r.int(3, 8)
        x, w = b.eighths((n, c, size, size)), b.eighths((m, c, 3, 3))
        shape = (n, m, size - 2, size - 2)

        def conv(p, q):
            windows = np.lib.stride_tricks.sliding_window_view(p, (3, 3), (2, 3))
            return np.einsum("nchwij,mcij->nmhw", windows.astype(np.float64), q.astype(np.float64))
        at = b.op("Conv", [x, w], conv)
        if r.chance(0.5):
            at = b.op("Add", [at, b.any((m, 1, 1))], np.add)
    else:
        shape = tuple(r.int(1, 6) for _ in range(r.int(1, 4)))
        at = b.op("Add", [b.any(shape), b.any(shape)], np.add)
    for _ in range(r.int(1, 5)):
        at = _step(r, b, at, shape)
    return Chain("Chain " + " ".join(op for op, _, _ in b.made), b.arrays, [b.value], b.made)


FAMILIES = {"rounding": rounding}
