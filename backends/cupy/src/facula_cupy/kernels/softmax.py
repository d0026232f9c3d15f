"""Softmax and log-softmax along the last dimension: a block for a row, one pass for the peak, one for the sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.ops._op import OPS
from facula_cupy.kernels.text import (
    REDUCTIONS,
    SUFFIX,
    dense,
    for_floats,
    is_float,
    row_block,
    row_grid,
    rows_of,
)  # fmt: skip

SOURCE = REDUCTIONS + for_floats(r"""
extern "C" __global__ void softmax_T(const T *x, T *out, long long rows, int n, int logarithm)
{
    for (long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const T *from = x + r * n;
        T *to = out + r * n;
        T peak = from[0];
        for (int i = threadIdx.x; i < n; i += blockDim.x) peak = larger(peak, from[i]);
        peak = largest(peak);
        T total = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x) total += exp(from[i] - peak);
        total = sum(total);
        if (logarithm) {
            T shift = log(total);
            for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = from[i] - peak - shift;
        } else {
            for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = exp(from[i] - peak) / total;
        }
    }
}

extern "C" __global__ void softmax_gradient_T(
    const T *g, const T *out, T *result, long long rows, int n, int logarithm)
{
    for (long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const T *from = g + r * n, *values = out + r * n;
        T *to = result + r * n;
        T total = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x)
            total += logarithm ? from[i] : from[i] * values[i];
        total = sum(total);
        for (int i = threadIdx.x; i < n; i += blockDim.x)
            to[i] = logarithm ? from[i] - exp(values[i]) * total : values[i] * (from[i] - total);
    }
}
""")


def _is_served(array: Any, dim: int) -> bool:
    last = array.ndim and dim in (-1, array.ndim - 1)
    return bool(last) and array.size > 0 and array.shape[-1] < 1 << 31


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""

    def forward(name: str, logarithm: int) -> Callable[..., Any]:
        def kernel(input: Any, dim: int) -> Any:
            if not is_float(input) or not _is_served(input, dim):
                return OPS[name].body(backend, input, dim)  # type: ignore[misc]
            x = dense(input)
            out = backend.library.empty(x.shape, x.dtype)
            rows, n = rows_of(x)
            launch = backend.function(SOURCE, f"softmax_{SUFFIX[x.dtype]}", "PPlii")
            launch(row_grid(rows), row_block(n), x, out, rows, n, logarithm)
            return out

        return kernel

    def backward(name: str, logarithm: int) -> Callable[..., Any]:
        def kernel(g: Any, out: Any, dim: int) -> Any:
            if not is_float(g, out) or g.shape != out.shape or not _is_served(out, dim):
                return OPS[name].body(backend, g, out, dim)  # type: ignore[misc]
            g, values = dense(g), dense(out)
            result = backend.library.empty(g.shape, g.dtype)
            rows, n = rows_of(g)
            launch = backend.function(SOURCE, f"softmax_gradient_{SUFFIX[g.dtype]}", "PPPlii")
            launch(row_grid(rows), row_block(n), g, values, result, rows, n, logarithm)
            return result

        return kernel

    return {
        "softmax": forward("softmax", 0), "log_softmax": forward("log_softmax", 1),
        "softmax_gradient": backward("softmax_gradient", 0),
        "log_softmax_gradient": backward("log_softmax_gradient", 1),
    }  # fmt: skip


def inplace(backend: Any) -> dict[str, Callable[..., Any]]:
    """None."""
    return {}
