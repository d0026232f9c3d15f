"""Index arithmetic with range checks: CuPy's own indexing wraps around silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula_cupy.flags import checks_at_once
from facula_cupy.launch import THREADS, blocks

SOURCE = r"""
extern "C" __global__ void wrap_index(
    const long long *index, long long *out, long long count, long long size, long long *flag)
{
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += (long long)gridDim.x * blockDim.x) {
        long long k = index[i];
        if (k < -size || k >= size) { flag[0] = 1; flag[1] = k; flag[2] = size; k = 0; }
        out[i] = k < 0 ? k + size : k;
    }
}
"""


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""
    launch = backend.function(SOURCE, "wrap_index", "PPllP")

    def wrap_index(index: Any, size: int, dim: int) -> Any:
        index = index.astype("int64", order="C", copy=False)
        if not index.flags.c_contiguous:
            index = index.copy(order="C")
        out = backend.library.empty(index.shape, index.dtype)
        if out.size:
            flag = backend.flag.raised()
            launch(blocks(out.size), THREADS, index, out, out.size, size, flag)
            if checks_at_once():
                backend.flag.check()
        return out

    return {"wrap_index": wrap_index}
