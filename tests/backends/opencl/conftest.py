"""The OpenCL device, once for each family of its kernels."""

from __future__ import annotations

from typing import Any

import pytest

from facula.backends.registry import backend_for


@pytest.fixture(params=["cpu", "gpu"])
def xp(request: Any, monkeypatch: Any) -> Any:
    """The backend of `opencl`, with the kernels for CPU-type devices, then with those for GPUs."""
    backend = backend_for("opencl")
    monkeypatch.setattr(backend, "is_cpu", request.param == "cpu")
    return backend
