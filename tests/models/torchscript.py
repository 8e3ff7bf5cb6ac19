#!/usr/bin/env python3
"""Scripted programs against torch: errors that a run raises, early returns, dicts and tuples in and out.

    PYTHONPATH=bindings/python python3 tests/models/torchscript.py [--filter REGEX]

Each case is a function that torch scripts, and lists of arguments. Where torch raises, the model must be refused when it is loaded or
must fail with the same sentence; else the results must agree."""
import argparse
import re
import sys
import tempfile
import warnings
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

import xinf

try:
    import torch
    from torch import Tensor
except ImportError:
    print("torch is not installed")
    sys.exit(77)

warnings.filterwarnings("ignore")
CASES = []


def case(*runs, raises=()):
    """runs: arguments of each call. raises: the numbers of those that must raise."""
    def add(function):
        CASES.append((function.__name__, function, runs, set(raises)))
        return function
    return add


def t(*values):
    return torch.tensor(values, dtype=torch.float32)


# ---- errors in loops and branches ----

@case((t(1, 2, 3), 3), (t(1, -2, 3), 3), (t(1, 2, -3), 2), (t(1, 2, -3), 0), raises=[1])
def raise_in_counted_loop(x: Tensor, n: int):
    s = torch.zeros(1)
    for i in range(n):
        if bool(x[i] < 0):
            raise ValueError("a negative item")
        s = s + x[i]
    return s


@case((t(5),), (t(-1),), (t(100),), raises=[2])
def raise_in_while(x: Tensor):
    steps = 0
    while bool(x > 0):
        x = x - 1
        steps += 1
        if steps > 20:
            raise RuntimeError("too many steps")
    return x, steps


@case((t(-1),), (t(1),), raises=[1])
def loop_that_only_raises(x: Tensor):
    y = x * 2
    while bool(x > 0):
        raise RuntimeError("must not be positive")
    return y


@case((t(1, 2), 0), (t(1, 2), 1), raises=[1])
def counted_loop_that_only_raises(x: Tensor, n: int):
    for i in range(n):
        raise RuntimeError("no rounds allowed")
    return x + 1


@case((t(1, 1),), (t(-1, -1),), (t(9, 9),), (t(-9, -9),), raises=[2, 3])
def raise_in_both_branches(x: Tensor):
    if bool(x.sum() > 0):
        y = x + 1
        if bool(y.max() > 5):
            raise ValueError("too large")
    else:
        y = x - 1
        if bool(y.min() < -5):
            raise ValueError("too small")
    return y


@case((t(1, 1),), (t(-1, -1),), raises=[1])
def asserts(x: Tensor):
    assert bool(x.sum() > 0), "the sum must be positive"
    return x * 2


@case((t(1, 2, 3),), (t(1, 2),), raises=[1])
def checks_size(x: Tensor):
    if x.size(0) != 3:
        raise ValueError("three are wanted")
    return x + 1


def helper(x: Tensor) -> Tensor:
    if bool(x.abs().max() > 10):
        raise ValueError("out of bounds")
    return x * 2


@case((t(1, 2), 2), (t(1, 2), 5), (t(20, 2), 0), (t(20, 2), 1), raises=[1, 3])
def raise_in_a_call_in_a_loop(x: Tensor, n: int):
    for i in range(n):
        x = helper(x)
    return x


@case((t(1, 2), 2, 2), (t(1, 2), 2, 4), (t(1, 2), 0, 9), raises=[1])
def raise_in_nested_loops(x: Tensor, n: int, k: int):
    for i in range(n):
        for j in range(k):
            x = x + 1
            if bool(x.max() > 8):
                raise ValueError("grew beyond bounds")
    return x


@case((t(1, 2),), (t(-1, -2),), raises=[1])
def a_list_of_tensors_behind_a_check(x: Tensor) -> List[Tensor]:
    if bool(x.sum() < 0):
        raise ValueError("negative")
    return [x, x * 2]


@case((torch.arange(4),), (torch.arange(3),), raises=[1])
def whole_numbers_behind_a_check(x: Tensor) -> int:
    if x.numel() % 2 == 1:
        raise ValueError("odd")
    return x.numel() // 2


# ---- early returns ----

@case((t(1, 1),), (t(6, 6),), (t(-1, -1),), (t(-9, -9),))
def returns_early(x: Tensor):
    if bool(x.sum() > 0):
        if bool(x.max() > 5):
            return x * 2
        return x + 1
    y = x - 1
    if bool(y.min() < -5):
        return y * 3
    return y


@case((t(1, 2, 3, 4), 2.0), (t(1, 2, 3, 4), 9.0), (t(1, 2, 3, 4), 0.0))
def returns_from_a_loop(x: Tensor, limit: float):
    for i in range(x.size(0)):
        if bool(x[i] > limit):
            return x[i] * 10
    return x.sum()


@case((t(1, 2, 3), 4), (t(1, 2, 3), 0))
def breaks_and_continues(x: Tensor, n: int):
    s = torch.zeros(3)
    for i in range(n):
        if i == 1:
            continue
        if bool(s.max() > 5):
            break
        s = s + x
    return s


# ---- what goes in and comes out ----

@case(({"a": t(1, 2), "b": t(3, 4)},))
def dict_in(d: Dict[str, Tensor]):
    return d["a"] - d["b"]


@case((t(1, 2),))
def dict_out(x: Tensor) -> Dict[str, Tensor]:
    return {"twice": x * 2, "half": x / 2}


@case((t(1, 2),))
def nested_out(x: Tensor) -> Tuple[Tensor, Tuple[Tensor, int], Dict[str, Tensor]]:
    return x, (x + 1, 7), {"k": x * 2}


@case((t(1, 2), (t(3, 4), t(5, 6))))
def tuple_in(x: Tensor, h: Tuple[Tensor, Tensor]):
    return x + h[0], h[1]


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


@case((t(1, 2),))
def named_tuple_out(x: Tensor) -> Pair:
    return Pair(x + 1, x - 1)


@case((torch.zeros(2, 12), [3, 4]), (torch.zeros(2, 12), [2, 3, 2]))
def list_of_ints_in(x: Tensor, sizes: List[int]):
    return x.view([2] + sizes) + len(sizes)


@case((t(1, 2), None))
def optional_in(x: Tensor, y: Optional[Tensor] = None):
    return x if y is None else x + y


# ---- one case ----

def flat(value, name="output", top=True):
    """{name: array} of a result, as the importer names its parts."""
    if isinstance(value, Tensor):
        return {name: value.numpy()}
    if isinstance(value, dict):
        return {k: v for key, x in value.items() for k, v in flat(x, key if top else f"{name}.{key}", False).items()}
    if hasattr(value, "_fields"):
        return {k: v for key, x in zip(value._fields, value) for k, v in flat(x, key if top else f"{name}.{key}", False).items()}
    if isinstance(value, (list, tuple)):
        if isinstance(value, list) and value and isinstance(value[0], Tensor):
            return {name: [x.numpy() for x in value]}
        return {k: v for i, x in enumerate(value) for k, v in flat(x, f"{name}.{i}", False).items()}
    return {name: np.asarray(value)}


def inputs_of(module, args):
    names = [a.name for a in module.forward.schema.arguments][1:]
    out = {}
    for name, value in zip(names, args):
        if value is None:
            continue
        if isinstance(value, dict):
            out.update({f"{name}.{k}": v.numpy() for k, v in value.items()})
        elif isinstance(value, tuple):
            out.update({f"{name}.{i}": v.numpy() for i, v in enumerate(value)})
        else:
            out[name] = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
    return out


def module_of(function):
    class Wrapped(torch.nn.Module):
        pass
    signature = function.__annotations__
    import inspect
    text = inspect.getsource(function)
    text = text[text.index("def "):]
    text = text.replace(f"def {function.__name__}(", "def forward(self, ", 1)
    space = dict(globals())
    import linecache
    name = f"<{function.__name__}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)
    Wrapped.forward = space["forward"]
    assert signature is not None
    return torch.jit.script(Wrapped())


def same(ours, theirs):
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs))
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def check_run(model, module, args, must_raise):
    """"" when it went as it must, else what did not."""
    said = None
    try:
        wanted = flat(module(*args))
    except Exception as e:  # whatever the program raises
        said = str(e).strip().splitlines()[-1].split(": ", 1)[-1]
    if must_raise != (said is not None):
        return "torch itself does something else"
    try:
        got = model.run(inputs_of(module, args))
    except xinf.Error as e:
        if said is None:
            return str(e)
        return "" if said in e.message else f'torch says "{said}", we say "{e.message}"'
    if said is not None:
        return f'ran, where torch says "{said}"'
    if set(got) != set(wanted):
        return f"outputs {sorted(got)}, not {sorted(wanted)}"
    return "".join(f"{k} is {got[k]}, not {v}; " for k, v in wanted.items() if not same(got[k], v))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--filter", default="")
    wanted = re.compile(parser.parse_args().filter)
    passed = failed = 0
    for name, function, runs, raises in CASES:
        if not wanted.search(name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            module = module_of(function)
            module.save(folder + "/m.pt")
            for i, args in enumerate(runs):
                try:  # a model for each: what is left out is told when it is loaded
                    what = check_run(xinf.load(folder + "/m.pt", threads=1), module, args, i in raises)
                except xinf.Error as e:
                    what = f"does not load: {e}"
                passed += not what
                failed += bool(what)
                if what:
                    print(f"{name} run {i}: {what}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
