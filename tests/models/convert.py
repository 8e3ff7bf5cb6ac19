#!/usr/bin/env python3
"""Saved models: each of the onnx package's node cases that passes is saved as ONNX (as `xinf convert` does), checked by the package, loaded
again here, where it must give the same bits, and run by onnxruntime when that is installed and takes the case's own model.

usage: convert.py [--every N] [--filter REGEX] [--verbose]

--every N takes every N-th case. Random operators are left out: there is nothing to compare."""
import argparse
import collections
import pathlib
import re
import sys
import tempfile
import warnings

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "bindings" / "python")]
import onnx  # noqa: E402
import onnx_node  # noqa: E402
import xinf  # noqa: E402

try:
    import onnxruntime
    onnxruntime.set_default_logger_severity(4)
except ImportError:
    onnxruntime = None

RANDOM = re.compile("RandomNormal|RandomUniform|Bernoulli|Multinomial|Dropout")


def is_random(model):
    return any(RANDOM.search(n.op_type) for n in model.graph.node) or any(RANDOM.search(n.op_type) for f in model.functions for n in f.node)


def same(a, b):
    """The same bits, NaN included."""
    if isinstance(a, (list, dict)) or a is None:
        if type(a) is not type(b) or (a is not None and len(a) != len(b)):
            return False
        return a is None or all(same(a[k], b[k]) for k in (a if isinstance(a, dict) else range(len(a))))
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()


def peer_session(data):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def peer_feeds(session, feeds):
    return {i.name: feeds[i.name] for i in session.get_inputs() if feeds.get(i.name) is not None}


def peer(data, saved, feeds, case):
    """Runs both files in onnxruntime: (kind, reason). What it says of the case's own file decides what may be asked of the saved one."""
    try:
        ours = peer_session(data)
        want = ours.run(None, peer_feeds(ours, feeds))
    except Exception:
        return "peer cannot", ""
    try:
        session = peer_session(saved)
        got = session.run(None, peer_feeds(session, feeds))
    except Exception as e:
        return "failed", f"onnxruntime on the saved model: {e}"
    # Attention's mask is the smallest number in its first version there, and minus infinity in the later one that the saved file names.
    want, got = ([np.where(v <= -3e38, -np.inf, v) if getattr(v, "dtype", None) == np.float32 else v for v in r] for r in (want, got))
    for name, a, b in zip([o.name for o in session.get_outputs()], want, got):
        why = onnx_node.difference(a, b, case.rtol, case.atol)
        if why:
            return "failed", f"onnxruntime gives {name} {why}"
    return "passed", ""


def convert(case, folder):
    """("passed", "peer cannot", "left out" or "failed", reason)."""
    data, sets = onnx_node.case_of(case)
    if is_random(onnx.load_model_from_string(data)):
        return "left out", ""
    try:
        model = xinf.load(data, threads=1, max_steps=onnx_node.STEPS)
    except xinf.Error:
        return "left out", ""
    inputs = next(iter(sets))[0]
    feeds = {info.name: onnx_node.plain(value) for info, value in zip(model.inputs, inputs)}
    path = pathlib.Path(folder, "saved.onnx")
    try:
        want = model.run(feeds)
    except xinf.Error:
        return "left out", ""
    try:
        model.save(path)
        saved = path.read_bytes()
        again = xinf.load(saved, threads=1, max_steps=onnx_node.STEPS)
        got = again.run(feeds)
    except xinf.Error as e:
        return "failed", f"the saved model: {e}"
    if [(v.name, v.dtype, v.kind) for v in again.inputs + again.outputs] != [(v.name, v.dtype, v.kind) for v in model.inputs + model.outputs]:
        return "failed", "the saved model declares other inputs or outputs"
    if not all(same(want[k], got[k]) for k in want):
        return "failed", "the saved model gives other bits"
    try:  # it wants every input to have a rank, which bare models do not tell
        if all(v.shape is not None or v.kind != "tensor" for v in model.inputs):
            onnx.checker.check_model(onnx.load_model_from_string(saved))
    except Exception as e:
        return "failed", f"onnx.checker: {str(e).strip().splitlines()[0]}"
    return peer(data, saved, feeds, case) if onnxruntime else ("passed", "")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--filter", default="")
    ap.add_argument("--verbose", action="store_true", help="name the cases that onnxruntime cannot run")
    args = ap.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    listed = set(onnx_node.PASSING.read_text().split())
    found = {name: case for name, case in sorted(onnx_node.cases().items()) if name in listed and re.search(args.filter, name)}
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name in list(found)[::args.every]:
            kind, why = convert(found[name], folder)
            counts[kind] += 1
            if kind == "failed":
                print(f"FAILED {name}: {why[:300]}", flush=True)
            elif kind == "peer cannot" and args.verbose:
                print(f"onnxruntime does not run {name}", flush=True)
    if onnxruntime:
        print(f"{counts['passed']} compared with onnxruntime; it does not run {counts['peer cannot']} of the cases' own models")
    print(f"{counts['passed'] + counts['peer cannot']} passed, {counts['failed']} failed, {counts['left out']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
