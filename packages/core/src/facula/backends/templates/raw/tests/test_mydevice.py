"""The suite that every backend passes, and what is particular to this device."""

import facula
from facula.backends import backend_for
from facula.testing.backend_suite import BackendSuite


class TestMydevice(BackendSuite):
    device = "mydevice"


def test_it_runs_by_itself(monkeypatch):
    """Nothing is computed on the host: with FACULA_STRICT=1 that would be an error."""
    monkeypatch.setenv("FACULA_STRICT", "1")
    x = facula.rand(8, 8, device="mydevice", requires_grad=True)
    (x @ x).softmax(1).log().mean().backward()
    assert x.grad.device == facula.device("mydevice:0")
    assert x.grad.isfinite().all()


def test_its_memory_is_its_own():
    backend = backend_for("mydevice")
    buffer = backend.alloc(8)
    backend.copy_in(buffer, b"facula!!")
    assert backend.copy_out(buffer) == b"facula!!"
