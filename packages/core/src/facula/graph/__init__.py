"""Graph capture: `facula.compile`, the graph it makes, and numbers that are read at each replay."""

from facula.graph.compiled import CompiledFunction, CompiledModule, compile
from facula.graph.errors import CaptureError
from facula.graph.ir import Graph, Node, Value
from facula.graph.scalars import is_capturing, runtime_scalar, value_of

__all__ = [
    "CaptureError", "CompiledFunction", "CompiledModule", "Graph", "Node", "Value", "compile", "is_capturing",
    "runtime_scalar", "value_of",
]  # fmt: skip
