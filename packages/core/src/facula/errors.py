"""What devices raise: for memory that ran out, for a device that can do no more, for indices out of range."""

from __future__ import annotations


class OutOfMemoryError(RuntimeError):
    """A device has too little memory for what was asked. The message gives the sizes, in bytes.

    What was allocated before is untouched: free some (or make the batch smaller) and go on.
    """


class DeviceError(RuntimeError):
    """A device refused a command or was lost. Its tensors may be gone; other devices are as they were."""


class OutOfBoundsError(IndexError, RuntimeError):
    """An index is out of range. Both kinds, as PyTorch raises the one for `index_select`, the other for `gather` and `scatter`."""


def index_error(index: int, size: int) -> OutOfBoundsError:
    """The error for an index that a kernel met out of range, in words.

    Where several dimensions are indexed at once, kernels see them as one, and an index out of range of its own as
    a place far before the first (`OUTSIDE` in `ops/index.py`): then there is no number to name.
    """
    if -(1 << 62) <= index < -(1 << 31):
        return OutOfBoundsError(
            f"an index is out of bounds: the indexed dimensions have {size} places together"
        )
    return OutOfBoundsError(f"index {index} is out of bounds for dimension with size {size}")
