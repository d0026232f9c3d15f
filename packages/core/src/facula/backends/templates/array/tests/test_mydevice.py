"""The suite that every backend passes, and what is particular to this device."""

import facula
from facula.testing.backend_suite import BackendSuite


class TestMydevice(BackendSuite):
    device = "mydevice"


def test_it_runs_by_itself(monkeypatch):
    """Nothing is computed on the host: with FACULA_STRICT=1 that would be an error."""
    monkeypatch.setenv("FACULA_STRICT", "1")
    x = facula.rand(8, 8, device="mydevice", requires_grad=True)
    (x @ x).softmax(1).log().mean().backward()
    assert x.grad.device == facula.device("mydevice")
    assert x.grad.isfinite().all()


def test_its_own_kernel_is_asked_first():
    x = facula.arange(3.0, device="mydevice")
    assert facula.addcmul(x, x, x).tolist() == [0.0, 2.0, 6.0]
    assert facula.addcmul(x, x, x, value=2).tolist() == [0.0, 3.0, 10.0]
