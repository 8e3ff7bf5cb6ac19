"""Operators written in Python."""
import traceback

import numpy as np

from . import _dtypes
from ._native import ffi, lib

added = []  # (declaration, what it keeps alive), in order: each process's environment takes them all


class Node:
    """The node that an operator computes: its name and attributes. Good only during the call."""

    def __init__(self, pointer):
        self._pointer = pointer

    @property
    def name(self):
        size = ffi.new("size_t *")
        return ffi.buffer(lib.xinf_node_name(self._pointer, size), size[0])[:].decode("utf-8", "replace")

    def int(self, name, fallback=0):
        return lib.xinf_node_int(self._pointer, name.encode(), fallback)

    def float(self, name, fallback=0.0):
        return lib.xinf_node_float(self._pointer, name.encode(), fallback)

    def string(self, name, fallback=""):
        size = ffi.new("size_t *")
        text = lib.xinf_node_string(self._pointer, name.encode(), size)
        return ffi.buffer(text, size[0])[:].decode("utf-8", "replace") if text else fallback

    def ints(self, name, fallback=()):
        return self._list(lib.xinf_node_ints, name, fallback)

    def floats(self, name, fallback=()):
        return self._list(lib.xinf_node_floats, name, fallback)

    def _list(self, ask, name, fallback):
        count = ffi.new("int64_t *")
        found = ask(self._pointer, name.encode(), count)
        return ffi.unpack(found, count[0]) if found and count[0] else fallback


def _type(operand):
    """(dtype or None, shape or None); a dimension that is not known is None; None for an input left out."""
    if not operand.present:
        return None
    dtype = _dtypes.to_numpy.get(operand.dtype)
    return dtype, None if operand.rank < 0 else tuple(d if d >= 0 else None for d in operand.shape[0:operand.rank])


def _array(operand):
    if not operand.present:
        return None
    dtype, shape = _dtypes.to_numpy[operand.dtype], tuple(operand.shape[0:operand.rank])
    if not operand.count:
        return np.empty(shape, dtype)
    return np.frombuffer(ffi.buffer(operand.data, operand.count * dtype.itemsize), dtype).reshape(shape)


def _many(types):
    """One type is a tuple that begins with a dtype; several are a list (or a tuple) of such."""
    return [types] if isinstance(types, tuple) and not (types and isinstance(types[0], tuple)) else types


def _said(err, error):
    text = "".join(traceback.format_exception_only(type(error), error)).strip().encode()[:500]
    ffi.memmove(err.message, text + b"\0", len(text) + 1)
    return lib.XINF_RUN_ERROR


def _shape_callback(function):
    @ffi.callback("xinf_status(void *, const xinf_node *, const xinf_operand *, int32_t, xinf_operand *, int32_t, xinf_error *)",
                  error=lib.XINF_INTERNAL)
    def call(_, node, inputs, input_count, outputs, output_count, err):
        try:
            given = _many(function(Node(node), *[_type(inputs[i]) for i in range(input_count)]))
            for i, declared in zip(range(output_count), given):
                if declared is None:
                    continue
                dtype, shape = declared
                outputs[i].dtype = lib.XINF_UNDEFINED if dtype is None else _dtypes.from_numpy[np.dtype(dtype)]
                outputs[i].rank = -1 if shape is None else len(shape)
                if shape is not None and len(shape) > lib.XINF_MAX_RANK:
                    raise ValueError(f"output {i} has rank {len(shape)}")
                for k, d in enumerate(shape or ()):
                    outputs[i].shape[k] = -1 if d is None else d
            return lib.XINF_OK
        except Exception as error:  # noqa: BLE001 — whatever it is becomes a status; it cannot pass through C
            return _said(err, error)
    return call


def _compute_callback(function):
    @ffi.callback("xinf_status(void *, const xinf_node *, const xinf_operand *, int32_t, const xinf_operand *, int32_t, xinf_error *)",
                  error=lib.XINF_INTERNAL)
    def call(_, node, inputs, input_count, outputs, output_count, err):
        try:
            results = function(Node(node), *[_array(inputs[i]) for i in range(input_count)])
            results = results if isinstance(results, (list, tuple)) else [results]
            for i in range(output_count):
                if not outputs[i].present:
                    continue
                place, result = _array(outputs[i]), np.asarray(results[i])
                if result.shape != place.shape or result.dtype != place.dtype:
                    raise ValueError(f"output {i} is {result.dtype}{list(result.shape)}, not {place.dtype}{list(place.shape)}")
                place[...] = result
            return lib.XINF_OK
        except Exception as error:  # noqa: BLE001
            return _said(err, error)
    return call


def declare(domain, name, compute, shape, inputs, outputs):
    """The C struct of an operator, and what must live as long as it."""
    low_in, high_in = (inputs, inputs) if isinstance(inputs, int) else inputs
    low_out, high_out = (outputs, outputs) if isinstance(outputs, int) else outputs
    keep = [ffi.new("char[]", domain.encode()), ffi.new("char[]", name.encode()), _shape_callback(shape), _compute_callback(compute)]
    op = ffi.new("xinf_operator *")
    op.struct_size = ffi.sizeof("xinf_operator")
    op.domain, op.name, op.shape, op.compute = keep
    op.min_inputs, op.max_inputs, op.min_outputs, op.max_outputs = low_in, high_in, low_out, high_out
    return op, keep
