"""A property case: one operator on random values, what NumPy says it gives, and the check."""
import ml_dtypes
import numpy as np
import onnx
from onnx import helper as h
from onnx import numpy_helper as nh

import xinf

BF16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = [np.dtype(t) for t in ("float32", "float32", "float64", "float16", BF16)]
INTS = [np.dtype(t) for t in ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")]
# The distance from one to the next number.
STEP = {np.dtype("float64"): 2.0**-52, np.dtype("float32"): 2.0**-23, np.dtype("float16"): 2.0**-10, BF16: 2.0**-7}


def is_float(dtype):
    return np.dtype(dtype) in STEP


class Random:
    """Where cases take their shapes and values from."""

    def __init__(self, seed):
        self.np = np.random.default_rng(seed)

    def int(self, low, high):
        """low … high, both included."""
        return int(self.np.integers(low, high + 1))

    def pick(self, items):
        return items[self.int(0, len(items) - 1)]

    def chance(self, p):
        return bool(self.np.random() < p)

    def shape(self, low=0, high=4, most=5, zero=0.06):
        """Any rank of low … high; now and then a dimension is 0."""
        return tuple(0 if self.chance(zero) else self.int(1, most) for _ in range(self.int(low, high)))

    def narrowed(self, shape):
        """A shape that broadcasts to `shape`."""
        cut = self.int(0, len(shape)) if self.chance(0.4) else 0
        return tuple(1 if self.chance(0.3) else d for d in shape[cut:])

    def axis(self, rank):
        """An axis and the same as a model may write it."""
        a = self.int(0, rank - 1)
        return a, a - rank if self.chance(0.5) else a

    def axes(self, rank):
        """Some axes and the same in any order and sign."""
        chosen = [a for a in range(rank) if self.chance(0.5)]
        written = [a - rank if self.chance(0.5) else a for a in chosen]
        self.np.shuffle(written)
        return chosen, written

    def array(self, shape, dtype=np.float32, low=-2.0, high=2.0):
        dtype = np.dtype(dtype)
        if dtype == bool:
            return self.np.random(shape) < 0.5
        if is_float(dtype) or dtype.kind == "V":
            return np.asarray(self.np.uniform(low, high, shape)).astype(dtype)
        if dtype.kind == "u":
            low = max(low, 0)
        return np.asarray(self.np.integers(int(low), int(high) + 1, shape)).astype(dtype)

    def special(self, x):
        """Puts infinities, NaN and both zeros into a few places."""
        x = np.array(x)
        for value in (np.inf, -np.inf, np.nan, 0.0, -0.0):
            if x.size and self.chance(0.3):
                x.reshape(-1)[self.int(0, x.size - 1)] = value
        return x


class Case:
    """One node. inputs: arrays, None for one left out, a list for a sequence; wanted: arrays of the outputs, None for one that is not
    looked at. tolerance counts steps of the output's type, at the output's size or at `magnitude` where a sum loses more than its result
    shows. constant: inputs (by number) that must be, or (-1: none) may not be, constants of the model."""

    def __init__(self, op, inputs, wanted, tolerance=0, magnitude=None, constant=None, opset=24, domain="", **attrs):
        self.op, self.inputs, self.wanted, self.attrs = op, inputs, wanted, {k: v for k, v in attrs.items() if v is not None}
        self.tolerance, self.magnitude, self.opset, self.domain, self.constant = tolerance, magnitude, opset, domain, constant

    def model(self, random):
        """The model's bytes and what goes in: each input a constant or not, with all, some or none of its shape declared."""
        names, declared, constants, feeds = [], [], [], {}
        for i, value in enumerate(self.inputs):
            names.append("" if value is None else f"in{i}")
            if value is None:
                continue
            value = np.asarray(value)
            constant = random.chance(0.3) if self.constant is None else i in self.constant
            if constant:
                constants.append(nh.from_array(np.ascontiguousarray(value).reshape(value.shape), names[i]))
                continue
            how = random.int(0, 3)
            shape = None if how == 3 else [f"d{i}_{k}" if how == 2 and random.chance(0.6) else d for k, d in enumerate(value.shape)]
            declared.append(h.make_tensor_value_info(names[i], h.np_dtype_to_tensor_dtype(value.dtype), shape))
            feeds[names[i]] = value
        while names and not names[-1]:
            names.pop()
        outputs = [f"out{k}" for k in range(len(self.wanted))]
        infos = [h.make_value_info(o, onnx.TypeProto()) for o in outputs]
        opsets = [h.make_opsetid("", self.opset)] + ([h.make_opsetid(self.domain, 1)] if self.domain else [])
        graph = h.make_graph(self.nodes(names, outputs), self.op, declared, infos, constants)
        return h.make_model(graph, opset_imports=opsets, ir_version=11).SerializeToString(), feeds

    def nodes(self, names, outputs):
        return [h.make_node(self.op, names, outputs, domain=self.domain, **self.attrs)]

    def check(self, random):
        """None when all is well, else what is wrong."""
        data, feeds = self.model(random)
        self.data = data
        options = {"isa": "portable"} if random.chance(0.25) else {}
        if random.chance(0.25):
            options["passes_off"] = "all"
        try:
            model = xinf.load(data, threads=random.pick([1, 2]), pool=1, **options)
            got = model.run(feeds)
        except xinf.Error as e:
            return f"{e}"
        for k, want in enumerate(self.wanted):
            wrong = want is not None and self.differs(got[f"out{k}"], np.asarray(want))
            if wrong:
                return f"output {k}: {wrong} ({options})"
        return None

    def differs(self, got, want):
        if got.shape != want.shape or got.dtype != want.dtype:
            return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
        if want.dtype.kind in "biuUO" or not self.tolerance:
            if want.dtype.kind == "V" or is_float(want.dtype):
                same = (got == want) | ((got != got) & (want != want))
            else:
                same = got == want
            return None if np.all(same) else self.place(got, want, ~same)
        if want.dtype.kind == "c":
            return None if np.allclose(got, want, rtol=self.tolerance * 2.0**-23, atol=self.tolerance * 2.0**-23 * (self.magnitude or 1)) else "values"
        step = STEP.get(want.dtype, 2.0**-3)
        a, b = got.astype(np.float64), want.astype(np.float64)
        with np.errstate(all="ignore"):
            scale = np.maximum(np.abs(b), 0 if self.magnitude is None else self.magnitude)
            tiny = 2.0**-24 if want.dtype == np.float16 else 2.0**-128  # exponentials flush what is not normal
            bad = ~((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= self.tolerance * (step * scale + tiny)))
        return self.place(got, want, bad) if np.any(bad) else None

    @staticmethod
    def place(got, want, bad):
        i = int(np.argmax(bad.reshape(-1)))
        where = list(map(int, np.unravel_index(i, want.shape)))
        return f"{got.reshape(-1)[i]!r} instead of {want.reshape(-1)[i]!r} at {where}, {int(np.sum(bad))} of {want.size} wrong"

    def __str__(self):
        shapes = ", ".join("-" if v is None else f"{np.asarray(v).dtype}{list(np.asarray(v).shape)}" for v in self.inputs)
        return f"{self.op}({shapes}) {self.attrs}"
