"""The interface of onnx.backend over xinf: `import xinf.backend as backend`, then backend.prepare(model).run(inputs). Needs onnx."""
import onnx
from onnx.backend.base import Backend as _Backend
from onnx.backend.base import BackendRep as _BackendRep
from onnx.backend.base import namedtupledict

from . import load


class Prepared(_BackendRep):
    """A model ready to run. Inputs are a list in the model's order, or a dict by name; results come in the model's order."""

    def __init__(self, model):
        self.model = model
        self._result = namedtupledict("Outputs", [value.name for value in model.outputs])

    def run(self, inputs, **kwargs):
        if not isinstance(inputs, dict):
            if not isinstance(inputs, (list, tuple)):
                inputs = [inputs]
            names = [value.name for value in self.model.inputs]
            if len(inputs) > len(names):
                raise ValueError(f"{len(inputs)} values for {len(names)} inputs")
            inputs = dict(zip(names, inputs))
        results = self.model.run(inputs)
        return self._result(*[results[value.name] for value in self.model.outputs])


class XinfBackend(_Backend):
    """Options of prepare are those of xinf.load."""

    @classmethod
    def prepare(cls, model, device="CPU", **options):
        if not cls.supports_device(device):
            raise ValueError(f"there is no device {device}")
        data = model if isinstance(model, (bytes, bytearray)) else model.SerializeToString()
        return Prepared(load(data, device="cpu", **options))

    @classmethod
    def run_model(cls, model, inputs, device="CPU", **options):
        return cls.prepare(model, device, **options).run(inputs)

    @classmethod
    def run_node(cls, node, inputs, device="CPU", outputs_info=None, **options):
        """Runs one node on arrays; types of inputs are told by the arrays."""
        names = [name for name in node.input if name]
        infos = [onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                 for name, value in zip(names, inputs)]
        outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = onnx.helper.make_graph([node], "node", infos, outputs)
        newest = options.pop("opset_version", onnx.defs.onnx_opset_version())
        opsets = [onnx.helper.make_opsetid("", newest)]
        if node.domain:
            opsets.append(onnx.helper.make_opsetid(node.domain, 1))
        return cls.run_model(onnx.helper.make_model(graph, opset_imports=opsets), inputs, device, **options)

    @classmethod
    def supports_device(cls, device):
        return device.split(":")[0].upper() == "CPU"


prepare = XinfBackend.prepare
run_node = XinfBackend.run_node
run_model = XinfBackend.run_model
supports_device = XinfBackend.supports_device
is_compatible = XinfBackend.is_compatible
