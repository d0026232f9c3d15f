"""Dot-product attention that never holds its table of weights, rows of queries by columns of keys.

The forward pass keeps one number per query, the logarithm of the sum of its exponentiated scores; the
gradient makes weights anew from it, `exp(score - logsumexp)` (Dao et al. 2022, "FlashAttention"). The bodies here work
through blocks of queries; devices bring kernels of their own for both ops.
"""

from __future__ import annotations

from math import prod
from typing import Any

from facula.dtypes import B8, I64, as_dtype
from facula.ops._op import Namespace, Tensor, op
from facula.ops.dims import broadcast_shapes
from facula.testing.samples import call

#: Bytes of the table of weights up to which a body makes it in one piece.
LARGEST_TABLE = 1 << 23
#: Bytes of a block of a larger table, and the fewest queries in one.
LARGEST_BLOCK = 1 << 21
FEWEST_ROWS = 64


def causal(xp: Namespace, rows: int, columns: int, first: int = 0) -> Any:
    """(rows, columns) bools, from query `first` on: True where it may look, at keys not after it."""
    at = xp.reshape(xp.sequence(first, 1, rows, I64), (rows, 1))
    return at >= xp.reshape(xp.sequence(0, 1, columns, I64), (1, columns))


def masked(xp: Namespace, scores: Any, mask: Any) -> Any:
    """Scores with a float mask added, or -inf where a bool mask is False."""
    if mask.dtype == B8:
        return xp.where(mask, scores, xp.full((), float("-inf"), scores.dtype))
    return scores + (mask if mask.dtype == scores.dtype else xp.cast(mask, scores.dtype))


def check_shapes(query: Any, key: Any, value: Any, mask: Any) -> tuple[int, ...]:
    """The shape of the table of weights, (..., L, S). Raises RuntimeError where sizes do not fit."""
    name = "scaled_dot_product_attention"
    if query.shape[-1] != key.shape[-1]:
        raise RuntimeError(
            f"{name}: query and key must have one size of features, got shapes {tuple(query.shape)} and "
            f"{tuple(key.shape)}"
        )
    if key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"{name}: key and value must have one length, got shapes {tuple(key.shape)} and {tuple(value.shape)}"
        )
    if mask is None and query.shape[:-2] == key.shape[:-2] == value.shape[:-2]:
        return *query.shape[:-1], key.shape[-2]
    table = query.shape[-2], key.shape[-2]
    try:
        lead = broadcast_shapes(*(tuple(x.shape[:-2]) for x in (query, key, value)))
        return broadcast_shapes((*lead, *table), () if mask is None else tuple(mask.shape))
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in (query, key, value))
        of_mask = "" if mask is None else f" and attn_mask {tuple(mask.shape)}"
        raise RuntimeError(
            f"{name}: query, key, value of shapes {shapes}{of_mask}: {error}"
        ) from None


def _blocks(table: Any, dtype: Any) -> list[tuple[int, int]]:
    """First and last query of each block of a table of weights."""
    *lead, rows, columns = table
    row_bytes = prod(lead) * columns * as_dtype(dtype).itemsize
    if row_bytes * rows <= LARGEST_TABLE:
        return [(0, rows)]
    step = max(FEWEST_ROWS, LARGEST_BLOCK // row_bytes)
    return [(first, min(first + step, rows)) for first in range(0, rows, step)]


def _rows(xp: Namespace, x: Any, block: tuple[int, int]) -> Any:
    """`x` (..., L, N) at the queries of a block; all of it where it does not differ by query."""
    if x is None or len(x.shape) < 2 or x.shape[-2] in (1, block[1] - block[0]):
        return x
    return xp.slice(x, len(x.shape) - 2, *block, 1)


def _scores(
    xp: Namespace, query: Any, key: Any, mask: Any, is_causal: bool, first: int, turned: bool
) -> Any:
    """Scores of scaled queries from `first` on; `turned` has the product made as its transpose."""
    if turned:
        product = xp.matmul(key, xp.transpose(query, -1, -2))
        scores = xp.transpose(product, -1, -2)
    else:
        scores = xp.matmul(query, xp.transpose(key, -1, -2))
    if is_causal:
        scores = masked(xp, scores, causal(xp, scores.shape[-2], scores.shape[-1], first))
    return scores if mask is None else masked(xp, scores, mask)


def _attended(xp: Namespace, scores: Any, value: Any) -> tuple[Any, Any]:
    """Output and logsumexp of some queries; one that sees nothing gets zeros, and +inf."""
    if 0 in scores.shape:
        return xp.matmul(scores, value), xp.full(
            (*scores.shape[:-1], 1), float("inf"), scores.dtype
        )
    one, zero = (xp.full((), x, scores.dtype) for x in (1, 0))
    peak = xp.amax(scores, -1, True)
    empty = xp.eq(peak, float("-inf"))
    exponentials = xp.exp(scores - xp.where(empty, zero, peak))
    total = xp.where(empty, one, xp.sum(exponentials, -1, True))
    logsumexp = xp.where(empty, xp.full((), float("inf"), scores.dtype), peak + xp.log(total))
    return xp.matmul(exponentials, value) / total, logsumexp


@op(method=False, outputs=("output", "logsumexp"))
def dot_attention(
    xp: Namespace,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    is_causal: bool,
    scale: float,
) -> Tensor:
    """Attention without dropout, (..., L, Ev), and its logsumexp (..., L, 1).

    A query that a mask lets see nothing has output 0 and logsumexp +inf: its weights, made anew, are 0.
    """
    table = check_shapes(query, key, value, mask)
    scaled, parts = query * scale, []
    for block in _blocks(table, query.dtype):
        rows, seen = _rows(xp, scaled, block), _rows(xp, mask, block)
        scores = _scores(xp, rows, key, seen, is_causal, block[0], False)
        parts.append(_attended(xp, scores, value))
    output, logsumexp = (_joined(xp, x) for x in zip(*parts))
    return output, logsumexp


def _joined(xp: Namespace, parts: Any) -> Any:
    return parts[0] if len(parts) == 1 else xp.join(tuple(parts), len(parts[0].shape) - 2)


@op(method=False, outputs=("to_query", "to_key", "to_value", "to_mask"))
def dot_attention_gradient(
    xp: Namespace,
    g: Tensor,
    to_logsumexp: Tensor | None,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    output: Tensor,
    logsumexp: Tensor,
    is_causal: bool,
    scale: float,
    needs: Any,
) -> Tensor:
    """Gradients of `dot_attention` by query, key, value and mask, None where `needs` has False.

    They are of all batch dimensions together: to be summed where an input was broadcast. That of the
    mask is summed already.
    """
    level = xp.sum(g * output, -1, True)
    if to_logsumexp is not None:
        level = level - to_logsumexp
    blocks = _blocks(check_shapes(query, key, value, mask), query.dtype)
    scaled, found = query * scale, []
    for block in blocks:
        rows, seen, g_rows = (_rows(xp, x, block) for x in (scaled, mask, g))
        # Made the other way round, the scores of a block are not taken for those of the forward pass,
        # which a compiler would keep: all blocks together are the table. One block is welcome to it.
        scores = _scores(xp, rows, key, seen, is_causal, block[0], len(blocks) > 1)
        weights = xp.exp(scores - _rows(xp, logsumexp, block))
        to_value = xp.matmul(xp.transpose(weights, -1, -2), g_rows) if needs[2] else None
        by_weights = xp.matmul(g_rows, xp.transpose(value, -1, -2))
        to_scores = weights * (by_weights - _rows(xp, level, block))
        to_query = xp.matmul(to_scores, key) * scale if needs[0] else None
        to_key = xp.matmul(xp.transpose(to_scores, -1, -2), rows) if needs[1] else None
        to_mask = _to_mask(xp, to_scores, seen) if needs[3] else None
        found.append((to_query, to_key, to_value, to_mask))
    by_query, by_key, by_value, by_mask = zip(*found)
    is_whole = not needs[3] or _rows(xp, mask, blocks[0]) is mask
    return (
        _joined(xp, by_query) if needs[0] else None,
        sum(by_key[1:], by_key[0]) if needs[1] else None,
        sum(by_value[1:], by_value[0]) if needs[2] else None,
        None if not needs[3] else sum(by_mask[1:], by_mask[0]) if is_whole else _joined(xp, by_mask),
    )  # fmt: skip


def _to_mask(xp: Namespace, to_scores: Any, mask: Any) -> Any:
    to_mask = xp.sum_to(to_scores, tuple(mask.shape))
    return to_mask if mask.dtype == to_mask.dtype else xp.cast(to_mask, mask.dtype)


def _dot_attention_rule(
    xp: Namespace, g: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any,
    is_causal: bool, scale: float, needs: Any,
) -> Any:  # fmt: skip
    g, to_logsumexp = [*g, None][:2]
    if g is None:
        g = xp.full(tuple(output.shape), 0, output.dtype)
    return xp.dot_attention_gradient(
        g, to_logsumexp, query, key, value, mask, output, logsumexp, is_causal, scale, needs
    )


dot_attention.vjp(("query", "key", "value", "mask"), _dot_attention_rule)


@dot_attention.sample
def dot_attention(make: Any) -> Any:
    yield call(make(2, 3, 4), make(2, 5, 4), make(2, 5, 2), None, False, 0.5)
    yield call(make(1, 2, 5, 2), make(1, 2, 4, 2), make(1, 2, 4, 2), None, True, 0.7)
    yield call(make(2, 3, 2), make(4, 2), make(1, 4, 2), make(3, 4), False, 0.3)
    mask = make.of([[True, False], [True, True], [False, True]])
    yield call(make(3, 2), make(2, 2), make(2, 3), mask, False, 1.0)
