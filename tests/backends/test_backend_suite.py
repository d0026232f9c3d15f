"""The suite itself: it passes a good device, reports what one lacks, and fails what one does wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

CONFTEST = """
from facula.backends import DeviceSpec, plugins
plugins().devices["odd"] = DeviceSpec("odd", "odd_device:Odd", contract=1)
plugins().sources["odd"] = "a test"
"""
DEVICE = """
import numpy as np
from facula.backends.toy import Memory, ToyBackend

class Odd(ToyBackend):
{0}
"""


def suite(folder, body, *arguments, **environment):
    """Runs the suite on a toy device changed by `body`, the rest of a class."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "odd_device.py").write_text(DEVICE.format(body))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--facula-backend=odd",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [*command, *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True,
    )  # fmt: skip


def passed(done):
    return int(re.search(r"(\d+) passed", done.stdout)[1])


def test_a_good_device_is_ready(tmp_path):
    done = suite(tmp_path, "    pass", "-m", "facula_required")
    assert done.returncode == 0, done.stdout
    assert "READY: all 68 required leaves were tested and pass" in done.stdout
    assert "68: 68 pass, 0 wrong, 0 missing, 0 not tested" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_a_part_of_the_suite_says_that_it_is_a_part(tmp_path):
    done = suite(tmp_path, "    pass", "-k", "exp-0 and test_values")
    assert done.returncode == 0
    assert "INCOMPLETE: 67 required leaves were not tested" in done.stdout


LACKS = """
    def kernel(self, op):
        return None if op.name in ("tanh", "gather") else super().kernel(op)
"""


@pytest.mark.parametrize("strict", ["0", "1"])
def test_missing_leaves_are_reported(tmp_path, strict):
    chosen = "required_leaf or (test_values and (tanh or gather or exp or matmul))"
    done = suite(tmp_path, LACKS, "-k", chosen, FACULA_STRICT=strict)
    assert done.returncode == 1, done.stdout
    assert "NOT READY: 2 required leaves are missing" in done.stdout
    assert "    missing: gather, tanh" in done.stdout
    assert " failed" not in done.stdout.splitlines()[-1]
    assert re.search(r"\d+ missing", done.stdout.splitlines()[-1])
    told = re.search(r"calls on the host  (\d+)", done.stdout)
    assert (int(told[1]) > 0) == (strict == "0")


NARROW = """
    dtypes = ToyBackend.dtypes - {"float64", "complex128", "float16", "uint16"}
"""


def test_a_device_without_float64_is_tested_in_float32(tmp_path):
    done = suite(tmp_path, NARROW, "-m", "facula_required")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "68: 68 pass, 0 wrong, 0 missing, 0 not tested" in done.stdout
    assert "cannot hold: complex128, float16, float64, uint16" in done.stdout
    assert "dtypes             11 of 15" in done.stdout


#: What a device does wrong, and a test that must notice. Each body is of the class.
FAULTS = {
    "values": ("""
    def kernel(self, op):
        if op.name == "tanh":
            return lambda x: self.mul(x, 0.99)
        return super().kernel(op)
""", "test_values[tanh-0]"),
    "results of another dtype": ("""
    def kernel(self, op):
        if op.name == "sqrt":
            return lambda x: self.cast(self.pow(x, 0.5), np.dtype("float64"))
        return super().kernel(op)
""", "test_smaller_dtypes[sqrt-float32]"),
    "copies for views": ("""
    def kernel(self, op):
        inner = super().kernel(op)
        return (lambda *a: self.copy(inner(*a))) if op.name == "select" else inner
""", "test_writing_a_view[select]"),
    "indices that wrap round": ("""
    def kernel(self, op):
        inner = super().kernel(op)
        if op.name == "gather":
            return lambda x, dim, index: inner(x, dim, self.remainder(index, x.shape[dim]))
        return inner
""", "test_out_of_range[a tensor]"),
    "other random words": ("""
    def kernel(self, op):
        inner = super().kernel(op)
        return (lambda *a: self.bitwise_xor(inner(*a), 1 << 20)) if op.name == "random_words" else inner
""", "test_random_bits[rand-float32]"),
    "memory that stays": ("""
    kept = []
    def alloc(self, nbytes):
        self.kept.append(Memory(nbytes))
        return self.kept[-1]
""", "test_steps_leave_no_memory_behind"),
    "one scratch buffer for all threads": ("""
    scratch = {}
    def write(self, target, source):
        import time
        self.scratch["it"] = source
        time.sleep(1e-4)
        super().write(target, self.scratch["it"])
""", "test_two_threads_train_at_once"),
    "errors of its own": ("""
    def kernel(self, op):
        inner = super().kernel(op)
        def product(a, b):
            if a.shape[-1] != b.shape[-2]:
                raise KeyError("sizes")
            return inner(a, b)
        return product if op.name == "matrix_product" else inner
""", "test_refusal[matmul of inner sizes]"),
    "dtypes that it does not hold": ("""
    dtypes = ToyBackend.dtypes - {"float64"}
    def require_dtype(self, dtype):
        pass
""", "test_missing_dtype_is_refused_by_name[float64]"),
    "training": ("""
    def kernel(self, op):
        inner = super().kernel(op)
        return (lambda x: self.add(inner(x), 1e-4)) if op.name == "sqrt" else inner
""", "test_training[CNN with batch norm and dropout]"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_fail(tmp_path, fault):
    body, test = FAULTS[fault]
    done = suite(tmp_path, body, "-k", test.partition("[")[0])
    assert done.returncode == 1, done.stdout
    assert f"::{test}" in done.stdout
    assert "NOT READY" in done.stdout


def test_without_faults_the_same_tests_pass(tmp_path):
    names = {test.partition("[")[0] for _, test in FAULTS.values()}
    done = suite(tmp_path, "    pass", "-k", " or ".join(sorted(names)))
    assert done.returncode == 0, done.stdout


def test_unknown_device_is_a_usage_error(tmp_path):
    command = [sys.executable, "-m", "pytest", "--facula-backend=nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 4
    assert (
        "ERROR: --facula-backend: no plug-in provides device 'nowhere'; there are: " in done.stderr
    )
    assert "Traceback" not in done.stderr + done.stdout


def test_package_name_works_as_well(tmp_path):
    command = [sys.executable, "-m", "pytest", "--facula-backend=cpu", "--pyargs", "facula.testing.backend_suite"]  # fmt: skip
    done = subprocess.run([*command, "-k", "view"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert passed(done) > 60


def test_plugin_costs_nothing_without_its_option(tmp_path):
    """pytest starts without facula and NumPy; the suite's module is not imported either."""
    (tmp_path / "test_light.py").write_text(
        "import sys\ndef test():\n    assert 'facula_pytest' in sys.modules\n"
        "    assert not {'facula', 'numpy', 'facula.testing'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "-q", tmp_path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
