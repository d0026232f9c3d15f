"""Memory: reused, limited, and said to be out with the sizes."""

from __future__ import annotations

import gc

import numpy as np
import pyopencl as cl
import pytest

import facula
from facula.backends import backend_for
from facula_opencl.memory import Memory, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("1000", 1000), ("2GB", 2 * 10**9), ("512 MiB", 512 << 20), ("1.5k", 1500), ("1gib", 1 << 30)],
)  # fmt: skip
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["much", "-1", "1 TBx", "GB"])
def test_bad_sizes(text):
    with pytest.raises(ValueError, match="FACULA_OPENCL_MEMORY="):
        parse_size(text)


def test_freed_blocks_are_used_again():
    pool = backend_for("opencl").memory.pool
    x = facula.ones(1 << 18, device="opencl")
    for _ in range(3):
        x = x + 1
    facula.backends.backend_for("opencl").synchronize()
    gc.collect()
    before = pool.managed_bytes
    for _ in range(50):
        x = x + 1
    assert pool.managed_bytes <= before + (1 << 20)
    assert x.sum().item() == 54 * (1 << 18)


def memory(monkeypatch, limit):
    monkeypatch.setenv("FACULA_OPENCL_MEMORY", limit)
    flushes = []
    made = Memory(backend_for("opencl").queue, "opencl:0", lambda: flushes.append(1))
    return made, flushes


def test_the_limit_holds_and_gives_back_what_is_only_held(monkeypatch):
    few, flushes = memory(monkeypatch, "4MiB")
    kept = few.alloc(1 << 20)
    for size in (1 << 20, 1 << 21, 3 << 19):  # each held block would not fit beside the next
        assert few.alloc(size).size >= size
    assert flushes
    with pytest.raises(facula.OutOfMemoryError) as error:
        few.alloc(4 << 20)
    text = str(error.value)
    assert "'opencl:0' is out of memory: 4194304 bytes were asked for" in text
    assert "FACULA_OPENCL_MEMORY allows 4194304" in text and "make the batch smaller" in text
    del kept
    assert few.alloc(3 << 20).size >= 3 << 20


def test_a_tensor_that_cannot_be_is_refused_and_others_live():
    x = facula.ones(4, device="opencl")
    largest = backend_for("opencl").cl_device.max_mem_alloc_size
    with pytest.raises(facula.OutOfMemoryError, match=f"one block may have {largest}"):
        facula.empty(1 << 44, device="opencl")
    assert (x + 1).tolist() == [2, 2, 2, 2]
    assert issubclass(facula.OutOfMemoryError, RuntimeError)
    assert facula.ones(3).sum().item() == 3


def test_a_drivers_no_is_out_of_memory_too(monkeypatch):
    few, _ = memory(monkeypatch, "")

    def refuse(nbytes):
        raise cl.MemoryError("clCreateBuffer failed: MEM_OBJECT_ALLOCATION_FAILURE")

    few._allocate = refuse
    with pytest.raises(facula.OutOfMemoryError, match="100 bytes were asked for"):
        few.alloc(100)


def test_exact_blocks_without_the_pool(monkeypatch):
    monkeypatch.setenv("FACULA_OPENCL_POOL", "0")
    few, _ = memory(monkeypatch, "")
    assert few.alloc(100).size == 100


def test_copies_keep_values_layouts_and_dtypes():
    xp = backend_for("opencl")
    for values in (
        np.arange(12.0).reshape(3, 4).T,
        np.float32(3),
        np.zeros((0, 3)),
        np.arange(6)[::-2],
    ):
        got = xp.to_numpy(xp.asarray(values))
        np.testing.assert_array_equal(got, values)
        assert got.dtype == values.dtype
    x = facula.arange(12, device="opencl").reshape(3, 4)
    assert x[1:, 1:3].T.tolist() == [[5, 9], [6, 10]]
    assert x[1:].cpu().tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]
