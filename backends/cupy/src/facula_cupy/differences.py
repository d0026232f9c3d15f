"""Where CuPy differs from NumPy: the module that core's array kernels get in NumPy's place.

Everything that is not named here is CuPy's own. What CuPy does otherwise:

- reductions of `maximum` and `minimum` are functions only, and `ufunc.at` knows few dtypes and wraps
  indices around silently: reductions are replaced here, indexed ones by kernels of our own (`indexing.py`);
- `where` and `stack` are as NumPy's, but a number beside bfloat16 would make the result float32;
- matrix products of whole numbers have no cuBLAS routine, CuPy's own kernel serves them;
- positions come as 'q' (long long), which is equal to int64 but another object: `settled` below;
- 0-d results are arrays, never scalars; a kernel reads no array of another device.
"""

from __future__ import annotations

from typing import Any

from facula.dtypes import FROM_NUMPY

#: dtype objects by id: the recorder compares dtypes by identity.
_CANONICAL = frozenset(id(d.dtype) for d in FROM_NUMPY.values())


class _WithReduce:
    """`maximum` or `minimum` with the `reduce` that CuPy's lacks."""

    def __init__(self, ufunc: Any, reduction: Any):
        self._ufunc, self._reduction = ufunc, reduction

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ufunc(*args, **kwargs)

    def reduce(self, array: Any, axis: Any = 0, keepdims: bool = False) -> Any:
        return self._reduction(array, axis=axis, keepdims=keepdims)


class Module:
    """The array module `m` of core's kernels: CuPy with the differences made even."""

    def __init__(self, library: Any):
        self.library = library
        self.ndarray = library.ndarray
        self.maximum = _WithReduce(library.maximum, library.amax)
        self.minimum = _WithReduce(library.minimum, library.amin)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.library, name)
        setattr(self, name, value)
        return value


def settled(array: Any) -> Any:
    """The array with the canonical dtype object."""
    if id(array.dtype) in _CANONICAL:
        return array
    return array.view(FROM_NUMPY[array.dtype].dtype)


def settled_result(result: Any, Array: type) -> Any:
    """`settled` for all arrays in a kernel's result."""
    if result.__class__ is Array:
        return result if id(result.dtype) in _CANONICAL else settled(result)
    if isinstance(result, (tuple, list)):
        parts = [settled_result(r, Array) for r in result]
        return parts if isinstance(result, list) else tuple(parts)
    return result
