"""Grids and combinations."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.ops._op import Namespace, Tensor, Tensors, op
from facula.ops.shape import unpacked
from facula.testing.samples import call


@op(view=True, method=False)
def meshgrid(xp: Namespace, tensors: Tensors, indexing: str = "ij") -> Any:
    """Coordinates of the grid of vectors: a tuple of tensors, expanded to the shape of the grid.

    `indexing` 'xy' swaps the first two dimensions.
    """
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in tensors:
        if len(x.shape) > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got shape {list(x.shape)}"
            )
        if x.dtype != tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    swap = indexing == "xy" and len(tensors) > 1
    tensors = tuple([x if x.shape else xp.view(x, (1,)) for x in tensors])
    if swap:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    shape = tuple([prod(x.shape) for x in tensors])
    grids = []
    for i, x in enumerate(tensors):
        lone = xp.view(x, (1,) * i + (shape[i],) + (1,) * (len(shape) - i - 1))
        grids.append(xp.expand(lone, shape))
    return (grids[1], grids[0], *grids[2:]) if swap else tuple(grids)


@meshgrid.public
def meshgrid(*tensors: Any, indexing: Any = None) -> Any:
    return meshgrid.call(unpacked(tensors), indexing or "ij")


@meshgrid.sample
def meshgrid(make: Any) -> Any:
    yield call(make(2), make(3))
    yield call([make(2), make(3), make(2)], indexing="xy")


@op(method=False, arithmetic=False)
def cartesian_prod(xp: Namespace, tensors: Tensors) -> Tensor:
    """All combinations of one element of each vector, one in a row."""
    for x in tensors:
        if len(x.shape) != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return xp.clone(tensors[0])
    grids = xp.meshgrid(tensors, "ij")
    return xp.stack(tuple([xp.reshape(x, (prod(x.shape),)) for x in grids]), 1)


@cartesian_prod.public
def cartesian_prod(*tensors: Any) -> Any:
    return cartesian_prod.call(unpacked(tensors))


@cartesian_prod.sample
def cartesian_prod(make: Any) -> Any:
    yield call(make(2), make(3))
    yield call(make(2))


@op(method=True, arithmetic=False)
def combinations(
    xp: Namespace, input: Tensor, r: int = 2, with_replacement: bool = False
) -> Tensor:
    """All combinations of `r` elements of a vector, one in a row."""
    import itertools

    import numpy as np

    if len(input.shape) != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    if r == 0:
        return xp.full((0,), 0, input.dtype)
    rows = np.array(list(choose(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    return xp.reshape(xp.index_select(input, 0, xp.asarray(rows.ravel())), rows.shape)


@combinations.sample
def combinations(make: Any) -> Any:
    yield call(make(4))
    yield call(make(3), 2, True)
