"""The device: an array library with NumPy's interface, and what it names or does differently.

It is complete and passes the suite as it is, over NumPy itself. Make it yours: import your library as
`m`, then go through what the suite reports.
"""

from __future__ import annotations

from typing import Any

import numpy as m  # your library goes here

import facula
from facula.backends.array import ArrayBackend


class MydeviceBackend(ArrayBackend):
    """Core takes functions, indexing and views from the module; arrays are the library's own."""

    # A library that lacks some dtypes says so:  dtypes = ArrayBackend.dtypes - {"bfloat16"}

    def __init__(self, device: facula.device):
        super().__init__(device, m)
        # Kernels that the library does better, or under another name, by the name of the op. They take the op's
        # arguments by position and return arrays of the dtype that its definition says, never scalars.
        self.table |= {"addcmul": self.addcmul}

    def asarray(self, array: Any) -> Any:
        """A NumPy array on the device. A library of its own memory copies it there."""
        return super().asarray(array)

    def to_numpy(self, array: Any) -> Any:
        """And back, after all that was launched."""
        self.synchronize()
        return array

    def synchronize(self) -> None:
        """Waits for all that was launched; NumPy has done it when a call returns."""

    def addcmul(self, input: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
        """An optional kernel, which takes the place of core's body."""
        product = tensor1 * tensor2
        return m.asarray(input + (product if value == 1 else product * value))
