"""The adapter for raw devices: a device supplies five functions, core the arrays, views and kernels."""

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.backend import BufferBackend
from facula.backends.buffer.interpreter import interpret
from facula.backends.buffer.kernels import (
    ArgReduce,
    Gather,
    Input,
    Kernel,
    Map,
    Matmul,
    Operand,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)  # fmt: skip

__all__ = [
    "ArgReduce", "BufferArray", "BufferBackend", "Gather", "Input", "Kernel", "Map", "Matmul", "Operand", "RandomWords",
    "Reduce", "Scan", "Scatter", "Sort", "interpret",
]  # fmt: skip
