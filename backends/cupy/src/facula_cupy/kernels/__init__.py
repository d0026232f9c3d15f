"""Fused kernels in CUDA C, one family a file.

Each has `kernels(backend)` -> {op name: function over CuPy arrays} and `inplace(backend)` -> the same for
kernels that write into their arguments. A kernel serves dense float32 and float64 arrays; for the rest it
runs the op's body.
"""

from facula_cupy.kernels import activation, norm, optim, random, softmax

FAMILIES = (activation, norm, optim, random, softmax)
