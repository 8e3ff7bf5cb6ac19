"""onnxruntime's way of running a model over xinf: `from xinf import InferenceSession`."""
import os

_types = {"float32": "float", "float64": "double"}


class NodeArg:
    """A declared input or output, as onnxruntime says it."""

    def __init__(self, info):
        self.name = info.name
        self.shape = list(info.shape) if info.shape is not None else []
        inner = f"tensor({_types.get(info.dtype, info.dtype)})"
        self.type = f"seq({inner})" if info.kind == "sequence" else inner

    def __repr__(self):
        return f"NodeArg(name={self.name!r}, type={self.type!r}, shape={self.shape})"


class SessionOptions:
    """What of onnxruntime's options has a meaning here."""

    def __init__(self):
        self.intra_op_num_threads = 0


class InferenceSession:
    """A model with onnxruntime's calls: run(output_names, {name: array}) gives a list. Only the CPU is a provider."""

    def __init__(self, path_or_bytes, sess_options=None, providers=None):
        from ._model import load

        names = [p if isinstance(p, str) else p[0] for p in providers or ["CPUExecutionProvider"]]
        if "CPUExecutionProvider" not in names:
            raise ValueError(f"none of the providers {names} is there; CPUExecutionProvider is")
        source = path_or_bytes if isinstance(path_or_bytes, (bytes, bytearray, memoryview)) else os.fspath(path_or_bytes)
        self._model = load(source, threads=sess_options.intra_op_num_threads if sess_options else 0)
        self._names = [v.name for v in self._model.outputs]

    def get_inputs(self):
        return [NodeArg(v) for v in self._model.inputs if not v.optional]

    def get_outputs(self):
        return [NodeArg(v) for v in self._model.outputs]

    def get_providers(self):
        return ["CPUExecutionProvider"]

    def run(self, output_names, input_feed, run_options=None):
        if run_options is not None:
            raise ValueError("run_options have no meaning here: pass None")
        wanted = output_names or self._names
        for name in wanted:
            if name not in self._names:
                raise ValueError(f'there is no output "{name}"; the outputs are ' + ", ".join(self._names))
        results = self._model.run(input_feed)
        return [results[name] for name in wanted]
