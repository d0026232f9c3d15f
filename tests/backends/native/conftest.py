"""Tests of facula-native; those of what a process does at its start run programs of their own."""

import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

if find_spec("facula_native") is None or os.environ.get("FACULA_NATIVE") == "0":
    collect_ignore_glob = ["test_*.py"]  # CI runs once without these kernels


@pytest.fixture
def run(tmp_path):
    def run_program(text, **environment):
        if environment.get("FACULA_CACHE") == "fresh":
            environment["FACULA_CACHE"] = str(tmp_path)
        settings = {
            k: v for k, v in os.environ.items() if not k.startswith("FACULA_")
        } | environment
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(text)]
        done = subprocess.run(command, capture_output=True, text=True, env=settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_program


@pytest.fixture
def every_size(monkeypatch):
    """Arrays of all sizes are facula-native's, small ones too."""
    from facula_native import units

    monkeypatch.setattr(units, "SMALL", 0)
