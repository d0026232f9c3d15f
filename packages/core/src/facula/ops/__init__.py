"""All operations, one file a family. Importing this registers them; their functions are made at first use."""

from facula.ops import activation, creation, elementwise, index, linalg, reduce, shape
from facula.ops._op import OPS, Op, host_op, leaf, op

__all__ = ["OPS", "Op", "host_op", "leaf", "op"]
