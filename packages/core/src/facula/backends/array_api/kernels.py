"""Each kind of kernel as functions of the standard."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from facula.backends.array_api.expressions import Evaluator
from facula.backends.buffer import (
    ArgReduce,
    Gather,
    Map,
    Matmul,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)  # fmt: skip
from facula.dtypes import I64
from facula.errors import index_error
from facula.random import MULTIPLIERS, WEYL


def launcher(xp: Any, kernel: Any) -> Callable[..., None]:
    """What launches a kernel on the backend `xp`, with the arguments that its description says."""
    run = RUNNERS[type(kernel)]
    return lambda *arguments: run(xp, xp.m, kernel, *arguments)


def run_map(xp: Any, m: Any, kernel: Any, shape: Any, out: Any, *inputs: Any) -> None:
    evaluate = Evaluator(m, kernel.dtype)
    values = [
        evaluate.scalar(x) if kind.is_scalar else evaluate.operand(xp.load(x, shape, kind.dtype))
        for kind, x in zip(kernel.inputs, inputs)
    ]
    if "index" in kernel.expression:
        evaluate.names["index"] = evaluate.number(m.reshape(m.arange(math.prod(shape)), shape))
    result = evaluate.cast_out(evaluate(kernel.expression, *values), kernel.output)
    xp.store(out, shape, m.broadcast_to(result, shape), kernel.output)


def rows(xp: Any, kept: Any, reduced: Any, a: Any, dtype: Any) -> Any:
    return xp.m.reshape(xp.load(a, (*kept, *reduced), dtype), (*kept, math.prod(reduced)))


def run_reduce(xp: Any, m: Any, kernel: Any, kept: Any, reduced: Any, out: Any, a: Any) -> None:
    x = rows(xp, kept, reduced, a, kernel.input)
    if kernel.combine in ("a + b", "a * b"):
        fold = m.sum if kernel.combine == "a + b" else m.prod
        result = fold(m.astype(x, xp.dtype(kernel.dtype)), axis=-1, dtype=xp.dtype(kernel.dtype))
    elif x.dtype == m.bool:
        result = (m.any if "max" in kernel.combine else m.all)(x, axis=-1)
    else:
        result = (m.max if "max" in kernel.combine else m.min)(x, axis=-1)
    xp.store(out, kept, result, kernel.dtype)


def run_arg_reduce(xp: Any, m: Any, kernel: Any, kept: Any, reduced: Any, out: Any, a: Any) -> None:
    x = rows(xp, kept, reduced, a, kernel.input)
    x = m.astype(x, m.uint8) if x.dtype == m.bool else x
    place = (m.argmax if "a > b" in kernel.better else m.argmin)(x, axis=-1)
    if m.isdtype(x.dtype, "real floating"):  # the first NaN, if there is one
        nan = m.isnan(x)
        place = m.where(m.any(nan, axis=-1), m.argmax(m.astype(nan, m.uint8), axis=-1), place)
    xp.store(out, kept, place, kernel.output)


def run_scan(xp: Any, m: Any, kernel: Any, shape: Any, out: Any, a: Any) -> None:
    dtype = xp.dtype(kernel.dtype)
    x = m.astype(xp.load(a, shape, kernel.input), dtype)
    wide = m.float64 if dtype == m.float32 else dtype
    if kernel.combine == "a + b":
        x = m.cumulative_sum(x, axis=-1, dtype=wide)
    elif kernel.combine == "a * b":
        x = m.cumulative_prod(x, axis=-1, dtype=wide)
    else:  # each step looks twice as far back
        better, step = (m.maximum if "max" in kernel.combine else m.minimum), 1
        while step < shape[-1]:
            x = m.concat([x[..., :step], better(x[..., step:], x[..., :-step])], axis=-1)
            step *= 2
    xp.store(out, shape, x, kernel.dtype)


def places_along(xp: Any, m: Any, shape: Any, size: int, x: Any, index: Any) -> Any:
    """Where in memory the elements are that `index` picks along the last dimension."""
    at = xp.load(index, shape, I64)
    bad = (at < -size) | (at >= size)
    if bool(m.any(bad)):
        raise index_error(int(at[bad][0]), size)
    starts = m.reshape(xp.places(shape[:-1], x.strides[:-1], x.offset), (*shape[:-1], 1))
    return starts + m.where(at < 0, at + size, at) * x.strides[-1]


def run_gather(xp: Any, m: Any, kernel: Any, shape: Any, size: int, out: Any, a: Any, index: Any) -> None:  # fmt: skip
    places = m.reshape(places_along(xp, m, shape, size, a, index), (-1,))
    values = m.reshape(m.take(xp.whole(a.buffer, kernel.dtype), places), shape)
    xp.store(out, shape, values, kernel.dtype)


def run_scatter(xp: Any, m: Any, kernel: Any, shape: Any, size: int, out: Any, index: Any, src: Any) -> None:  # fmt: skip
    """Sorted by place; runs of equal places are combined by doubling; each run's last is its total."""
    combine = Evaluator(m, kernel.dtype)
    places = m.reshape(places_along(xp, m, shape, size, out, index), (-1,))
    values = m.reshape(xp.load(src, shape, kernel.dtype), (-1,))
    order = m.argsort(places, stable=True)
    places, total, step = m.take(places, order), m.take(values, order), 1
    while step < places.shape[0]:
        both = combine(kernel.combine, total[:-step], total[step:])
        same = places[step:] == places[:-step]
        total = m.concat([total[:step], m.where(same, both, total[step:])])
        step *= 2
    memory = xp.whole(out.buffer, kernel.dtype)
    every = m.arange(memory.shape[0])
    last = m.searchsorted(places, every, side="right") - 1
    last = m.where(last < 0, 0, last)
    hit = m.take(places, last) == every
    written = combine(kernel.combine, memory, m.take(total, last))
    out.buffer.array = m.where(hit, written, memory)


def run_sort(xp: Any, m: Any, kernel: Any, shape: Any, values: Any, positions: Any, a: Any) -> None:
    x = xp.load(a, shape, kernel.dtype)
    keys = m.astype(x, m.uint8) if x.dtype == m.bool else x
    at = m.argsort(keys, axis=-1, descending=kernel.descending, stable=True)
    xp.store(values, shape, m.take_along_axis(x, at, axis=-1), kernel.dtype)
    xp.store(positions, shape, at, I64)


MASK = 2**64 - 1


def run_random_words(
    xp: Any, m: Any, kernel: Any, shape: Any, out: Any, seed: int, offset: int
) -> None:
    """`facula.random.philox` on all blocks at once."""

    def word(value: int) -> Any:
        return m.asarray(np.asarray(value & MASK, np.uint64))

    low, half = word(2**32 - 1), word(32)

    def product(a: Any, b: int) -> tuple[Any, Any]:
        """The upper and the lower 64 bits of each `a * b`."""
        top, bottom = word(b >> 32), word(b) & low
        middle = (a >> half) * bottom + ((a & low) * bottom >> half)
        carry = (middle & low) + (a & low) * top
        return (a >> half) * top + (middle >> half) + (carry >> half), a * word(b)

    blocks = -(-shape[0] * kernel.dtype.itemsize // 32)
    first = offset + 1
    c0 = m.arange(blocks, dtype=m.uint64) + word(first)
    c1 = m.astype(c0 < word(first), m.uint64) + word(first >> 64)
    c2 = c3 = m.zeros(blocks, dtype=m.uint64)
    for i in range(10):
        (high, lower), (higher, lowest) = product(c0, MULTIPLIERS[0]), product(c2, MULTIPLIERS[1])
        c0, c1 = higher ^ c1 ^ word(seed + i * WEYL[0]), lowest
        c2, c3 = high ^ c3 ^ word(i * WEYL[1]), lower
    words = m.reshape(m.stack([c0, c1, c2, c3], axis=1), (-1,))
    if kernel.dtype.itemsize == 4:
        words = m.reshape(m.stack([words & low, words >> half], axis=1), (-1,))
    xp.store(out, shape, words[: shape[0]], kernel.dtype)


def run_matmul(xp: Any, m: Any, kernel: Any, shape: Any, out: Any, a: Any, b: Any) -> None:
    *batch, rows, columns, inner = shape
    left = xp.load(a, (*batch, rows, inner), kernel.dtype)
    right = xp.load(b, (*batch, inner, columns), kernel.dtype)
    xp.store(out, (*batch, rows, columns), m.matmul(left, right), kernel.dtype)


RUNNERS: dict[type, Callable[..., None]] = {
    Map: run_map, Reduce: run_reduce, ArgReduce: run_arg_reduce, Scan: run_scan, Gather: run_gather,
    Scatter: run_scatter, Sort: run_sort, RandomWords: run_random_words, Matmul: run_matmul,
}  # fmt: skip
