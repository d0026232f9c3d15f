"""Batches from a worker process to the main one: tensors through shared memory, the rest pickled."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

_ALIGNMENT = 64


class Packed(NamedTuple):
    """A batch with its arrays taken out; they lie in the shared memory `block`."""

    block: str | None
    content: Any


class Slot(NamedTuple):
    """Stands for a tensor (or array) in a packed batch."""

    offset: int
    shape: tuple[int, ...]
    dtype: str
    is_tensor: bool


def _walk(value: Any, replace: Callable[[Any], Any]) -> Any:
    import facula

    if isinstance(value, (facula.Tensor, np.ndarray, Slot)):
        return replace(value)
    if isinstance(value, dict):
        return (
            type(value)({k: _walk(v, replace) for k, v in value.items()})
            if type(value) is dict
            else value
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_walk(v, replace) for v in value))
    if type(value) in (list, tuple):
        return type(value)(_walk(v, replace) for v in value)
    return value


def pack(batch: Any) -> Packed:
    """Moves the arrays of a batch into one block of shared memory, which the receiver frees."""
    import facula

    arrays: list[Any] = []
    end = 0

    def take(value: Any) -> Any:
        nonlocal end
        is_tensor = isinstance(value, facula.Tensor)
        array = np.ascontiguousarray(value.numpy(force=True) if is_tensor else value)
        if array.dtype.hasobject:
            return value
        slot = Slot(
            end,
            value.shape if not is_tensor else tuple(value.shape),
            facula_name(array.dtype),
            is_tensor,
        )
        arrays.append((end, array))
        end += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        return slot

    content = _walk(batch, take)
    if end == 0:
        return Packed(None, content)
    block = SharedMemory(create=True, size=end)
    buffer: Any = block.buf
    view = np.frombuffer(buffer, np.uint8)
    for offset, array in arrays:
        view[offset : offset + array.nbytes] = array.reshape(-1).view(np.uint8) if array.size else 0
    del view, buffer
    name = block.name
    block.close()
    return Packed(name, content)


def facula_name(dtype: Any) -> str:
    from facula.dtypes import FROM_NUMPY

    return FROM_NUMPY[dtype].name if dtype in FROM_NUMPY else dtype.str


class _Block:
    """Shared memory that lives as long as an array over it, and has no name any more."""

    def __init__(self, name: str):
        self._memory = SharedMemory(name)
        self._memory.unlink()
        buffer: Any = self._memory.buf
        probe = np.frombuffer(buffer, np.uint8)
        self.__array_interface__ = {
            "data": (probe.__array_interface__["data"][0], False), "shape": probe.shape, "typestr": "|u1", "version": 3,
        }  # fmt: skip

    def __del__(self) -> None:
        self._memory.close()


def unpack(packed: Packed) -> Any:
    """The batch again; its tensors use the shared memory itself."""
    import facula
    from facula.dtypes import NAMES

    memory = np.asarray(_Block(packed.block)) if packed.block else np.empty(0, np.uint8)

    def put(slot: Any) -> Any:
        if not isinstance(slot, Slot):
            return slot
        dtype = NAMES[slot.dtype].dtype if slot.dtype in NAMES else np.dtype(slot.dtype)
        nbytes = dtype.itemsize * int(np.prod(slot.shape, dtype=np.int64))
        array = memory[slot.offset : slot.offset + nbytes].view(dtype).reshape(slot.shape)
        return facula.from_numpy(array) if slot.is_tensor else array

    return _walk(packed.content, put)


def discard(packed: Packed) -> None:
    """Frees the memory of a batch that nobody will read."""
    if packed.block:
        memory = SharedMemory(packed.block)
        memory.unlink()
        memory.close()
