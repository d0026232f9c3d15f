"""Kernel descriptions run in pure Python: what each of them means, and a start for a new device.

`interpret(kernel, open)` is a launchable; `open(buffer)` gives the bytes of a buffer, writable. A device
may begin with it and replace one kind of kernel after another by its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import reduce
from itertools import accumulate
from typing import Any

from facula.backends.buffer import functions
from facula.backends.buffer.elements import converter, read, write
from facula.backends.buffer.kernels import (
    ArgReduce,
    Gather,
    Kernel,
    Map,
    Matmul,
    Operand,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)
from facula.dtypes import B8, COMPLEX, FLOAT, FROM_NUMPY, I64
from facula.errors import index_error
from facula.random import Key, words

Open = Callable[[Any], Any]


def interpret(kernel: Kernel, open: Open) -> Callable[..., None]:
    """A launchable that runs `kernel` on buffers whose bytes `open` gives."""
    return _RUNNERS[type(kernel)](kernel, open)


def places(shape: tuple[int, ...], operand: Operand) -> list[int]:
    """Where the elements of an operand are, row-major."""
    found = [operand.offset]
    for n, stride in zip(shape, operand.strides):
        found = [start + k * stride for start in found for k in range(n)]
    return found


# ---- expressions


def evaluator(expression: str, dtype: Any, parameters: str) -> Callable[..., Any]:
    """An expression as a Python function, each of its steps rounded to `dtype`."""
    tree = ast.parse(expression, mode="eval")
    source = _print(tree.body, "r" if _rounds(dtype) else "")
    names = functions.table(FROM_NUMPY[dtype].category) | {
        "r": converter(dtype), "divide": functions.divide, "__builtins__": {},
    }  # fmt: skip
    return eval(f"lambda {parameters}: {source}", names)  # type: ignore[no-any-return]


def _rounds(dtype: Any) -> bool:
    return FROM_NUMPY[dtype].name not in ("float64", "complex128", "bool")


_SYMBOLS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=", ast.USub: "-", ast.Invert: "~",
}  # fmt: skip


def _print(node: ast.AST, rounding: str) -> str:
    match node:
        case ast.BinOp(left, ast.Div(), right):
            return f"{rounding}(divide({_print(left, rounding)}, {_print(right, rounding)}))"
        case ast.BinOp(
            left, ast.BitAnd() | ast.BitOr() | ast.BitXor() as operator, right
        ):  # maybe of comparisons
            return (
                f"({_print(left, rounding)} {_SYMBOLS[type(operator)]} {_print(right, rounding)})"
            )
        case ast.BinOp(left, operator, right) if type(operator) in _SYMBOLS:
            return f"{rounding}({_print(left, rounding)} {_SYMBOLS[type(operator)]} {_print(right, rounding)})"
        case ast.UnaryOp(operator, operand) if type(operator) in _SYMBOLS:
            return f"{rounding}({_SYMBOLS[type(operator)]}{_print(operand, rounding)})"
        case ast.Compare(left, [operator], [right]) if type(operator) in _SYMBOLS:
            return (
                f"({_print(left, rounding)} {_SYMBOLS[type(operator)]} {_print(right, rounding)})"
            )
        case ast.Call(ast.Name(name), args):
            inner = ", ".join(_print(a, rounding) for a in args)
            return f"{name}({inner})" if name == "where" else f"{rounding}({name}({inner}))"
        case ast.Name(name):
            return name
        case ast.Constant(value):
            return repr(value)
    raise TypeError(f"an expression may not hold {ast.dump(node)}")


# ---- kernels


def _map(kernel: Map, open: Open) -> Callable[..., None]:
    names = [chr(ord("a") + i) for i in range(len(kernel.inputs))]
    function = evaluator(kernel.expression, kernel.dtype, ", ".join(["index", *names]))
    convert, finish = converter(kernel.dtype), converter(kernel.output)
    kept = [x.dtype is B8 or x.dtype is kernel.dtype for x in kernel.inputs]

    def launch(shape: Any, out: Operand, *inputs: Any) -> None:
        targets = places(shape, out)
        columns = []
        for x, kind, keep in zip(inputs, kernel.inputs, kept):
            values = (
                [x] * len(targets)
                if kind.is_scalar
                else read(open(x.buffer), kind.dtype, places(shape, x))
            )
            columns.append(values if keep else [convert(v) for v in values])
        results = [finish(function(*row)) for row in zip(range(len(targets)), *columns)]
        write(open(out.buffer), kernel.output, targets, results)

    return launch


def _rows(shape: Any, reduced: Any, a: Operand, dtype: Any, open: Open) -> list[list[Any]]:
    """Per element of the result, what is reduced to it."""
    values = read(open(a.buffer), dtype, places((*shape, *reduced), a))
    size = 1
    for n in reduced:
        size *= n
    count = 1
    for n in shape:
        count *= n
    return [values[i * size : (i + 1) * size] for i in range(count)]


def _reduce(kernel: Reduce, open: Open) -> Callable[..., None]:
    step = evaluator(kernel.combine, _accumulator(kernel.dtype), "a, b")
    convert = converter(kernel.dtype)
    start = [] if kernel.initial is None else [convert(kernel.initial)]

    def launch(shape: Any, reduced: Any, out: Operand, a: Operand) -> None:
        rows = _rows(shape, reduced, a, kernel.input, open)
        results = [convert(reduce(step, [*start, *map(convert, row)])) for row in rows]
        write(open(out.buffer), kernel.dtype, places(shape, out), results)

    return launch


def _accumulator(dtype: Any) -> Any:
    """float64 (complex128) for narrower ones: results are rounded once."""
    d = FROM_NUMPY[dtype]
    if d.category == FLOAT:
        return _NUMPY["float64"]
    return _NUMPY["complex128"] if d.category == COMPLEX else dtype


_NUMPY = {d.name: d.dtype for d in FROM_NUMPY.values()}


def _arg_reduce(kernel: ArgReduce, open: Open) -> Callable[..., None]:
    better = evaluator(kernel.better, kernel.input, "a, b")

    def best(row: list[Any]) -> int:
        at = 0
        for i, value in enumerate(row):
            if better(value, row[at]):
                at = i
        return at

    def launch(shape: Any, reduced: Any, out: Operand, a: Operand) -> None:
        rows = _rows(shape, reduced, a, kernel.input, open)
        write(open(out.buffer), kernel.output, places(shape, out), [best(row) for row in rows])

    return launch


def _scan(kernel: Scan, open: Open) -> Callable[..., None]:
    step = evaluator(kernel.combine, _accumulator(kernel.dtype), "a, b")
    convert = converter(kernel.dtype)

    def launch(shape: Any, out: Operand, a: Operand) -> None:
        rows = _rows(shape[:-1], shape[-1:], a, kernel.input, open)
        results = [convert(x) for row in rows for x in accumulate(map(convert, row), step)]
        write(open(out.buffer), kernel.dtype, places(shape, out), results)

    return launch


def _along(index: list[int], shape: Any, size: int, x: Operand) -> list[int]:
    """Where in `x` the elements are that `index` picks along the last dimension."""
    starts = places(shape[:-1], x._replace(strides=x.strides[:-1]))
    n, stride = shape[-1], x.strides[-1]
    found = []
    for place, i in enumerate(index):
        if not -size <= i < size:
            raise index_error(i, size)
        found.append(starts[place // n] + i % size * stride)
    return found


def _gather(kernel: Gather, open: Open) -> Callable[..., None]:
    def launch(shape: Any, size: int, out: Operand, a: Operand, index: Operand) -> None:
        picks = read(open(index.buffer), I64, places(shape, index))
        values = read(open(a.buffer), kernel.dtype, _along(picks, shape, size, a))
        write(open(out.buffer), kernel.dtype, places(shape, out), values)

    return launch


def _scatter(kernel: Scatter, open: Open) -> Callable[..., None]:
    step, convert = evaluator(kernel.combine, kernel.dtype, "a, b"), converter(kernel.dtype)

    def launch(shape: Any, size: int, out: Operand, index: Operand, src: Operand) -> None:
        picks = read(open(index.buffer), I64, places(shape, index))
        values = read(open(src.buffer), kernel.dtype, places(shape, src))
        memory = open(out.buffer)
        for place, value in zip(_along(picks, shape, size, out), values):
            (before,) = read(memory, kernel.dtype, (place,))
            write(memory, kernel.dtype, (place,), (convert(step(before, value)),))

    return launch


def _matmul(kernel: Matmul, open: Open) -> Callable[..., None]:
    convert = converter(kernel.dtype)

    def launch(shape: Any, out: Operand, a: Operand, b: Operand) -> None:
        *batch, m, n, k = shape
        rows = _rows((*batch, m), (k,), a, kernel.dtype, open)
        turned = Operand(b.buffer, b.offset, (*b.strides[:-2], b.strides[-1], b.strides[-2]))
        columns = _rows((*batch, n), (k,), turned, kernel.dtype, open)
        results = [
            convert(sum(x * y for x, y in zip(row, columns[i // m * n + j])))
            for i, row in enumerate(rows)
            for j in range(n)
        ]
        write(open(out.buffer), kernel.dtype, places((*batch, m, n), out), results)

    return launch


def _sort(kernel: Sort, open: Open) -> Callable[..., None]:
    def launch(shape: Any, values: Operand, positions: Operand, a: Operand) -> None:
        rows = _rows(shape[:-1], shape[-1:], a, kernel.dtype, open)
        orders = [
            sorted(range(len(row)), key=_keys(row), reverse=kernel.descending) for row in rows
        ]
        ordered = [row[i] for row, order in zip(rows, orders) for i in order]
        write(open(values.buffer), kernel.dtype, places(shape, values), ordered)
        write(
            open(positions.buffer),
            I64,
            places(shape, positions),
            [i for order in orders for i in order],
        )

    return launch


def _keys(row: list[Any]) -> Callable[[int], Any]:
    return lambda i: (row[i] != row[i], 0 if row[i] != row[i] else row[i])


def _random_words(kernel: RandomWords, open: Open) -> Callable[..., None]:
    def launch(shape: Any, out: Operand, seed: int, offset: int) -> None:
        drawn = words(Key(seed, offset), shape[0], 8 * kernel.dtype.itemsize)
        write(open(out.buffer), kernel.dtype, places(shape, out), drawn)

    return launch


_RUNNERS: dict[type, Callable[..., Callable[..., None]]] = {
    Map: _map, Reduce: _reduce, ArgReduce: _arg_reduce, Scan: _scan,
    Gather: _gather, Scatter: _scatter, Sort: _sort, RandomWords: _random_words, Matmul: _matmul,
}  # fmt: skip
