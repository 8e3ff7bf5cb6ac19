"""NumPy arrays, lists, dicts and None to and from xinf_tensor."""
import sys

import numpy as np

from . import _dtypes
from ._native import ffi, lib

# Results up to this size are copied: cheaper than keeping a tensor alive for them.
_COPY_BELOW = 65536

_wrap, _destroy = lib.xinf_tensor_wrap, lib.xinf_tensor_destroy
_from_numpy, _to_numpy, _raw = _dtypes.from_numpy, _dtypes.to_numpy, _dtypes.raw
_from_buffer, _buffer, _NULL = ffi.from_buffer, ffi.buffer, ffi.NULL
_shapes = {}  # shape → int64_t[]; a model sees few


def _shape(shape):
    made = _shapes.get(shape)
    if made is None:
        if len(_shapes) > 4096:
            _shapes.clear()
        made = _shapes[shape] = ffi.new("int64_t[]", shape or (0,))
    return made


class Context:
    """What conversions of one call share: the environment, a place for results and errors."""

    def __init__(self, env, fail):
        self.env = env
        self.out = ffi.new("xinf_tensor **")
        self.err = ffi.new("xinf_error *")
        self.err.struct_size = ffi.sizeof("xinf_error")
        self._fail = fail

    def check(self, status):
        if status:
            self._fail(status, self.err)

    def take(self):
        tensor, self.out[0] = self.out[0], _NULL
        return tensor


def _wrap_array(context, array, dtype, keep):
    """A tensor over the array's own memory; `keep` must live as long as the tensor."""
    if not array.flags.c_contiguous or not array.flags.aligned:
        array = array.copy(order="C")
    raw = _raw.get(dtype)
    shape = array.shape
    memory = _from_buffer(array if raw is None else array.view(raw))
    keep.append(memory)
    context.check(_wrap(context.out, context.env, dtype, _shape(shape), len(shape), memory, array.nbytes, _NULL, _NULL, context.err))
    return context.take()


def _strings(context, array):
    context.check(lib.xinf_tensor_create(context.out, context.env, _dtypes.STRING, _shape(array.shape), array.ndim, context.err))
    tensor = context.take()
    try:
        for i, text in enumerate(array.ravel().tolist()):
            data = text if isinstance(text, bytes) else str(text).encode("utf-8", "surrogateescape")
            context.check(lib.xinf_tensor_set_string(tensor, i, data, len(data), context.err))
    except BaseException:
        _destroy(tensor)
        raise
    return tensor


def _lent(value):
    """An array over the memory of a value that speaks DLPack, a torch tensor say; text and numbers come back as they are."""
    if getattr(value, "requires_grad", False):
        value = value.detach()
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        return np.from_dlpack(value.view(getattr(sys.modules["torch"], "int16"))).view(_to_numpy[_dtypes.BFLOAT16])
    return np.from_dlpack(value)


def tensor_of_array(context, array, want, keep):
    """A tensor of an array (or of what NumPy makes one of); `want` is the declared element type, 0 when there is none."""
    if not isinstance(array, (np.ndarray, np.generic)) and hasattr(array, "__dlpack__"):
        array = _lent(array)
    if not isinstance(array, np.ndarray):
        target = _to_numpy.get(want) if not isinstance(array, np.generic) else None
        array = np.asarray(array, dtype=object if want == _dtypes.STRING else target)
    dtype = _from_numpy.get(array.dtype)
    if dtype is None:
        if array.dtype.kind in "OUST":
            return _strings(context, array)
        native = array.dtype.newbyteorder("=")
        dtype = _from_numpy.get(native)
        if dtype is None:
            raise TypeError(f"xinf has no element type for arrays of {array.dtype}")
        array = array.astype(native)
    if dtype != want and want in _raw and array.dtype == _raw[want]:
        dtype = want
    return _wrap_array(context, array, dtype, keep)


def _release(tensors):
    for tensor in tensors:
        _destroy(tensor)


def _sequence(context, items, want, keep):
    made = []
    try:
        for item in items:
            made.append(tensor_of_value(context, item, want, keep))
        array = ffi.new("xinf_tensor *[]", made or 1)
        context.check(lib.xinf_tensor_create_sequence(context.out, context.env, array, len(made), context.err))
    except BaseException:
        _release(made)
        raise
    return context.take()


def _map(context, items, want, keep):
    made = []
    try:
        keys = list(items)
        text = bool(keys) and isinstance(keys[0], (str, bytes))
        made.append(tensor_of_array(context, np.array(keys, dtype=object if text else np.int64), 0, keep))
        for value in items.values():
            made.append(tensor_of_value(context, value, want, keep))
        values = ffi.new("xinf_tensor *[]", made[1:] or 1)
        context.check(lib.xinf_tensor_create_map(context.out, context.env, made[0], values, len(keys), context.err))
    except BaseException:
        _release(made)
        raise
    return context.take()


def tensor_of_value(context, value, want, keep, kind=lib.XINF_KIND_TENSOR):
    """A tensor, sequence, map or none of a Python value."""
    if value is None:
        context.check(lib.xinf_tensor_create_none(context.out, context.env, context.err))
        return context.take()
    if isinstance(value, dict):
        return _map(context, value, want, keep)
    if isinstance(value, (list, tuple)) and kind == lib.XINF_KIND_SEQUENCE:
        return _sequence(context, value, want, keep)
    return tensor_of_array(context, value, want, keep)


def _text(tensor, index, size):
    data = lib.xinf_tensor_string(tensor, index, size)
    return _buffer(data, size[0])[:].decode("utf-8", "surrogateescape") if size[0] else ""


def _string_array(tensor, shape):
    size = ffi.new("size_t *")
    array = np.empty(shape, dtype=object)
    array.ravel()[:] = [_text(tensor, i, size) for i in range(array.size)]
    return array


def array_of_tensor(tensor, may_share):
    """The tensor's elements as an array: a copy, or a view that keeps the tensor alive."""
    dtype, rank = lib.xinf_tensor_dtype(tensor), lib.xinf_tensor_rank(tensor)
    shape = tuple(lib.xinf_tensor_shape(tensor)[0:rank]) if rank else ()
    if dtype == _dtypes.STRING:
        return _string_array(tensor, shape)
    size, numpy_type = lib.xinf_tensor_size(tensor), _to_numpy[dtype]
    if not size:
        return np.empty(shape, numpy_type)
    data = lib.xinf_tensor_data(tensor)
    if may_share and size > _COPY_BELOW:
        held = ffi.gc(data, _Hold(tensor), size)
        return np.frombuffer(_buffer(held, size), numpy_type).reshape(shape)
    array = np.empty(shape, numpy_type)
    ffi.memmove(array if dtype not in _raw else array.view(_raw[dtype]), data, size)
    return array


class _Hold:
    """One more hold on a tensor, given up when the memory that refers to it is collected."""

    __slots__ = ("tensor",)

    def __init__(self, tensor):
        self.tensor = lib.xinf_tensor_retain(tensor)

    def __call__(self, _):
        _destroy(self.tensor)


def value_of_tensor(tensor, may_share=False):
    """The Python value of a tensor, sequence, map or none."""
    kind = lib.xinf_tensor_kind(tensor)
    if kind == lib.XINF_KIND_TENSOR:
        return array_of_tensor(tensor, may_share)
    if kind == lib.XINF_KIND_NONE:
        return None
    items = [value_of_tensor(lib.xinf_tensor_item(tensor, i)) for i in range(lib.xinf_tensor_count(tensor))]
    if kind == lib.XINF_KIND_SEQUENCE:
        return items
    keys = array_of_tensor(lib.xinf_tensor_keys(tensor), False).tolist()
    return {key: item[()] if isinstance(item, np.ndarray) and not item.ndim else item for key, item in zip(keys, items)}
