"""Threads that wait take pieces of others' work: each is done once, before its owner goes on, with the same bits, under ThreadSanitizer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from facula.graph import runtime

CHECK = r"""
#include "pool.c"
#include "tile.c"
#include "gemm.c"
#include <stdio.h>
#define PIECES 40
static atomic_int wrong, helped;
typedef struct { int times[PIECES], owner; unsigned long length; } job_t;
static void piece(const void *job, long i)
{
    job_t *j = (job_t *)job; /* plain memory: a race is seen */
    for (volatile unsigned long n = 0; n < j->length; ++n) { }
    ++j->times[i];
    if (place != j->owner) atomic_fetch_add(&helped, 1);
}
static void work_on_some(void *context, int thread)
{
    unsigned seed = *(unsigned *)context * 64 + thread;
    for (int step = 0; step < 6; ++step) {
        job_t job = {.owner = thread, .length = rand_r(&seed) % 2000};
        long pieces = rand_r(&seed) % 3 ? rand_r(&seed) % PIECES : 0;
        in_pieces(piece, &job, pieces);
        for (int i = 0; i < PIECES; ++i)
            if (job.times[i] != (i < pieces)) atomic_fetch_add(&wrong, 1);
        if (rand_r(&(unsigned){*(unsigned *)context * 6 + step}) % 2) barrier();
    }
}
#define M 150
#define N 700
#define K 230
static float a[M * K], b[K * N], c[2][M * N];
static void multiply(void *context, int thread)
{
    if (!thread) gemm(M, N, K, a, K, 1, b, N, 1, context, N);
}
int main(void)
{
    for (unsigned round = 0; round < 60; ++round) run(work_on_some, &round, 2 + round % 3);
    for (int i = 0; i < M * K; ++i) a[i] = (float)rand() / RAND_MAX;
    for (int i = 0; i < K * N; ++i) b[i] = (float)rand() / RAND_MAX;
    multiply(c[0], 0);
    for (int round = 0; round < 4; ++round) {
        run(multiply, c[1], 4);
        if (memcmp(c[0], c[1], sizeof *c)) atomic_fetch_add(&wrong, 1);
    }
    if (!helped) printf("no piece was taken\n");
    return wrong || !helped;
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc with ThreadSanitizer")
def test_each_piece_is_done_once_before_its_owner_goes_on(tmp_path):
    (tmp_path / "check.c").write_text(CHECK)
    command = ["gcc", "-O1", "-ffp-contract=fast", "-fsanitize=thread", "-I", str(Path(runtime.__file__).parent)]  # fmt: skip
    subprocess.run([*command, "check.c", "-o", "check", "-w", "-pthread"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
