"""`x.view(dtype)`: the same bytes as elements of another dtype. No gradient goes through it, as in PyTorch."""

from __future__ import annotations

from typing import Any

from facula.dtypes import dtype as Dtype


def view_dtype(input: Any, dtype: Dtype) -> Any:
    """A tensor over the memory of `input`, whose last dimension is longer or shorter as elements are smaller or larger."""
    backend, target = input._backend, dtype.dtype
    backend.require_dtype(target)
    out = input.detach()
    if not isinstance(out._array, backend.Array):  # it is being captured
        from facula.graph.errors import refuse

        raise refuse(
            "memory of a tensor was viewed in another dtype",
            "view it before, and give the function the result",
        )
    if target is not input._array.dtype:
        out._array = backend.view_dtype(input._array, target, *_place(input, dtype))
    return out


def _place(x: Any, dtype: Dtype) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and offset of the elements of `dtype` that `x` consists of."""
    old, new = x.itemsize, dtype.itemsize
    shape, strides, offset = tuple(x.shape), x.stride(), x.storage_offset()
    if old == new:
        return shape, strides, offset
    what = f"to view {x.dtype} as {dtype} (different element sizes)"
    if not shape:
        raise RuntimeError(f"self.dim() cannot be 0 {what}")
    # Each new element is so many old ones: none may begin within another.
    ratio = max(new // old, 1)
    _refuse_parts({"size(-1)": shape[-1], "storage_offset()": offset}, ratio, what)
    if strides[-1] != 1:
        raise RuntimeError(f"self.stride(-1) must be 1 {what}, but got {strides[-1]}")
    _refuse_parts({f"stride({i})": s for i, s in enumerate(strides[:-1])}, ratio, what)
    lead = tuple([s * old // new for s in strides[:-1]])
    return (*shape[:-1], shape[-1] * old // new), (*lead, 1), offset * old // new


def _refuse_parts(found: dict[str, int], ratio: int, what: str) -> None:
    for name, number in found.items():
        if number % ratio:
            raise RuntimeError(f"self.{name} must be divisible by {ratio} {what}, but got {number}")
