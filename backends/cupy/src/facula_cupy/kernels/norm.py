"""Layer norm: a block for a row forward and by the input, a block for 32 columns by weight and bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.ops._op import OPS
from facula.ops.norm import check_normalized
from facula_cupy.kernels.text import (
    LETTER,
    NOTHING,
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
extern "C" __global__ void layer_norm_T(
    const T *x, const T *weight, const T *bias, T *out, T *means, T *rstds, long long rows, int n, T eps)
{
    for (long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const T *from = x + r * n;
        T *to = out + r * n;
        T total = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x) total += from[i];
        T mean = sum(total) / n;
        T square = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x) { T c = from[i] - mean; square += c * c; }
        T rstd = 1 / sqrt(sum(square) / n + eps);
        for (int i = threadIdx.x; i < n; i += blockDim.x) {
            T y = (from[i] - mean) * rstd;
            if (weight) y *= weight[i];
            if (bias) y += bias[i];
            to[i] = y;
        }
        if (threadIdx.x == 0) { means[r] = mean; rstds[r] = rstd; }
    }
}

extern "C" __global__ void layer_norm_gradient_T(
    const T *g, const T *x, const T *means, const T *rstds, const T *weight, T *result, long long rows, int n)
{
    for (long long r = blockIdx.x; r < rows; r += gridDim.x) {
        const T *from = g + r * n, *values = x + r * n;
        T *to = result + r * n;
        T mean = means[r], rstd = rstds[r], plain = 0, product = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x) {
            T scaled = weight ? from[i] * weight[i] : from[i];
            plain += scaled;
            product += scaled * ((values[i] - mean) * rstd);
        }
        plain = sum(plain) / n;
        product = sum(product) / n;
        for (int i = threadIdx.x; i < n; i += blockDim.x) {
            T scaled = weight ? from[i] * weight[i] : from[i];
            to[i] = rstd * (scaled - plain - (values[i] - mean) * rstd * product);
        }
    }
}

// 32 columns a block, 8 rows at a time; the order of the sums does not depend on the GPU.
extern "C" __global__ void layer_norm_columns_T(
    const T *g, const T *x, const T *means, const T *rstds, T *to_weight, T *to_bias, long long rows, int n)
{
    __shared__ T weights[8][33];
    __shared__ T biases[8][33];
    int column = blockIdx.x * 32 + threadIdx.x;
    T by_weight = 0, by_bias = 0;
    if (column < n)
        for (long long r = threadIdx.y; r < rows; r += 8) {
            T value = g[r * n + column];
            by_weight += value * ((x[r * n + column] - means[r]) * rstds[r]);
            by_bias += value;
        }
    weights[threadIdx.y][threadIdx.x] = by_weight;
    biases[threadIdx.y][threadIdx.x] = by_bias;
    __syncthreads();
    if (threadIdx.y == 0 && column < n) {
        for (int k = 1; k < 8; ++k) {
            by_weight += weights[k][threadIdx.x];
            by_bias += biases[k][threadIdx.x];
        }
        to_weight[column] = by_weight;
        to_bias[column] = by_bias;
    }
}
""")


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""
    empty = backend.library.empty

    def optional(x: Any) -> Any:
        return NOTHING if x is None else dense(x)

    def forward(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
        if not is_float(input, weight, bias) or not input.size:
            op = OPS["native_layer_norm"]
            return op.body(backend, input, normalized_shape, weight, bias, eps)  # type: ignore[misc]
        shape = check_normalized("layer_norm", input, normalized_shape, weight, bias)
        x = dense(input)
        rows, n = rows_of(x, len(shape))
        lead = (*x.shape[: x.ndim - len(shape)], *[1] * len(shape))
        out, mean, rstd = (empty(s, x.dtype) for s in (x.shape, lead, lead))
        name, letters = f"layer_norm_{SUFFIX[x.dtype]}", "PPPPPPli" + LETTER[x.dtype]
        launch = backend.function(SOURCE, name, letters)
        launch(
            row_grid(rows), row_block(n), x, optional(weight), optional(bias), out, mean, rstd, rows, n, eps
        )  # fmt: skip
        return out, mean, rstd

    def backward(g: Any, input: Any, mean: Any, rstd: Any, weight: Any, count: int) -> Any:
        if not is_float(g, input, mean, rstd, weight) or not input.size or g.shape != input.shape:
            op = OPS["layer_norm_gradient"]
            return op.body(backend, g, input, mean, rstd, weight, count)  # type: ignore[misc]
        g, x, mean, rstd = dense(g), dense(input), dense(mean), dense(rstd)
        rows, n = rows_of(x, count)
        suffix, shape = SUFFIX[x.dtype], x.shape[x.ndim - count :]
        result, to_weight, to_bias = (empty(s, x.dtype) for s in (x.shape, shape, shape))
        launch = backend.function(SOURCE, f"layer_norm_gradient_{suffix}", "PPPPPPli")
        launch(row_grid(rows), row_block(n), g, x, mean, rstd, optional(weight), result, rows, n)
        launch = backend.function(SOURCE, f"layer_norm_columns_{suffix}", "PPPPPPli")
        launch(-(-n // 32), (32, 8), g, x, mean, rstd, to_weight, to_bias, rows, n)
        return result, to_weight, to_bias

    return {"native_layer_norm": forward, "layer_norm_gradient": backward}


def inplace(backend: Any) -> dict[str, Callable[..., Any]]:
    """None."""
    return {}
