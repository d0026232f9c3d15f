"""Switches of PyTorch's libraries that programs set. Facula has none of these libraries; settings are kept, and do nothing."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


class Library(SimpleNamespace):
    """A library by its switches: absent, so not available, and each switch a plain attribute."""

    def is_available(self) -> bool:
        """False: facula does not use this library."""
        return False

    is_built = is_available

    def version(self) -> None:
        """None, as there is no library."""

    @contextmanager
    def flags(self, **settings: Any) -> Any:
        """Sets switches within a `with` block."""
        before = {name: getattr(self, name, None) for name in settings}
        self.__dict__.update(settings)
        try:
            yield
        finally:
            self.__dict__.update(before)


LIBRARIES = {
    "cudnn": Library(enabled=True, benchmark=False, deterministic=False, allow_tf32=True, benchmark_limit=10),
    "cuda": Library(matmul=SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True, allow_bf16_reduced_precision_reduction=True)),
    "mps": Library(), "mkl": Library(), "mkldnn": Library(enabled=True), "openmp": Library(), "xnnpack": Library(),
}  # fmt: skip
