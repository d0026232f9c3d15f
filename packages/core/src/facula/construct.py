"""Tensors from Python data and from NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.autograd.mode import state
from facula.autograd.record import from_array
from facula.backends.registry import backend_for, default_backend
from facula.dtypes import FROM_NUMPY, as_dtype, get_default_dtype
from facula._tensor import Tensor


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with a copy of `data`: a number, nested sequences, a NumPy array or a tensor.

    Python floats get the default dtype, ints int64, bools bool. Raises ValueError for ragged data.

    >>> facula.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, Tensor):
        new = data.detach().clone()
        new = new if dtype is None else new.to(dtype)
        new = new if device is None else new.to(device)
    else:
        new = _place(_as_array(data, dtype), device, copy=True)
    new.requires_grad = requires_grad
    return new


def _as_array(data: Any, dtype: Any) -> Any:
    wanted = None if dtype is None else as_dtype(dtype).dtype
    array = np.asarray(_plain(data))
    if array.dtype == object:
        raise _bad_data(data)
    if array.dtype.newbyteorder("=") not in FROM_NUMPY:
        raise TypeError(f"can't convert data of NumPy type {array.dtype} to a tensor")
    if wanted is None:
        wanted = _natural_dtype(data, array)
    return array.astype(wanted)


def _natural_dtype(data: Any, array: Any) -> Any:
    if isinstance(data, (np.ndarray, np.generic)):
        return FROM_NUMPY[array.dtype.newbyteorder("=")].dtype
    if array.dtype == np.float64 and not _holds_numpy(data):
        return get_default_dtype().dtype
    if array.dtype == np.complex128 and not _holds_numpy(data):
        return get_default_dtype().to_complex().dtype
    return array.dtype


def _holds_numpy(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic, Tensor))


def _plain(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data._backend.to_numpy(data._array)
    if isinstance(data, (list, tuple)) and any(isinstance(x, (Tensor, list, tuple)) for x in data):
        return [_plain(x) for x in data]
    return data


def _bad_data(data: Any) -> Exception:
    if isinstance(data, (list, tuple)):
        lengths = sorted({len(x) for x in data if hasattr(x, "__len__")})
        return ValueError(f"tensor(): the nested sequences have different lengths: {lengths}")
    return TypeError(f"tensor(): can't make a tensor of a {type(data).__name__}; expected numbers, sequences or an array")


def _place(array: Any, device: Any, copy: bool) -> Tensor:
    backend = default_backend() if device is None else backend_for(device)
    mode = state.mode
    if mode is not True and mode is not False:
        backend = mode.backend(backend)
    return from_array(backend, backend.asarray(array))


def from_numpy(ndarray: Any) -> Tensor:
    """A CPU tensor over the memory of a NumPy array. Raises TypeError for a dtype without counterpart."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if ndarray.dtype not in FROM_NUMPY:
        raise TypeError(f"can't convert np.ndarray of type {ndarray.dtype}")
    return _place(ndarray, "cpu", copy=False)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As `tensor`, but without a copy where `data` is a tensor or NumPy array that fits already."""
    if isinstance(data, np.ndarray):
        data = from_numpy(data) if data.dtype in FROM_NUMPY else tensor(data)
    if isinstance(data, Tensor):
        data = data if dtype is None else data.to(as_dtype(dtype))
        return data if device is None else data.to(device)
    return tensor(data, dtype=dtype, device=device)
