"""Control flow that depends on values: plain Python in eager mode, nodes with sub-graphs under capture."""

from facula.graph.control.branches import cond
from facula.graph.control.repetition import while_loop
from facula.graph.control.steps import scan

__all__ = ["cond", "scan", "while_loop"]
