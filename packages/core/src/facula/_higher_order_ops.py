"""`cond`, `scan` and `while_loop` under the name of the module that PyTorch has them in."""

from facula.graph.control import cond, scan, while_loop

__all__ = ["cond", "scan", "while_loop"]
