"""Shape and dtype rules that several leaves share."""

from __future__ import annotations

from typing import Any

from facula.dtypes import FROM_NUMPY, I64, category, get_default_dtype
from facula.ops.dims import broadcast_shapes, reduced_shape


def shape_of(x: Any) -> tuple[int, ...]:
    return tuple(getattr(x, "shape", ()))


def broadcast(*args: Any) -> tuple[int, ...]:
    """Shape rule of elementwise leaves: all arguments are inputs, scalars among them."""
    return broadcast_shapes(*(shape_of(a) for a in args))


def same(x: Any, *_: Any) -> tuple[int, ...]:
    return shape_of(x)


def reduced(x: Any, dim: Any, keepdim: bool, *_: Any) -> tuple[int, ...]:
    return reduced_shape(x.shape, dim, keepdim)


def sum_dtype(x: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    """Sums and products of integers are int64, unless `dtype` says otherwise."""
    return dtype or (I64 if category(x.dtype) < 2 else x.dtype)


def real_dtype(x: Any, *_: Any) -> Any:
    return FROM_NUMPY[x.dtype].to_real().dtype


def wider(*args: Any) -> Any:
    """The first array's dtype, unless another argument is complex: rules may combine real and complex ones."""
    dtypes = [a.dtype for a in args if hasattr(a, "dtype")]
    found = next((d for d in dtypes if d.kind == "c"), dtypes[0])
    if found.kind != "c" and any(a.__class__ is complex for a in args):
        return FROM_NUMPY[found].to_complex().dtype
    return found


def default_float() -> Any:
    return get_default_dtype().dtype
