"""What kernels over rows of float32 share: vectors on CPU-type devices, trees of work-items on GPUs.

A work-group has one work-item on a CPU and takes several short rows; on a GPU it has `ITEMS` and takes one row.
Each text serves both: `EACH(i, n)` goes over a row, `get` and `put` move vectors (on a GPU: elements), also the
last of a row that is not whole, `total` and `largest` combine what the work-items of a group hold.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from facula.graph.codegen.functions import call_name, library
from facula_opencl.shares import NO_SHARES, TEXT

Array = Any
SINGLE = np.dtype(np.float32)
#: Work-items of a group on a GPU.
ITEMS = 128
LANES = 16
#: Elements that a work-item of a CPU-type device takes at least.
PIECE = 4096

_CPU = """\
typedef float16 V;
#define LANES 16
#define ITEMS 1
#define IS_FIRST 1
#define EACH(i, n) for (int i = 0; i < (n); i += LANES)

static inline V get(__global const float *p, int left, float fill) {
  if (left >= LANES) return vload16(0, p);
  float part[LANES];
  for (int i = 0; i < LANES; ++i) part[i] = i < left ? p[i] : fill;
  return vload16(0, part);
}

static inline void put(V x, __global float *p, int left) {
  if (left >= LANES) {
    vstore16(x, 0, p);
    return;
  }
  float part[LANES];
  vstore16(x, 0, part);
  for (int i = 0; i < left; ++i) p[i] = part[i];
}

static inline float sum_of(V x) {
  float8 a = x.lo + x.hi;
  float4 b = a.lo + a.hi;
  return (b.x + b.y) + (b.z + b.w);
}

#define SCRATCH
#define total(x) sum_of(x)

static inline V larger(V a, V b) { return a > b ? a : b; }
static inline float largest_of(V x) {
  float part[LANES], m;
  vstore16(x, 0, part);
  m = part[0];
  for (int i = 1; i < LANES; ++i) m = part[i] > m ? part[i] : m;
  return m;
}
#define largest(x) largest_of(x)
"""

_GPU = """\
typedef float V;
#define LANES 1
#define IS_FIRST (get_local_id(0) == 0)
#define EACH(i, n) for (int i = get_local_id(0); i < (n); i += ITEMS)
#define SCRATCH __local float scratch[ITEMS];
#define total(x) tree(x, scratch, 0)
#define largest(x) tree(x, scratch, 1)

static inline V get(__global const float *p, int left, float fill) { return *p; }
static inline void put(V x, __global float *p, int left) { *p = x; }
static inline V larger(V a, V b) { return a > b ? a : b; }

static inline float tree(float x, __local float *scratch, int is_largest) {
  const int item = get_local_id(0);
  scratch[item] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = ITEMS / 2; step; step /= 2) {
    if (item < step) {
      const float a = scratch[item], b = scratch[item + step];
      scratch[item] = is_largest ? larger(a, b) : a + b;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  x = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return x;
}
"""


@cache
def header(is_cpu: bool, *functions: str) -> str:
    """The words above, and functions of V: `EXP(x)` for 'exp', and so on."""
    lanes = LANES if is_cpu else 1
    calls = {name: call_name(name, "float32", lanes) for name in functions}
    defines = "".join(f"#define {name.upper()} {call}\n" for name, call in calls.items())
    words = _CPU if is_cpu else f"#define ITEMS {ITEMS}\n{_GPU}"
    contract = "#pragma OPENCL FP_CONTRACT ON\n"
    group = "#define ROW_KERNEL __kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))\n"
    return (
        contract
        + words
        + group
        + (TEXT if is_cpu else NO_SHARES)
        + library(calls.values(), "opencl")
        + defines
    )


def groups(xp: Any, rows: int, n: int) -> tuple[tuple[int], tuple[int], int]:
    """Global and local size for `rows` rows of `n` elements, and the rows of a group."""
    if not xp.is_cpu:
        return (rows * ITEMS,), (ITEMS,), 1
    each = max(1, PIECE // max(n, 1))
    return (-(-rows // each),), (1,), each


def takes(*arrays: Array | None) -> bool:
    """Whether these are arrays of float32 with something in them, and no more than an int counts."""
    return all(x is None or (x.dtype is SINGLE and 0 < x.size < 1 << 31) for x in arrays)


def whole(xp: Any, x: Array) -> Array:
    """`x`, or a contiguous copy."""
    return x if x.is_contiguous else xp.copy(x)


def where(xp: Any, x: Array | None, otherwise: Array) -> tuple[Any, int]:
    """Buffer and offset of an operand; one that is absent is given another's, which is not read."""
    x = otherwise if x is None else whole(xp, x)
    return x.buffer, x.offset


def operands(xp: Any, *arrays: Array) -> list[Any]:
    """Buffer and offset of each array, contiguous, in one list."""
    return [part for x in arrays for part in where(xp, x, x)]
