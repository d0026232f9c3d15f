"""What the kernels share: texts for float and double, arrays as they take them, reductions of a block."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import F32, F64

#: The suffix of kernels by dtype.
SUFFIX = {F32: "float", F64: "double"}
#: The letter of a scalar of that dtype (`launch.SCALARS`).
LETTER = {F32: "f", F64: "d"}

REDUCTIONS = r"""
template <class T> static __device__ T larger(T a, T b) { return a > b || a != a ? a : b; }

// The sum (or the largest) of what the threads of a block hold, in every thread. Blocks have whole warps.
template <class T, bool LARGEST> static __device__ T over_block(T value)
{
    __shared__ T parts[32];
    for (int by = 16; by > 0; by /= 2) {
        T other = __shfl_down_sync(0xffffffffu, value, by);
        value = LARGEST ? larger(value, other) : value + other;
    }
    __syncthreads();  // the parts of the reduction before may still be read
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    T total = parts[0];
    for (int w = 1; w < (int)blockDim.x / 32; ++w) total = LARGEST ? larger(total, parts[w]) : total + parts[w];
    return total;
}
template <class T> static __device__ T sum(T value) { return over_block<T, false>(value); }
template <class T> static __device__ T largest(T value) { return over_block<T, true>(value); }
"""


def for_floats(text: str) -> str:
    """`text` for both dtypes: T is the type, and kernels' names end in NAME_T."""
    return "".join(
        text.replace("_T(", f"_{t}(").replace("T ", f"{t} ") for t in ("float", "double")
    )


def dense(array: Any) -> Any:
    """The array in row-major order."""
    return array if array.flags.c_contiguous else array.copy(order="C")


def is_float(*arrays: Any) -> bool:
    """Whether all (None apart) are of one dtype that kernels are written for."""
    dtypes = {id(a.dtype) for a in arrays if a is not None}
    return len(dtypes) == 1 and next(a for a in arrays if a is not None).dtype in SUFFIX


def rows_of(array: Any, count: int = 1) -> tuple[int, int]:
    """(rows, elements of a row) where the last `count` dimensions make a row."""
    n = math.prod(array.shape[array.ndim - count :])
    return array.size // max(n, 1), n


def row_block(n: int) -> int:
    """Threads for a row of `n` elements: whole warps, up to 1024, some elements each."""
    return min(1024, max(32, 1 << max(0, (n // 4 - 1).bit_length())))


def row_grid(rows: int) -> int:
    """Blocks for that many rows; each goes on to further ones."""
    return max(1, min(rows, 1 << 20))


#: A pointer to nothing.
NOTHING = 0
