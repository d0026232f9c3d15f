"""Work-groups take parts by shares: each part once, whichever thread comes, and the counters begin anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyopencl as cl
import pytest

import facula
from facula.backends import backend_for
from facula_opencl import huge_pages, shares

SOURCE = (
    shares.TEXT
    + """
__kernel void count(__global int *times, SHARES) {
  const int3 place = place_of(shares);
  atomic_inc(times + PLACE(0) + get_num_groups(0) * (PLACE(1) + get_num_groups(1) * PLACE(2)));
}
"""
)


@pytest.fixture
def device() -> Any:
    found = backend_for("opencl")
    if not found.cl_device.type & cl.device_type.CPU:
        pytest.skip("shares are for CPU-type devices")
    return found


def words(device: Any, buffer: Any) -> Any:
    found = np.empty(buffer.size // 4, np.uint32)
    cl.enqueue_copy(device.queue, found, buffer)
    return found


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("groups", [(1,), (5,), (6,), (1000,), (7, 9), (5, 3, 4)])
def test_each_part_is_taken_once_in_each_launch(device, threads, groups):
    memory = shares.memory(device.queue, threads)
    times = device.zeros(groups, np.dtype(np.int32))
    for _ in range(50):
        device.function(SOURCE, "count", "PP")(groups, (1,) * len(groups), times.buffer, memory)
    assert (device.to_numpy(times) == 50).all()
    left = words(device, memory)
    assert left[0] == threads and not left[1]
    owners = shares.STRIDE, shares.STRIDE + threads - 1
    assert not left[shares.STRIDE * 2 :].any() and not left[owners[1] : shares.STRIDE * 2].any()


def test_large_blocks_are_advised_once_and_small_ones_never(device, monkeypatch):
    asked = []
    monkeypatch.setattr("facula_opencl.memory.advise", lambda queue, buffer, nbytes: asked.append(nbytes))  # fmt: skip
    device.memory.pool.free_held()
    for _ in range(3):
        x = facula.empty(3 << 20, device="opencl")
        assert x.shape == (3 << 20,)
        del x
    facula.empty(1000, device="opencl")
    assert asked == [12 << 20]


def test_advice_keeps_what_is_there(device):
    values = np.arange(3 << 20, dtype=np.float32)
    x = device.asarray(values)
    huge_pages.advise(device.queue, x.buffer, x.nbytes)
    assert np.array_equal(device.to_numpy(x), values)
