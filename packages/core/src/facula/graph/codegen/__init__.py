"""Kernels as text: the descriptions of `backends/buffer/kernels.py` printed as C, OpenCL C and CUDA C."""

from __future__ import annotations

from facula.graph.codegen.dialects import CUDA, OPENCL, C, Dialect
from facula.graph.codegen.launcher import Launcher
from facula.graph.codegen.layout import Layout
from facula.graph.codegen.printers import printer
from facula.graph.codegen.program import Parameter, Program, raise_for, source_of

__all__ = [
    "CUDA",
    "C",
    "Dialect",
    "Launcher",
    "Layout",
    "OPENCL",
    "Parameter",
    "Program",
    "printer",
    "raise_for",
    "source_of",
]
