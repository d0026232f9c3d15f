"""Launches of every kind of kernel, dtype and layout, with awkward numbers: what printed kernels are held to.

`run(case, device)` runs one on a `BufferBackend`, `expected(case)` in the interpreter, which defines the meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from facula.backends.buffer import interpret
from facula.backends.buffer.expressions import EXPRESSIONS, NONE
from facula.backends.buffer.kernels import (
    ArgReduce,
    Gather,
    Input,
    Map,
    Matmul,
    Operand,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)
from facula.dtypes import ALL, BOOL, COMPLEX, F64, FLOAT, FROM_NUMPY, I64, NAMES, dtype as DType

#: Leaves that are the platform's or a polynomial's: compared to a few units in the last place elsewhere.
TRANSCENDENTAL = {
    "exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "erf", "erfc", "lgamma", "pow", "atan2",
}  # fmt: skip


@dataclass
class Case:
    """A launch: operands in `arguments` have NumPy arrays as buffers; the first `outputs` of them are compared."""

    name: str
    kernel: Any
    arguments: tuple[Any, ...]
    outputs: int = 1
    raises: str = ""

    def __repr__(self) -> str:
        return self.name


def awkward(d: DType, count: int) -> Any:
    """Numbers of a dtype with all that is special in it, in a fixed order."""
    rng = np.random.default_rng(count)
    if d.category == BOOL:
        return rng.integers(0, 2, count).astype(bool)
    if d.category in (FLOAT, COMPLEX):
        special = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e-40, -6e-8, 3e-8, 65519.9, 65520.1, 2.0**31, -(2.0**63), 2.0**64, 1e39, 300.7, 0.1]  # fmt: skip
        values = np.concatenate([special, rng.normal(size=count) * 3])[:count]
        with np.errstate(all="ignore"):
            if d.category == COMPLEX:
                return (rng.normal(size=count) + 1j * rng.normal(size=count)).astype(d.dtype)
            return values.astype(d.dtype)
    info = np.iinfo(d.dtype)
    special = [info.min, info.max, 0, 1, 2, info.max // 2 + 1]
    values = [*special, *(int(x) for x in rng.integers(-99, 99, count))]
    return np.array([v % (1 << info.bits) for v in values[:count]], np.uint64).astype(d.dtype)


def mild(d: DType, count: int) -> Any:
    """Small whole numbers: sums and products of them are exact."""
    values = np.random.default_rng(count).integers(0, 4, count)
    return values.astype(bool) if d.category == BOOL else values.astype(d.dtype)


def contiguous(buffer: Any, *shape: int, offset: int = 0) -> Operand:
    strides = [int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
    return Operand(buffer, offset, tuple(strides))


def empty(d: Any, count: int) -> Any:
    return np.zeros(count, d)


# ---- maps


def maps() -> Iterator[Case]:
    for source in ALL:
        for target in ALL:
            kernel = Map("a", (Input(source.dtype),), source.dtype, target.dtype)
            out, a = empty(target.dtype, 24), awkward(source, 24)
            yield Case(f"cast-{source.name}-{target.name}", kernel, ((24,), contiguous(out, 24), contiguous(a, 24)))  # fmt: skip
    for name, expression in EXPRESSIONS.items():
        for d in ALL:
            text = expression.of(d.category)
            if text is not NONE and not _only_for_floats(name, d):
                yield from _elementwise(name, text, d)


def _only_for_floats(name: str, d: DType) -> bool:
    """What is never launched: integers are made floating-point before, halves float32; bools aren't divided."""
    if name in TRANSCENDENTAL | {"div", "sqrt"} and d.category < FLOAT and name != "pow":
        return True
    divides = name in ("floor_divide", "remainder", "bitwise_left_shift", "bitwise_right_shift")
    return (divides and d.category == BOOL) or d.name in ("float16", "bfloat16")


def _elementwise(name: str, text: str, d: DType) -> Iterator[Case]:
    count = ("c" in text.replace("conj", "") and 3) or ("b" in text and 2) or 1
    kernel = Map(text, (Input(d.dtype),) * count, d.dtype, _output(name, d))
    a, b, c = awkward(d, 40), awkward(d, 41), mild(d, 42)
    if "shift" in name or "power" in text:
        b = mild(d, 41)
    divides = name in ("floor_divide", "remainder") and d.category < FLOAT
    nonzero = np.where(b == 0, np.ones_like(b), b) if divides else b
    out = empty(kernel.output, 40)
    inputs = [Operand(x, 0, (1,)) for x in (a, nonzero, c)[:count]]
    yield Case(f"{name}-{d.name}", kernel, ((40,), contiguous(out, 40), *inputs))
    if divides:
        inputs = [Operand(x, 0, (1,)) for x in (a, b)]
        yield Case(f"{name}-by-0-{d.name}", kernel, ((40,), contiguous(out, 40), *inputs), raises="divided by 0")  # fmt: skip


def _output(name: str, d: DType) -> Any:
    if name in ("eq", "ne", "lt", "le", "gt", "ge"):
        return np.dtype(bool)
    return d.to_real().dtype if name == "abs" else d.dtype


def layouts() -> Iterator[Case]:
    """A map over arrays that lie in memory in many ways."""
    f = np.dtype(np.float32)
    add = Map("a + b * index", (Input(f), Input(I64)), F64, f)
    shapes = {
        "0d": ((), (), (), ()),
        "backwards": ((7,), (1,), (-1,), (2,)),
        "rows": ((3, 5), (5, 1), (8, 1), (1, 3)),
        "repeated": ((3, 5), (5, 1), (1, 0), (0, 1)),
        "3d": ((2, 3, 4), (12, 4, 1), (1, 2, 6), (0, 4, 0)),
        "5d": ((2, 3, 2, 3, 2), (36, 12, 6, 2, 1), (1, 2, 6, 12, 36), (0, 4, 0, 1, 12)),
    }
    for name, (shape, *strides) in shapes.items():
        operands = []
        for k, s in enumerate(strides):
            below = sum(min(0, t * (n - 1)) for n, t in zip(shape, s))
            reach = sum(max(0, t * (n - 1)) for n, t in zip(shape, s))
            buffer = awkward(FROM_NUMPY[I64 if k == 2 else f], reach - below + 1)
            operands.append(Operand(mild(FROM_NUMPY[f], reach - below + 1) if k == 1 else buffer, -below, s))  # fmt: skip
        yield Case(f"layout-{name}", add, (shape, *operands))


def scalars() -> Iterator[Case]:
    for d in ALL:
        if d.category >= FLOAT:
            x = {COMPLEX: 1.5 - 2j, FLOAT: 0.1}[d.category]
            kernel = Map("where(a, b, c)", (Input(np.dtype(bool), True), Input(d.dtype), Input(np.dtype(np.complex128 if d.is_complex else np.float64), True)), d.dtype, d.dtype)  # fmt: skip
            for condition in (True, False):
                out, b = empty(d.dtype, 3), mild(d, 3)
                yield Case(f"scalar-{d.name}-{condition}", kernel, ((3,), contiguous(out, 3), condition, contiguous(b, 3), x))  # fmt: skip


# ---- the other kinds


def reductions() -> Iterator[Case]:
    for d in ALL:
        for inner in ((5,), (2, 3), (700,), (3, 300), (9, 150, 2)):
            size = int(np.prod(inner))
            a = mild(d, 4 * size)
            strides = (size, *contiguous(a, *inner).strides)
            if inner == (9, 150, 2):  # neighbours in memory are far apart in the order
                strides = (size, 1, 18, 9)
            for combine, initial in (
                ("a + b", 0),
                ("maximum(a, b)", None),
                ("minimum(a, b)", None),
            ):
                if (d.category == COMPLEX and initial is None) or (
                    d.category == BOOL and initial == 0
                ):
                    continue
                out = empty(d.dtype, 8)
                yield Case(
                    f"{combine[:3]}-{d.name}-{inner}", Reduce(combine, initial, d.dtype, d.dtype),
                    ((4,), inner, Operand(out, 7, (-2,)), Operand(a, 0, strides)),
                )  # fmt: skip
            if d.category != COMPLEX:
                better = "(a > b) | ((a != a) & (b == b))"
                awk = awkward(d, 4 * size)
                yield Case(f"argmax-{d.name}-{inner}", ArgReduce(better, d.dtype, I64), ((4,), inner, contiguous(empty(I64, 4), 4), Operand(awk, 0, strides)))  # fmt: skip


def columns() -> Iterator[Case]:
    """Neighbours are kept, and what is reduced lies apart."""
    for name in ("float32", "float16", "int16", "bool", "complex64"):
        d = NAMES[name]
        for m, n in ((3, 40), (200, 9), (130, 64)):
            for combine, initial in (("a + b", 0), ("maximum(a, b)", None)):
                if (d.category == COMPLEX and initial is None) or (
                    d.category == BOOL and initial == 0
                ):
                    continue
                a = mild(d, 2 * m * n)
                kernel = Reduce(combine, initial, d.dtype, d.dtype)
                out = Operand(empty(d.dtype, 2 * n), 0, (1, 2))
                yield Case(f"columns-{combine[:3]}-{name}-{m}-{n}", kernel, ((2, n), (m,), out, Operand(a, 0, (m * n, 1, n))))  # fmt: skip
                out = Operand(empty(d.dtype, n), 0, (1,))
                yield Case(f"columns-2-{combine[:3]}-{name}-{m}-{n}", kernel, ((n,), (m, 2), out, Operand(a, 0, (1, n, m * n))))  # fmt: skip


def rows() -> Iterator[Case]:
    index = np.array([0, 2, -1, 1, 1, -3, 2, 0], np.int64)
    for d in ALL:
        a = mild(d, 8)
        if d.category != BOOL:
            yield Case(f"scan-{d.name}", Scan("a + b", d.dtype, d.dtype), ((2, 4), Operand(empty(d.dtype, 8), 0, (1, 2)), contiguous(a, 2, 4)))  # fmt: skip
            yield Case(f"scatter-{d.name}", Scatter("a + b", d.dtype), ((2, 4), 3, contiguous(mild(d, 6), 2, 3), contiguous(index, 2, 4), contiguous(a, 2, 4)))  # fmt: skip
            side = Operand(mild(d, 222), 0, (111, 1, 37)), Operand(index, 0, (4, 0, 1)), Operand(mild(d, 296), 0, (148, 1, 37))  # fmt: skip
            yield Case(
                f"scatter-columns-{d.name}", Scatter("a + b", d.dtype), ((2, 37, 4), 3, *side)
            )
            yield Case(f"matmul-{d.name}", Matmul(d.dtype), ((2, 3, 2, 4), contiguous(empty(d.dtype, 12), 2, 3, 2), Operand(mild(d, 12), 0, (0, 4, 1)), Operand(mild(d, 16), 0, (8, 1, 2))))  # fmt: skip
            m, n, k = 70, 67, 33
            yield Case(f"matmul-large-{d.name}", Matmul(d.dtype), ((m, n, k), contiguous(empty(d.dtype, m * n), m, n), contiguous(mild(d, m * k), m, k), contiguous(mild(d, n * k), k, n)))  # fmt: skip
        yield Case(f"assign-{d.name}", Scatter("b", d.dtype), ((2, 4), 3, contiguous(mild(d, 6), 2, 3), contiguous(index, 2, 4), contiguous(a, 2, 4)))  # fmt: skip
        yield Case(f"gather-{d.name}", Gather(d.dtype), ((2, 4), 3, contiguous(empty(d.dtype, 8), 2, 4), Operand(awkward(d, 6), 0, (1, 2)), contiguous(index, 2, 4)))  # fmt: skip
        if d.category != COMPLEX:
            for descending in (False, True):
                for n in (1, 2, 37, 64):
                    operands = contiguous(empty(d.dtype, 2 * n), 2, n), contiguous(empty(I64, 2 * n), 2, n)  # fmt: skip
                    yield Case(f"sort-{d.name}-{descending}-{n}", Sort(descending, d.dtype), ((2, n), *operands, Operand(awkward(d, 2 * n), 0, (1, 2))), outputs=2)  # fmt: skip
    for count in (1, 4, 5, 8, 9, 1001):
        for word in (np.uint32, np.uint64):
            w = np.dtype(word)
            yield Case(f"words-{w.name}-{count}", RandomWords(w), ((count,), contiguous(empty(w, count), count), 2**64 - 5, 2**64 - 3))  # fmt: skip


def cases() -> list[Case]:
    return [*maps(), *layouts(), *scalars(), *reductions(), *columns(), *rows()]


# ---- running them


def _operands(case: Case) -> list[Operand]:
    return [x for x in case.arguments if isinstance(x, Operand)]


def expected(case: Case) -> list[Any]:
    """The outputs by the interpreter."""
    copies = {id(x.buffer): x.buffer.copy() for x in _operands(case)}
    moved = [x._replace(buffer=copies[id(x.buffer)]) if isinstance(x, Operand) else x for x in case.arguments]  # fmt: skip
    interpret(case.kernel, lambda buffer: buffer.view(np.uint8))(*moved)
    return [copies[id(x.buffer)] for x in _operands(case)[: case.outputs]]


def run(case: Case, device: Any) -> list[Any]:
    """The outputs of a `BufferBackend`."""
    memory = {}
    for x in _operands(case):
        memory[id(x.buffer)] = device.alloc(x.buffer.nbytes)
        device.copy_in(memory[id(x.buffer)], x.buffer.tobytes())
    moved = [x._replace(buffer=memory[id(x.buffer)]) if isinstance(x, Operand) else x for x in case.arguments]  # fmt: skip
    device.launch(case.kernel, *moved)
    outputs = _operands(case)[: case.outputs]
    return [np.frombuffer(device.copy_out(memory[id(x.buffer)]), x.buffer.dtype) for x in outputs]


def compare(case: Case, device: Any) -> None:
    """Raises AssertionError where the device's results are not the interpreter's."""
    if case.raises:
        try:
            run(case, device)
        except RuntimeError as error:
            if case.raises in str(error):
                return
        raise AssertionError(f"{case.name}: raises nothing, or something else")
    got = run(case, device)
    for g, e in zip(got, expected(case), strict=True):
        if e.dtype.kind in "biu":
            np.testing.assert_array_equal(g, e, err_msg=case.name)
            continue
        wide = np.complex128 if e.dtype.kind == "c" else np.float64
        tolerance = 0 if case.name.startswith(("cast", "scan", "gather", "sort")) else 1e-5 if e.dtype.itemsize <= 4 or e.dtype == np.complex64 else 1e-12  # fmt: skip
        np.testing.assert_allclose(g.astype(wide), e.astype(wide), rtol=tolerance, atol=0, err_msg=case.name)  # fmt: skip
