#!/usr/bin/env python3
"""Makes the seeds of the PyTorch fuzz targets from the case suites: code of TorchScript archives, JSON of exported programs.

usage: make_torch_corpus.py DATA OUTDIR     writes OUTDIR/code, OUTDIR/json, OUTDIR/pickle
"""
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

LARGEST = 8192
SUITES = ("torch_script", "torch_ops", "torch_models", "torch_pt2")


def seeds(archive):
    """(kind, bytes) of what a .pt or .pt2 file holds."""
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        for name in z.namelist():
            if "/code/" in name and name.endswith(".py"):
                yield "code", b"\1" + z.read(name)  # the first byte: types are told
            elif "/models/" in name and name.endswith(".json"):
                yield "json", z.read(name)
            elif name.endswith("/data.pkl"):
                yield "pickle", b"\1" + z.read(name)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, out = map(pathlib.Path, sys.argv[1:])
    count = 0
    for kind in ("code", "json", "pickle"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    for suite in SUITES:
        with tarfile.open(data / "suites" / suite / f"{suite}.tar.xz") as t:
            for member in t:
                if not member.isfile() or pathlib.PurePath(member.name).suffix not in (".pt", ".pt2", ".ptl"):
                    continue
                for kind, seed in seeds(t.extractfile(member).read()):
                    if len(seed) <= LARGEST:
                        (out / kind / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
                        count += 1
    print(f"{count} seeds in {out}")


if __name__ == "__main__":
    main()
