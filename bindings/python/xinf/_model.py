"""Models and their sessions."""
import collections
import os
import threading

from . import _dtypes, _operators, _values
from ._native import ffi, lib

_NULL = ffi.NULL


class Error(RuntimeError):
    """A call of the library failed: .status ("XINF_MALFORMED", …), .code (its number) and the sentence .message."""

    def __init__(self, code, message):
        self.code = code
        self.status = ffi.string(lib.xinf_status_name(code)).decode()
        self.message = message
        super().__init__(f"{self.status}: {message}")

    def __reduce__(self):
        return Error, (self.code, self.message)


def _fail(status, err):
    raise Error(status, ffi.string(err.message).decode("utf-8", "replace"))


def _new_error():
    err = ffi.new("xinf_error *")
    err.struct_size = ffi.sizeof("xinf_error")
    return err


def _create(kind, function, *args):
    """The object that a xinf_…_create or _load gives; a failure is raised."""
    out, err = ffi.new(kind + " **"), _new_error()
    status = function(out, *args, err)
    if status:
        _fail(status, err)
    return out[0]


def _options(kind, **fields):
    options = ffi.new(kind + " *")
    options.struct_size = ffi.sizeof(kind)
    for key, value in fields.items():
        setattr(options, key, value)
    return options


class _Owned:
    """A destructor that keeps alive what the object stands on."""

    def __init__(self, destroy, *keep):
        self.destroy, self.keep = destroy, keep

    def __call__(self, pointer):
        self.destroy(pointer)
        self.keep = None


_env_lock = threading.Lock()
_env_made = {}


def _add(env, op):
    err = _new_error()
    status = lib.xinf_env_add_operator(env, op, err)
    if status:
        _fail(status, err)


def _environment():
    """The environment and loader of this process; a child process after fork makes its own."""
    with _env_lock:
        made = _env_made.get(os.getpid())
        if made is None:
            env = ffi.gc(_create("xinf_env", lib.xinf_env_create, _NULL), lib.xinf_env_destroy)
            for op, _ in _operators.added:
                _add(env, op)
            loader = _create("xinf_loader", lib.xinf_loader_create, env, _NULL)
            made = _env_made[os.getpid()] = env, ffi.gc(loader, _Owned(lib.xinf_loader_destroy, env))
        return made


class ValueInfo(collections.namedtuple("ValueInfo", "name kind dtype shape optional")):
    """A declared input or output. kind: "tensor", "sequence", "map"; dtype: "float32", …; shape: a tuple of numbers, names
    of dimensions and None for what is not known, or None when not even the rank is declared."""

    __slots__ = ()


_kinds = {lib.XINF_KIND_NONE: "none", lib.XINF_KIND_TENSOR: "tensor", lib.XINF_KIND_SEQUENCE: "sequence", lib.XINF_KIND_MAP: "map"}


def _text(pointer):
    return ffi.string(pointer).decode("utf-8", "surrogateescape") if pointer else None


def _dimension(info, i):
    if info.shape[i] >= 0:
        return info.shape[i]
    return _text(info.symbols[i]) if info.symbols else None


def _infos(model, count, ask):
    """Declared values, and the numbers of their kinds and element types."""
    infos, numbers = [], []
    for i in range(count):
        info, err = _options("xinf_value_info"), _new_error()
        status = ask(model, i, info, err)
        if status:
            _fail(status, err)
        shape = None if info.rank < 0 else tuple(_dimension(info, k) for k in range(info.rank))
        infos.append(ValueInfo(_text(info.name), _kinds.get(info.kind, "none"), _dtypes.name(info.dtype), shape, bool(info.optional)))
        numbers.append((info.kind, info.dtype))
    return infos, numbers


class _Session:
    """One session with everything a run of it needs, made once."""

    def __init__(self, model, options):
        session = _create("xinf_session", lib.xinf_session_create, model._handle, options)
        self.handle = ffi.gc(session, _Owned(lib.xinf_session_destroy, model._handle))
        self.context = _values.Context(model._env, _fail)
        self.inputs = ffi.new("xinf_tensor *[]", max(1, len(model.inputs)))
        self.outputs = ffi.new("xinf_tensor *[]", max(1, len(model.outputs)))


class Model:
    """A model and a small pool of sessions: run may be called from several threads. Made by xinf.load."""

    def __init__(self, handle, env, options, keep, pool):
        self._handle, self._env, self._options, self._keep = handle, env, options, keep
        self.inputs, self._input_numbers = _infos(handle, lib.xinf_model_input_count(handle), lib.xinf_model_input)
        self.outputs, _ = _infos(handle, lib.xinf_model_output_count(handle), lib.xinf_model_output)
        self._places = {v.name: (i, *n) for i, (v, n) in enumerate(zip(self.inputs, self._input_numbers))}
        self._names = [v.name for v in self.outputs]
        self._has_state = lib.xinf_model_state_count(handle) > 0
        self._limit = 1 if self._has_state else pool
        self._idle = [_Session(self, options)]
        self._made = 1
        self._freed = threading.Condition()

    def _acquire(self):
        try:
            return self._idle.pop()
        except IndexError:
            pass
        with self._freed:
            while not self._idle:
                if self._made < self._limit:
                    self._made += 1
                    break
                self._freed.wait()
            else:
                return self._idle.pop()
        try:
            return _Session(self, self._options)
        except BaseException:
            with self._freed:
                self._made -= 1
                self._freed.notify()
            raise

    def _give_back(self, session):
        if self._made == 1 < self._limit:
            self._idle.append(session)
            return
        with self._freed:
            self._idle.append(session)
            self._freed.notify()

    def run(self, inputs):
        """Runs the model: {name: value} in, {name: value} out. Arrays in C order go in without a copy and must not change
        meanwhile; results belong to the caller."""
        session = self._acquire()
        made = []
        try:
            return self._run(session, inputs, made)
        finally:
            for i, tensor in made:
                session.inputs[i] = _NULL
                lib.xinf_tensor_destroy(tensor)
            self._give_back(session)

    def _run(self, session, inputs, made):
        keep, context, places = [], session.context, self._places
        for name, value in inputs.items():
            place = places.get(name)
            if place is None:
                raise Error(lib.XINF_INVALID_ARGUMENT, f'there is no input "{name}"; the inputs are ' + ", ".join(places))
            i, kind, dtype = place
            tensor = _values.tensor_of_value(context, value, dtype, keep, kind)
            made.append((i, tensor))
            session.inputs[i] = tensor
        outputs, count = session.outputs, len(self._names)
        status = lib.xinf_session_run(session.handle, session.inputs, len(places), outputs, count, _NULL, context.err)
        if status:
            _fail(status, context.err)
        try:
            return {name: _values.value_of_tensor(outputs[k], True) for k, name in enumerate(self._names)}
        finally:
            for k in range(count):
                lib.xinf_tensor_destroy(outputs[k])
                outputs[k] = _NULL

    def reset(self):
        """Gives the state values of a stateful model their initial contents again."""
        session = self._acquire()
        try:
            session.context.check(lib.xinf_session_reset(session.handle, session.context.err))
        finally:
            self._give_back(session)

    @property
    def metadata(self):
        """The model's notes: {key: value}."""
        notes, value, i = {}, ffi.new("const char **"), 0
        while True:
            key = lib.xinf_model_metadata(self._handle, i, value)
            if not key:
                return notes
            notes[_text(key)] = _text(value[0])
            i += 1

    def save(self, path):
        """Saves the imported graph as a standard ONNX file."""
        err = _new_error()
        status = lib.xinf_model_save(self._handle, os.fsencode(path), err)
        if status:
            _fail(status, err)

    def __repr__(self):
        return f"<xinf.Model {[v.name for v in self.inputs]} -> {self._names}>"


def load(source, threads=0, device="cpu", *, isa=None, passes_off=None, memory_limit=0, max_steps=0, pool=4):
    """Opens a model: a path, or the bytes of a file.

    threads: 0 means the CPUs this process may use. isa: the most of the CPU that may be used ("portable", "avx2", …).
    passes_off: names of passes not to run. memory_limit: bytes for results and packed weights. max_steps: of operators in
    one run. pool: the most sessions that threads calling run at the same time are given.
    """
    env, loader = _environment()
    texts = {k: ffi.new("char[]", v.encode()) for k, v in (("device", device), ("isa", isa), ("passes_off", passes_off)) if v}
    options = _options("xinf_session_options", threads=threads, memory_limit=memory_limit, max_steps=max_steps, **texts)
    data = None
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = ffi.from_buffer(source)
        handle = _create("xinf_model", lib.xinf_loader_load_memory, loader, data, len(data), _NULL)
    else:
        handle = _create("xinf_model", lib.xinf_loader_load, loader, os.fsencode(source), _NULL)
    return Model(ffi.gc(handle, _Owned(lib.xinf_model_destroy, env, data)), env, options, (texts, data), max(1, pool))


def _as_first(_, *types):
    return types[0]


def add_operator(domain, name, compute, shape=_as_first, inputs=1, outputs=1):
    """Adds an operator to all models that are loaded afterwards: a node `name` of `domain` runs compute(node, *arrays), which gives an
    array or a list of them.

    shape(node, *types) gives (dtype, shape) of the output, or a list of them; a type is (dtype, shape), where dtype, shape or a
    dimension is None when it is not known yet; it must follow from complete types. Left out: as the first input. An input left out by
    the model is None. inputs, outputs: how many there may be, a number or (least, most). Exceptions reach the caller of run as
    xinf.Error. Both may be called from several threads."""
    env, _ = _environment()
    declared = _operators.declare(domain, name, compute, shape, inputs, outputs)
    _add(env, declared[0])
    _operators.added.append(declared)


def version():
    """The version of the library in use."""
    return ffi.string(lib.xinf_version()).decode()


class Device(collections.namedtuple("Device", "name model features units memory_bytes")):
    """A device that models can run on."""

    __slots__ = ()


def devices():
    """The devices of this machine."""
    env, _ = _environment()
    found = []
    for i in range(lib.xinf_env_device_count(env)):
        info, err = _options("xinf_device_info"), _new_error()
        status = lib.xinf_env_device(env, i, info, err)
        if status:
            _fail(status, err)
        found.append(Device(_text(info.name), _text(info.model), (_text(info.features) or "").split(), info.units, info.memory_bytes))
    return found
