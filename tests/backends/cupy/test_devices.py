"""Several GPUs, streams, memory, errors, and kernels that another package adds."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import facula
from facula import nn
from facula.backends import KernelSpec, backend_for, plugins, registry

several = pytest.mark.skipif(facula.cuda.device_count() < 2, reason="this machine has one GPU")
on_host = pytest.mark.skipif(
    os.environ.get("FACULA_TEST_GPU") == "1",
    reason="the stand-in can be told to fail, a GPU cannot",
)
GIB = 1 << 30


@several
class TestSeveral:
    """Work goes to the GPU of its tensors, whichever is current."""

    def test_training_away_from_the_current_device(self):
        losses = {}
        for device in ("cpu", "cuda:1"):
            facula.manual_seed(0)
            model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)).to(
                device
            )
            optimizer = facula.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
            losses[device] = []
            for _ in range(4):
                x = facula.rand(5, 6, device=device)
                loss = nn.functional.cross_entropy(model(x), facula.arange(5, device=device) % 3)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses[device].append(loss.item())
            assert all(
                p.device == p.grad.device == facula.device(device) for p in model.parameters()
            )
        np.testing.assert_allclose(losses["cuda:1"], losses["cpu"], rtol=1e-5)
        assert facula.cuda.current_device() == 0

    def test_second_derivatives(self):
        x = facula.linspace(0.1, 2, 5, device="cuda:1", requires_grad=True)
        (first,) = facula.autograd.grad((x.sin() * x.exp()).sum(), x, create_graph=True)
        (second,) = facula.autograd.grad(first.sum(), x)
        values = np.linspace(0.1, 2, 5)
        np.testing.assert_allclose(
            second.cpu().numpy(), 2 * np.cos(values) * np.exp(values), rtol=1e-5
        )

    def test_compiled_step(self):
        w = facula.ones(4, device="cuda:1", requires_grad=True)
        step = facula.compile(lambda x: ((w * x).exp().sum(),))
        for k in range(3):
            x = facula.full((4,), float(k), device="cuda:1")
            assert step(x)[0].item() == pytest.approx(4 * np.exp(k), rel=1e-6)

    def test_copies_between_them(self):
        x = facula.arange(12.0, device="cuda:0").reshape(3, 4)
        for t in (x, x.T, x[:, 1], x[:0]):
            there = t.to("cuda:1", non_blocking=True)
            assert there.device == facula.device("cuda:1")
            assert np.array_equal(there.cpu().numpy(), t.cpu().numpy())
        y = x.to("cuda:1").requires_grad_()
        (y.to("cuda:0") * x).sum().backward()
        assert y.grad.device == facula.device("cuda:1") and facula.equal(y.grad.cpu(), x.cpu())

    def test_they_do_not_mix(self):
        with pytest.raises(RuntimeError, match=r"different devices|same device"):
            facula.ones(2, device="cuda:0") + facula.ones(2, device="cuda:1")

    def test_the_current_device_is_each_threads_own(self):
        seen = []

        def work(index):
            facula.cuda.set_device(index)
            seen.append((index, facula.zeros(1, device="cuda").device.index))

        threads = [threading.Thread(target=work, args=(i,)) for i in (1, 0, 1)]
        for t in threads:
            t.start()
            t.join()
        assert seen == [(1, 1), (0, 0), (1, 1)] and facula.cuda.current_device() == 0

    def test_memory_is_counted_on_each(self):
        before = facula.cuda.memory_allocated(0)
        held = facula.zeros(1 << 18, device="cuda:1")
        assert facula.cuda.memory_allocated(0) == before
        assert facula.cuda.memory_allocated(1) >= held.numel() * 4


def test_no_such_device():
    number = facula.cuda.device_count()
    with pytest.raises(
        RuntimeError, match=f"device 'cuda:{number}' does not exist: this machine has {number}"
    ):
        facula.ones(1, device=f"cuda:{number}")


def test_description():
    found = facula.cuda.get_device_properties(0)
    assert found.name and found.total_memory > 0 and found.multi_processor_count > 0
    assert facula.cuda.get_device_capability() >= (5, 0)


# ---- streams


def test_work_on_a_further_stream():
    stream, start, end = (
        facula.cuda.Stream(),
        *(facula.cuda.Event(enable_timing=True) for _ in range(2)),
    )
    assert facula.cuda.current_stream() == facula.cuda.default_stream() != stream
    x = facula.ones(1000, device="cuda")
    stream.wait_stream(facula.cuda.current_stream())
    with facula.cuda.stream(stream):
        assert facula.cuda.current_stream() == stream
        start.record()
        y = (x * 2).sum()
        end.record()
    assert facula.cuda.current_stream() == facula.cuda.default_stream()
    facula.cuda.current_stream().wait_stream(stream)
    assert y.item() == 2000
    end.synchronize()
    assert end.query() and start.elapsed_time(end) >= 0
    stream.synchronize()
    assert stream.query()
    with stream as entered:
        assert entered is facula.cuda.current_stream() or entered == facula.cuda.current_stream()


@several
def test_a_stream_of_another_device():
    stream = facula.cuda.Stream("cuda:1")
    with facula.cuda.stream(stream):
        assert facula.cuda.current_device() == 1 and facula.cuda.current_stream() == stream
    assert facula.cuda.current_device() == 0


# ---- memory


def test_pinned_memory_and_copies_that_do_not_wait():
    xp = backend_for("cuda")
    values = np.arange(1000, dtype=np.float32)
    pinned = xp.pin(values)
    assert (
        xp.is_pinned(pinned)
        and xp.is_pinned(pinned[10:].reshape(-1, 2))
        and not xp.is_pinned(values)
    )
    assert np.array_equal(pinned, values)
    x = facula.from_numpy(pinned).to("cuda", non_blocking=True)
    facula.cuda.synchronize()
    assert np.array_equal(x.cpu().numpy(), values)
    assert xp.pin(np.empty((0, 3))).shape == (0, 3)


def test_peak_memory():
    facula.cuda.synchronize()
    facula.cuda.reset_peak_memory_stats()
    before = facula.cuda.memory_allocated()
    x = facula.zeros(1 << 20, device="cuda")
    size = x.numel() * 4
    assert facula.cuda.memory_allocated() >= before + size
    del x
    assert facula.cuda.memory_allocated() < before + size
    assert facula.cuda.max_memory_allocated() >= before + size
    assert facula.cuda.memory_reserved() >= facula.cuda.memory_allocated()
    facula.cuda.reset_peak_memory_stats()
    assert facula.cuda.max_memory_allocated() < before + size
    reserved = facula.cuda.memory_reserved()
    facula.cuda.empty_cache()
    assert facula.cuda.memory_reserved() <= reserved
    free, total = facula.cuda.mem_get_info()
    assert 0 < free <= total


def test_out_of_memory_tells_sizes_and_all_goes_on():
    x = facula.ones(10, device="cuda")
    total = facula.cuda.get_device_properties().total_memory
    facula.cuda.set_per_process_memory_fraction(64 * 2**20 / total)
    try:
        with pytest.raises(
            facula.OutOfMemoryError, match=r"device 'cuda:0' has too little memory.*bytes are free"
        ) as caught:
            x.expand(1 << 26, 10).clone()
        assert str(total) in str(caught.value)
        assert isinstance(caught.value, facula.cuda.OutOfMemoryError)
    finally:
        facula.cuda.set_per_process_memory_fraction(1.0)
    assert (x + 1).sum().item() == 20


# ---- indices


@pytest.mark.parametrize(
    "use",
    [
        lambda x, i: x[i], lambda x, i: x[:, i[:1]], lambda x, i: x.index_select(0, i),
        lambda x, i: x.gather(0, i[:, None]), lambda x, i: x.scatter(0, i[:, None], 1.0),
        lambda x, i: x.index_add(0, i, facula.ones(2, 3, device=x.device)),
        lambda x, i: x.index_put((i,), facula.ones(3, device=x.device)),
        lambda x, i: nn.functional.embedding(i, x),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bad", [7, -8])
def test_an_index_out_of_range_raises_at_the_next_wait(use, bad):
    x = facula.zeros(3, 3, device="cuda")
    i = facula.tensor([bad, 0], device="cuda")
    with pytest.raises(IndexError, match="out of"):
        use(x, i)
        facula.cuda.synchronize()
    facula.cuda.synchronize()  # said once
    assert use(x, facula.tensor([2, 0], device="cuda")).cpu() is not None


def test_launch_blocking_raises_at_once(monkeypatch):
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    with pytest.raises(IndexError, match="index 9 is out of bounds for dimension with size 3"):
        facula.zeros(3, 3, device="cuda")[facula.tensor([9], device="cuda")]


# ---- kernels from elsewhere


def test_a_kernel_provider_for_cuda(monkeypatch):
    """Where a package with cuDNN's convolutions would stand: asked first, and may decline."""
    asked = []

    def provider(op, backend):
        if op.name != "softmax":
            return None

        def softmax(input, dim):
            asked.append((input.dtype.name, backend.device.type))
            return NotImplemented if input.dtype.name == "float64" else input + 1

        return softmax

    module = type(sys)("cudnn_of_a_test")
    module.kernels = provider
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = KernelSpec("cuda", "cudnn_of_a_test:kernels", contract=1, order=10, name="cudnn")
    monkeypatch.setattr(plugins(), "kernels", [*plugins().kernels, (spec, "this test")])
    monkeypatch.setattr(
        registry, "_backends", {k: v for k, v in registry._backends.items() if k.type != "cuda"}
    )
    zeros = [
        facula.zeros(2, dtype=d, device="cuda").softmax(0).cpu()
        for d in (facula.float32, facula.float64)
    ]
    assert zeros[0].tolist() == [1, 1] and zeros[1].tolist() == [0.5, 0.5]
    assert asked == [("float32", "cuda"), ("float64", "cuda")]


def test_a_kernel_of_ones_own_text():
    """`backend.function`: what a kernel provider launches its CUDA C with."""
    xp = backend_for("cuda")
    text = 'extern "C" __global__ void twice(float *x, int n) { int i = threadIdx.x; if (i < n) x[i] *= 2; }'
    x = facula.ones(5, device="cuda")
    xp.function(text, "twice", "Pi")(1, 32, x._array, 4)
    assert x.tolist() == [2, 2, 2, 2, 1]


# ---- nothing runs on the host


@pytest.mark.parametrize("compiled", [False, True])
def test_models_run_on_the_device_alone(monkeypatch, compiled):
    monkeypatch.setenv("FACULA_STRICT", "1")
    before = dict(backend_for("cuda").host_calls)
    facula.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1), nn.Flatten(), nn.Linear(36, 5)
    ).to("cuda")  # fmt: skip
    optimizer = facula.optim.AdamW(model.parameters(), lr=0.01)
    x, y = facula.rand(6, 1, 8, 8, device="cuda"), facula.arange(6, device="cuda") % 5

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = facula.compile(step) if compiled else step
    losses = [run(x, y).item() for _ in range(8)]
    assert losses[-1] < losses[0]
    assert backend_for("cuda").host_calls == before


# ---- without a GPU


@on_host
@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("cupy", r"no NVIDIA driver.*Remedy: install NVIDIA's driver|shows no GPU.*Remedy: see `nvidia-smi`"),
        ("no_such_module", r"the package 'no_such_module' is not installed.*Remedy: pip install facula\[cuda\]"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(module, text):
    code = """
import facula, re, sys
assert not facula.cuda.is_available() and facula.cuda.device_count() == 0
assert facula.cuda.memory_allocated() == 0
for ask in (lambda: facula.ones(1, device="cuda:0"), lambda: facula.ones(1).cuda(), facula.cuda.init, facula.cuda.Stream):
    try:
        ask()
    except RuntimeError as error:
        assert re.search(sys.argv[1], str(error)), error
    else:
        raise AssertionError("nothing was raised")
assert facula.ones(1).device.type == "cpu"
"""
    environment = os.environ | {"FACULA_CUPY_MODULE": module}
    subprocess.run([sys.executable, "-c", code, text], env=environment, check=True)


def test_report():
    from facula.backends.readiness import readiness

    found = readiness("cuda")
    assert not found.missing and found.leaves
