"""The adapter for libraries that follow the array API standard: a plug-in names the library's namespace."""

from facula.backends.array_api.backend import ArrayApiBackend

__all__ = ["ArrayApiBackend"]
