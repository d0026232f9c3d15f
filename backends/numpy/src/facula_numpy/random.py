"""Random kernels over `numpy.random.Philox`, NumPy's C code for the very words that core defines."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from facula.backends.array.random import CHUNK, normal_kernel
from facula.dtypes import F32, F64, I64
from facula.ops import random as definition
from facula.random import Key
from facula.threads import in_parts

_MASK = 2**64 - 1


class _Philox(threading.local):
    """One bit generator a thread: setting its state takes 1 µs, making another 10."""

    bits: Any = None

    def start(self) -> None:
        """Makes it, at the first use: importing `numpy.random` takes 10 ms."""
        self.bits = np.random.Philox(0)
        self.numbers = np.random.Generator(self.bits)
        self.state = self.bits.state
        self.counter, self.key = self.state["state"]["counter"], self.state["state"]["key"]

    def at(self, key: Any) -> _Philox:
        """Ready to give the words of `key` from its first."""
        if self.bits is None:
            self.start()
        offset = key.offset
        self.counter[0], self.counter[1] = offset & _MASK, offset >> 64
        self.counter[2] = self.counter[3] = 0
        self.key[0], self.key[1] = key.seed, 0
        self.bits.state = self.state
        return self


_philox = _Philox()


def random_words(key: Any, count: int, dtype: Any) -> Any:
    per_word = 8 // dtype.itemsize
    words: Any = _philox.at(key).bits.random_raw(-(-count // per_word))
    return words.view(dtype)[:count] if per_word > 1 else words


def rand(key: Any, size: Any, dtype: Any) -> Any:
    if dtype is F32:
        count = math.prod(size)
        draw = _few if count <= FEW else _many_singles
        return draw(key, count, dtype).reshape(size)
    return _few(key, size, dtype) if dtype is F64 else NotImplemented


#: Up to this many numbers NumPy's own way is faster; from `MANY` on several threads are.
FEW, MANY = 4096, 2**17
#: Singles that are made at a time: the words fit the second-level cache, and threads that take the
#: interpreter lock more often wait for each other.
PIECE = 65536


def _few(key: Any, size: Any, dtype: Any) -> Any:
    return np.asarray(_philox.at(key).numbers.random(size, dtype))


def _many_singles(key: Any, count: int, dtype: Any) -> Any:
    """The same numbers piece by piece, on all threads: Philox can start at any block."""
    out = np.empty(count, dtype)

    def fill(start: int, end: int) -> None:
        bits = _philox.at(Key(key.seed, key.offset + start // 8)).bits
        for at in range(start, end, PIECE):
            part = out[at : min(at + PIECE, end)]
            words = bits.random_raw(-(-part.size // 2)).view(np.uint32)[: part.size]
            words >>= 8
            # From signed integers the conversion is vectorised.
            np.multiply(words.view(np.int32), SCALE, out=part, dtype=np.float32, casting="unsafe")

    if count < MANY:
        fill(0, count)
    else:
        in_parts(fill, count, 4096)
    return out


SCALE = np.float32(2.0**-24)


randn = normal_kernel(np, rand)


def randint(key: Any, low: int, high: int, size: Any, dtype: Any) -> Any:
    """The high word of each product with the range, from halves of 32 bits; for ranges of up to 32 bits."""
    n = high - low
    if n > 2**32:
        return NotImplemented
    out: Any = _philox.at(key).bits.random_raw(math.prod(size))
    halves = out.view(np.uint32)
    for start in range(0, out.size, CHUNK):
        part = out[start : start + CHUNK]
        carry = np.multiply(halves[2 * start : 2 * (start + CHUNK) : 2], n, dtype=np.uint64)
        carry >>= 32
        part >>= 32
        part *= n
        part += carry
        part >>= 32
    whole = out.view(np.int64).reshape(size)
    if low:
        whole += low
    return whole if dtype is I64 else whole.astype(dtype)


def randperm(key: Any, n: int, dtype: Any) -> Any:
    mask = 2 ** max(n - 1, 1).bit_length() - 1
    words: Any = _philox.at(key).bits.random_raw(n)
    words >>= 1
    words &= np.uint64(2**63 - 1 - mask)
    words |= np.arange(n, dtype=np.uint64)
    order = words.view(np.int64)
    order.sort()
    order &= mask
    return order if dtype is I64 else order.astype(dtype)


def with_body(op: Any, backend: Any, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """`kernel`, and the op's body where it answers NotImplemented."""

    def call(*args: Any) -> Any:
        result = kernel(*args)
        return op.body(backend, *args) if result is NotImplemented else result

    return call


def table(backend: Any) -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""
    return {
        "random_words": random_words,
        "rand": with_body(definition.rand, backend, rand),
        "randn": with_body(definition.randn, backend, randn),
        "randint": with_body(definition.randint, backend, randint),
        "randperm": randperm,
    }
