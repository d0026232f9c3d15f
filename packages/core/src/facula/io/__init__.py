"""Files: `save` and `load` for tensors in containers. Reading a file never runs code that is in it."""

from facula.io.format import FileError
from facula.io.load import load
from facula.io.save import save

__all__ = ["FileError", "load", "save"]
