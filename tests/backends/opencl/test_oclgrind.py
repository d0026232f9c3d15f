"""The kernels under oclgrind, which sees accesses out of bounds, races and barriers that not all reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ICD = Path("/usr/lib/oclgrind/liboclgrind-rt-icd.so")
needs_oclgrind = pytest.mark.skipif(
    not ICD.exists(), reason="oclgrind is not installed (apt install oclgrind)"
)


def log_of(tmp_path: Path, family: str, *arguments: str) -> str:
    """What oclgrind has to say about under_oclgrind.py."""
    (tmp_path / "oclgrind.icd").write_text(str(ICD))
    log = tmp_path / "log"
    settings = {
        "OCL_ICD_VENDORS": str(tmp_path),
        "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_LOG": str(log),
        "FACULA_OPENCL_CACHE": "0",
        "FACULA_OPENCL_FAMILY": family,
    }
    script = Path(__file__).with_name("under_oclgrind.py")
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return log.read_text()


@needs_oclgrind
@pytest.mark.parametrize("family", ["cpu", "gpu"])
def test_nothing_to_say(tmp_path: Path, family: str) -> None:
    assert log_of(tmp_path, family) == ""


@needs_oclgrind
def test_one_element_too_far_is_seen(tmp_path: Path) -> None:
    assert "Invalid write" in log_of(tmp_path, "cpu", "planted")
