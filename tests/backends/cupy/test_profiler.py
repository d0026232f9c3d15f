"""Times of kernels in profiles: from CUDA events, which the stand-in takes from the host's clock."""

import itertools
import json

import pytest

import facula
from facula import nn
from facula.backends import backend_for
from facula.profiler import profile

devices = [f"cuda:{i}" for i in range(min(facula.cuda.device_count(), 2))]


def kernels(prof):
    return prof._found().kernels


def step(device):
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 3)).to(device)
    optimizer = facula.optim.AdamW(model.parameters(), lr=0.01)
    x, y = facula.rand(5, 6, device=device), facula.arange(5, device=device) % 3

    def run():
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


@pytest.mark.parametrize("device", devices)
def test_kernels_have_times_within_the_profile(device):
    x = facula.rand(200, 200, device=device)
    with profile() as prof:
        (x @ x).exp().sum().item()
    found = prof._found()
    names = [k.name for k in kernels(prof)]
    assert {"cuda matmul", "cuda exp", "cuda sum"} <= set(names)
    assert {k.device for k in kernels(prof)} == {device}
    for k in kernels(prof):
        assert found.start <= k.start <= k.end <= found.end
    starts = [k.start for k in kernels(prof)]
    assert starts == sorted(starts)
    matmul = next(k for k in kernels(prof) if k.name == "cuda matmul")
    assert matmul.duration > 0 and matmul.event.name == "matmul"


@pytest.mark.parametrize("device", devices)
def test_a_training_step_is_timed_and_no_moment_twice(device):
    run = step(device)
    run()
    with profile() as prof:
        run()
    times = sorted((k.start, k.end) for k in kernels(prof))
    for (_, end), (start, _) in itertools.pairwise(times):
        assert end <= start + 2000  # float32 milliseconds
    launched = {k.event.name for k in kernels(prof) if k.event is not None}
    assert {"linear", "LinearBackward0", "adam_update"} <= launched
    rows = {e.key: e for e in prof.key_averages()}
    assert rows["backward"].device_time_total > 0
    assert rows["linear"].device_time_total == rows["linear"].self_device_time_total > 0
    assert "Self CUDA" in prof.key_averages().table(sort_by="self_cuda_time_total")


def test_gradients_that_use_operators_are_timed():
    a = facula.rand(50, 50, device="cuda", requires_grad=True)
    with profile() as prof:
        a.expm1().sum().backward()  # its rule is `g * (out + 1)`
    assert "cuda Expm1Backward0" in [k.name for k in kernels(prof)]


def test_results_are_the_same():
    expected = [step("cuda")() for _ in range(2)]
    with profile():
        assert [step("cuda")() for _ in range(2)] == expected


def test_nothing_is_timed_without_a_profiler():
    timing = backend_for("cuda").timing
    with profile():
        facula.ones(3, device="cuda").exp()
    before = dict(timing._origins)
    facula.ones(3, device="cuda").exp()
    assert timing._origins == before and backend_for("cuda").profile is None


def test_an_exception_in_a_kernel_leaves_the_profile_whole():
    x = facula.ones(2, 3, device="cuda")
    with profile() as prof:
        with pytest.raises(RuntimeError):
            x @ x
        x.exp()
    assert [k.name for k in kernels(prof)] == ["cuda exp"]


def test_work_on_another_stream():
    x = facula.ones(64, device="cuda")
    with profile() as prof, facula.cuda.stream(facula.cuda.Stream()):
        x.exp()
    assert [k.name for k in kernels(prof)] == ["cuda exp"] and kernels(prof)[0].duration >= 0


def test_the_trace_has_a_lane_for_each_gpu(tmp_path):
    with profile() as prof:
        for device in devices:
            facula.ones(3, device=device).exp()
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    lanes = {e["pid"] for e in events if e.get("cat") == "kernel"}
    assert len(lanes) == len(devices)
