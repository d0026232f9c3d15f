"""The printed text of a few kernels, kept as files, so that a change of it is seen and meant.

python tests/core/graph/codegen/golden.py      # writes golden/*.c, *.cl, *.cu anew; read the difference
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from facula.dtypes import B8, F32, F64, I64, NAMES
from facula.graph.codegen import CUDA, OPENCL, C, Dialect, printer
from facula.graph.codegen.program import kernels_of

DIRECTORY = Path(__file__).parent / "golden"
DIALECTS = {".c": C, ".cl": OPENCL, ".cu": CUDA, "_cpu.cl": OPENCL.for_family("cpu")}
HALF, COMPLEX, U32 = NAMES["float16"].dtype, NAMES["complex64"].dtype, NAMES["uint32"].dtype


def at(*strides: int) -> Operand:
    return Operand(None, 0, strides)


#: Name: a kernel, and the arguments of a launch of it.
KERNELS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "map_contiguous": (Map("a + b", (Input(F32), Input(F32)), F32, F32), ((9,), at(1), at(1), at(1))),
    "map_strided_half": (Map("where(a, b, c)", (Input(B8), Input(HALF), Input(F64, True)), HALF, HALF), ((3, 4), at(4, 1), at(0, 1), at(8, 1), 0.5)),
    "map_integers": (Map("a * b + index", (Input(I64), Input(NAMES["int8"].dtype)), I64, I64), ((9,), at(1), at(1), at(-2))),
    "map_complex": (Map("a * b", (Input(COMPLEX), Input(COMPLEX)), COMPLEX, COMPLEX), ((9,), at(1), at(1), at(1))),
    "map_5d": (Map("a", (Input(F32),), F32, F64), ((2, 3, 4, 5, 6), at(360, 120, 30, 6, 1), at(1, 2, 6, 24, 120))),
    "reduce_long": (Reduce("a + b", 0, F32, F32), ((3,), (1000,), at(1), at(1000, 1))),
    "reduce_short": (Reduce("maximum(a, b)", None, I64, I64), ((3,), (4, 2), at(1), at(1, 3, 12))),
    "reduce_columns": (Reduce("a + b", 0, F32, F32), ((40,), (1000,), at(1), at(1, 40))),
    "arg_reduce": (ArgReduce("(a > b) | ((a != a) & (b == b))", F32, I64), ((3,), (1000,), at(1), at(1000, 1))),
    "scan": (Scan("a + b", B8, I64), ((3, 4), at(4, 1), at(4, 1))),
    "gather": (Gather(F32), ((3, 4), 7, at(4, 1), at(7, 1), at(4, 1))),
    "scatter": (Scatter("a + b", F32), ((3, 4), 7, at(7, 1), at(4, 1), at(4, 1))),
    "sort": (Sort(False, F32), ((3, 4), at(4, 1), at(4, 1), at(4, 1))),
    "random_words": (RandomWords(U32), ((100,), at(1), 1, 2)),
    "matmul": (Matmul(F32), ((3, 4, 5), at(5, 1), at(4, 1), at(5, 1))),
}  # fmt: skip


def text(name: str, dialect: Dialect) -> str:
    """What a dialect's programs begin with, or a kernel and the functions that it calls."""
    if name == "preamble":
        return dialect.preamble
    kernel, arguments = KERNELS[name]
    made = printer(kernel, dialect)
    layout = made.geometry(made.split(*arguments)[2]).layout
    return kernels_of(dialect, [made.program(layout)])


def files() -> Iterator[tuple[Path, str, Dialect]]:
    """Each file with its kernel; OpenCL's CPU family where it differs most."""
    for name in ("preamble", *KERNELS):
        for suffix, dialect in DIALECTS.items():
            if suffix != "_cpu.cl" or name in (
                "preamble",
                "reduce_long",
                "reduce_columns",
                "matmul",
            ):
                yield DIRECTORY / f"{name}{suffix}", name, dialect


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for old in DIRECTORY.iterdir():
        old.unlink()
    for path, name, dialect in files():
        path.write_text(text(name, dialect))
