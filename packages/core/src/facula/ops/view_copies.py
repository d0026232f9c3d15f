"""Copies in place of views: `NAME_copy`."""

from __future__ import annotations

from typing import Any

from facula.ops._op import OPS, Namespace, Tensor, op
from facula.ops.shape import (
    alias,
    as_strided,
    diagonal,
    expand,
    narrow,
    permute,
    select,
    squeeze,
    t,
    transpose,
    unbind,
    unfold,
    unsqueeze,
    view,
)
from facula.ops.split import split_with_sizes


def _copying(view_op: Any) -> Any:
    """`NAME_copy`: what the view op gives, in memory of its own."""

    def function(xp: Namespace, input: Tensor, options: Any = ()) -> Any:
        return _cloned(xp.clone, getattr(xp, view_op.name)(input, *options))

    function.__name__, function.__module__ = view_op.name + "_copy", __name__
    function.__doc__ = f"`{view_op.name}`, as a copy."
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "options": "Any"}

    def public(*args: Any, **named: Any) -> Any:
        return _cloned(OPS["clone"].call, view_op(*args, **named))

    return op(method=False, arithmetic=False)(function).public(public).sample(view_op.samples)


def _cloned(clone: Any, result: Any) -> Any:
    return tuple([clone(x) for x in result]) if isinstance(result, tuple) else clone(result)


for _view in (
    alias, as_strided, diagonal, expand, narrow, permute, select, split_with_sizes, squeeze, t, transpose, unbind,
    unfold, unsqueeze, view,
):  # fmt: skip
    _copying(_view)
