"""Random numbers in chunks that stay in the cache. The words come from `words_into`, which a library supplies."""

from __future__ import annotations

from typing import Any

from facula.dtypes import F32, F64


def kernels(m: Any) -> dict[str, Any]:
    return {"poisson": poisson}


def poisson(input: Any, key: Any) -> Any:
    """On the host, by NumPy's sampler, which rejects and so can't be counted in blocks."""
    import numpy as np

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
