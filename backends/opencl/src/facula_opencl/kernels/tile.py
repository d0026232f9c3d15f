"""The register tile of CPU-type devices: a few rows of scalars times a few vectors of columns.

One work-item computes a tile of `rows` x `vectors` vectors that stays in registers. It reads its
columns from a panel packed in local memory, which on a CPU is a piece of first-level cache (Goto and
van de Geijn, "Anatomy of high-performance matrix multiplication", 2008). `a * b + c` is contracted
to one instruction: `fma` and `mad` are calls in some OpenCL compilers, eight times as slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

#: OpenCL C's name of a dtype, and how many elements of it fill 64 bytes.
REALS = {np.dtype(np.float32): ("float", 16), np.dtype(np.float64): ("double", 8)}


@dataclass(frozen=True)
class Tile:
    """How large a tile is: `rows` x `vectors` vectors of `lanes`, `depth` steps of the sum at a time."""

    real: str
    lanes: int
    rows: int
    vectors: int
    depth: int

    @property
    def columns(self) -> int:
        return self.lanes * self.vectors

    @cached_property
    def header(self) -> str:
        """Types, and loads and stores of vectors that are not whole or not contiguous."""
        return HEADER.replace("REAL_NAME", self.real).replace("WIDTH", str(self.lanes)) + (
            f"#define ROWS {self.rows}\n#define VECTORS {self.vectors}\n"
            f"#define COLUMNS {self.columns}\n#define DEPTH {self.depth}\n"
        )

    def each_row(self, text: str) -> str:
        """`text` once a row, with the row's number for R."""
        return "\n".join(text.replace("@R", str(r)) for r in range(self.rows))

    def each(self, text: str) -> str:
        """`text` once a row and vector, with their numbers for @R and @V."""
        return "\n".join(self.each_row(text.replace("@V", str(v))) for v in range(self.vectors))

    def sum(self, element: str, panel: str = "panel[k * VECTORS + @V]") -> str:
        """The loop over k: the sums x@R_@V grow by `element` of row @R times a vector of the panel."""
        loads = "\n".join(
            f"VECTOR b{v} = {panel.replace('@V', str(v))};" for v in range(self.vectors)
        )
        steps = self.each_row(f"const VECTOR a@R = (VECTOR)({element});")
        sums = self.each("x@R_@V = a@R * b@V + x@R_@V;")
        return f"for (int k = 0; k < depth; ++k) {{\n{loads}\n{steps}\n{sums}\n}}\n"


HEADER = """\
#pragma OPENCL FP_CONTRACT ON
typedef REAL_NAME REAL;
typedef REAL_NAMEWIDTH VECTOR;
#define LANES WIDTH
#define LOAD vloadWIDTH
#define STORE vstoreWIDTH

static inline VECTOR load_part(__global const REAL *p, long step, int count) {
  REAL part[LANES];
  for (int i = 0; i < LANES; ++i) part[i] = i < count ? p[i * step] : 0;
  return LOAD(0, part);
}

static inline void store_part(VECTOR x, __global REAL *p, long step, int count) {
  REAL part[LANES];
  STORE(x, 0, part);
  for (int i = 0; i < LANES; ++i)
    if (i < count) p[i * step] = part[i];
}
"""


@cache
def _depth(xp: Any) -> int:
    """How many lines of a panel, 256 bytes each, leave local memory to spare (OpenCL promises 32 KB)."""
    size = int(xp.cl_device.local_mem_size)
    return 256 if size >= 96 << 10 else 128 if size >= 48 << 10 else 64


@cache
def has_wide_registers(xp: Any) -> bool:
    """Whether a register holds 64 bytes (AVX-512: 32 registers); else there are 16 of 32 bytes, or fewer."""
    return int(xp.cl_device.native_vector_width_float) >= 16


def tile_of(xp: Any, dtype: Any, rows: int, vectors: int) -> Tile:
    """A tile for `dtype`; `vectors` counts 64 bytes each."""
    return Tile(*REALS[dtype], rows, vectors, _depth(xp))


def tile_for(xp: Any, dtype: Any, rows: int, columns: int) -> Tile:
    """The tile that fills the registers, and wastes little of a result of `rows` x `columns`."""
    lanes = REALS[dtype][1]
    if not has_wide_registers(xp):
        return tile_of(xp, dtype, 6 if rows > 4 else 4, 1)
    if columns <= 2 * lanes:
        return tile_of(xp, dtype, 12 if rows > 4 else 4, 1 if columns <= lanes else 2)
    return tile_of(xp, dtype, 6 if rows > 4 else 4 if rows > 2 else rows, 4)
