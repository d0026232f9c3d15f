"""The float32 matrix product against float64, and its reads and writes under AddressSanitizer."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from facula.graph import runtime

RUNTIME = Path(runtime.__file__).parent
#: Per machine: flags for each width of vectors that the text has a way for.
WIDTHS = ["-march=x86-64", "-march=haswell", "-march=native"] if platform.machine() == "x86_64" else ["-mcpu=native"]  # fmt: skip

CHECK = r"""
#include "pool.c"
#include "tile.c"
#include "gemm.c"
#include <math.h>
#include <stdio.h>
static float *some(long n) /* no byte more than needed, so that reads past the end are seen */
{
    float *p = malloc(4 * n + !n);
    for (long i = 0; i < n; ++i) p[i] = (float)rand() / RAND_MAX - 0.5f;
    return p;
}
static int check(long m, long n, long depth, int turn_a, int turn_b, long room)
{
    long ai = turn_a ? 1 : depth, ak = turn_a ? m : 1, bk = turn_b ? 1 : n, bj = turn_b ? depth : 1;
    float *a = some(m * depth), *b = some(depth * n), *c = some(m ? (m - 1) * (n + room) + n : 0);
    float before = room && m > 1 ? c[n] : 0;
    int bad = !gemm(m, n, depth, a, ai, ak, b, bk, bj, c, n + room);
    bad |= room && m > 1 && c[n] != before;
    for (int t = 0; m && n && t < 50; ++t) {
        long i = rand() % m, j = rand() % n;
        double sum = 0;
        for (long k = 0; k < depth; ++k) sum += (double)a[i * ai + k * ak] * b[k * bk + j * bj];
        bad |= !(fabs(sum - c[i * (n + room) + j]) < 1e-6 * (1 + sqrt(depth)));
    }
    if (bad) printf("wrong: m=%ld n=%ld depth=%ld %d%d\n", m, n, depth, turn_a, turn_b);
    free(a); free(b); free(c);
    return bad;
}
int main(void)
{
    long sizes[] = {0, 1, 2, 3, 4, 5, 11, 12, 13, 16, 31, 32, 33, 65, 193}, depths[] = {0, 1, 7, 16, 17, 256, 300};
    int bad = 0;
    for (int x = 0; x < 15; ++x)
        for (int y = 0; y < 15; ++y)
            for (int z = 0; z < 7; ++z)
                for (int t = 0; t < 4; ++t) bad |= check(sizes[x], sizes[y], depths[z], t & 1, t >> 1, t == 1 || t == 2 ? 3 : 0);
    return bad | check(3, 1500, 40, 0, 0, 0) | check(601, 40, 430, 0, 1, 3) | check(601, 40, 430, 1, 0, 0) /* in blocks of rows */
        | check(65, 193, 2500, 0, 1, 3) | check(31, 40, 1201, 0, 1, 0); /* few rows in blocks of the depth */
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc with AddressSanitizer")
@pytest.mark.parametrize("width", WIDTHS)
def test_all_shapes_and_turns_are_right_and_stay_inside_their_memory(width, tmp_path):
    (tmp_path / "check.c").write_text(CHECK)
    program = tmp_path / "check"
    flags = ["-O1", "-ffp-contract=fast", "-fsanitize=address,undefined", "-fno-sanitize=alignment"]
    command = ["gcc", *flags, width, "-I", str(RUNTIME), "check.c", "-o", str(program), "-lm"]
    subprocess.run([*command, "-w", "-pthread"], cwd=tmp_path, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
