"""Which printer is for which kind of kernel."""

from __future__ import annotations

from facula.backends.buffer.kernels import (
    ArgReduce,
    Gather,
    Kernel,
    Map,
    Matmul,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)
from facula.graph.codegen.arg_reduce import ArgReducePrinter
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.gather import GatherPrinter
from facula.graph.codegen.kernel import KernelPrinter
from facula.graph.codegen.map import MapPrinter
from facula.graph.codegen.matmul import MatmulPrinter
from facula.graph.codegen.random_words import RandomWordsPrinter
from facula.graph.codegen.reduce import ReducePrinter
from facula.graph.codegen.scan import ScanPrinter
from facula.graph.codegen.scatter import ScatterPrinter
from facula.graph.codegen.sort import SortPrinter

PRINTERS: dict[type, type[KernelPrinter]] = {
    Map: MapPrinter, Reduce: ReducePrinter, ArgReduce: ArgReducePrinter, Scan: ScanPrinter, Gather: GatherPrinter,
    Scatter: ScatterPrinter, Sort: SortPrinter, RandomWords: RandomWordsPrinter, Matmul: MatmulPrinter,
}  # fmt: skip


def printer(kernel: Kernel, dialect: Dialect) -> KernelPrinter:
    """The printer of a kernel in a dialect."""
    return PRINTERS[type(kernel)](kernel, dialect)
