"""Runs the comparison with PyTorch's op database and fails where fewer core entries pass than promised.

Needs the comparison tool, which lies beside the project (or at $OPINFO_PARITY); says so where it doesn't.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORWARD, GRADIENT = 300, 240


def main() -> int:
    tool = Path(os.environ.get("OPINFO_PARITY", ROOT.parent / "shared/tools/opinfo_parity.py"))
    if not tool.exists():
        print(f"the comparison tool is not at {tool}: set OPINFO_PARITY to its path")
        return 0 if not os.environ.get("CI") else 1
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "opinfo.json"
        command = [
            sys.executable,
            str(tool),
            "--module",
            "facula",
            "--grad",
            "--jobs",
            "2",
            "--json",
            str(out),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        records = json.loads(out.read_text())["ops"]
    core = [r for r in records if r["tier"] == "core"]
    failed = False
    for key, least in (("forward", FORWARD), ("gradient", GRADIENT)):
        judged = [r for r in core if r[key] != "not judged"]
        passed = sum(r[key] == "pass" for r in judged)
        print(f"core {key}: {passed} of {len(judged)} pass (at least {least} must)")
        failed |= passed < least
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
