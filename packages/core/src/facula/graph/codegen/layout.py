"""Layouts: what of the shapes and strides of a launch is printed into a kernel, and the numbers that it is given instead.

A kernel loops over one or two nests (a reduction: what is kept, and what is reduced). Each has as few dimensions
as the strides allow, numbered from the innermost, and each operand is one of five kinds in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Element k is at k; all are at 0; rows of neighbours; rows of one element repeated; anything.
CONTIGUOUS, ONE, ROWS, REPEATED, STRIDED = "contiguous", "one", "rows", "repeated", "strided"

#: Where 32 bits no longer do for sizes and places (with room for a work-item's chunk).
_WIDE = (1 << 31) - (1 << 20)


@dataclass(frozen=True)
class Nest:
    """Dimensions of a loop nest and the kind of each operand (None: an operand that takes no part)."""

    dims: int
    kinds: tuple[str | None, ...]


@dataclass(frozen=True)
class Layout:
    """What a kernel is printed for: hashable. `wide`: whether indices have 64 bits; `variant` is the kernel's own."""

    nests: tuple[Nest, ...]
    wide: bool = False
    variant: str = ""

    @property
    def index(self) -> str:
        return "i64" if self.wide else "i32"


@dataclass(frozen=True)
class Space:
    """A nest of one launch: sizes and, per operand, strides, both from the innermost dimension."""

    sizes: tuple[int, ...]
    strides: tuple[tuple[int, ...] | None, ...]

    @property
    def count(self) -> int:
        """The number of iterations."""
        n = 1
        for size in self.sizes:
            n *= size
        return n

    @property
    def nest(self) -> Nest:
        return Nest(len(self.sizes), tuple(_kind(self.sizes, s) for s in self.strides))

    @property
    def numbers(self) -> list[int]:
        """The arguments for `numbers_of(nest)`: sizes, then the strides that the kinds leave open."""
        found = list(self.sizes)
        for strides in self.strides:
            if strides is not None:
                found += strides[_OPEN_FROM[_kind(self.sizes, strides)] :]
        return found

    @property
    def reach(self) -> int:
        """More than any index or place in it."""
        spans = [sum(abs(t) * (n - 1) for n, t in zip(self.sizes, s)) for s in self.strides if s]
        return max([self.count, *spans])


def space(shape: Sequence[int], strides: Sequence[Sequence[int] | None]) -> Space:
    """Sizes and strides, outermost first, in as few dimensions as all operands allow."""
    sizes: list[int] = []
    steps: list[list[int]] = []
    for d, n in enumerate(shape):
        here = [0 if s is None else s[d] for s in strides]
        if n == 1:
            continue
        if sizes and steps[-1] == [n * s for s in here]:
            sizes[-1], steps[-1] = sizes[-1] * n, here
        else:
            sizes.append(n)
            steps.append(here)
    columns = list(zip(*reversed(steps))) if steps else [()] * len(strides)
    kept = tuple(None if s is None else tuple(c) for s, c in zip(strides, columns))
    return Space(tuple(reversed(sizes)), kept)


def _kind(sizes: tuple[int, ...], strides: tuple[int, ...] | None) -> str | None:
    if strides is None:
        return None
    step, contiguous = 1, True
    for n, s in zip(sizes, strides):
        contiguous = contiguous and s == step
        step *= n
    if not any(strides):
        return ONE
    if contiguous:
        return CONTIGUOUS
    return {1: ROWS, 0: REPEATED}.get(strides[0], STRIDED)


#: The innermost dimension whose stride is a number of the launch.
_OPEN_FROM: dict[str | None, int] = {CONTIGUOUS: 99, ONE: 99, ROWS: 1, REPEATED: 1, STRIDED: 0}


@dataclass(frozen=True)
class Names:
    """The letters of a nest: index, size, and stride variables end with the dimension (`i0`, `n0`, `a_s0`)."""

    index: str
    size: str
    stride: str


FIRST, SECOND = Names("i", "n", "s"), Names("j", "m", "t")


def numbers_of(nest: Nest, operands: Sequence[str], names: Names) -> list[str]:
    """The parameters that `Space.numbers` are for."""
    found = [f"{names.size}{d}" for d in range(nest.dims)]
    for x, kind in zip(operands, nest.kinds):
        if kind is not None:
            found += [f"{x}_{names.stride}{d}" for d in range(_OPEN_FROM[kind], nest.dims)]
    return found


def place(nest: Nest, k: int, operand: str, names: Names) -> str:
    """The index expression of operand number `k`, relative to its offset."""
    kind = nest.kinds[k]
    if kind in (None, ONE) or not nest.dims:
        return "0"
    if kind == CONTIGUOUS:
        return flat(nest, names)
    inner = {ROWS: [f"{names.index}0"], REPEATED: []}.get(str(kind))
    terms = [] if inner is None else inner
    start = 0 if inner is None else 1
    terms += [f"{names.index}{d} * {operand}_{names.stride}{d}" for d in range(start, nest.dims)]
    return " + ".join(terms)


def flat(nest: Nest, names: Names, type: str = "") -> str:
    """The number of the iteration, row-major."""
    if not nest.dims:
        return "0"
    cast = f"({type})" if type else ""
    text = f"{cast}{names.index}{nest.dims - 1}"
    for d in range(nest.dims - 2, -1, -1):
        text = f"({text}) * {names.size}{d} + {names.index}{d}"
    return text


def is_wide(reach: int) -> bool:
    """Whether indices up to `reach` need 64 bits."""
    return reach >= _WIDE


# ---- loops


def parallel(
    nest: Nest, names: Names, index: str, elements: bool, body: str, innermost: str = ""
) -> str:
    """`body` for each iteration, shared out to work-items; with `elements` they take several neighbours each.

    `innermost`: the head of the loop over dimension 0, where it is another one.
    """
    dims = nest.dims
    if dims == 0:
        return f"    EACH({index}, {names.index}0, 0, 1) {{\n{body}    }}\n"
    heads = []
    if dims > 3:
        outer = " * ".join(f"{names.size}{d}" for d in range(2, dims))
        heads.append(f"EACH({index}, rest, 2, {outer})")
    elif dims == 3:
        heads.append(f"EACH({index}, {names.index}2, 2, {names.size}2)")
    if dims >= 2:
        heads.append(f"EACH({index}, {names.index}1, 1, {names.size}1)")
    first = f"{names.index}0"
    each = f"EACH({index}, {first}, 0, {names.size}0)"
    heads.append(innermost or (f"ELEMENTS({index}, {first}, {names.size}0)" if elements else each))
    unravel = _unravelled(nest, names, index) if dims > 3 else ""
    if unravel:  # between the outer loops and the inner one, where it is invariant
        return f"    {heads[0]} {{\n{unravel}    {heads[1]} {heads[2]} {{\n{body}    }}\n    }}\n"
    return "    " + " ".join(heads) + f" {{\n{body}    }}\n"


def _unravelled(nest: Nest, names: Names, index: str) -> str:
    lines, left = [], "rest"
    for d in range(2, nest.dims - 1):
        lines.append(f"    {index} {names.index}{d} = {left} % {names.size}{d};\n")
        left = f"({left} / {names.size}{d})"
    lines.append(f"    {index} {names.index}{nest.dims - 1} = {left};\n")
    return "".join(lines)


def serial(nest: Nest, names: Names, index: str, body: str, indent: str = "        ") -> str:
    """`body` for each iteration, in order, by one work-item."""
    text = body
    for d in range(nest.dims):
        i, n = f"{names.index}{d}", f"{names.size}{d}"
        text = f"{indent}for ({index} {i} = 0; {i} < {n}; ++{i}) {{\n{text}{indent}}}\n"
    return text


def work(sizes: tuple[int, ...], chunk: int = 1) -> tuple[int, ...]:
    """The range for `parallel`: 1 to 3 dimensions."""
    if not sizes:
        return (1,)
    outer = 1
    for n in sizes[2:]:
        outer *= n
    return (-(-sizes[0] // chunk), *sizes[1:2], *((outer,) if len(sizes) > 2 else ()))
