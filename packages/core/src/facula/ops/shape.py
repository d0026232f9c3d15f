"""Views and shapes: views share memory with their input, and cost nothing."""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import as_size, infer_size, view_strides, wrap_dim, wrap_dims

# ---- view leaves, in canonical form: dimensions counted from the front, sizes worked out


@leaf(view=True, method=False)
def view(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """`input` in another shape, where memory order allows it without a copy."""


view.vjp(input=lambda xp, g, input_shape: xp.reshape(g, input_shape))


@leaf(view=True, method=False)
def expand(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """`input` repeated along dimensions of size 1 (and new ones in front), without a copy."""


expand.vjp(input=lambda xp, g: g)  # the tape sums it to the input's shape


@leaf(view=True, method=False)
def permute(xp: Namespace, input: Tensor, dims: Any) -> Tensor:
    """`input` with its dimensions in the order `dims`."""


def _inverse(dims: Any) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


permute.vjp(input=lambda xp, g, dims: xp.permute(g, _inverse(dims)))


@leaf(view=True, method=False)
def slice(xp: Namespace, input: Tensor, dim: int, start: int, stop: int, step: int) -> Tensor:
    """Elements `start` to `stop - 1` of dimension `dim`, every `step`th."""


slice.vjp(
    input=lambda xp, g, input_shape, dim, start, stop, step: xp.put(
        xp.full(input_shape, 0, g.dtype), g, ((slice, (dim, start, stop, step)),)
    )
)


@leaf(view=True, method=False)
def select(xp: Namespace, input: Tensor, dim: int, index: int) -> Tensor:
    """Element `index` of dimension `dim`, which is dropped."""


select.vjp(
    input=lambda xp, g, input_shape, dim, index: xp.put(
        xp.full(input_shape, 0, g.dtype), g, ((select, (dim, index)),)
    )
)


# ---- writes


@op(arithmetic=False, method=False)
def put(xp: Namespace, input: Tensor, value: Tensor, chain: Any) -> Tensor:
    """`input` with `value` written through a chain of views."""
    out = xp.copy(input)
    xp.write(_follow(xp, out, chain), value)
    return out


def _follow(xp: Namespace, x: Any, chain: Any) -> Any:
    for view_op, options in chain:
        x = getattr(xp, view_op.name)(x, *options)
    return x


def _put_rule(xp: Namespace, g: Any, value_shape: Any, chain: Any) -> Any:
    return xp.put(g, xp.full(value_shape, 0, g.dtype), chain)


put.vjp(input=_put_rule, value=lambda xp, g, chain: _follow(xp, g, chain))


@op(method=False)
def sum_to(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """Sum over the dimensions that broadcasting `size` to `input`'s shape added."""
    lead = len(input.shape) - len(size)
    dims = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(size) if n == 1 and input.shape[lead + i] != 1
    )
    return xp.reshape(xp.sum(input, dims, True), size) if dims else input


# ---- shapes


@op(alias=True, arithmetic=False)
def contiguous(xp: Namespace, input: Tensor, memory_format: Any = None) -> Tensor:
    """`input` where it is contiguous, else a contiguous copy."""
    from facula.ops.dims import row_major

    strides = xp.strides(input)
    if all(n == 1 or s == c for n, s, c in zip(input.shape, strides, row_major(input.shape))):
        return input
    return xp.clone(input)


@op(alias=True, arithmetic=False)
def reshape(xp: Namespace, input: Tensor, shape: Any) -> Tensor:
    """`input` in another shape: a view where memory order allows it, else a copy.

    One size may be -1; it is worked out.
    """
    numel = 1
    for n in input.shape:
        numel *= n
    size = infer_size(shape, numel, input.shape)
    if view_strides(input.shape, xp.strides(input), size) is None:
        input = xp.clone(input)
    return xp.view(input, size)


@reshape.public
def reshape(input: Any, *shape: Any) -> Any:
    return reshape.call(input, as_size(shape))


@op(view=True)
def transpose(xp: Namespace, input: Tensor, dim0: int, dim1: int) -> Tensor:
    """`input` with two dimensions swapped."""
    dims = list(range(len(input.shape)))
    a, b = wrap_dim(dim0, len(dims)), wrap_dim(dim1, len(dims))
    if not dims:
        return xp.permute(input, ())
    dims[a], dims[b] = dims[b], dims[a]
    return xp.permute(input, tuple(dims))


@op(view=True)
def unsqueeze(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """`input` with a dimension of size 1 put in at `dim`."""
    at = wrap_dim(dim, len(input.shape) + 1)
    return xp.view(input, (*input.shape[:at], 1, *input.shape[at:]))


@op(view=True)
def squeeze(xp: Namespace, input: Tensor, dim: Any = None) -> Tensor:
    """`input` without its dimensions of size 1 (only those in `dim`, where given)."""
    dims = wrap_dims(dim, len(input.shape)) if dim is not None else range(len(input.shape))
    return xp.view(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


# ---- joining


def _cat_shape(tensors: Any, dim: int) -> tuple[int, ...]:
    first = tensors[0].shape
    return (*first[:dim], sum(t.shape[dim] for t in tensors), *first[dim + 1 :])


@leaf(promote="common", shape=_cat_shape, arithmetic=False, method=False)
def join(xp: Namespace, tensors: Tensors, dim: int) -> Tensor:
    """Tensors of equal shape but for `dim`, one after another along it."""


def _join_rule(xp: Namespace, g: Any, tensors_shape: Any, dim: int) -> list[Any]:
    out, start = [], 0
    for shape in tensors_shape:
        out.append(xp.slice(g, dim, start, start + shape[dim], 1))
        start += shape[dim]
    return out


join.vjp(tensors=_join_rule)
