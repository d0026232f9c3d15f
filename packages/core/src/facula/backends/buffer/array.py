"""BufferArray: a strided array over the raw memory of a device."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand
from facula.backends.operators import ArrayOperators
from facula.ops.dims import row_major


class BufferArray(ArrayOperators):
    """Elements of `dtype` (a NumPy dtype) in a device's `buffer`; `strides` and `offset` count elements."""

    __slots__ = (
        "buffer",
        "shape",
        "strides",
        "offset",
        "dtype",
        "xp",
        "is_whole",
        "nbytes",
        "__weakref__",
    )

    shape: tuple[int, ...]

    def __init__(self, buffer: Any, shape: Any, strides: Any, offset: int, dtype: Any, xp: Any):
        self.buffer, self.dtype, self.offset, self.xp = buffer, dtype, offset, xp
        self.is_whole = False  # whether it fills its buffer, and in order
        self.nbytes = 0  # of the whole buffer
        self.shape = tuple(shape)
        self.strides = row_major(self.shape) if strides is None else tuple(strides)

    @property
    def size(self) -> int:
        n = 1
        for m in self.shape:
            n *= m
        return n

    @property
    def is_contiguous(self) -> bool:
        rows = zip(self.shape, self.strides, row_major(self.shape))
        return 0 in self.shape or all(n == 1 or s == c for n, s, c in rows)

    def view(self, shape: Any, strides: Any, offset: int, dtype: Any = None) -> BufferArray:
        """Another array over the same buffer."""
        out = BufferArray(
            self.buffer, shape, strides, offset, self.dtype if dtype is None else dtype, self.xp
        )
        out.nbytes = self.nbytes
        return out

    def operand(self, dims: Any = None) -> Operand:
        """The array as kernels get it; `dims` picks and orders its dimensions."""
        strides = self.strides if dims is None else tuple(self.strides[d] for d in dims)
        return Operand(self.buffer, self.offset, strides)

    def spread(self, shape: tuple[int, ...]) -> Operand:
        """The array broadcast to `shape`: strides of 0 along what is repeated."""
        lead = len(shape) - len(self.shape)
        kept = tuple(0 if n == 1 else s for n, s in zip(self.shape, self.strides))
        return Operand(self.buffer, self.offset, (0,) * lead + kept)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"an array on device '{self.xp.device}' is not read silently; copy it with xp.to_numpy(array)"
        )

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        return f"BufferArray({self.shape}, {self.dtype}, device='{self.xp.device}')"
