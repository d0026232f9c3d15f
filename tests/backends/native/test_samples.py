"""Every op's samples, gradients and second gradients in float32, by these kernels and by NumPy's."""

import sys
from pathlib import Path

import pytest

from facula.backends import DeviceSpec, backend_for
from facula.backends.discovery import plugins
from facula.testing.backend_suite.samples import Samples
from facula_native import provider, units


@pytest.fixture(autouse=True, scope="module")
def _every_kernel_runs_on_small_arrays():
    sys.path.insert(0, str(Path(__file__).parent))
    devices = plugins().devices
    devices["plain"] = DeviceSpec(
        "plain", "plain_device:PlainBackend", contract=1, accelerator=False
    )
    before, units.SMALL = units.SMALL, 0
    provider._elementwise(backend_for("cpu")).settle()
    yield
    units.SMALL = before
    del devices["plain"]
    sys.path.pop(0)


class TestNative(Samples):
    device = "plain"
    slack = 2e-6
    test_smaller_dtypes = None
    test_has_required_leaf = None


def test_every_family_has_kernels():
    backend = backend_for("cpu")
    ours = next(p for p in backend.providers if p.__name__ == "facula-native")
    from facula.ops import OPS

    provided = {op.name for op in OPS.values() if backend.adds(ours, op)}
    assert provided >= {
        "exp",
        "add",
        "gelu",
        "sigmoid",
        "select_where",
        "softmax",
        "layer_norm_gradient",
    }
