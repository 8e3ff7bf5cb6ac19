#!/usr/bin/env python3
"""Random cases of each operator family against NumPy.

    PYTHONPATH=bindings/python python3 tests/property/run.py [--count N] [--seed N] [--save FOLDER] [FAMILY]…

Each failing case is printed with its number; --only N runs it alone, --save writes its model."""
import argparse
import collections
import pathlib
import sys
import time
import warnings
import zlib

import numpy as np

import elementwise
import movement
import quantized
import rounding
import sums
import windows
from case import Random

MODULES = (elementwise, movement, sums, windows, quantized, rounding)
FAMILIES = {name: make for module in MODULES for name, make in module.FAMILIES.items()}


def run_family(name, make, args):
    """How many of the family's cases fail; each operator's first three are printed."""
    failed, shown = 0, collections.Counter()
    for i in [args.only] if args.only is not None else range(args.count):
        random = Random([args.seed, zlib.crc32(name.encode()), i])
        case = make(random)
        wrong = case.check(random)
        if not wrong:
            continue
        failed += 1
        shown[case.op] += 1
        if shown[case.op] <= 3 or args.only is not None:
            print(f"{name} {i}: {case}: {wrong}", flush=True)
        if args.save:
            pathlib.Path(args.save, f"{name}_{i}.onnx").write_bytes(case.data)
    return failed


def changed(array):
    """The array with another first element."""
    array = np.array(array, order="C")
    flat = array.reshape(-1)
    if array.dtype == object:
        flat[0] = "another"
    elif array.dtype == bool:
        flat[0] = not flat[0]
    else:
        flat.view(np.uint8)[-1] ^= 0x40
    return array


def see(name, make, args):
    """A check that cannot fail is none: a case with another number wanted has to fail."""
    for i in range(1000):
        random = Random([args.seed, zlib.crc32(name.encode()), i])
        case = make(random)
        if case.wanted[0] is not None and np.size(case.wanted[0]):
            case.wanted[0] = changed(case.wanted[0])
            return case.check(random) is not None
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("families", nargs="*")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--save")
    parser.add_argument("--times", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    passed = failed = 0
    for name in args.families or FAMILIES:
        start = time.monotonic()
        wrong = run_family(name, FAMILIES[name], args)
        count = 1 if args.only is not None else args.count
        if not see(name, FAMILIES[name], args):
            print(f"{name}: a wrong number was not seen")
            wrong += 1
            count += 1
        passed, failed = passed + count - wrong, failed + wrong
        if args.times:
            print(f"{name}: {count - wrong} of {count}, {time.monotonic() - start:.1f} s", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
