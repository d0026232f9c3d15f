"""Random kernels over `numpy.random.Philox`, NumPy's C code for the very words that core defines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from facula.backends.array.random import normal_kernel
from facula.dtypes import F32, F64
from facula.ops import random as definition

_MASK = 2**64 - 1


class _Philox(threading.local):
    """One bit generator a thread: setting its state takes 1 µs, making another 10."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(0)
        self.numbers = np.random.Generator(self.bits)
        self.state = self.bits.state
        self.counter, self.key = self.state["state"]["counter"], self.state["state"]["key"]

    def at(self, key: Any) -> _Philox:
        """Ready to give the words of `key` from its first."""
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
    if dtype is F32 or dtype is F64:
        return np.asarray(_philox.at(key).numbers.random(size, dtype))
    return NotImplemented


randn = normal_kernel(np, rand)


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
    }
