"""Makes `import facula.vision.datasets` mean `import facula_vision.datasets`, for every domain package.

Both names stand for one module object: a second copy would have second classes, which pickles and
`isinstance` take for others.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class Alias:
    """Loads a module by handing out another one, imported under its own name."""

    def __init__(self, real: str):
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.real)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system has set that of the alias


class Domains:
    """Finds `facula.NAME` where NAME is a domain package. Last in line: asked for what is found nowhere else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        parent, _, domain = name.rpartition(".")
        if parent != "facula":
            return None
        from facula.backends.discovery import domain_modules

        if domain not in domain_modules():
            return None
        real = domain_modules()[domain]
        # First in line from here on, since the real package's path would give copies.
        sys.meta_path.insert(0, Submodules(name + ".", real + "."))
        return ModuleSpec(name, Alias(real), is_package=True)  # type: ignore[arg-type]


class Submodules:
    """Finds the modules inside of one domain package."""

    def __init__(self, prefix: str, real: str):
        self.prefix, self.real = prefix, real

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        if not name.startswith(self.prefix):
            return None
        from importlib.util import find_spec

        real = self.real + name.removeprefix(self.prefix)
        return ModuleSpec(name, Alias(real)) if find_spec(real) else None  # type: ignore[arg-type]


def install() -> None:
    """Adds the finder to Python's, once."""
    if Domains not in sys.meta_path:
        sys.meta_path.append(Domains)
