"""What `make test-gpu` runs on a machine with a GPU: all tests of the CUDA device there, then the benchmark.

    python benchmarks/gpu.py --output FOLDER

FOLDER gets tests.txt and benchmark.md. The exit status is that of the tests and the benchmark. With --dry
the stand-in of the tests is used in the GPU's place, on a few tests: to see that this program works.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "backends" / "cupy"


def run(command: list[object], output: Path, environment: dict[str, str]) -> int:
    """Runs a command; what it prints is shown and kept."""
    with output.open("w") as file:
        process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            file.write(line)
    return process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("gpu-results"))
    parser.add_argument("--dry", action="store_true")
    options = parser.parse_args()
    environment = dict(os.environ)
    if options.dry:
        environment |= {"FACULA_CUPY_MODULE": "cupy_stand_in", "PYTHONPATH": str(TESTS)}
    else:
        environment |= {"FACULA_TEST_GPU": "1"}
    code = "import facula; facula.cuda.init(); print(facula.cuda.get_device_name())"
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1]
        print(f"make test-gpu needs a machine with an NVIDIA GPU.\n{reason}", file=sys.stderr)
        return 2
    print(f"On {found.stdout.strip()}")
    options.output.mkdir(parents=True, exist_ok=True)
    output = options.output.resolve()
    chosen = ["-k", "softmax and test_values"] if options.dry else []
    tests = [sys.executable, "-m", "pytest", "-m", "cuda", TESTS, "-ra", *chosen]
    failed = run(tests, output / "tests.txt", environment)
    benchmark = [
        sys.executable,
        ROOT / "benchmarks" / "on_cuda.py",
        "--output",
        output / "benchmark.md",
    ]
    failed |= run(
        benchmark + (["--dry"] if options.dry else []), output / "benchmark.txt", environment
    )
    print(f"\n{'Something failed' if failed else 'All passed'}; see {output}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
