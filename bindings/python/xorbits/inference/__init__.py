"""The names of xorbits.inference over xinf. `xorbits` is a namespace: a package of that name may be installed beside this one."""
import xinf as _xinf

__all__ = ["UniversalLoader"]


class UniversalLoader:
    """Opens a model of any known format, told by content: loader.load("model.onnx").run({name: array})."""

    def __init__(self, **options):
        self._options = options

    def load(self, source, **options):
        """An xinf.Model of a path or of bytes; options are those of xinf.load."""
        return _xinf.load(source, **{**self._options, **options})
