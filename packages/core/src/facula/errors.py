"""What devices raise: for memory that ran out, and for a device that can do no more."""

from __future__ import annotations


class OutOfMemoryError(RuntimeError):
    """A device has too little memory for what was asked. The message gives the sizes, in bytes.

    What was allocated before is untouched: free some (or make the batch smaller) and go on.
    """


class DeviceError(RuntimeError):
    """A device refused a command or was lost. Its tensors may be gone; other devices are as they were."""


def index_error(index: int, size: int) -> IndexError:
    """The error for an index that a kernel met out of range, in words.

    Where several dimensions are indexed at once, kernels see them as one, and an index out of range of its own as
    a place far before the first (`OUTSIDE` in `ops/index.py`): then there is no number to name.
    """
    if -(1 << 62) <= index < -(1 << 31):
        return IndexError(
            f"an index is out of bounds: the indexed dimensions have {size} places together"
        )
    return IndexError(f"index {index} is out of bounds for dimension with size {size}")
