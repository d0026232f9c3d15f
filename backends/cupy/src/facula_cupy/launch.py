"""CUDA C as callables: compiled once per text and device by NVRTC, launched on the current stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Rounding as the operations say: no contraction of a * b + c, correctly rounded division and roots.
OPTIONS = ("--std=c++17", "--fmad=false", "--prec-div=true", "--prec-sqrt=true")
#: Threads of a block, where a kernel does not need another number.
THREADS = 256
#: What a block may have in y and z.
_MOST_YZ = 65535

#: Letters of a launch's arguments: what the kernel's parameters are. P is an array.
SCALARS: dict[str, Callable[[Any], Any]] = {
    "i": np.int32, "I": np.uint32, "l": np.int64, "L": np.uint64, "B": np.uint8, "f": np.float32, "d": np.float64,
    "b": np.int8, "h": np.int16, "H": np.uint16,
}  # fmt: skip


class Launches:
    """Compiles and launches kernels of one device. `library` is CuPy."""

    def __init__(self, library: Any):
        self.library = library
        self._modules: dict[str, Any] = {}
        self._functions: dict[tuple[str, str], Callable[..., None]] = {}

    def module(self, source: str) -> Any:
        found = self._modules.get(source)
        if found is None:
            found = self._modules[source] = self.library.RawModule(code=source, options=OPTIONS)
        return found

    def function(self, source: str, name: str, letters: str) -> Callable[..., None]:
        """The kernel `name` of a text, called as f(grid, block, *arguments): one letter of
        `SCALARS` (or P) per argument. `grid` and `block` are ints or tuples.
        """
        key = (source, name)
        found = self._functions.get(key)
        if found is None:
            kernel = self.module(source).get_function(name)
            found = self._functions[key] = _typed(kernel, letters)
        return found


def _typed(kernel: Any, letters: str) -> Callable[..., None]:
    # CuPy passes Python ints as 64 bits; a kernel's `int` must come as an int32.
    converts = [SCALARS.get(letter) for letter in letters]

    def launch(grid: Any, block: Any, *arguments: Any) -> None:
        values = [x if c is None else c(x) for c, x in zip(converts, arguments, strict=True)]
        kernel(_sizes(grid), _sizes(block), tuple(values))

    return launch


def _sizes(n: Any) -> tuple[int, ...]:
    return (n,) if isinstance(n, int) else tuple(n)


def blocks(count: int, threads: int = THREADS) -> int:
    """Blocks for `count` elements in a grid-stride loop: enough for the largest GPU, and no more."""
    return max(1, min(-(-count // threads), 65536))


def shape_of(range: tuple[int, ...], local: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(grid, block) for work-items in 1 to 3 dimensions, the first the fastest."""
    if local is not None:
        return (-(-range[0] // local), *[min(n, _MOST_YZ) for n in range[1:]]), (local,)
    first = range[0]
    threads = min(
        THREADS, 1 << max(0, (first - 1).bit_length())
    )  # few in a row: several rows a block
    rows = 1
    if len(range) > 1 and threads < THREADS:
        rows = min(THREADS // threads, 1 << max(0, (range[1] - 1).bit_length()))
    grid = [-(-first // threads)]
    if len(range) > 1:
        grid.append(min(-(-range[1] // rows), _MOST_YZ))
    grid += [min(n, _MOST_YZ) for n in range[2:]]
    return tuple(grid), (threads, rows)
