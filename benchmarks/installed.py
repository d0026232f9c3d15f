"""Size on disk of Facula with NumPy and all else it needs, installed by pip into an empty folder."""

import subprocess
import sys
import tempfile
from pathlib import Path

from measure import row

ROOT = Path(__file__).parents[1]

with tempfile.TemporaryDirectory() as folder:
    # Not isolated: the build needs hatchling, which the development environment has.
    packages = [str(ROOT / "packages/core"), str(ROOT / "backends/numpy")]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-build-isolation",
            "--target",
            folder,
            *packages,
        ],
        check=True,
    )
    size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6
    own = sum(f.stat().st_size for f in Path(folder).glob("facula*/**/*") if f.is_file()) / 1e6
row(f"installed size with NumPy (Facula itself {own:.1f} MB)", size, None, "MB", size, 120.0)
