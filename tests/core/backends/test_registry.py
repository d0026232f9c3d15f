"""Devices by name: loaded once, counted, refused with a remedy."""

from __future__ import annotations

import threading

import pytest

import facula
from facula.backends import backend_for, registry
from facula.backends.discovery import plugins
from facula.backends.spec import DeviceSpec


@pytest.fixture
def odd(monkeypatch):
    """A device type of two devices that share a machine with nothing else."""
    spec = DeviceSpec("odd", "facula.backends.toy:ToyBackend", 1, count=f"{__name__}:two")
    monkeypatch.setitem(plugins().devices, "odd", spec)
    monkeypatch.setitem(plugins().sources, "odd", "this test")
    import sys

    monkeypatch.setitem(sys.modules, __name__, type(sys)(__name__))
    sys.modules[__name__].two = lambda: 2
    yield
    for device in [d for d in registry._backends if d.type == "odd"]:
        del registry._backends[device]


def test_one_backend_per_device(odd):
    first, second = backend_for("odd:0"), backend_for("odd:1")
    assert first is backend_for("odd") is backend_for(facula.device("odd", 0))
    assert second is not first
    assert (str(first.device), str(second.device)) == ("odd:0", "odd:1")


def test_tensors_do_not_mix_between_devices(odd):
    a, b = facula.tensor([1.0], device="odd:0"), facula.tensor([1.0], device="odd:1")
    with pytest.raises(RuntimeError, match=r"on odd:0 'input'.*on odd:1 'other'"):
        a + b
    assert (a + b.to("odd:0")).item() == 2


def test_no_such_index(odd):
    with pytest.raises(
        RuntimeError, match="device 'odd:2' does not exist: this machine has 2 of type 'odd'"
    ):
        backend_for("odd:2")
    with pytest.raises(RuntimeError, match="there is one cpu"):
        backend_for("cpu:1")


def test_unknown_device_names_what_to_install(monkeypatch):
    monkeypatch.delitem(plugins().devices, "opencl", raising=False)
    with pytest.raises(
        RuntimeError, match=r"no plug-in provides device 'opencl'.*pip install facula\[opencl\]"
    ):
        backend_for("opencl")


def test_unknown_device_says_what_to_do_next():
    with pytest.raises(RuntimeError, match="Did you mean 'meta'"):
        backend_for("metal")
    with pytest.raises(RuntimeError, match="Install the package that provides it; `facula info`"):
        facula.ones(2, device="nope")


def test_threads_get_one_backend(odd):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(backend_for("odd:1"))) for _ in range(8)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(map(id, found))) == 1


def test_default_device():
    assert facula.get_default_device() == facula.device("cpu")
    facula.set_default_device("toy")
    try:
        assert facula.tensor(1.0).device == facula.device("toy")
        with facula.device("meta"):
            assert facula.tensor(1.0).is_meta
        assert facula.tensor(1.0).device == facula.device("toy")
    finally:
        facula.set_default_device(None)
    assert facula.tensor(1.0).is_cpu
    with pytest.raises(RuntimeError, match="no plug-in provides device 'nonsense'"):
        facula.set_default_device("nonsense")
