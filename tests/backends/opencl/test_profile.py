"""A profile of the device, and the device after it."""

from __future__ import annotations

import facula
from facula.profiler import profile


def test_a_profile_has_kernel_times_and_leaves_the_device_as_it_was():
    x = facula.randn(1000, device="opencl")
    (x + 1).exp()
    with profile() as seen:
        y = (x + 1).exp()
        facula.backends.backend_for("opencl").synchronize()
    assert (facula.ones(3, device="opencl") * 2).tolist() == [2, 2, 2]
    assert y.shape == (1000,)
    assert any(e.device_time_total > 0 for e in seen.key_averages())
