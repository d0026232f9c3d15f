"""`facula.cuda` without a GPU, and over a device of a plug-in's that is none."""

import subprocess
import sys

import pytest

import facula
from facula.backends import DeviceRuntime, DeviceSpec, plugins, runtime, runtime_of
from facula.backends.toy import ToyBackend


def no_plugin(monkeypatch):
    monkeypatch.delitem(plugins().devices, "cuda", raising=False)
    monkeypatch.setattr(runtime, "_runtimes", {})


@pytest.fixture
def without(monkeypatch):
    no_plugin(monkeypatch)


class Recorded(DeviceRuntime):
    """Two devices that note what is asked of them."""

    def __init__(self):
        super().__init__()
        self.current, self.asked = 0, []

    def current_device(self):
        return self.current

    def set_device(self, index):
        self.current = index

    def synchronize(self, index):
        self.asked.append(("synchronize", index))

    def properties(self, index):
        return {"name": f"number {index}", "total_memory": 100, "major": 7, "minor": 5}

    def memory_info(self, index):
        return 40, 100

    def memory_statistics(self, index):
        return {
            "allocated": 2**20,
            "reserved": 2**21,
            "peak_allocated": 3 * 2**20,
            "peak_reserved": 2**22,
        }

    def limit_memory(self, index, fraction):
        self.asked.append(("limit", index, fraction))

    def release_memory(self, index):
        self.asked.append(("release", index))


@pytest.fixture
def fake(monkeypatch):
    """A device type 'cuda' of two toy devices."""
    no_plugin(monkeypatch)
    spec = DeviceSpec(
        "cuda",
        f"{__name__}:Fake",
        contract=1,
        count=f"{__name__}:two",
        runtime=f"{__name__}:Recorded",
    )
    module = type(sys)(__name__)
    module.Fake, module.two, module.Recorded = ToyBackend, lambda: 2, Recorded
    monkeypatch.setitem(sys.modules, __name__, module)
    monkeypatch.setitem(plugins().devices, "cuda", spec)
    monkeypatch.setitem(plugins().sources, "cuda", "this test")
    monkeypatch.setattr(facula.backends.registry, "_backends", {})
    return runtime_of("cuda")


# ---- without a device: as PyTorch answers


def test_answers_without_a_device(without):
    cuda = facula.cuda
    assert (cuda.is_available(), cuda.device_count(), cuda.is_initialized()) == (False, 0, False)
    assert not cuda.is_bf16_supported()
    assert cuda.memory_allocated() == cuda.max_memory_allocated() == cuda.memory_reserved() == 0
    assert (
        cuda.memory_stats() == {} and cuda.get_arch_list() == [] and cuda.get_rng_state_all() == []
    )
    assert cuda.empty_cache() is None and cuda.reset_peak_memory_stats() is None
    before = facula.random.get_rng_state()
    cuda.manual_seed(3), cuda.manual_seed_all(3), cuda.seed()
    assert facula.equal(facula.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: facula.cuda.current_device(),
        lambda: facula.cuda.init(),
        lambda: facula.cuda.synchronize(),
        lambda: facula.cuda.Stream(),
        lambda: facula.cuda.Event(),
        lambda: facula.cuda.current_stream(),
        lambda: facula.cuda.mem_get_info(),
        lambda: facula.cuda.get_device_name(0),
        lambda: facula.cuda.set_device(0),
        lambda: facula.cuda.device(0),
        lambda: facula.ones(1, device="cuda"),
        lambda: facula.ones(1).cuda(),
    ],
)
def test_what_needs_a_device_says_what_to_install(without, ask):
    with pytest.raises(
        RuntimeError, match=r"no plug-in provides device 'cuda.*pip install facula\[cuda\]"
    ):
        ask()


def test_a_negative_device_changes_nothing(without):
    facula.cuda.set_device(-1)
    with facula.cuda.device(-1):
        pass


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        facula.cuda.nonsense  # noqa: B018


def test_out_of_memory_error_is_the_one_of_facula():
    assert facula.cuda.OutOfMemoryError is facula.OutOfMemoryError


def test_import_loads_no_driver():
    code = "import facula, sys; facula.cuda.is_available; assert not {'cupy', 'facula_cupy.backend'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- over a device


def test_the_current_device_is_what_cuda_means(fake):
    assert facula.ones(1, device="cuda").device == facula.device("cuda:0")
    with facula.cuda.device(1):
        assert facula.cuda.current_device() == 1
        assert facula.ones(1, device="cuda").device == facula.device("cuda:1")
        with facula.cuda.device(facula.device("cuda:0")):
            assert facula.cuda.current_device() == 0
        assert facula.cuda.current_device() == 1
    assert facula.ones(1, device="cuda").device == facula.device("cuda:0")
    facula.cuda.set_device("cuda:1")
    assert facula.ones(1, device="cuda").device == facula.device("cuda:1")
    t = facula.ones(1, device="cuda:0")
    with facula.cuda.device_of(t):
        assert facula.cuda.current_device() == 0
    with facula.cuda.device_of(facula.ones(1)):
        assert facula.cuda.current_device() == 1


def test_a_device_that_is_not_there(fake):
    for ask in (facula.cuda.set_device, facula.cuda.get_device_name, facula.cuda.Stream):
        with pytest.raises(RuntimeError, match="invalid device ordinal 2: there are 2"):
            ask(2)
    with pytest.raises(ValueError, match="expected a cuda device, got 'cpu'"):
        facula.cuda.synchronize("cpu")


def test_properties(fake):
    assert facula.cuda.get_device_name(1) == "number 1"
    assert facula.cuda.get_device_capability() == (7, 5)
    assert facula.cuda.get_device_properties("cuda:1").total_memory == 100
    assert facula.cuda.get_arch_list() == ["sm_75"]
    assert facula.cuda.is_bf16_supported() and not facula.cuda.is_bf16_supported(False)


def test_memory(fake):
    assert facula.cuda.mem_get_info() == (40, 100)
    assert facula.cuda.memory_allocated("cuda:1") == 2**20
    assert facula.cuda.max_memory_reserved() == 2**22
    assert facula.cuda.memory_stats()["allocated_bytes.all.peak"] == 3 * 2**20
    assert "allocated" in facula.cuda.memory_summary() and "3.0" in facula.cuda.memory_summary()
    facula.cuda.set_per_process_memory_fraction(0.5, 1)
    facula.cuda.empty_cache()
    facula.cuda.synchronize(1)
    assert fake.asked == [("limit", 1, 0.5), ("release", 0), ("release", 1), ("synchronize", 1)]
    with pytest.raises(ValueError, match="Allowed range"):
        facula.cuda.set_per_process_memory_fraction(1.5)
    with pytest.raises(TypeError, match="fraction"):
        facula.cuda.set_per_process_memory_fraction(1)


def test_streams_and_events_of_a_device_that_has_none(fake):
    """The default runtime runs one thing after another: everything has happened already."""
    start, end = (facula.cuda.Event(enable_timing=True) for _ in range(2))
    assert end.query()
    with pytest.raises(RuntimeError, match="enable_timing"):
        start.elapsed_time(end)
    stream = facula.cuda.Stream(1)
    assert stream.device == facula.device("cuda:1") and stream.query()
    with facula.cuda.stream(stream):
        assert facula.cuda.current_device() == 1
    assert facula.cuda.current_device() == 0
    start.record()
    stream.wait_event(start)
    stream.wait_stream(facula.cuda.default_stream())
    end.record(stream)
    end.synchronize()
    assert start.elapsed_time(end) >= 0
    assert facula.cuda.current_stream() == facula.cuda.default_stream()
    with facula.cuda.stream(None):
        pass
    with pytest.raises(RuntimeError, match="other processes"):
        facula.cuda.Event(interprocess=True)


def test_random_numbers_have_one_generator(fake):
    facula.cuda.manual_seed(5)
    assert facula.cuda.initial_seed() == facula.initial_seed() == 5
    state = facula.cuda.get_rng_state_all()
    assert len(state) == 2
    first = facula.rand(3)
    facula.cuda.set_rng_state_all(state)
    assert facula.equal(facula.rand(3), first)


def test_a_runtime_that_is_none(fake, monkeypatch):
    monkeypatch.setattr(runtime, "_runtimes", {})
    monkeypatch.setattr(sys.modules[__name__], "Recorded", dict)
    with pytest.raises(RuntimeError, match=r"made a dict, not a facula.backends.DeviceRuntime"):
        facula.cuda.current_device()


def test_an_error_may_bring_its_own_remedy(fake, monkeypatch):
    def driver_missing():
        error = RuntimeError("no driver")
        error.remedy = "install a driver"
        raise error

    monkeypatch.setattr(sys.modules[__name__], "two", driver_missing)
    assert facula.cuda.device_count() == 0 and not facula.cuda.is_available()
    with pytest.raises(RuntimeError, match=r"no driver\. Remedy: install a driver"):
        facula.ones(1, device="cuda")
