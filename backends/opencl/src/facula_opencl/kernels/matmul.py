"""Matrix products, and affine maps with their bias: one kernel for CPU-type devices, one for GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

from facula import promotion
from facula.ops.dims import broadcast_shapes
from facula.ops.linalg import product_shape
from facula.ops.linear import check_linear
from facula_opencl.kernels.tile import REALS, Tile, tile_for, tile_of

Array = Any
#: Letters of the kernels' parameters: buffers with offsets, sizes, strides of rows and columns, of batches.
LETTERS = "PlPlPlPl" + "iii" + "llllll" + "illllll"

ARGUMENTS = """\
    __global const REAL *A, long a_offset, __global const REAL *B, long b_offset,
    __global REAL *C, long c_offset, __global const REAL *bias, long bias_offset,
    int M, int N, int K, long a_row, long a_step, long b_step, long b_column, long c_row, long c_column,
    int inner, long a_outer, long a_inner, long b_outer, long b_inner, long c_outer, long c_inner"""

OFFSETS = """\
  const int batch = get_group_id(2), outer_ = batch / inner, inner_ = batch % inner;
  A += a_offset + outer_ * a_outer + inner_ * a_inner;
  B += b_offset + outer_ * b_outer + inner_ * b_inner;
  C += c_offset + outer_ * c_outer + inner_ * c_inner;
"""


@dataclass
class Product:
    """A batch of matrix products `C[i] = A[i] @ B[i] + bias`: sizes, strides in elements, two batch dimensions."""

    m: int
    n: int
    k: int
    a: Array
    b: Array
    c: Array
    rows: tuple[int, int, int]
    columns: tuple[int, int, int]  # strides of a's rows and steps, b's, c's
    batch: tuple[int, int]
    batches: tuple[int, ...]
    bias: Array = None
    bias_along: str = ""

    def swapped(self) -> Product:
        """The transposed product: `C.T = B.T @ A.T`."""
        (am, bk, cm), (ak, bn, cn) = self.rows, self.columns
        ao, ai, bo, bi, co, ci = self.batches
        along = {"column": "row", "row": "column", "": ""}[self.bias_along]
        return Product(
            self.n, self.m, self.k, self.b, self.a, self.c, (bn, ak, cn), (bk, am, cm),
            self.batch, (bo, bi, ao, ai, co, ci), self.bias, along,
        )  # fmt: skip

    def arguments(self) -> tuple[Any, ...]:
        (am, bk, cm), (ak, bn, cn) = self.rows, self.columns
        bias = self.c if self.bias is None else self.bias
        buffers = (x for t in (self.a, self.b, self.c, bias) for x in (t.buffer, t.offset))
        sizes = self.m, self.n, self.k, am, ak, bk, bn, cm, cn
        return (*buffers, *sizes, self.batch[1], *self.batches)


# ---- CPU-type devices


@cache
def cpu_source(tile: Tile, bias_along: str) -> str:
    """A work-group of one item: a panel of columns packed in local memory, times `group_rows` rows."""
    first = {
        "": "(VECTOR)(0)",
        "row": "(VECTOR)(bias[bias_offset + min(i + @R, M - 1)])",
        "column": "load_part(bias + bias_offset + j + @V * LANES, 1, width - @V * LANES)",
    }[bias_along]
    part = "c@R + @V * LANES * c_column, c_column, width - @V * LANES"
    load = tile.each(f"VECTOR x@R_@V = !k0 ? {first} : whole ? LOAD(@V, c@R) : load_part({part});")
    store = tile.each_row("if (i + @R < last) {\nSTORES@R\n}")
    for r in range(tile.rows):
        one = "\n".join(
            f"if (whole) STORE(x{r}_{v}, {v}, c{r}); else "
            + f"store_part(x@R_@V, {part});".replace("@R", str(r)).replace("@V", str(v))
            for v in range(tile.vectors)
        )
        store = store.replace(f"STORES{r}\n", one + "\n")
    pointers = tile.each_row(
        "__global const REAL *row@R = A + min(i + @R, M - 1) * a_row + k0 * a_step;\n"
        "__global REAL *c@R = C + min(i + @R, M - 1) * c_row + j * c_column;"
    )
    return f"""{tile.header}
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void product(
{ARGUMENTS}, int group_rows) {{
  __local VECTOR panel[DEPTH * VECTORS];
  __local REAL *packed = (__local REAL *)panel;
{OFFSETS}
  const int j = get_group_id(0) * COLUMNS, width = min(COLUMNS, N - j);
  const int first = get_group_id(1) * group_rows, last = min(first + group_rows, M);
  const int whole = width == COLUMNS && c_column == 1;
  for (int k0 = 0; k0 < K; k0 += DEPTH) {{
    const int depth = min(DEPTH, K - k0);
    __global const REAL *b = B + k0 * b_step + j * b_column;
    if (b_column == 1 && width == COLUMNS) {{
      for (int k = 0; k < depth; ++k)
        for (int v = 0; v < VECTORS; ++v) panel[k * VECTORS + v] = LOAD(v, b + k * b_step);
    }} else {{
      if (width < COLUMNS)
        for (int i = 0; i < depth * VECTORS; ++i) panel[i] = (VECTOR)(0);
      if (b_column == 1) {{
        for (int k = 0; k < depth; ++k)
          for (int c = 0; c < width; ++c) packed[k * COLUMNS + c] = b[k * b_step + c];
      }} else {{
        for (int c = 0; c < width; ++c)
          for (int k = 0; k < depth; ++k)
            packed[k * COLUMNS + c] = b[k * b_step + c * b_column];
      }}
    }}
    for (int i = first; i < last; i += ROWS) {{
{pointers}
{load}
{tile.sum("row@R[k * a_step]")}
{store}
    }}
  }}
}}
"""


@cache
def vector_source(tile: Tile, bias_along: str) -> str:
    """A matrix times a vector that both lie along k: dot products of `tile.rows` rows at a time."""
    bias = {"": "0", "row": "bias[bias_offset + i + @R]", "column": "bias[bias_offset]"}[bias_along]
    pointers = tile.each_row(
        "__global const REAL *row@R = A + min(i + @R, M - 1) * a_row; VECTOR x@R = (VECTOR)(0); REAL sum@R = 0;"
    )
    sums = tile.each_row("x@R = LOAD(0, row@R + k) * b + x@R;")
    singles = tile.each_row("sum@R += row@R[k] * B[k];")
    stores = tile.each_row(
        "for (int l = 0; l < LANES; ++l) sum@R += ((const REAL *)&x@R)[l];\n"
        f"if (i + @R < last) C[(i + @R) * c_row] = sum@R + {bias};"
    )
    return f"""{tile.header}
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void product(
{ARGUMENTS}, int group_rows) {{
{OFFSETS}
  const int first = get_group_id(1) * group_rows, last = min(first + group_rows, M);
  for (int i = first; i < last; i += ROWS) {{
{pointers}
    int k = 0;
    for (; k + LANES <= K; k += LANES) {{
      const VECTOR b = LOAD(0, B + k);
{sums}
    }}
    for (; k < K; ++k) {{
{singles}
    }}
{stores}
  }}
}}
"""


def _launch_cpu(xp: Any, product: Product, dtype: Any) -> None:
    if product.m <= 16 < product.n and product.columns[1] != 1:
        product = product.swapped()  # or B would be packed for a handful of rows
    if product.n == 1 and product.columns[0] == product.rows[1] == 1:
        tile, source = tile_of(xp, dtype, 8, 1), vector_source
    else:
        tile, source = tile_for(xp, dtype, product.m, product.n), cpu_source
    launch = xp.function(source(tile, product.bias_along), "product", LETTERS + "i")
    panels, batches = -(-product.n // tile.columns), prod(product.batch)
    pieces = max(1, min(-(-16 // (panels * batches)), product.m // (8 * tile.rows)))
    rows = -(-product.m // (pieces * tile.rows)) * tile.rows
    size = panels, -(-product.m // rows), batches
    launch(size, (1, 1, 1), *product.arguments(), rows)


# ---- GPU-type devices

#: Work-items of a group along each side, elements of the result a work-item computes along each, steps a stage.
SIDE, EACH, STAGE = 16, 4, 16


@cache
def gpu_source(real: str, bias_along: str) -> str:
    """A work-group computes 64 x 64 elements from 64 x 16 pieces of both operands in local memory."""
    first = {"": "0", "row": "bias[bias_offset + row]", "column": "bias[bias_offset + column]"}
    return f"""\
#pragma OPENCL FP_CONTRACT ON
typedef {real} REAL;
#define SIDE {SIDE}
#define EACH {EACH}
#define STAGE {STAGE}
#define BLOCK (SIDE * EACH)
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1)))
void product(
{ARGUMENTS}) {{
  __local REAL a[STAGE][BLOCK + 1], b[STAGE][BLOCK + 1];
{OFFSETS}
  const int x = get_local_id(0), y = get_local_id(1), item = y * SIDE + x;
  const int row0 = get_group_id(1) * BLOCK, column0 = get_group_id(0) * BLOCK;
  REAL sums[EACH][EACH];
  for (int r = 0; r < EACH; ++r)
    for (int c = 0; c < EACH; ++c) sums[r][c] = 0;
  for (int k0 = 0; k0 < K; k0 += STAGE) {{
    for (int e = item; e < BLOCK * STAGE; e += SIDE * SIDE) {{
      // neighbouring work-items read neighbouring elements, whichever way the matrix lies
      const int ka = a_step == 1 ? e % STAGE : e / BLOCK, i = a_step == 1 ? e / STAGE : e % BLOCK;
      const int inside = row0 + i < M && k0 + ka < K;
      a[ka][i] = inside ? A[(row0 + i) * a_row + (k0 + ka) * a_step] : 0;
      const int kb = b_step == 1 ? e % STAGE : e / BLOCK, j = b_step == 1 ? e / STAGE : e % BLOCK;
      const int within = column0 + j < N && k0 + kb < K;
      b[kb][j] = within ? B[(k0 + kb) * b_step + (column0 + j) * b_column] : 0;
    }}
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < STAGE; ++k) {{
      REAL p[EACH], q[EACH];
      for (int r = 0; r < EACH; ++r) p[r] = a[k][y + r * SIDE];
      for (int c = 0; c < EACH; ++c) q[c] = b[k][x + c * SIDE];
      for (int r = 0; r < EACH; ++r)
        for (int c = 0; c < EACH; ++c) sums[r][c] = p[r] * q[c] + sums[r][c];
    }}
    barrier(CLK_LOCAL_MEM_FENCE);
  }}
  for (int r = 0; r < EACH; ++r)
    for (int c = 0; c < EACH; ++c) {{
      const int row = row0 + y + r * SIDE, column = column0 + x + c * SIDE;
      if (row < M && column < N)
        C[row * c_row + column * c_column] = sums[r][c] + {first[bias_along]};
    }}
}}
"""


def _launch_gpu(xp: Any, product: Product, dtype: Any) -> None:
    launch = xp.function(gpu_source(REALS[dtype][0], product.bias_along), "product", LETTERS)
    block = SIDE * EACH
    groups = -(-product.n // block), -(-product.m // block)
    size = groups[0] * SIDE, groups[1] * SIDE, prod(product.batch)
    launch(size, (SIDE, SIDE, 1), *product.arguments())


# ---- the ops


def two_batch_strides(shapes: Any, strides: Any) -> Any:
    """Batch dimensions joined to two, where the strides of all operands allow it; else None."""
    dims: list[tuple[int, ...]] = []
    for size, *each in zip(shapes, *strides):
        if size == 1:
            continue
        if dims and all(before == s * size for before, s in zip(dims[-1][1:], each)):
            dims[-1] = (dims[-1][0] * size, *each)
        else:
            dims.append((size, *each))
    if len(dims) > 2:
        return None
    dims = [(1, *(0 for _ in strides))] * (2 - len(dims)) + dims
    return (dims[0][0], dims[1][0]), tuple(s for pair in zip(*(d[1:] for d in dims)) for s in pair)


def spread(x: Array, batch: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of the batch dimensions of `x` broadcast to `batch`."""
    lead = x.shape[:-2]
    own = tuple(0 if n == 1 else s for n, s in zip(lead, x.strides))
    return (0,) * (len(batch) - len(lead)) + own


def multiply(xp: Any, a: Array, b: Array, bias: Array = None, bias_along: str = "") -> Array:
    """`a @ b`, batch dimensions broadcast, plus a contiguous vector along rows or columns."""
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    out = xp.empty((*batch, m, n), a.dtype)
    joined = two_batch_strides(batch, [spread(x, batch) for x in (a, b, out)])
    if joined is None:
        a, b = (xp.copy(xp.expand(x, (*batch, *x.shape[-2:]))) for x in (a, b))
        joined = two_batch_strides(batch, [spread(x, batch) for x in (a, b, out)])
    sizes, strides = joined
    rows = a.strides[-2], b.strides[-2], n
    product = Product(
        m, n, k, a, b, out, rows, (a.strides[-1], b.strides[-1], 1), sizes, strides, bias, bias_along
    )  # fmt: skip
    product = _rows_joined(product)
    (_launch_cpu if xp.is_cpu else _launch_gpu)(xp, product, a.dtype)
    return out


def _rows_joined(p: Product) -> Product:
    """A batch that shares `b` as one product over all rows, where the strides of `a` allow it."""
    (outer, inner), (_, ai, _, bi, _, ci) = p.batch, p.batches
    if outer == 1 and inner > 1 and not bi and ai == p.rows[0] * p.m and ci == p.rows[2] * p.m:
        p.m, p.batch, p.batches = p.m * inner, (1, 1), (0,) * 6
    return p


def matrix_product(xp: Any, input: Array, other: Array) -> Array:
    product_shape(input, other)  # raises where sizes do not fit
    dtype = promotion.result_dtype([input, other], []).dtype
    if dtype not in REALS or not input.shape[-1] or not input.size or not other.size:
        return NotImplemented
    a, b = (x if x.dtype is dtype else xp.cast(x, dtype) for x in (input, other))
    return multiply(xp, a, b)


def linear(xp: Any, input: Array, weight: Array, bias: Array = None) -> Array:
    if input.dtype not in REALS or len(weight.shape) != 2 or not (input.size and weight.size):
        return NotImplemented
    check_linear(input, weight, bias)
    if bias is not None and (bias.shape != weight.shape[:1] or bias.strides != (1,)):
        return NotImplemented
    rows = input
    if len(input.shape) != 2:
        rows = xp.reshape(input, (prod(input.shape[:-1]), input.shape[-1]))
    out = multiply(xp, rows, xp.transpose(weight, 0, 1), bias, "" if bias is None else "column")
    return out if len(input.shape) == 2 else _as(out, (*input.shape[:-1], weight.shape[0]))


def _as(whole: Array, shape: tuple[int, ...]) -> Array:
    """A whole array in another shape; it stays one that is read without a copy."""
    out = whole.view(shape, None, 0)
    out.is_whole = True
    return out


LEAVES = {"matrix_product": matrix_product, "linear": linear}
