"""`make test-gpu` works as far as it can be seen without a GPU: a dry run, and its refusal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, ROOT / "benchmarks" / "gpu.py"]
pytestmark = pytest.mark.skipif(
    os.environ.get("FACULA_TEST_GPU") == "1", reason="this is that command"
)


def test_dry_run(tmp_path):
    done = subprocess.run([*COMMAND, "--dry", "--output", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout or "100%" in (tmp_path / "tests.txt").read_text()
    table = (tmp_path / "benchmark.md").read_text()
    assert "dry run" in table and "GPT step" in table and "Peak memory" in table


def test_without_a_gpu_it_says_so(tmp_path):
    environment = os.environ | {"FACULA_CUPY_MODULE": "cupy"}
    done = subprocess.run(
        [*COMMAND, "--output", tmp_path / "out"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "needs a machine with an NVIDIA GPU" in done.stderr and "driver" in done.stderr
    assert not (tmp_path / "out").exists()
