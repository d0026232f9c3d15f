"""Dot-product attention in blocks of its table that stay in the processor's cache: some heads, some queries at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from facula.ops._op import OPS
from facula.ops.dot_attention import check_shapes

#: Elements of the table in a block: with its like for the gradient it fits a 1 MB second-level cache.
CELLS = 1 << 16
#: The fewest queries in a block, where a head has more.
FEWEST_ROWS = 128

Block = tuple[slice, slice, slice, slice]


class Blocks:
    """How a table (outer, inner, L, S) is gone through; both may stand for several batch dimensions."""

    def __init__(self, table: tuple[int, ...], mask: Any, is_causal: bool, dtype: Any):
        self.lead, self.dtype, self.is_causal = table[:-2], dtype, is_causal
        rows, columns = table[-2:]
        *outer, inner = self.lead or (1,)
        self.table = prod(outer), inner, rows, columns
        self.rows = min(rows, max(FEWEST_ROWS, CELLS // columns))
        self.inner = max(1, min(inner, CELLS // (self.rows * columns)))
        self.outer = max(1, min(self.table[0], CELLS // (inner * self.rows * columns)))
        self.buffers: dict[str, Any] = {}
        if mask is not None:
            lacking = [1] * (len(table) - mask.ndim)
            mask = self.flat(mask.reshape(*lacking, *mask.shape), table[-2:])
        self.mask = mask

    def __iter__(self) -> Iterator[Block]:
        """Slices of outer and inner batch, queries, and the keys that these may see."""
        outer, inner, rows, columns = self.table
        for o in range(0, outer, self.outer):
            for i in range(0, inner, self.inner):
                for first in range(0, rows, self.rows):
                    last = min(first + self.rows, rows)
                    seen = min(last, columns) if self.is_causal else columns
                    ends = min(o + self.outer, outer), min(i + self.inner, inner)
                    yield slice(o, ends[0]), slice(i, ends[1]), slice(first, last), slice(0, seen)

    def flat(self, x: Any, matrix: tuple[int, ...] | None = None) -> Any:
        """`x` (..., m, n), broadcast, as (outer, inner, m, n): a view of it where strides allow that."""
        matrix = x.shape[-2:] if matrix is None else matrix
        shape = *self.lead, *matrix
        x = x if x.shape == shape else np.broadcast_to(x, shape)
        return x if x.ndim == 4 else x.reshape(*self.table[:2], *matrix)

    def part(self, x: Any, block: Block, along: int) -> Any:
        """A flat array at the queries (`along` 2) or keys (3) of a block."""
        return x[block[0], block[1], block[along]]

    def room(self, name: str, block: Block) -> Any:
        """Memory for a block, used again for the next."""
        shape = tuple(x.stop - x.start for x in block)
        if name not in self.buffers:
            self.buffers[name] = np.empty(
                self.outer * self.inner * self.rows * self.table[3], self.dtype
            )
        return self.buffers[name][: prod(shape)].reshape(shape)

    def scores(self, query: Any, key: Any, block: Block) -> Any:
        """Products of scaled queries and keys, -inf where a query may not look."""
        scores = self.room("scores", block)
        at = self.part(query, block, 2), self.part(key, block, 3).swapaxes(-1, -2)
        np.matmul(*at, out=scores)
        if self.is_causal:
            hide_later(scores, block[2].start, self.rows)
        if self.mask is not None:
            hide(scores, self.mask[block])
        return scores


@lru_cache(4)
def later(rows: int, columns: int, dtype: Any) -> Any:
    """What `fmin` puts into scores of a causal table: -inf where a key comes after the query, NaN (nothing) else."""
    return np.where(np.tri(rows, columns, dtype=bool), np.nan, -np.inf).astype(dtype)


def hide_later(scores: Any, first: int, most: int) -> None:
    """Puts -inf where a key comes after the query; the first of these is `first`, a table has `most` at once."""
    rows, columns = scores.shape[-2], min(scores.shape[-1], first + most) - first
    if columns > 0:
        limits = later(most, min(most, scores.shape[-1]), scores.dtype)[:rows, :columns]
        diagonal = scores[..., first : first + columns]
        np.fmin(diagonal, limits, out=diagonal)
    scores[..., first + most :] = -np.inf


def hide(scores: Any, mask: Any) -> None:
    """Adds a float mask; puts -inf where a bool one is False, also in place of NaN."""
    if mask.dtype.kind == "b":
        once = tuple(slice(None, None if step else 1) for step in mask.strides)
        mask = mask[once]  # what broadcasting repeats
        limits = np.array([-np.inf, np.nan], scores.dtype)
        np.fmin(scores, limits.take(mask.view(np.int8)), out=scores)
    else:
        scores += mask


def attend(scores: Any, value: Any, out: Any = None) -> tuple[Any, Any]:
    """Output and logsumexp (0 and +inf for a row of -inf) of scores, which are overwritten by their exponentials."""
    peak = scores.max(-1, keepdims=True)
    empty = np.isneginf(peak)
    some_are_empty = empty.any()
    if some_are_empty:
        peak[empty] = 0
    scores -= peak
    np.exp(scores, out=scores)
    sums = np.matmul(scores, np.ones((scores.shape[-1], 1), scores.dtype))
    out = np.matmul(scores, value, out=out)
    if some_are_empty:
        sums[empty] = 1
        peak[empty] = np.inf
    out /= sums
    peak += np.log(sums, out=sums)
    return out, peak


def small_scores(query: Any, key: Any, mask: Any, is_causal: bool) -> Any:
    """Scores of scaled queries in one piece."""
    scores = np.matmul(query, key.swapaxes(-1, -2))
    if is_causal:
        hide_later(scores, 0, scores.shape[-2])
    if mask is not None:
        if mask.ndim > scores.ndim or any(
            m > n for m, n in zip(mask.shape[::-1], scores.shape[::-1])
        ):
            scores = np.array(
                np.broadcast_to(scores, np.broadcast_shapes(scores.shape, mask.shape))
            )
        hide(scores, mask)
    return scores


def weights_of(query: Any, key: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """The table of weights (..., L, S) itself, where it is small enough to be kept."""
    scores = small_scores(query * query.dtype.type(scale), key, mask, is_causal)
    peak = scores.max(-1, keepdims=True)
    np.copyto(peak, 0, where=np.isneginf(peak))  # a row of -inf gives zeros, masked or not
    scores -= peak
    np.exp(scores, out=scores)
    sums = scores.sum(-1, keepdims=True)
    np.copyto(sums, 1, where=sums == 0)
    scores /= sums
    return scores


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    body = OPS["dot_attention_gradient"].body
    table_body: Any = OPS["attention_weights"].body

    def attention_weights(query: Any, key: Any, mask: Any, is_causal: bool, scale: float) -> Any:
        if key.shape[-2] == 0 or query.dtype.kind != "f":
            return table_body(backend, query, key, mask, is_causal, scale)
        return weights_of(query, key, mask, is_causal, scale)

    def dot_attention(
        query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float
    ) -> Any:
        table = check_shapes(query, key, value, mask)
        count = prod(table)
        if not count:
            output = np.zeros((*table[:-1], value.shape[-1]), query.dtype)
            return output, np.full((*table[:-1], 1), np.inf, query.dtype)
        query = query * query.dtype.type(scale)
        if count <= CELLS:
            return attend(small_scores(query, key, mask, is_causal), value)
        blocks = Blocks(table, mask, is_causal, query.dtype)
        output = np.empty((*blocks.table[:3], value.shape[-1]), query.dtype)
        logsumexp = np.empty((*blocks.table[:3], 1), query.dtype)
        query, key, value = (blocks.flat(x) for x in (query, key, value))
        for block in blocks:
            scores, place = blocks.scores(query, key, block), block[:3]
            _, logsumexp[place] = attend(scores, blocks.part(value, block, 3), output[place])
        return output.reshape(*table[:-1], value.shape[-1]), logsumexp.reshape(*table[:-1], 1)

    def dot_attention_gradient(
        g: Any, to_logsumexp: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any,
        is_causal: bool, scale: float, needs: Any,
    ) -> Any:  # fmt: skip
        table = check_shapes(query, key, value, mask)
        if needs[3] or not prod(table) or table[-2] != query.shape[-2]:
            return body(  # type: ignore[misc]
                backend, g, to_logsumexp, query, key, value, mask, output, logsumexp, is_causal, scale, needs
            )  # fmt: skip
        level = np.vecdot(g, output)[..., None]
        if to_logsumexp is not None:
            level -= to_logsumexp
        scaled = query * query.dtype.type(scale)
        arrays = g, scaled, key, value, level, logsumexp
        if prod(table) <= CELLS:
            weights = small_scores(scaled, key, mask, is_causal)
            to_query, to_key, to_value = _back(weights, None, *arrays, needs)
        else:
            to_query, to_key, to_value = _back_in_blocks(table, arrays, mask, is_causal, needs)
        if to_query is not None:
            to_query *= scale
        return to_query, to_key, to_value, None

    return {
        "attention_weights": attention_weights,
        "dot_attention": dot_attention,
        "dot_attention_gradient": dot_attention_gradient,
    }


def _back(
    scores: Any, room: Any, g: Any, query: Any, key: Any, value: Any, level: Any, logsumexp: Any, needs: Any,
    out: Any = (None, None, None),
) -> Any:  # fmt: skip
    """Gradients by scaled query, key and value from scores, which are overwritten; `room` is for as many more."""
    scores -= logsumexp
    weights = np.exp(scores, out=scores)
    to_query = to_key = to_value = None
    if needs[2]:
        to_value = np.matmul(weights.swapaxes(-1, -2), g, out=out[2])
    to_scores = np.matmul(g, value.swapaxes(-1, -2), out=room)
    to_scores -= level
    to_scores *= weights
    if needs[0]:
        to_query = np.matmul(to_scores, key, out=out[0])
    if needs[1]:
        to_key = np.matmul(to_scores.swapaxes(-1, -2), query, out=out[1])
    return to_query, to_key, to_value


def _back_in_blocks(
    table: tuple[int, ...], arrays: tuple[Any, ...], mask: Any, is_causal: bool, needs: Any
) -> list[Any]:
    """The same from whole arrays, block by block; each has a part of the sums by key and value."""
    blocks = Blocks(table, mask, is_causal, arrays[1].dtype)
    g, query, key, value, level, logsumexp = (blocks.flat(x) for x in arrays)
    found = [
        np.zeros((*blocks.table[:2], *x.shape[-2:]), query.dtype) if need else None
        for need, x in zip(needs, (query, key, value))
    ]
    for block in blocks:
        by_row = [x[block[:3]] for x in (g, query, level, logsumexp)]
        by_column = [blocks.part(x, block, 3) for x in (key, value)]
        scores = blocks.scores(query, key, block)
        parts = _back(
            scores, blocks.room("to_scores", block), *by_row[:2], *by_column, *by_row[2:], needs
        )
        for whole, part, along in zip(found, parts, (2, 3, 3)):
            if whole is not None:
                place = blocks.part(whole, block, along)
                place += part
    return [None if x is None else x.reshape(*table[:-2], *x.shape[-2:]) for x in found]
