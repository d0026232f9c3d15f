"""Convolution for GPUs: the tiled matrix product of `matmul.py` with operands gathered from windows.

(An "implicit GEMM": Chetlur et al., "cuDNN: Efficient primitives for deep learning", 2014.)
"""

from __future__ import annotations

from functools import cache
from typing import Any

from facula_opencl.kernels.conv_cpu import CORRELATE_ARGUMENTS, CORRELATE_LETTERS
from facula_opencl.kernels.tile import REALS

#: Work-items of a group along each side, elements each computes along each, steps of the sum a stage.
SIDE, EACH, STAGE = 16, 4, 16

POSITIONS = """\
typedef struct { int n, z, y, x; } Position;

static inline Position position(int i, int size_z, int size_y, int size_x) {
  Position p;
  p.x = i % size_x; i /= size_x;
  p.y = i % size_y; i /= size_y;
  p.z = i % size_z; p.n = i / size_z;
  return p;
}
"""

CORRELATE = """\
  const int taps = kernel_z * kernel_y * kernel_x, K = channels * taps;
  const int out_plane = out_z * out_y * out_x, N = samples * out_plane;
  const int group = get_group_id(2);
  X += x_offset;
  weight += weight_offset + group * weight_group;
  out += out_offset + group * M * to_c;
"""

WEIGHT_GRAD = """\
  const int taps = kernel_z * kernel_y * kernel_x, N = channels * taps;
  const int out_plane = out_z * out_y * out_x, K = samples * out_plane;
  const int group = get_group_id(2);
  X += x_offset;
  weight += weight_offset + (long)group * M * out_plane;
  out += out_offset + (long)group * M * N;
"""

#: What kernel element `t` (its n: the channel) sees from result position `p`.
WINDOW = """\
static inline REAL window(__global const REAL *X, Position t, Position p, int group, int channels, int groups,
    int D, int H, int W, int dilation_z, int dilation_y, int dilation_x,
    int stride_z, int stride_y, int stride_x, int start_z, int start_y, int start_x) {
  const int z = p.z * stride_z + start_z + t.z * dilation_z;
  const int y = p.y * stride_y + start_y + t.y * dilation_y;
  const int x = p.x * stride_x + start_x + t.x * dilation_x;
  if (z < 0 || z >= D || y < 0 || y >= H || x < 0 || x >= W) return 0;
  return X[((((long)p.n * groups + group) * channels + t.n) * D + z) * H * W + y * W + x];
}
#define WINDOW(tap, at) window(X, position(tap, kernel_z, kernel_y, kernel_x), \\
    position(at, out_z, out_y, out_x), group, channels, groups, D, H, W, \\
    dilation_z, dilation_y, dilation_x, stride_z, stride_y, stride_x, start_z, start_y, start_x)

static inline long element(Position t, long weight_c, long weight_z, long weight_y, long weight_x) {
  return t.n * weight_c + t.z * weight_z + t.y * weight_y + t.x * weight_x;
}
#define ELEMENT(tap) \\
    element(position(tap, kernel_z, kernel_y, kernel_x), weight_c, weight_z, weight_y, weight_x)
"""


def _source(real: str, setup: str, left: str, right: str, store: str, along_k: int) -> str:
    """A tiled product of `left` (i, k) and `right` (k, j); `along_k`: whether both lie along k in memory."""
    return f"""\
#pragma OPENCL FP_CONTRACT ON
typedef {real} REAL;
#define SIDE {SIDE}
#define EACH {EACH}
#define STAGE {STAGE}
#define BLOCK (SIDE * EACH)
{POSITIONS}{WINDOW}
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1)))
void correlate(
{CORRELATE_ARGUMENTS}) {{
  __local REAL a[STAGE][BLOCK + 1], b[STAGE][BLOCK + 1];
{setup}
  const int lx = get_local_id(0), ly = get_local_id(1), item = ly * SIDE + lx;
  const int row0 = get_group_id(1) * BLOCK, column0 = get_group_id(0) * BLOCK;
  REAL sums[EACH][EACH];
  for (int r = 0; r < EACH; ++r)
    for (int c = 0; c < EACH; ++c) sums[r][c] = 0;
  for (int k0 = 0; k0 < K; k0 += STAGE) {{
    for (int e = item; e < BLOCK * STAGE; e += SIDE * SIDE) {{
      {{
        const int s = e % STAGE, i = row0 + e / STAGE, k = k0 + s;
        a[s][e / STAGE] = i < M && k < K ? {left} : 0;
      }}
      {{
        const int s = {along_k} ? e % STAGE : e / BLOCK, c = {along_k} ? e / STAGE : e % BLOCK;
        const int j = column0 + c, k = k0 + s;
        b[s][c] = j < N && k < K ? {right} : 0;
      }}
    }}
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < STAGE; ++k) {{
      REAL p[EACH], q[EACH];
      for (int r = 0; r < EACH; ++r) p[r] = a[k][ly + r * SIDE];
      for (int c = 0; c < EACH; ++c) q[c] = b[k][lx + c * SIDE];
      for (int r = 0; r < EACH; ++r)
        for (int c = 0; c < EACH; ++c) sums[r][c] = p[r] * q[c] + sums[r][c];
    }}
    barrier(CLK_LOCAL_MEM_FENCE);
  }}
  for (int r = 0; r < EACH; ++r)
    for (int c = 0; c < EACH; ++c) {{
      const int row = row0 + ly + r * SIDE, column = column0 + lx + c * SIDE;
      if (row >= M || column >= N) continue;
{store}
    }}
}}
"""


@cache
def correlate_source(real: str, with_bias: bool) -> str:
    add = " + bias[bias_offset + group * M + row]" if with_bias else ""
    store = f"""\
      const Position o = position(column, out_z, out_y, out_x);
      out[o.n * to_n + row * to_c + o.z * to_z + o.y * to_y + o.x * to_x] = sums[r][c]{add};
"""
    return _source(real, CORRELATE, "weight[i * weight_row + ELEMENT(k)]", "WINDOW(k, j)", store, 0)


@cache
def weight_grad_source(real: str) -> str:
    """`weight` is the result's gradient here, and `out` the weight's."""
    left = "weight[((long)(k / out_plane) * groups * M + i) * out_plane + k % out_plane]"
    store = "      out[(long)row * N + column] = sums[r][c];"
    return _source(real, WEIGHT_GRAD, left, "WINDOW(j, k)", store, 1)


def _launch(launch: Any, rows: int, columns: int, groups: int, arguments: Any) -> None:
    block = SIDE * EACH
    size = -(-columns // block) * SIDE, -(-rows // block) * SIDE, groups
    launch(size, (SIDE, SIDE, 1), *arguments)


def correlate(xp: Any, c: Any, x: Any, weight: Any, out: Any, bias: Any) -> None:
    source = correlate_source(REALS[x.dtype][0], bias is not None)
    launch = xp.function(source, "correlate", CORRELATE_LETTERS)
    _launch(launch, c.m, c.columns, c.groups, c.arguments(x, weight, out, bias))


def weight_grad(xp: Any, c: Any, x: Any, grad: Any, out: Any) -> None:
    launch = xp.function(weight_grad_source(REALS[x.dtype][0]), "correlate", CORRELATE_LETTERS)
    taps = c.channels * c.kernel[0] * c.kernel[1] * c.kernel[2]
    arguments = c.arguments(x, grad, out, None)
    _launch(launch, c.m, taps, c.groups, arguments)
