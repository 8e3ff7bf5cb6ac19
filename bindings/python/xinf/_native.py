"""The C library as cffi sees it: the declarations come from xinf.h itself, so they cannot drift from it."""
import os
import pathlib
import re
import sys

import cffi

_here = pathlib.Path(__file__).resolve().parent


def declarations(header):
    """What cffi's parser needs of xinf.h: no comments, no preprocessor lines, no C++ parts."""
    text = re.sub(r"/\*.*?\*/", " ", header, flags=re.S)
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif$", "", text, flags=re.S | re.M)
    text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
    return re.sub(r"\bXINF_API\b", "", text)


def _checkout():
    root = _here.parents[2]
    return root if (root / "include" / "xinf.h").is_file() else None


def _header():
    bundled = _here / "xinf.h"
    root = _checkout()
    path = root / "include" / "xinf.h" if root else bundled
    if not path.is_file():
        raise ImportError(f"xinf: the header {bundled} is missing; install the package with pip")
    return path.read_text()


def _library():
    name = {"darwin": "libxinf.dylib", "win32": "xinf.dll"}.get(sys.platform, "libxinf.so")
    named = os.environ.get("XINF_LIBRARY")
    if named:
        return named
    places = [_here / name]
    root = _checkout()
    if root:
        places.append(root / "build" / "release" / "lib" / name)
    for path in places:
        if path.is_file():
            return str(path)
    raise ImportError(f"xinf: there is no {name} in " + ", ".join(str(p.parent) for p in places) + "; XINF_LIBRARY can name it")


ffi = cffi.FFI()
ffi.cdef(declarations(_header()))
path = _library()
lib = ffi.dlopen(path)
