"""Other people's names and arrays: onnxruntime's session, xorbits.inference, torch and DLPack."""
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import xinf

root = pathlib.Path(__file__).resolve().parents[3]
small = root / "tests" / "models" / "small"
digits = root / "examples" / "digits"


def test_session_of_onnxruntime():
    ort = pytest.importorskip("onnxruntime")
    x = np.random.default_rng(0).random((3, 1, 8, 8), dtype="f4")
    mine, theirs = (m.InferenceSession(str(digits / "digits.onnx"), providers=["CPUExecutionProvider"]) for m in (xinf, ort))
    for ask in "get_inputs", "get_outputs":
        assert [(v.name, v.type, v.shape) for v in getattr(mine, ask)()] == [(v.name, v.type, v.shape) for v in getattr(theirs, ask)()]
    name = mine.get_inputs()[0].name
    for a, b in zip(mine.run(None, {name: x}), theirs.run(None, {name: x})):
        assert a.dtype == b.dtype and np.allclose(a, b, atol=1e-5)
    assert len(mine.run([mine.get_outputs()[0].name], {name: x})) == 1


def test_session_refuses():
    with pytest.raises(ValueError):
        xinf.InferenceSession(small / "add.onnx", providers=["CUDAExecutionProvider"])
    x = np.ones((1, 3), "f4")
    with pytest.raises(ValueError):
        xinf.InferenceSession(small / "add.onnx").run(["nothing"], {"x": x, "y": x})


@pytest.mark.parametrize("name", ["model.pb", "model.pt"])
def test_snippet_of_xorbits(name, tmp_path):
    """The user's program, verbatim but for the other file."""
    model = digits / name.replace("model", "digits")
    (tmp_path / name).write_bytes(model.read_bytes())
    variable = {"model.pb": "tf_model", "model.pt": "pt_model"}[name]
    program = f'from xorbits.inference import UniversalLoader; loader = UniversalLoader(); {variable} = loader.load("{name}")'
    check = f"\nprint(len({variable}.inputs))"
    env = dict(os.environ, PYTHONPATH=str(pathlib.Path(xinf.__file__).parents[1]))
    done = subprocess.run([sys.executable, "-c", program + check], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and int(done.stdout) == 1, done.stderr


def test_xorbits_is_a_namespace():
    import xorbits

    assert getattr(xorbits, "__file__", None) is None


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    model = xinf.load(small / "add.onnx", threads=1)
    x, y = torch.arange(6.0).reshape(3, 2).T, torch.ones(2, 3, requires_grad=True)
    z = model.run({"x": x, "y": y})["z"]
    assert np.array_equal(z, (x + y).detach().numpy())
    assert torch.equal(torch.from_dlpack(z), (x + y).detach())


class Lender:
    """Something that knows only DLPack, and says whether its memory was asked for."""

    def __init__(self, array):
        self.array, self.asked = array, 0

    def __dlpack__(self, **options):
        self.asked += 1
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_in():
    x = Lender(np.arange(3, dtype="f4").reshape(1, 3))
    assert xinf.load(small / "add.onnx").run({"x": x, "y": x})["z"].tolist() == [[0, 2, 4]] and x.asked == 2
