"""The OpenCL device, once for each family of its kernels."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from facula.backends.registry import backend_for

if find_spec("facula_opencl") is None:  # `make opencl` installs it; `make test` does without
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: Any) -> None:
    """All tests here are of the tier `opencl`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("opencl")


@pytest.fixture(autouse=True, scope="module")
def compiled_unasked() -> Any:
    """What `facula.compile` makes for these devices costs little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FACULA_COMPILE", raising=False)
        yield


@pytest.fixture(params=["cpu", "gpu"])
def xp(request: Any, monkeypatch: Any) -> Any:
    """The backend of `opencl`, with the kernels for CPU-type devices, then with those for GPUs."""
    backend = backend_for("opencl")
    monkeypatch.setattr(backend, "is_cpu", request.param == "cpu")
    return backend
