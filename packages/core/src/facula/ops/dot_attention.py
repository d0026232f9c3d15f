"""Dot-product attention that never holds its table of weights, rows of queries by columns of keys.

The forward pass keeps one number per query, the logarithm of the sum of its exponentiated scores; the
gradient makes weights anew from it, `exp(score - logsumexp)` (Dao et al. 2022, "FlashAttention"). The bodies here work
through blocks of queries; devices bring kernels of their own for both ops.
"""

from __future__ import annotations

from math import prod
from typing import Any

from facula.dtypes import B8, F32, I64, as_dtype
from facula.ops._op import Namespace, Tensor, op
from facula.ops.dims import broadcast_shapes
from facula.testing.samples import call

#: Bytes of the largest block of the table that a body makes, and the fewest queries, or keys, in one that is not the whole.
LARGEST_BLOCK = 1 << 23
FEWEST_LINES = 64

Part = tuple[int, int]


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
    if query.shape[:-2] == key.shape[:-2] == value.shape[:-2]:
        whole = *query.shape[:-1], key.shape[-2]
        if mask is None or _is_for(tuple(mask.shape), whole):
            return whole
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


def _is_for(mask: tuple[int, ...], table: tuple[int, ...]) -> bool:
    """Whether a mask of that shape is repeated to be the table's, and no more."""
    if len(mask) > len(table):
        return False
    for m, n in zip(mask[::-1], table[::-1]):
        if m not in (1, n):
            return False
    return True


def _blocks(table: Any, dtype: Any) -> tuple[list[Part], list[Part]]:
    """First and last of the queries, and of the keys, of each block of a table of weights."""
    *lead, rows, columns = table
    element = prod(lead) * as_dtype(dtype).itemsize
    if element * rows * columns <= LARGEST_BLOCK:
        return [(0, rows)], [(0, columns)]
    return _cut(rows, element * columns), _cut(columns, element * rows)


def _cut(length: int, line: int) -> list[Part]:
    step = max(FEWEST_LINES, LARGEST_BLOCK // line)
    return [(first, min(first + step, length)) for first in range(0, length, step)]


def _part(xp: Namespace, x: Any, dim: int, part: Part) -> Any:
    """`x` from `part[0]` to `part[1]` along dimension -1 or -2; all of it where it does not differ along it."""
    if x is None or len(x.shape) < -dim or x.shape[dim] == 1 or part == (0, x.shape[dim]):
        return x
    return xp.slice(x, len(x.shape) + dim, *part, 1)


def _transposed(xp: Namespace, x: Any) -> Any:
    if not x.shape:
        return x
    return xp.transpose(x if len(x.shape) > 1 else xp.reshape(x, (1, *x.shape)), -1, -2)


def _limits(
    xp: Namespace, mask: Any, is_causal: bool, rows: Part, columns: Part, first: int = 0
) -> list[Any]:
    """The masks of a block of the table, as `masked` takes them; query 0 is the `first` of those that look back."""
    found = []
    if is_causal:
        sizes = rows[1] - rows[0], columns[1] - columns[0]
        found.append(causal(xp, *sizes, first + rows[0] - columns[0]))
    if mask is not None:
        found.append(_part(xp, _part(xp, mask, -2, rows), -1, columns))
    return found


def _kept(x: Any) -> Any:
    return x


def _attended(xp: Namespace, scores: Any, value: Any, drop: Any = _kept) -> tuple[Any, Any]:
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
    return xp.matmul(drop(exponentials), value) / total, logsumexp


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
    for rows in _blocks(table, query.dtype)[0]:
        columns = _seen_by(rows, table) if is_causal and mask is None else (0, table[-1])
        scores = xp.matmul(
            _part(xp, scaled, -2, rows), _transposed(xp, _part(xp, key, -2, columns))
        )
        for limit in _limits(xp, mask, is_causal, rows, columns):
            scores = masked(xp, scores, limit)
        parts.append(_attended(xp, scores, _part(xp, value, -2, columns)))
    output, logsumexp = (_joined(xp, x) for x in zip(*parts))
    return output, logsumexp


def _seen_by(rows: Part, table: Any) -> Part:
    """The keys that queries see which look back only."""
    return 0, min(rows[1], table[-1])


def _looking_at(columns: Part, table: Any) -> Part:
    """The queries that see some keys, looking back only; at least one."""
    return max(0, min(columns[0], table[-2] - 1)), table[-2]


def _joined(xp: Namespace, parts: Any) -> Any:
    if parts[0] is None or len(parts) == 1:
        return parts[0]
    return xp.join(tuple(parts), len(parts[0].shape) - 2)


@op(method=False, whole=True, outputs=("to_query", "to_key", "to_value", "to_mask"))
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
    level = _level(xp, g, output, to_logsumexp)
    table = check_shapes(query, key, value, mask)
    by_rows, by_columns = _blocks(table, query.dtype)
    arrays = g, query * scale, key, value, mask, level, logsumexp
    if len(by_rows) == len(by_columns) == 1:
        found = _of_block(xp, arrays, by_rows[0], by_columns[0], is_causal, needs, False)
    else:
        found = _of_blocks(xp, arrays, by_rows, by_columns, is_causal, needs, table)
    to_query, *others = found
    return None if to_query is None else to_query * scale, *others


def _level(xp: Namespace, g: Any, output: Any, to_logsumexp: Any) -> Any:
    """What is taken from the gradient by each weight of a query before it is that by the score."""
    level = xp.sum(g * output, -1, True)
    return level if to_logsumexp is None else level - to_logsumexp


def _of_blocks(xp: Namespace, arrays: Any, by_rows: Any, by_columns: Any, is_causal: bool, needs: Any, table: Any) -> Any:  # fmt: skip
    """The gradients by scaled query and mask from blocks of queries, those by key and value from blocks of keys.

    Weights are made twice so, but nothing is added up over blocks: sums as large as all keys, one a block, take more room than
    the table where a compiler adds them up at the end.
    """
    narrow = is_causal and arrays[4] is None
    lines, pillars = [], []
    for rows in by_rows if needs[0] or needs[3] else ():
        columns = _seen_by(rows, table) if narrow else (0, table[-1])
        wanted = needs[0], False, False, needs[3]
        lines.append(_of_block(xp, arrays, rows, columns, is_causal, wanted, True))
    for columns in by_columns if needs[1] or needs[2] else ():
        rows = _looking_at(columns, table) if narrow else (0, table[-2])
        wanted = False, needs[1], needs[2], False
        pillars.append(_of_block(xp, arrays, rows, columns, is_causal, wanted, True))
    to_query, _, _, to_mask = zip(*lines) if lines else ([None],) * 4
    _, to_key, to_value, _ = zip(*pillars) if pillars else ([None],) * 4
    by_mask = to_mask[0]
    if by_mask is not None:
        is_shared = len(by_mask.shape) < 2 or arrays[4].shape[-2] == 1
        by_mask = sum(to_mask[1:], by_mask) if is_shared else _joined(xp, to_mask)
    return *(_joined(xp, x) for x in (to_query, to_key, to_value)), by_mask


def _of_block(
    xp: Namespace, arrays: Any, rows: Part, columns: Part, is_causal: bool, needs: Any, turned: bool,
    first: int = 0, drop: Any = _kept,
) -> Any:  # fmt: skip
    """What a block of the table gives to the gradients by scaled query, key, value and mask.

    `turned` has it made keys by queries: so its scores are not those of the forward pass, which a compiler would keep for it; all
    blocks together are the table. One block is welcome to them.
    """
    g, query, key, value, mask, level, logsumexp = arrays
    g, query, level, logsumexp = (_part(xp, x, -2, rows) for x in (g, query, level, logsumexp))
    key, value = (_part(xp, x, -2, columns) for x in (key, value))

    def upright(x: Any) -> Any:
        return _transposed(xp, x) if turned else x

    def across(x: Any) -> Any:
        return x if turned else _transposed(xp, x)

    scores = _product(xp, query, key, turned)
    for limit in _limits(xp, mask, is_causal, rows, columns, first):
        scores = masked(xp, scores, upright(limit))
    weights = xp.exp(scores - upright(logsumexp))
    slopes = weights * (drop(_product(xp, g, value, turned)) - upright(level))
    return (
        xp.matmul(upright(slopes), key) if needs[0] else None,
        xp.matmul(across(slopes), query) if needs[1] else None,
        xp.matmul(across(drop(weights)), g) if needs[2] else None,
        _to_mask(xp, upright(slopes), _limits(xp, mask, False, rows, columns)[0]) if needs[3] else None,
    )  # fmt: skip


def _product(xp: Namespace, a: Any, b: Any, turned: bool) -> Any:
    """All products of rows of `a` and `b`, or their transpose."""
    return xp.matmul(b, _transposed(xp, a)) if turned else xp.matmul(a, _transposed(xp, b))


def _to_mask(xp: Namespace, to_scores: Any, mask: Any) -> Any:
    to_mask = xp.sum_to(to_scores, tuple(mask.shape))
    return to_mask if mask.dtype == to_mask.dtype else xp.cast(to_mask, mask.dtype)


def _settled(xp: Namespace, g: Any, output: Any) -> tuple[Any, Any]:
    """The gradients of output and logsumexp that a rule is given, zeros for that of an output that nobody used."""
    g, to_logsumexp = [*g, None][:2]
    return (xp.full(tuple(output.shape), 0, output.dtype) if g is None else g), to_logsumexp


def _dot_attention_rule(
    xp: Namespace, g: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any,
    is_causal: bool, scale: float, needs: Any,
) -> Any:  # fmt: skip
    return xp.dot_attention_gradient(
        *_settled(xp, g, output),
        query,
        key,
        value,
        mask,
        output,
        logsumexp,
        is_causal,
        scale,
        needs,
    )


dot_attention.vjp(("query", "key", "value", "mask"), _dot_attention_rule)


@dot_attention.sample
def dot_attention(make: Any) -> Any:
    yield call(make(2, 3, 4), make(2, 5, 4), make(2, 5, 2), None, False, 0.5)
    yield call(make(1, 2, 5, 2), make(1, 2, 4, 2), make(1, 2, 4, 2), None, True, 0.7)
    yield call(make(2, 3, 2), make(4, 2), make(1, 4, 2), make(3, 4), False, 0.3)
    mask = make.of([[True, False], [True, True], [False, True]])
    yield call(make(3, 2), make(2, 2), make(2, 3), mask, False, 1.0)


# ---- with dropout


def blocks_to_drop(table: Any) -> list[Part]:
    """Queries of the blocks in which dropout draws its numbers, each with a key of its own, whatever dtype and device."""
    return _blocks(table, F32)[0]


def _dropping(xp: Namespace, table: Any, dropout_p: float, random_key: Any) -> Any:
    """A function that drops elements of a table, always the same."""
    keep = xp.bernoulli_mask(random_key, tuple(table), 1 - dropout_p)
    return lambda x: xp.drop(x, keep, 1 / (1 - dropout_p) if dropout_p < 1 else 0.0)


@op(method=False, random=True, outputs=("output", "logsumexp"))
def dropped_attention(
    xp: Namespace,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    is_causal: bool,
    scale: float,
    dropout_p: float,
    random_key: Any,
    first: int,
) -> Tensor:
    """`dot_attention` with dropout of the weights, in one block; query 0 is the `first` of those that look back."""
    check_shapes(query, key, value, mask)
    table = check_shapes(query, key, key, mask)
    scores = _product(xp, query * scale, key, False)
    for limit in _limits(xp, mask, is_causal, (0, table[-2]), (0, table[-1]), first):
        scores = masked(xp, scores, limit)
    return _attended(xp, scores, value, _dropping(xp, table, dropout_p, random_key))


@op(method=False, random=True, outputs=("to_query", "to_key", "to_value", "to_mask"))
def dropped_attention_gradient(
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
    dropout_p: float,
    random_key: Any,
    first: int,
    needs: Any,
) -> Tensor:
    """Gradients of `dropped_attention`, whose weights and random numbers are made anew.

    Keys are scaled here, queries in the forward pass: equal scores of all blocks, which are the table, would be kept by a compiler.
    """
    table = check_shapes(query, key, key, mask)
    drop = _dropping(xp, table, dropout_p, random_key)
    arrays = g, query, key * scale, value, mask, _level(xp, g, output, to_logsumexp), logsumexp
    whole = (0, table[-2]), (0, table[-1])
    to_query, to_key, *others = _of_block(xp, arrays, *whole, is_causal, needs, False, first, drop)
    return to_query, None if to_key is None else to_key * scale, *others


def _dropped_attention_rule(
    xp: Namespace, g: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any,
    is_causal: bool, scale: float, dropout_p: float, random_key: Any, first: int, needs: Any,
) -> Any:  # fmt: skip
    return xp.dropped_attention_gradient(
        *_settled(xp, g, output), query, key, value, mask, output, logsumexp, is_causal, scale,
        dropout_p, random_key, first, needs,
    )  # fmt: skip


dropped_attention.vjp(("query", "key", "value", "mask"), _dropped_attention_rule)


def attention_with_dropout(
    xp: Namespace, query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float, dropout_p: float,
    random_keys: Any,
) -> Any:  # fmt: skip
    """The output, block by block: `random_keys` has one for each of `blocks_to_drop`."""
    table, parts = check_shapes(query, key, key, mask), []
    for rows, random_key in zip(blocks_to_drop(table), random_keys, strict=True):
        columns = _seen_by(rows, table) if is_causal and mask is None else (0, table[-1])
        some = (
            _part(xp, query, -2, rows),
            _part(xp, key, -2, columns),
            _part(xp, value, -2, columns),
        )
        options = is_causal, scale, dropout_p, random_key, rows[0]
        parts.append(xp.dropped_attention(*some, _part(xp, mask, -2, rows), *options)[0])
    return _joined(xp, parts)
