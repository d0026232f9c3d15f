"""All operations, one file a family. Importing this registers them; their functions are made at first use."""

from facula.ops import (
    activation,
    attention,
    bitwise,
    comparison,
    complex,
    conv,
    convert,
    creation,
    dropout,
    einsum,
    elementwise,
    embedding,
    fft,
    fold,
    index,
    interpolate,
    linear,
    linalg,
    loss,
    norm,
    optimizer,
    pad,
    pool,
    random,
    recurrent,
    reduce,
    scan,
    shape,
    sort,
    special,
    spectral,
    windows,
)
from facula.ops._op import OPS, Op, host_op, leaf, op

__all__ = ["OPS", "Op", "host_op", "leaf", "op"]
