#!/usr/bin/env python3
"""Makes the seeds of the ONNX loader's fuzz target from the onnx package's own test models.

usage: make_corpus.py OUTDIR [MAX_BYTES]
"""
import hashlib
import pathlib
import sys

import onnx.backend.test.loader as loader


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    largest = int(sys.argv[2]) if len(sys.argv) > 2 else 8192
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for kind in ("node", "simple", "pytorch-operator"):
        for case in loader.load_model_tests(kind=kind):
            if getattr(case, "model", None) is not None:
                data = case.model.SerializeToString()
            elif case.model_dir:
                data = (pathlib.Path(case.model_dir) / "model.onnx").read_bytes()
            else:
                continue
            if len(data) <= largest:
                (out / hashlib.sha1(data).hexdigest()).write_bytes(data)
                count += 1
    print(f"{count} seeds in {out}")


if __name__ == "__main__":
    main()
