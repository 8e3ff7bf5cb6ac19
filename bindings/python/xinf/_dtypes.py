"""xinf's element types and NumPy's."""
import numpy as np

from ._native import ffi, lib

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

STRING = lib.XINF_STRING
BFLOAT16 = lib.XINF_BFLOAT16

_plain = {
    "float32": lib.XINF_FLOAT32, "uint8": lib.XINF_UINT8, "int8": lib.XINF_INT8, "uint16": lib.XINF_UINT16, "int16": lib.XINF_INT16,
    "int32": lib.XINF_INT32, "int64": lib.XINF_INT64, "bool": lib.XINF_BOOL, "float16": lib.XINF_FLOAT16, "float64": lib.XINF_FLOAT64,
    "uint32": lib.XINF_UINT32, "uint64": lib.XINF_UINT64, "complex64": lib.XINF_COMPLEX64, "complex128": lib.XINF_COMPLEX128,
}
_extra = {
    "bfloat16": lib.XINF_BFLOAT16, "float8_e4m3fn": lib.XINF_FLOAT8E4M3FN, "float8_e4m3fnuz": lib.XINF_FLOAT8E4M3FNUZ,
    "float8_e5m2": lib.XINF_FLOAT8E5M2, "float8_e5m2fnuz": lib.XINF_FLOAT8E5M2FNUZ, "uint4": lib.XINF_UINT4, "int4": lib.XINF_INT4,
    "float4_e2m1fn": lib.XINF_FLOAT4E2M1, "float8_e8m0fnu": lib.XINF_FLOAT8E8M0, "uint2": lib.XINF_UINT2, "int2": lib.XINF_INT2,
}

# xinf's number → the array type of a result; and → the plain type whose bytes it shares (None: the type itself).
to_numpy = {number: np.dtype(name) for name, number in _plain.items()}
raw = {}
from_numpy = {dtype: number for number, dtype in to_numpy.items()}
for _name, _number in _extra.items():
    raw[_number] = np.dtype("uint16" if lib.xinf_dtype_size(_number) == 2 else "uint8")
    _type = getattr(ml_dtypes, _name, None)
    to_numpy[_number] = raw[_number] if _type is None else np.dtype(_type)
    if _type is not None:
        from_numpy[np.dtype(_type)] = _number


def name(number):
    """The name of an element type, "float32" say."""
    return ffi.string(lib.xinf_dtype_name(number)).decode()
