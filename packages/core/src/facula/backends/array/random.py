"""Random words by the library's own arithmetic, and normal numbers in chunks that stay in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.dtypes import F32, F64
from facula.random import MULTIPLIERS, WEYL

_MASK = 2**64 - 1
_LOW, _HALF = np.uint64(2**32 - 1), np.uint64(32)


def kernels(m: Any) -> dict[str, Any]:
    def random_words(key: Any, count: int, dtype: Any) -> Any:
        return philox(m, key, count, dtype)

    return {"random_words": random_words, "poisson": poisson}


def philox(m: Any, key: Any, count: int, dtype: Any) -> Any:
    """`facula.random.philox` on all blocks of a key at once. Slower than a kernel, and the same words."""
    blocks = -(-count * dtype.itemsize // 32)
    first = key.offset + 1
    c0 = m.arange(blocks, dtype=m.uint64) + np.uint64(first & _MASK)
    c1 = (c0 < np.uint64(first & _MASK)) + m.full(blocks, first >> 64 & _MASK, m.uint64)
    c2 = c3 = m.zeros(blocks, m.uint64)
    k0, k1 = key.seed, 0
    for _ in range(10):
        (high, low), (higher, lower) = _product(c0, MULTIPLIERS[0]), _product(c2, MULTIPLIERS[1])
        c0, c1 = higher ^ c1 ^ np.uint64(k0), lower
        c2, c3 = high ^ c3 ^ np.uint64(k1), low
        k0, k1 = k0 + WEYL[0] & _MASK, k1 + WEYL[1] & _MASK
    return m.stack([c0, c1, c2, c3], axis=1).reshape(-1).view(dtype)[:count]


def _product(a: Any, b: int) -> tuple[Any, Any]:
    """The upper and the lower 64 bits of each `a * b`, from products of 32 bits."""
    upper, lower = np.uint64(b >> 32), np.uint64(b) & _LOW
    middle = (a >> _HALF) * lower + ((a & _LOW) * lower >> _HALF)
    carry = (middle & _LOW) + (a & _LOW) * upper
    return (a >> _HALF) * upper + (middle >> _HALF) + (carry >> _HALF), a * np.uint64(b)


def poisson(input: Any, key: Any) -> Any:
    """On the host, by NumPy's sampler, which rejects and so can't be counted in blocks."""
    from facula.random import words

    numbers = np.random.Generator(np.random.Philox(key=words(key, 2, 64)))
    return np.asarray(numbers.poisson(input.astype(np.float64)), input.dtype)


def normal_kernel(m: Any, rand: Any) -> Any:
    """`randn` over a library whose ufuncs take `out`: the same steps as the op's body, without its temporaries."""
    from facula.ops import random as definition

    def normal(unit: Any, double: bool) -> None:
        bits, roots, shift, numerator, denominator = (
            (
                53,
                definition.ROOTS_64,
                definition.SHIFT_64,
                definition.NUMERATOR_64,
                definition.DENOMINATOR_64,
            )
            if double
            else (
                24,
                definition.ROOTS_32,
                definition.SHIFT_32,
                definition.NUMERATOR_32,
                definition.DENOMINATOR_32,
            )
        )
        w = m.multiply(unit, 2.0, out=unit)
        w -= 1 - 2.0**-bits
        s = m.subtract(1.0, w)
        top = m.add(1.0, w)
        s *= top
        for _ in range(roots):
            m.sqrt(s, out=s)
        s -= shift
        bottom = m.empty_like(s)
        _polynomial(m, s, numerator, top)
        _polynomial(m, s, denominator, bottom)
        top /= bottom
        m.multiply(top, w, out=unit)

    def randn(key: Any, size: Any, dtype: Any) -> Any:
        if dtype is not F32 and dtype is not F64:
            return NotImplemented
        out = rand(key, size, dtype)
        flat = out.reshape(-1)
        for start in range(0, flat.size, CHUNK):
            normal(flat[start : start + CHUNK], dtype is F64)
        return out

    return randn


CHUNK = 32768


def _polynomial(m: Any, x: Any, coefficients: Any, out: Any) -> None:
    m.multiply(x, coefficients[-1], out=out)
    out += coefficients[-2]
    for c in coefficients[-3::-1]:
        out *= x
        out += c
