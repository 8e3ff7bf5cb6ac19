#!/usr/bin/env python3
"""The onnx package's own node cases, run through the Python binding.

usage: onnx_node.py [--update] [--filter REGEX] [--verbose] [--alone]

Each case's model is loaded from bytes, run on the case's inputs and compared within the case's own tolerance. Names of
cases that must pass stand in onnx_node_passing.txt: one of them that does not pass is a failure, any other case that does
not pass is skipped and its reason counted. --update adds cases that pass to the list; nothing ever removes a name.
Cases run in a process of their own, started again after a crash or a case without end.

Where onnxruntime is installed it runs the same cases meanwhile, in a process of its own and without its optimisations; both rates
are printed, over all cases but those of the preview and training domains, and ours must be the higher one. --alone leaves it out.
"""
import argparse
import collections
import functools
import importlib.util
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
PASSING = HERE / "onnx_node_passing.txt"
SECONDS = 30  # for one case
STEPS = 1_000_000
BINDING = str(HERE.parents[1] / "bindings" / "python")
sys.path.insert(0, BINDING)


@functools.cache
def cases():
    """All node cases: {name, model, data_sets, rtol, atol}. Workers find them here when they are forked."""
    warnings.simplefilter("ignore")
    from onnx.backend.test.loader import load_model_tests
    found = {case.name: case for case in load_model_tests(kind="node")}
    if all(case.model is not None for case in found.values()):
        return found
    return {name: case for name, case in found.items() if case.model is not None or case.model_dir}


def case_of(case):
    """A case's model bytes and its list of (inputs, outputs) values, from memory or from its folder."""
    import onnx
    if case.model is not None:
        return case.model.SerializeToString(), case.data_sets
    folder = pathlib.Path(case.model_dir)
    model = onnx.load(folder / "model.onnx")
    sets = []
    for data in sorted(folder.glob("test_data_set_*")):
        sets.append(tuple([value_of_file(data / f"{kind}_{i}.pb", info.type) for i, info in enumerate(infos)]
                          for kind, infos in (("input", model.graph.input), ("output", model.graph.output))))
    return (folder / "model.onnx").read_bytes(), sets


def value_of_file(path, declared):
    import onnx
    from onnx import numpy_helper
    data, kind = path.read_bytes(), declared.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    if kind == "map_type":
        return numpy_helper.to_dict(onnx.MapProto.FromString(data))
    return numpy_helper.to_array(onnx.TensorProto.FromString(data))


def plain(value):
    """Values as the binding takes them: TensorProtos become arrays."""
    import onnx
    from onnx import numpy_helper
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def difference(want, got, rtol, atol):
    """Why two values differ; an empty string when they do not."""
    import numpy as np
    if want is None or got is None:
        return "" if want is got else f"{type(got).__name__} where {type(want).__name__} is expected"
    if isinstance(want, list):
        if not isinstance(got, list) or len(want) != len(got):
            return "a list of another length"
        return next(filter(None, (difference(w, g, rtol, atol) for w, g in zip(want, got))), "")
    if isinstance(want, dict):
        if not isinstance(got, dict) or list(want) != list(got):
            return "other keys"
        return next(filter(None, (difference(want[k], got[k], rtol, atol) for k in want)), "")
    want, got = np.asarray(want), np.asarray(got)
    if want.shape != got.shape:
        return f"shape {list(got.shape)} where {list(want.shape)} is expected"
    if want.dtype.kind in "OUST":
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in want.ravel()]
        return "" if texts == [str(v) for v in got.ravel()] else "other text"
    if want.dtype != got.dtype:
        return f"{got.dtype} where {want.dtype} is expected"
    if want.dtype.kind not in "biufc":  # types of ml_dtypes
        want, got = want.astype(np.float32), got.astype(np.float32)
    if np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        wide = np.complex128 if want.dtype.kind == "c" else np.float64
        return f"other values, by {np.nanmax(np.abs(want.astype(wide) - got.astype(wide))):.3g} at most"


def counted(case):
    """Whether a case counts in the rates: preview and training operators may stay unsupported."""
    import onnx
    model = onnx.load_model_from_string(case_of(case)[0])
    return not any("preview" in n.domain or "training" in n.domain for n in model.graph.node)


def compared(case, names, run, sets):
    """("pass" or "wrong", reason) of all the case's data sets; run takes values in the order of names and gives values by name."""
    for inputs, outputs in sets:
        # An input given as None in an optional position is absent.
        got = run({name: plain(value) for name, value in zip(names, inputs)})
        if len(got) != len(outputs):
            return "wrong", "another number of outputs"
        for name, want in zip(got, outputs):
            why = difference(plain(want), got[name], case.rtol, case.atol)
            if why:
                return "wrong", f"{name}: {why}"
    return "pass", ""


def run_case(case):
    """("pass" or "unsupported" or "error" or "wrong", reason)."""
    import xinf
    data, sets = case_of(case)
    try:
        model = xinf.load(data, threads=1, max_steps=STEPS)
        return compared(case, [info.name for info in model.inputs], model.run, sets)
    except xinf.Error as e:
        return ("unsupported" if e.status == "XINF_UNSUPPORTED" else "error"), e.message
    except Exception as e:  # the binding or the case itself; never hidden, it counts as not passing
        return "error", f"{type(e).__name__}: {e}"


PEER_BITS = {"bfloat16": 16, "float8_e4m3fn": 17, "float8_e4m3fnuz": 18, "float8_e5m2": 19, "float8_e5m2fnuz": 20}


def peer_value(ort, value):
    """What NumPy has no type for goes into onnxruntime as bits and the number of the type."""
    import numpy as np
    kind = getattr(getattr(value, "dtype", None), "name", "")
    if kind not in PEER_BITS:
        return value
    bits = np.ascontiguousarray(value).view(np.uint16 if kind == "bfloat16" else np.uint8)
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, PEER_BITS[kind])


def peer_case(case):
    """The same by onnxruntime."""
    import onnxruntime as ort
    data, sets = case_of(case)
    try:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        outputs = [o.name for o in session.get_outputs()]

        def run(feeds):
            feeds = {name: peer_value(ort, value) for name, value in feeds.items() if value is not None}
            if not any(isinstance(v, ort.OrtValue) for v in feeds.values()):
                return dict(zip(outputs, session.run(outputs, feeds)))
            values = {k: v if isinstance(v, ort.OrtValue) else ort.OrtValue.ortvalue_from_numpy(v) for k, v in feeds.items()}
            return {name: v.numpy() for name, v in zip(outputs, session.run_with_ort_values(outputs, values))}

        return compared(case, [i.name for i in session.get_inputs()], run, sets)
    except Exception as e:
        return "error", f"{type(e).__name__}: {e}"


def work(pipe, run):
    """Worker: names in, results out."""
    found = cases()
    while True:
        name = pipe.recv()
        if name is None:
            return
        pipe.send(run(found[name]))


class Worker:
    """The process that runs cases: start one, then ask for its result."""

    def __init__(self, run):
        self.process, self.runner = None, run

    def start(self, name):
        if self.process is None:
            self.pipe, other = multiprocessing.Pipe()
            self.process = multiprocessing.get_context("fork").Process(target=work, args=(other, self.runner), daemon=True)
            self.process.start()
            other.close()
        self.pipe.send(name)

    def result(self):
        try:
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()
            result = "timeout", f"no end after {SECONDS} s"
        except (EOFError, ConnectionResetError):
            self.process.join()
            result = "crash", f"the process ended with code {self.process.exitcode}"
        self.process.kill()
        self.process.join()
        self.process = None
        return result


def reason(kind, text):
    """A reason short enough to be counted."""
    if kind in ("crash", "timeout"):
        return kind
    operator = re.search(r"operator (\S+) is not supported|node \S+ \((\S+)\): (.*)", text)
    if kind == "unsupported" and operator:
        return f"unsupported: {operator[1] or operator[2] + ': ' + operator[3][:60]}"
    return f"{kind}: " + re.sub(r"\b[0-9][0-9.e+-]*", "N", text)[:70]


def rates(counted_names, passed, peer_passed, part):
    """Prints both rates; 1 when ours over all cases is not the higher one."""
    def rate(who, names):
        good = len(counted_names & names)
        print(f"{who}: {good} of {len(counted_names)} outside preview and training, {100 * good / max(1, len(counted_names)):.1f} %")
        return good

    ours = rate("xinf", passed)
    if peer_passed is not None and ours <= rate("onnxruntime", peer_passed) and not part:
        print("FAILED: onnxruntime passes as many")
        return 1
    return 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--update", action="store_true", help="add cases that pass to the list")
    ap.add_argument("--filter", default="", help="run only cases whose name matches")
    ap.add_argument("--verbose", action="store_true", help="print each case that does not pass")
    ap.add_argument("--alone", action="store_true", help="without onnxruntime beside")
    args = ap.parse_args()

    # Found here once, and not by each worker, when the library cannot be opened; the workers still import it themselves, so that
    # none shares this process's threads.
    check = subprocess.run([sys.executable, "-c", "import xinf"], env={**os.environ, "PYTHONPATH": BINDING}, stderr=subprocess.PIPE, text=True)
    if check.returncode:
        print(check.stderr.strip().splitlines()[-1] if check.stderr.strip() else "import xinf: failed")
        return 2

    listed = set(PASSING.read_text().split()) if PASSING.is_file() else set()
    names = sorted(cases())
    known = set(names)
    worker, passed, failed, reasons = Worker(run_case), [], [], collections.Counter()
    peer = Worker(peer_case) if importlib.util.find_spec("onnxruntime") and not args.alone else None
    all_counted, peer_passed = set(), set()
    for name in names:
        if not re.search(args.filter, name):
            continue
        worker.start(name)
        if peer:
            peer.start(name)
        if counted(cases()[name]):
            all_counted.add(name)
        kind, text = worker.result()
        if peer and peer.result()[0] == "pass":
            peer_passed.add(name)
        if kind == "pass":
            passed.append(name)
            continue
        if name in listed:
            failed.append(name)
            print(f"FAILED {name}: {kind}: {text}")
            continue
        reasons[reason(kind, text)] += 1
        if args.verbose:
            print(f"skipped {name}: {kind}: {text}")
    for text, count in reasons.most_common():
        print(f"skipped {count:4d} {text}")
    gone = sorted(listed - known)
    if gone:
        print(f"{len(gone)} listed cases are not in this onnx package: " + ", ".join(gone[:5]))
    if args.update:
        new = set(passed) - listed
        PASSING.write_text("".join(f"{name}\n" for name in sorted(listed | new)))
        print(f"{len(new)} names added, {len(listed | new)} in all")
    behind = rates(all_counted, set(passed), peer_passed if peer else None, bool(args.filter))
    print(f"{len(passed)} passed, {len(failed) + behind} failed, {sum(reasons.values())} skipped")
    return 1 if failed or behind or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
