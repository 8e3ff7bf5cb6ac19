"""xinf: opens a trained model and runs it.

    import numpy, xinf
    model = xinf.load("model.onnx", threads=2)
    print(model.inputs, model.outputs)
    result = model.run({"x": numpy.zeros((1, 3, 224, 224), "float32")})

xinf.add_operator brings an operator of your own, written in Python.

Values are NumPy arrays; text is an array of str objects, a sequence a list, a map a dict, an absent optional None.
bfloat16, 8-bit floats and numbers of less than 8 bits are arrays of ml_dtypes' types when that package is installed, else of
unsigned integers of the same size (4-bit and 2-bit numbers: one per byte). Whatever speaks DLPack, torch tensors say, goes in as
arrays do. InferenceSession has onnxruntime's calls.
"""
from ._model import Device, Error, Model, ValueInfo, add_operator, devices, load, version
from ._session import InferenceSession, SessionOptions

__all__ = ["Device", "Error", "InferenceSession", "Model", "SessionOptions", "ValueInfo", "add_operator", "devices", "load", "version"]
__version__ = version()
