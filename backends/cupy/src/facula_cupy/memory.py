"""Page-locked host memory, copies between GPUs, and memory that ran out."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.errors import OutOfMemoryError


def error_type(cuda: Any) -> type[BaseException]:
    """What CuPy raises where memory runs out."""
    found = getattr(cuda.memory, "OutOfMemoryError", MemoryError)
    return found  # type: ignore[no-any-return]


def out_of_memory(device: Any, runtime: Any, index: int, error: BaseException) -> OutOfMemoryError:
    """CuPy's error as Facula's, with what the GPU has."""
    held = runtime.memory_statistics(index)
    free, total = runtime.memory_info(index)
    return OutOfMemoryError(
        f"device '{device}' has too little memory: {error} {free} of its {total} bytes are free, "
        f"{held['allocated']} are in tensors, {held['reserved']} held by the pool "
        f"(facula.cuda.empty_cache() gives back what of these is unused)"
    )


def pinned(cuda: Any, array: Any) -> Any:
    """A copy of a NumPy array in page-locked memory."""
    held = cuda.alloc_pinned_memory(max(array.nbytes, 1))
    out = np.frombuffer(held, np.uint8, array.nbytes).view(array.dtype).reshape(array.shape)
    out[...] = array
    return out


def is_pinned(array: Any) -> bool:
    """Whether a NumPy array lies in memory that `pinned` made."""
    while isinstance(array, np.ndarray):
        array = array.base
    if isinstance(array, memoryview):
        array = array.obj
    return type(array).__name__ == "PinnedMemoryPointer"


def from_peer(target: Any, array: Any, source: Any) -> Any:
    """A copy on `target` of an array on another GPU, after all that its stream was asked for."""
    with source.on_device():
        array = array if array.flags.c_contiguous else array.copy(order="C")
        ready = source.cuda.get_current_stream().record()
    with target.on_device():
        out = target.library.empty(array.shape, array.dtype)
        stream = target.cuda.get_current_stream()
        stream.wait_event(ready)
        if out.nbytes:
            target.cuda.runtime.memcpyPeerAsync(
                out.data.ptr, target.ordinal, array.data.ptr, source.ordinal, out.nbytes, stream.ptr
            )
        done = stream.record()
    with source.on_device():  # the source's memory is not used for anything else before it was read
        source.cuda.get_current_stream().wait_event(done)
    return out
