"""Tensors from Python data and from NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula._tensor import Size, Tensor
from facula.autograd.mode import state
from facula.autograd.record import from_array
from facula.backends.registry import backend_for, chosen_device, default_backend
from facula.dtypes import FROM_NUMPY, NAMES, as_dtype, dtype, get_default_dtype


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of `data`: a number, nested sequences, a NumPy array or a tensor.

    Python floats get the default dtype, ints int64, bools bool. Raises ValueError for ragged data.

    >>> facula.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, Tensor):
        device = chosen_device() if device is None else device
        new = data.detach().clone()
        new = new if dtype is None else new.to(dtype)
        new = new if device is None else new.to(device)
    else:
        new = _place(_as_array(data, dtype), device, copy=True)
    if pin_memory:
        new = _pinned(new)
    new.requires_grad = requires_grad
    return new


def _pinned(made: Tensor) -> Tensor:
    from facula.functions import pinned

    return pinned(made)


def _as_array(data: Any, dtype: Any) -> Any:
    wanted = None if dtype is None else as_dtype(dtype).dtype
    try:
        array = np.asarray(_plain(data))
    except OverflowError:
        raise _too_large("a number") from None
    except ValueError:
        raise _bad_data(data) from None
    if array.dtype == object or array.dtype.newbyteorder("=") not in FROM_NUMPY:
        raise _bad_data(data)
    if array.dtype == np.uint64 and wanted is None and not _holds_numpy(data):
        raise _too_large(int(array.max()))
    if wanted is None:
        wanted = _natural_dtype(data, array)
    if array.ndim < 2 and wanted.kind in "iu" and array.size and not _holds_numpy(data):
        _check_range(array, wanted)
    return array.astype(wanted)


def _too_large(value: Any) -> Exception:
    return ValueError(f"Overflow when unpacking long long: {value} has no room in int64")


def _check_range(array: Any, wanted: Any) -> None:
    """Refuses numbers beyond an integer dtype; an unsigned one takes negative numbers, wrapped, as in PyTorch."""
    info = np.iinfo(wanted)
    low = -info.max if info.min == 0 else info.min
    least, most = array.min(), array.max()
    if least < low or most > info.max:
        value = most if most > info.max else least
        raise RuntimeError(
            f"value cannot be converted to type {FROM_NUMPY[wanted].name} without overflow: {value}"
        )


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
    numbers = data if isinstance(data, (list, tuple)) else [data]
    large = [x for x in numbers if isinstance(x, int) and not -(2**63) <= x < 2**63]
    if large:
        return _too_large(large[0])
    if isinstance(data, (list, tuple)):
        lengths = sorted({len(x) if hasattr(x, "__len__") else 0 for x in data})
        if len(lengths) > 1:
            return ValueError(f"tensor(): the nested sequences have different lengths: {lengths}")
        wrong = TypeError if any(isinstance(x, str) for x in data) else RuntimeError
        return wrong(
            f"tensor(): could not infer a dtype for the values in {_shortened(data)}; expected numbers"
        )
    what = f"array of {data.dtype}" if isinstance(data, np.ndarray) else type(data).__name__
    error = TypeError if isinstance(data, (str, bytes, np.ndarray)) else RuntimeError
    return error(
        f"tensor(): could not infer a dtype for a {what}; expected numbers, sequences or an array"
    )


def _shortened(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


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
    if not ndarray.dtype.isnative:
        raise ValueError(
            f"the array has byte order {ndarray.dtype.byteorder!r}, which is not this machine's; "
            f"convert it with array.astype(array.dtype.newbyteorder('='))"
        )
    if ndarray.dtype not in FROM_NUMPY:
        raise TypeError(f"can't convert np.ndarray of type {ndarray.dtype}")
    return _place(ndarray, "cpu", copy=False)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As `tensor`, but without a copy where `data` is a tensor or NumPy array that fits already.

    A tensor stays where it is unless `device` is given or a default device was chosen.
    """
    device = chosen_device() if device is None else device
    if isinstance(data, np.ndarray):
        data = from_numpy(data) if data.dtype in FROM_NUMPY else tensor(data)
    if isinstance(data, Tensor):
        data = data if dtype is None else data.to(as_dtype(dtype))
        return data if device is None else data.to(device)  # type: ignore[no-any-return]
    return tensor(data, dtype=dtype, device=device)


def scalar_tensor(
    s: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """A 0-d tensor of the number `s`, in the default dtype unless `dtype` says otherwise."""
    import facula

    kind = dtype or (
        get_default_dtype().to_complex() if isinstance(s, complex) else get_default_dtype()
    )
    return facula.full((), s, dtype=kind, device=device, **options)


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of `obj`: a tensor, array, DLPack object, buffer, number or sequence.

    It shares memory where that can be, unless `copy` is True; for `copy=False` it raises ValueError
    where it would have to copy.
    """
    shares = isinstance(obj, (Tensor, np.ndarray)) or hasattr(obj, "__dlpack__") or _is_buffer(obj)
    source = obj
    if not isinstance(obj, (Tensor, np.ndarray)):
        if hasattr(obj, "__dlpack__"):
            source = from_dlpack(obj)
        elif _is_buffer(obj):
            source = frombuffer(obj, dtype=dtype or get_default_dtype())
    made = as_tensor(source, dtype, device)
    is_copy = not shares or (
        isinstance(source, np.ndarray)
        and dtype is not None
        and as_dtype(dtype).dtype != source.dtype
    )
    is_copy = is_copy or (isinstance(source, Tensor) and made is not source)
    if copy is False and is_copy:
        raise ValueError(
            f"can't alias a {type(obj).__name__} in that dtype and on that device; take copy=None"
        )
    if copy and not is_copy:
        made = made.detach().clone()
    if made.requires_grad != requires_grad:
        made = (
            made.detach().requires_grad_(requires_grad)
            if made is obj
            else made.requires_grad_(requires_grad)
        )
    return made


def _is_buffer(obj: Any) -> bool:
    return isinstance(obj, (bytes, bytearray, memoryview))


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d CPU tensor over the memory of an object with a buffer, from byte `offset` on.

    Raises ValueError where the buffer is too short, or `count` is -1 and the rest is no whole number of elements.
    """
    kind = as_dtype(dtype).dtype
    size, item = memoryview(buffer).nbytes, kind.itemsize
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) - 1"
        )
    if count < 0:
        if (size - offset) % item:
            raise ValueError(
                f"buffer size minus offset ({size - offset} bytes) must be a multiple of element size ({item})"
            )
        count = (size - offset) // item
    if offset + count * item > size:
        raise ValueError(
            f"requested buffer length ({count * item} bytes) after offset ({offset}) must not be greater than {size}"
        )
    made = from_numpy(np.frombuffer(buffer, kind, count, offset))
    return made.requires_grad_() if requires_grad else made


def from_dlpack(ext_tensor: Any, **options: Any) -> Tensor:
    """A CPU tensor over the memory of an object with `__dlpack__`."""
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.detach()
    array = np.from_dlpack(ext_tensor)
    return from_numpy(array)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """An uninitialised tensor with these strides, in elements, over memory of its own.

    Off the CPU it is contiguous. Raises RuntimeError where lengths differ or a stride is negative.
    """
    import facula
    from facula.ops.creation import size_of

    shape, steps = size_of((size,)), tuple(int(s) for s in stride)
    if len(shape) != len(steps):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {list(steps)} and {list(shape)}"
        )
    if any(s < 0 for s in steps):
        raise RuntimeError(f"as_strided: negative strides are not supported, got {list(steps)}")
    place = {"dtype": dtype, "device": device, "pin_memory": pin_memory}
    made: Tensor = facula.empty(shape, **place)
    if isinstance(made._array, np.ndarray) and made._array.size:
        length = 1 + sum((n - 1) * s for n, s in zip(shape, steps))
        memory = facula.empty(length, **place)._array
        steps = tuple(s * memory.itemsize for s in steps)
        made._array = np.ndarray(shape, memory.dtype, memory, 0, steps)
    return made.requires_grad_() if requires_grad else made


def empty_permuted(size: Any, physical_layout: Any, **options: Any) -> Tensor:
    """An uninitialised tensor whose dimensions lie in memory in the order `physical_layout`, outermost first."""
    from facula.ops.creation import size_of
    from facula.ops.dims import row_major

    shape, order = size_of((size,)), tuple(physical_layout)
    if len(shape) != len(order):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; "
            f"i.e. len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}"
        )
    if sorted(order) != list(range(len(shape))):
        raise RuntimeError(
            f"physical_layout {list(order)} must hold each dimension of {list(shape)} once"
        )
    steps = dict(zip(order, row_major([shape[d] for d in order])))
    return empty_strided(shape, [steps[d] for d in range(len(shape))], **options)


def _legacy(name: str, kind: dtype) -> Any:
    """`FloatTensor(2, 3)` is uninitialised, `FloatTensor([1, 2])` holds these values."""

    def make(*args: Any, device: Any = "cpu") -> Tensor:
        import facula

        if len(args) == 1 and not isinstance(args[0], int):
            data = args[0]
            if isinstance(data, Tensor):
                if data.dtype is not kind:
                    raise TypeError(f"expected {name} (got a tensor of {data.dtype})")
                return data.detach()
            return tensor(list(data) if isinstance(data, Size) else data, dtype=kind, device=device)
        return facula.empty(args or (0,), dtype=kind, device=device)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A CPU tensor of {kind.name}: of a shape (uninitialised), or of data."
    return make


#: Names of the old tensor types, by dtype.
LEGACY = {
    "float32": "FloatTensor", "float64": "DoubleTensor", "float16": "HalfTensor", "bfloat16": "BFloat16Tensor",
    "int64": "LongTensor", "int32": "IntTensor", "int16": "ShortTensor", "int8": "CharTensor", "uint8": "ByteTensor",
    "bool": "BoolTensor", "complex64": "ComplexFloatTensor", "complex128": "ComplexDoubleTensor",
    "uint16": "UInt16Tensor", "uint32": "UInt32Tensor", "uint64": "UInt64Tensor",
}  # fmt: skip
for _kind, _name in LEGACY.items():
    globals()[_name] = _legacy(_name, NAMES[_kind])
