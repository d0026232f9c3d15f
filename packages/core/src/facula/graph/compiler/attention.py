"""Attention of a program as calls of attention.c, which never makes the table of weights: a launch for it, one for its gradient."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.dtypes import B8, F32
from facula.graph.compiler.planned import Planned
from facula.graph.runtime import attention as unit
from facula.ops.attention import FEWEST_WHOLE
from facula.ops.dot_attention import check_shapes

_NO_LAYOUT = 0, 0, 0, 0


def install(xp: Any) -> None:
    """Has a device that takes notes note attention whole."""
    made: dict[unit.Shape, Attend] = {}
    for name, kernel in (("dot_attention", _forward), ("dot_attention_gradient", _gradient)):
        setattr(xp, name, partial(kernel, xp, made, getattr(xp, name)))


class Attend(Planned):
    """Attention, or its gradient; `given` is what its `unit.Shape` is made of."""

    def __init__(self, given: tuple[Any, ...]):
        shape = unit.Shape(*given)
        self.plan = unit.struct(shape)
        self.names = unit.BACK if shape.back else unit.FORWARD
        first = self.names.index("to_query" if shape.back else "output")
        written, work = tuple(range(first, len(self.names))), shape.multiplications // 2
        request = "attention", tuple(given)
        super().__init__(ctypes.addressof(self.plan), written, work, request=request, is_cut=True)


def _layout(x: BufferArray | None) -> unit.Layout:
    """Steps of the last four dimensions, 0 along what is repeated."""
    if x is None:
        return _NO_LAYOUT
    steps = [0 if n == 1 else s for n, s in zip(x.shape, x.strides)]
    return tuple([0] * (4 - len(steps)) + steps)


def _fits(query: BufferArray, key: BufferArray, value: BufferArray, mask: Any) -> bool:
    """Whether these are heads of one number, with queries enough, and a mask for their table."""
    table = check_shapes(query, key, value, mask)
    plain = mask is None or mask.dtype in (B8, F32)
    fits = plain and 2 <= len(table) <= 4 and 0 not in table and query.shape[-2] >= FEWEST_WHOLE
    fits = fits and table[-2:] == (query.shape[-2], key.shape[-2])
    return fits and all(
        x.dtype is F32 and x.shape[:-2] == table[:-2] and 0 not in x.shape
        for x in (query, key, value)
    )  # fmt: skip


def _laid_out(xp: Any, x: BufferArray, width: int) -> BufferArray:
    """Memory for heads like `x`, in the order of its dimensions if features are neighbours in that."""
    shape = (*x.shape[:-1], width)
    strides = xp.laid_out(shape, [x])
    out: BufferArray = xp.empty(shape, F32)
    return out.view(shape, strides, 0) if strides[-1] == 1 else out


def _note(xp: Any, made: Any, back: bool, is_causal: bool, scale: float, **arrays: BufferArray | None) -> None:  # fmt: skip
    query, key, value, mask = (arrays[name] for name in ("query", "key", "value", "mask"))
    assert query is not None and key is not None and value is not None
    outer, inner = ((1, 1) + query.shape[:-2])[-2:]
    sizes = outer, inner, query.shape[-2], key.shape[-2], key.shape[-1], value.shape[-1]
    is_bool, start = (False, 0) if mask is None else (mask.dtype is B8, mask.offset)
    layouts = tuple(_layout(arrays.get(name)) for name in unit.LAID_OUT)
    shape = unit.Shape(back, *sizes, is_bool, is_causal, float(scale), start, layouts)
    if shape not in made:
        made[shape] = Attend(shape)
    operands = {name: x.operand() for name, x in arrays.items() if x is not None}
    if mask is not None:  # slots are pointers to floats
        operands["mask"] = operands["mask"]._replace(offset=0)
    xp.note(made[shape], *(operands.get(name) for name in made[shape].names))


def _forward(
    xp: Any, made: Any, below: Callable[..., Any], query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float
) -> Any:  # fmt: skip
    if not _fits(query, key, value, mask):
        return below(query, key, value, mask, is_causal, scale)
    output = _laid_out(xp, query, value.shape[-1])
    logsumexp = xp.empty((*query.shape[:-1], 1), F32)
    arrays = {"query": query, "key": key, "value": value, "mask": mask}
    _note(xp, made, False, is_causal, scale, **arrays, output=output, logsumexp=logsumexp)
    return output, logsumexp


def _gradient(
    xp: Any, made: Any, below: Callable[..., Any], g: Any, to_logsumexp: Any, query: Any, key: Any, value: Any, mask: Any,
    output: Any, logsumexp: Any, is_causal: bool, scale: float, needs: Any,
) -> Any:  # fmt: skip
    if needs[3] or not _fits(query, key, value, mask) or g.dtype is not F32:
        return below(
            g, to_logsumexp, query, key, value, mask, output, logsumexp, is_causal, scale, needs
        )
    given = {"query": query, "key": key, "value": value}
    made_of = {
        f"to_{name}": _laid_out(xp, x, x.shape[-1]) if need else None
        for (name, x), need in zip(given.items(), needs)
    }
    to_logsumexp, logsumexp = (x if x is None or x.is_contiguous else xp.copy(x) for x in (to_logsumexp, logsumexp))  # fmt: skip
    _note(
        xp, made, True, is_causal, scale, **given, mask=mask, g=g, to_logsumexp=to_logsumexp, output=output, logsumexp=logsumexp,
        **made_of,
    )  # fmt: skip
    return *made_of.values(), None
