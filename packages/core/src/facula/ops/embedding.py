"""Rows of tables by number, and sums, means and maxima of bags of them."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.dtypes import I64, as_dtype, category
from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call


def _zero(xp: Namespace, like: Any) -> Any:
    return xp.full((), 0, like.dtype)


def _numbers(name: str, input: Any) -> None:
    if category(input.dtype) != 1:
        raise RuntimeError(
            f"{name}: expected indices of an integer dtype, got {as_dtype(input.dtype)}"
        )


@op(method=False)
def table_rows(
    xp: Namespace, weight: Tensor, indices: Tensor, padding: int, by_frequency: bool
) -> Tensor:
    """Rows (*, d) of a table (rows, d). Row `padding` gets no gradient; `by_frequency` divides by counts."""
    rows = xp.index_select(weight, 0, _flat(xp, indices))
    return xp.reshape(rows, (*indices.shape, weight.shape[1]))


def _flat(xp: Namespace, indices: Any) -> Any:
    return indices if len(indices.shape) == 1 else xp.reshape(indices, (prod(indices.shape),))


@op(method=False)
def table_gradient(
    xp: Namespace, g: Tensor, indices: Tensor, rows: int, padding: int, by_frequency: bool
) -> Tensor:
    """`g` (*, d) added up by row number into a table of `rows` rows."""
    zero, indices = _zero(xp, g), _flat(xp, indices)
    g = xp.reshape(g, (indices.shape[0], g.shape[-1]))
    if padding >= 0:
        g = xp.where(xp.unsqueeze(indices == padding, 1), zero, g)
    if by_frequency:
        ones = xp.full(tuple(indices.shape), 1, g.dtype)
        counts = xp.index_add(xp.full((rows,), 0, g.dtype), 0, indices, ones)
        g = g / xp.unsqueeze(xp.index_select(counts, 0, indices), 1)
    return xp.index_add(xp.full((rows, g.shape[1]), 0, g.dtype), 0, indices, g)


def _table_rule(
    xp: Namespace, g: Any, weight_shape: Any, indices: Any, padding: int, by_frequency: bool
) -> Any:
    if by_frequency:  # counted within each call
        return xp.table_gradient(g, indices, weight_shape[0], padding, True)
    indices = _flat(xp, indices)
    g = xp.reshape(g, (indices.shape[0], weight_shape[1]))
    return xp.by_rows(_rows_added, weight_shape, (g, indices), (weight_shape[0], padding))


def _rows_added(xp: Namespace, g: Any, indices: Any, rows: int, padding: int) -> Any:
    return xp.table_gradient(g, indices, rows, padding, False)


table_rows.vjp(weight=_table_rule)
table_gradient.vjp(
    g=lambda xp, g, indices, padding, by_frequency: _rows_back(
        xp, g, indices, padding, by_frequency
    )
)


def _rows_back(xp: Namespace, g: Any, indices: Any, padding: int, by_frequency: bool) -> Any:
    """The transpose of `table_gradient`: rows, those of `padding` 0."""
    rows, shape = g.shape[0], (*indices.shape, g.shape[1])
    indices = _flat(xp, indices)
    g = xp.index_select(g, 0, indices)
    if by_frequency:
        ones = xp.full(tuple(indices.shape), 1, g.dtype)
        counts = xp.index_add(xp.full((rows,), 0, g.dtype), 0, indices, ones)
        g = g / xp.unsqueeze(xp.index_select(counts, 0, indices), 1)
    if padding >= 0:
        g = xp.where(xp.unsqueeze(indices == padding, 1), _zero(xp, g), g)
    return xp.reshape(g, shape)


def _padding_row(padding_idx: int | None, rows: int) -> int:
    """The padding row counted from the front, -1 for none."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise ValueError(
            f"padding_idx must be within num_embeddings: got {padding_idx} for a table of {rows} rows"
        )
    return padding_idx % rows


@op(method=False)
def embedding(
    xp: Namespace,
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` (rows, d) for row numbers `input` (*): (*, d).

    Row `padding_idx` gets no gradient. With `max_norm` the rows that are used are first scaled down, in
    place, to that `norm_type`-norm. `sparse` is accepted; gradients are dense.
    Raises IndexError for a row number out of range.
    """
    padding = _checked_padding(input, weight, padding_idx)
    return xp.table_rows(weight, input, padding, scale_grad_by_freq)


def _checked_padding(input: Any, weight: Any, padding_idx: int | None) -> int:
    _numbers("embedding", input)
    if len(weight.shape) != 2:
        raise RuntimeError(f"'weight' must be 2-D, got shape {tuple(weight.shape)}")
    return _padding_row(padding_idx, weight.shape[0])


@embedding.public
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    if max_norm is not None:
        _renormalize(weight, input, max_norm, norm_type)
    padding = _checked_padding(input, weight, padding_idx)
    return table_rows.call(weight, input, padding, scale_grad_by_freq)


def _renormalize(weight: Any, input: Any, max_norm: float, norm_type: float) -> None:
    """Scales the rows that `input` names down to `max_norm`, in place."""
    from facula._tensor import write_
    from facula.autograd.mode import no_grad
    from facula.autograd.record import recorder

    with no_grad():
        xp, table = recorder(weight._backend), weight.detach()
        norms = xp.p_norm(table, norm_type, 1, True)
        used = xp.full((weight.shape[0],), 0, table.dtype)
        flat = input.reshape(-1)
        used = xp.index_add(used, 0, flat, xp.full(tuple(flat.shape), 1, table.dtype))
        is_long = (norms > max_norm) & xp.unsqueeze(used > 0, 1)
        write_(weight, xp.where(is_long, table * (max_norm / (norms + 1e-7)), table), "embedding")


@embedding.sample
def embedding(make: Any) -> Any:
    yield call(make.of([[1, 0], [3, 1]]), make(4, 3))
    yield call(make.of([1, 0, 3, 1]), make(4, 3, grad=False), padding_idx=-3)
    yield call(make.of(2), make(4, 3))
    yield call(make.of([], "int64"), make(4, 3))


@op(method=False)
def embedding_bag(
    xp: Namespace,
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of bags of rows of `weight` (rows, d).

    `input` (bags, n) holds one bag a row; 1-d input is cut into bags at `offsets` (bags,), whose last
    element is the end where `include_last_offset`. `per_sample_weights` (mode 'sum') scale the rows.
    Entries equal to `padding_idx` count nothing; an empty bag gives zeros.
    """
    shape = tuple(input.shape)
    flat = xp.reshape(input, (prod(shape),))
    if offsets is None:
        bags, count = shape
        bag = xp.reshape(
            xp.expand(xp.reshape(xp.sequence(0, 1, bags, I64), (bags, 1)), (bags, count)),
            (bags * count,),
        )
    else:
        bags = offsets.shape[0] - bool(include_last_offset)
        at = xp.reshape(xp.sequence(0, 1, shape[0], I64), (shape[0], 1))
        starts = xp.unsqueeze(xp.slice(offsets, 0, 0, bags, 1), 0)
        bag = xp.sum(xp.cast(at >= xp.cast(starts, I64), I64), 1) - 1
    padding = _padding_row(padding_idx, weight.shape[0])
    rows = xp.table_rows(weight, flat, padding, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * xp.reshape(per_sample_weights, (prod(shape), 1))
    return _bagged(xp, rows, flat, bag, bags, mode, padding)


def _bagged(
    xp: Namespace, rows: Any, flat: Any, bag: Any, bags: int, mode: str, padding: int
) -> Any:
    """Rows (n, d) reduced by bag number (n,)."""
    one, zero = xp.full((), 1, rows.dtype), _zero(xp, rows)
    counted = xp.where(flat == padding, zero, one)
    counts = xp.unsqueeze(xp.index_add(xp.full((bags,), 0, rows.dtype), 0, bag, counted), 1)
    if mode == "max":
        return _largest(xp, rows, counted, bag, bags, counts)
    rows = xp.where(xp.unsqueeze(counted > 0, 1), rows, zero)
    total = xp.index_add(xp.full((bags, rows.shape[1]), 0, rows.dtype), 0, bag, rows)
    return total / xp.where(counts == 0, one, counts) if mode == "mean" else total


def _largest(xp: Namespace, rows: Any, counted: Any, bag: Any, bags: int, counts: Any) -> Any:
    """Maximum by bag, over a (bags, n, d) table of candidates; bags without a row give 0.

    Among equals the first row of the bag is taken, and has all of the gradient.
    """
    zero = _zero(xp, rows)
    if 0 in rows.shape:  # zeros, with a gradient of zeros
        return xp.index_add(xp.full((bags, rows.shape[1]), 0, rows.dtype), 0, bag, rows)
    own = xp.eq(xp.unsqueeze(bag, 0), xp.reshape(xp.sequence(0, 1, bags, I64), (bags, 1)))
    own = xp.unsqueeze(
        xp.where(xp.unsqueeze(counted > 0, 0), own, xp.full((), False, own.dtype)), 2
    )
    low = xp.full((), float("-inf"), rows.dtype)
    candidates = xp.where(own, xp.unsqueeze(xp.stop(rows), 0), low)
    # Rows of -inf are no less than those of other bags.
    first = xp.argmax(xp.cast(own, I64), 1, False)
    at = xp.where(xp.amax(candidates, 1) == low, first, xp.argmax(candidates, 1, False))
    return xp.where(counts == 0, zero, xp.gather(rows, 0, at))


@embedding_bag.public
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    _check_bags(input, offsets, mode, per_sample_weights, scale_grad_by_freq)
    if max_norm is not None:
        _renormalize(weight, input, max_norm, norm_type)
    return embedding_bag.call(
        input, weight, offsets, None, norm_type, scale_grad_by_freq, mode, sparse, per_sample_weights,
        include_last_offset, padding_idx,
    )  # fmt: skip


def _check_bags(input: Any, offsets: Any, mode: str, weights: Any, by_frequency: bool) -> None:
    _numbers("embedding_bag", input)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated as a mini-batch of bags"
        )
    if input.ndim == 1 and offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if input.ndim not in (1, 2):
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if offsets is not None and offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if by_frequency and mode == "max":
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if weights is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights was not None; it needs mode='sum', got '{mode}'"
        )
    if weights is not None and weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(weights.shape)}) is not None, then it must have the same "
            f"shape as the input ({list(input.shape)})"
        )


@embedding_bag.sample
def embedding_bag(make: Any) -> Any:
    flat, offsets = make.of([1, 0, 3, 1, 2]), make.of([0, 2, 2])
    for mode in ("sum", "mean", "max"):
        yield call(flat, make(4, 2), offsets, mode=mode)
        yield call(make.of([[1, 0], [3, 2]]), make(4, 2, grad=False), mode=mode, padding_idx=0)
    yield call(flat, make(4, 2), offsets, mode="sum", per_sample_weights=make(5))
    yield call(flat, make(4, 2), make.of([0, 2, 5]), include_last_offset=True)


@op(method=False)
def one_hot(xp: Namespace, input: Tensor, num_classes: int) -> Tensor:
    """(*, num_classes) int64: 1 at the class number, else 0. -1 takes the largest number plus 1."""
    numbers = xp.reshape(
        xp.sequence(0, 1, num_classes, I64), (*[1] * len(input.shape), num_classes)
    )
    return xp.cast(xp.eq(xp.unsqueeze(input, len(input.shape)), numbers), I64)


@one_hot.public
def one_hot(input: Any, num_classes: int = -1) -> Any:
    if input._array.dtype is not I64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of dtype int64, got {input.dtype}"
        )
    if input.is_meta:
        if num_classes < 0:
            raise NotImplementedError(
                "one_hot on device 'meta': the values are not known there; give num_classes"
            )
        return one_hot.call(input, num_classes)
    if input.numel() == 0 and num_classes <= 0:
        raise RuntimeError(
            f"Can not infer total number of classes from empty tensor; got num_classes={num_classes}"
        )
    return one_hot.call(input, _classes(input, num_classes))


def _classes(input: Any, num_classes: int) -> int:
    from facula.autograd.mode import has_values

    if num_classes >= 0 and (not has_values(input) or not input.numel()):
        return num_classes
    low, high = int(input.min()), int(input.max())
    if low < 0:
        raise RuntimeError(f"Class values must be non-negative, got {low}")
    if num_classes == -1:
        return high + 1
    if num_classes < 1:
        raise RuntimeError(f"num_classes should be positive, got {num_classes}")
    if high >= num_classes:
        raise RuntimeError(
            f"Class values must be smaller than num_classes: got {high}, num_classes is {num_classes}"
        )
    return num_classes


@one_hot.sample
def one_hot(make: Any) -> Any:
    yield call(make.of([[2, 0], [1, 1]]), 4)
    yield call(make.of(1), 3)
