"""NumPy in CuPy's clothes: what `facula_cupy` runs on where there is no GPU (FACULA_CUPY_MODULE=cupy_stand_in).

It has the names that CuPy has and no others, CuPy's ufunc loops and their result dtypes, no scalars,
no silent mixing with NumPy, the limits of CuPy's functions that were found in its sources, two devices
with a current one, streams, counted memory, and `RawModule`, which runs CUDA C on the host. Kernels of
CuPy itself, cuBLAS, cuFFT, cuSOLVER and Thrust are NumPy here: their numbers are not tested.
"""

from __future__ import annotations

import sys

import numpy as np

from cupy_stand_in import cuda, functions, ufuncs
from cupy_stand_in.array import ndarray
from cupy_stand_in.functions import Namespace
from cupy_stand_in.raw import RawModule

__version__ = "0 (a stand-in on the host)"
dtype = np.dtype
newaxis = None
pi, inf, nan, e = np.pi, np.inf, np.nan, np.e


class lib:
    class stride_tricks:
        as_strided = staticmethod(functions.as_strided)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    value = _find(name)
    setattr(sys.modules[__name__], name, value)
    return value


def _find(name):
    import cupy

    real = getattr(cupy, name)  # raises where CuPy has no such name
    if name in ("fft", "linalg"):
        return Namespace(name)
    if isinstance(real, cupy.ufunc):
        return ufuncs.Ufunc(name, real)
    if isinstance(real, type):  # scalar types
        return getattr(np, name)
    return functions.function(name, real)
