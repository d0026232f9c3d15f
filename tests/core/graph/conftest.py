"""Programs are made anew in each test: tests change how they are made."""

import pytest

from facula.graph.compiler import kept_programs


@pytest.fixture(autouse=True)
def _no_kept_programs(monkeypatch):
    monkeypatch.setattr(kept_programs, "ENABLED", False)
