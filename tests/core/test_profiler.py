"""The profiler: what it notes, that it changes nothing, and the files and tables it makes."""

import gzip
import itertools
import json
import sys
import threading

import numpy as np
import pytest

import facula
from facula import nn
from facula.backends import DeviceSpec, registry
from facula.backends.discovery import plugins
from facula.backends.toy import ToyBackend
from facula.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

F = nn.functional


class Queue(ToyBackend):
    """A toy device that tells its kernels' times itself, on a clock of its own, and lacks `erf`."""

    def __init__(self, device):
        super().__init__(device)
        self.now = 5_000_000

    def kernel(self, op):
        return None if op.name == "erf" else super().kernel(op)

    def launch(self, kernel, *arguments):
        super().launch(kernel, *arguments)
        if self.profile is not None:
            self.profile.kernel(f"queued {type(kernel).__name__}", self.now)
            self.now += 1000

    def kernel_times(self, handles):
        return [(start, start + 200, start + 700) for start in handles]


@pytest.fixture
def queue(monkeypatch):
    module = type(sys)(__name__)
    module.Queue = Queue
    monkeypatch.setitem(sys.modules, __name__, module)
    monkeypatch.setitem(plugins().devices, "queue", DeviceSpec("queue", f"{__name__}:Queue", 1))
    monkeypatch.setitem(plugins().sources, "queue", "this test")
    yield "queue"
    for device in [d for d in registry._backends if d.type == "queue"]:
        del registry._backends[device]


def names(prof):
    return [e.name for e in prof.events()]


def only(prof, name):
    (found,) = [e for e in prof.events() if e.name == name]
    return found


# ---- a real training step


def network():
    facula.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(36, 10)
    )  # fmt: skip


def train(device, steps, optimizer=facula.optim.AdamW, compiled=False):
    """Losses and parameters of a few steps."""
    model = network().to(device)
    optimizer = optimizer(model.parameters(), lr=0.01)
    x = facula.rand(4, 1, 8, 8, device=device)
    y = facula.randint(10, (4,), device=device)

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = facula.compile(step) if compiled else step
    losses = [run().item() for _ in range(steps)]
    return losses, [p.tolist() for p in (*model.parameters(), *model.buffers())]


@pytest.mark.parametrize("device", ["cpu", "toy"])
@pytest.mark.parametrize("compiled", [False, True])
def test_results_are_the_same_to_the_bit(device, compiled):
    plain = train(device, 3, compiled=compiled)
    with profile(record_shapes=True, profile_memory=True, with_stack=True) as prof:
        watched = train(device, 3, compiled=compiled)
    assert watched == plain
    assert len(prof.events()) > 50


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_optimizers_do_the_same(kind):
    optimizer = getattr(facula.optim, kind)
    plain = train("cpu", 2, optimizer)
    with profile():
        assert train("cpu", 2, optimizer) == plain


def under(mode):
    x = facula.linspace(0.1, 2.0, 8).reshape(2, 4).requires_grad_()
    with mode:
        y = F.layer_norm(x @ x.T, (2,)).softmax(-1)
        z = (y * 2).clone()
        z[0] = 1.0
        z.mul_(3.0)
    z.float().sum().backward()
    return z.tolist(), x.grad.tolist()


@pytest.mark.parametrize(
    "mode",
    [lambda: facula.autocast("cpu", facula.bfloat16), lambda: facula.enable_grad(), lambda: facula.autograd.set_detect_anomaly(True)],
)  # fmt: skip
def test_other_modes_do_the_same_beneath_and_above(mode):
    plain = under(mode())
    with profile():
        assert under(mode()) == plain
    with mode(), profile():
        assert under(facula.enable_grad()) == plain


def test_a_training_step_is_seen_in_full():
    model, x, y = network(), facula.rand(4, 1, 8, 8), facula.randint(10, (4,))
    optimizer = facula.optim.AdamW(model.parameters())
    with profile() as prof:
        with record_function("forward"):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    assert [e.name for e in prof.events() if e.cpu_parent is None][:2] == ["forward", "backward"]
    found = {e.key: e for e in prof.key_averages()}
    assert {
        "conv2d",
        "relu",
        "linear",
        "ConvolutionBackward0",
        "LinearBackward0",
        "adam_updates",
    } <= set(found)
    assert found["adam_updates"].count == 1  # for all parameters
    forward = found["forward"]
    assert forward.is_user_annotation and forward.cpu_time_total > forward.self_cpu_time_total > 0
    assert only(prof, "ConvolutionBackward0").cpu_parent.name == "backward"
    assert (
        only(prof, "ConvolutionBackward0").sequence_nr == only(prof, "convolution").sequence_nr > 0
    )


def test_times_add_up():
    with profile() as prof:
        x = facula.ones(20, 20, requires_grad=True)
        (x @ x).relu().sum().backward()
    events = prof.events()
    roots = [e for e in events if e.cpu_parent is None]
    total = sum(e.self_cpu_time_total for e in events)
    assert total == pytest.approx(sum(e.cpu_time_total for e in roots))
    assert prof.key_averages().self_cpu_time_total == pytest.approx(total)
    for e in events:
        assert e.self_cpu_time_total >= 0 and e.time_range.elapsed_us() == pytest.approx(
            e.cpu_time_total
        )
        for child in e.cpu_children:
            assert e.start <= child.start <= child.end <= e.end


def test_nested_blocks_of_one_name_count_their_time_once():
    with profile() as prof, record_function("a"), record_function("a"):
        facula.ones(3)
    (a,) = [e for e in prof.key_averages() if e.key == "a"]
    outer = prof.events()[0]
    assert a.count == 2 and a.cpu_time_total == pytest.approx(outer.cpu_time_total)


# ---- shapes, memory, stacks


def test_shapes_keep_averages_apart():
    x, y = facula.ones(2, 3), facula.ones(3, 4)
    with profile(record_shapes=True) as prof:
        x @ y
        y @ facula.ones(4, 1)
        facula.cat([x, x])
    assert only(prof, "join").input_shapes[0] == [[2, 3], [2, 3]]
    grouped = [e for e in prof.key_averages(group_by_input_shape=True) if e.key == "matmul"]
    assert sorted(e.input_shapes for e in grouped) == [[[2, 3], [3, 4]], [[3, 4], [4, 1]]]
    assert [e.count for e in prof.key_averages() if e.key == "matmul"] == [2]


@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_memory_of_operations(device):
    x = facula.ones(100, device=device)
    with profile(profile_memory=True) as prof:
        y = x * 2.0
        with record_function("more"):
            z = y + x
            del y
    kind = "self_cpu_memory_usage" if device == "cpu" else "self_device_memory_usage"
    assert getattr(only(prof, "mul"), kind) == getattr(only(prof, "add"), kind) == 400
    assert getattr(only(prof, "more"), kind) == -400
    assert getattr(only(prof, "more"), kind.removeprefix("self_")) == 0
    del z  # after the end: nothing is counted any more
    assert prof._recording.totals[device] == 400


def test_views_take_no_memory():
    x = facula.ones(4, 4)
    with profile(profile_memory=True) as prof:
        kept = x.t()[1:], x.reshape(-1)
    assert prof.events() and prof._recording.totals == {} and len(kept) == 2


def test_stacks_lead_to_the_line(tmp_path):
    def inner():
        return facula.ones(3).exp()

    with profile(with_stack=True) as prof:
        for _ in range(300):
            inner()
    stack = prof.events()[1].stack
    assert "test_profiler.py" in stack[0] and stack[0].endswith(": inner")
    assert stack[1].endswith(": test_stacks_lead_to_the_line")
    one = [e for e in prof.key_averages(group_by_stack_n=1) if e.key == "exp"]
    assert len(one) == 1 and one[0].stack == stack[:1]
    assert "inner" in prof.key_averages(group_by_stack_n=1).table()
    path = tmp_path / "stacks.txt"
    prof.export_stacks(path)
    lines = path.read_text().splitlines()
    assert any(";exp " in line and line.split()[-1].isdigit() for line in lines)
    with pytest.raises(ValueError, match="metric"):
        prof.export_stacks(path, "no_metric")


def test_stacks_must_have_been_asked_for(tmp_path):
    with profile() as prof:
        facula.ones(1)
    with pytest.raises(RuntimeError, match="with_stack"):
        prof.export_stacks(tmp_path / "stacks.txt")


# ---- devices


def test_kernels_of_a_raw_device_are_the_ops_device_times():
    x = facula.ones(50, device="toy")
    with profile() as prof:
        (x * 2.0).sum()
    mul = only(prof, "mul")
    assert [k.name for k in mul.kernels] == ["map a * b float32"]
    assert 0 < mul.self_device_time_total <= mul.cpu_time_total
    averages = {e.key: e for e in prof.key_averages()}
    assert averages["map a * b float32"].self_device_time_total == pytest.approx(
        mul.device_time_total
    )
    assert "Self TOY" in prof.key_averages().table()
    assert "launch" not in vars(registry.backend_for("toy"))  # nothing is left behind
    assert registry.backend_for("toy").profile is None


def test_a_device_may_tell_the_times_of_its_kernels(queue):
    x = facula.ones(5, device=queue)
    with profile() as prof:
        x * 2.0
    mul = only(prof, "mul")
    (kernel,) = mul.kernels
    assert (kernel.name, kernel.device, kernel.duration) == ("queued Map", "queue", 0.5)
    # it was queued while the op ran, on the host's clock
    assert mul.start <= kernel.start - 200 <= mul.end


def test_kernels_keep_the_order_and_distance_that_their_device_tells(queue):
    x = facula.ones(5, device=queue)
    with profile() as prof:
        for _ in range(3):
            x * 2.0
    starts = [k.start for k in prof._recording.kernels]
    assert [b - a for a, b in itertools.pairwise(starts)] == [1000, 1000]


def test_a_kernel_that_is_put_off_counts_for_its_op(queue):
    backend = registry.backend_for(queue)
    with profile() as prof:
        with record_function("wants"):
            at = backend.profile.now()
        with record_function("runs"):
            backend.profile.kernel("late", 0, at)
    assert [k.name for k in only(prof, "wants").kernels] == ["late"]
    assert not only(prof, "runs").kernels


def test_a_device_that_is_loaded_meanwhile_is_heard(queue):
    with profile() as prof:
        facula.ones(5, device=queue)
    assert any(k.device == "queue" for k in prof._recording.kernels)
    assert registry.backend_for(queue).profile is None


def test_copies_are_counted_with_their_bytes():
    x = facula.ones(10)
    with profile() as prof:
        with record_function("there"):
            y = x.to("toy")
        z = y.cpu()
        y.sum().item()
    assert prof.copies == {"HtoD toy": (1, 40), "DtoH toy": (2, 44)}
    there = only(prof, "there")
    assert (there.copies, there.copied_bytes) == (1, 40) and z.tolist() == x.tolist()
    text = prof.key_averages().table()
    assert "Copies: 1 HtoD toy (40 B), 2 DtoH toy (44 B)" in text


def test_functions_that_are_attributes_of_a_backend_are_put_back(monkeypatch):
    backend = registry.backend_for("toy")
    given = []
    plain = backend.alloc
    monkeypatch.setattr(backend, "alloc", lambda nbytes: given.append(nbytes) or plain(nbytes))
    own = backend.alloc
    with profile():
        facula.ones(2, device="toy")
    assert backend.alloc is own
    count = len(given)
    facula.ones(2, device="toy")
    assert len(given) > count


def test_what_runs_on_the_host_is_counted(queue):
    x = facula.ones(4, device=queue)
    with profile() as prof:
        with pytest.warns(UserWarning, match="runs on the host"):
            y = x.erf()
        x.erf()
    assert prof.host_fallbacks == {"erf on queue": 2}
    assert [e.host_fallbacks for e in prof.events() if e.name == "erf"] == [1, 1]
    assert {kind: n for kind, (n, _) in prof.copies.items()} == {"DtoH queue": 2, "HtoD queue": 2}
    assert "Run on the host for want of a kernel: erf on queue (2)" in prof.key_averages().table()
    np.testing.assert_allclose(y.cpu(), 0.8427008, rtol=1e-6)


# ---- compiled functions


def test_a_compiled_function_is_one_event_with_its_parts():
    @facula.compile
    def half(x):
        return (x * 0.5).exp() + 1.0

    x = facula.ones(3)
    with profile() as first:
        a = half(x)
    with profile() as second:
        b = half(x)
    for prof in (first, second):
        event = only(prof, "compiled half")
        assert [c.name for c in event.cpu_children] == ["mul", "exp", "add"]
    assert half.captures == 1 and a.tolist() == b.tolist() == half(x).tolist()


def test_gradients_through_a_compiled_function():
    f = facula.compile(lambda x: (x * x).sum())
    x = facula.ones(3, requires_grad=True)
    with profile() as prof:
        f(x).backward()
    assert x.grad.tolist() == [2.0] * 3
    assert {"mul", "sum", "backward", "CompiledBackward0"} <= set(names(prof))


# ---- blocks, exceptions, threads


def test_record_function_is_a_decorator_and_nests():
    @record_function("outer")
    def outer(n):
        """Says."""
        with record_function("inner"):
            return facula.ones(n)

    assert outer(1).tolist() == [1.0] and outer.__doc__ == "Says."  # without a profiler
    with profile() as prof:
        outer(2)
        outer(3)
    assert names(prof) == ["outer", "inner", "ones"] * 2
    with pytest.raises(TypeError, match="takes a name"):
        record_function(3)


def test_exceptions_end_what_they_leave():
    x = facula.ones(2, 3)
    with profile() as prof:
        for _ in range(2):
            with pytest.raises(RuntimeError), record_function("bad"):
                x @ x
        x + x
    assert names(prof) == ["bad", "matmul"] * 2 + ["add"]
    assert all(e.end >= e.start for e in prof.events())
    with pytest.raises(ZeroDivisionError), profile() as prof, record_function("block"):
        1 / 0  # noqa: B018
    assert names(prof) == ["block"]
    assert facula.autograd.mode.state.mode is True


def test_a_block_may_outlive_its_profile():
    prof = profile()
    prof.start()
    block = record_function("long")
    block.__enter__()
    prof.stop()
    block.__exit__(None, None, None)
    assert names(prof) == ["long"]


def test_one_profiler_a_thread():
    with profile() as prof:
        with pytest.raises(RuntimeError, match="under way"), profile():
            pass
        facula.ones(1)
    assert names(prof) == ["ones"]


def test_threads_have_profiles_of_their_own():
    begin, found = threading.Barrier(3), {}

    def work(name, is_watched):
        begin.wait()
        if not is_watched:
            facula.ones(3, device="toy").exp()
            return
        with profile() as prof:
            for _ in range(20):
                with record_function(name):
                    facula.ones(3, device="toy").exp()
        found[name] = prof

    threads = [
        threading.Thread(target=work, args=a) for a in (("a", True), ("b", True), ("c", False))
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(found) == {"a", "b"}
    for name, prof in found.items():
        assert names(prof) == [name, "ones", "exp"] * 20
        assert len({e.thread for e in prof.events()}) == 1
    assert registry.backend_for("toy").profile is None


class Watched(facula.utils.data.Dataset):
    """Samples that say whether a profiler was at work where they were made."""

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return facula.tensor(facula.autograd.mode.state.mode is not True)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_processes_forked_meanwhile_are_not_profiled():
    with profile():
        batches = list(facula.utils.data.DataLoader(Watched(), num_workers=1))
        assert facula.autograd.mode.state.mode is not True
    assert [b.item() for b in batches] == [False, False]


def test_grad_mode_is_as_it_was():
    with profile() as prof:
        with facula.no_grad():
            assert not (facula.ones(1, requires_grad=True) * 2).requires_grad
        assert facula.is_grad_enabled()
    assert names(prof) == ["ones", "mul"]


# ---- schedules


def test_a_schedule():
    action = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    letters = {a: a.name[0] if a.name != "RECORD_AND_SAVE" else "S" for a in ProfilerAction}
    assert "".join(letters[action(i)] for i in range(11)) == "NNWRSNWRSNN"
    endless = schedule(wait=0, warmup=0, active=1)
    assert endless(0) == endless(99) == ProfilerAction.RECORD_AND_SAVE
    soon = schedule(wait=2, warmup=0, active=1, skip_first_wait=1)
    assert [letters[soon(i)] for i in range(4)] == ["S", "N", "N", "S"]


@pytest.mark.parametrize("wrong", [{"wait": -1}, {"active": 0}, {"repeat": -1}, {"skip_first": -2}])
def test_wrong_schedules(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        schedule(**({"wait": 1, "warmup": 1, "active": 1} | wrong))


def test_steps_are_recorded_by_the_schedule(tmp_path):
    rounds = []
    handler = tensorboard_trace_handler(str(tmp_path / "logs"), "worker")

    def ready(prof):
        rounds.append(names(prof))
        handler(prof)

    with profile(
        schedule=schedule(wait=1, warmup=1, active=2, repeat=2), on_trace_ready=ready
    ) as prof:
        for _ in range(9):
            facula.ones(2)
            prof.step()
    first = ["ProfilerStep#2", "ones", "ProfilerStep#3", "ones"]
    assert rounds == [first, [n.replace("2", "6").replace("3", "7") for n in first]]
    assert len(list((tmp_path / "logs").glob("worker.*.pt.trace.json"))) == 2
    assert prof.step_num == 9


def test_a_profile_cut_short_is_kept():
    rounds = []
    with profile(
        schedule=schedule(wait=0, warmup=0, active=5),
        on_trace_ready=lambda p: rounds.append(names(p)),
    ):
        facula.ones(2)
    assert rounds == [["ProfilerStep#0", "ones"]]


def test_events_may_be_kept_over_rounds():
    with profile(schedule=schedule(wait=0, warmup=0, active=1), acc_events=True) as prof:
        for _ in range(2):
            facula.ones(2)
            prof.step()
    assert [n for n in names(prof) if n == "ones"] == ["ones", "ones"]


def test_collection_can_be_halted():
    with profile() as prof:
        facula.ones(1)
        prof.toggle_collection_dynamic(False)
        facula.zeros(1)
        prof.toggle_collection_dynamic(True)
        facula.ones(1)
    assert names(prof) == ["ones", "ones"]


def test_nothing_profiled_says_so():
    with pytest.raises(RuntimeError, match="nothing was profiled"):
        profile().key_averages()
    with profile() as prof:
        pass
    assert prof.key_averages().table() == "" and list(prof.events()) == []


# ---- tables and traces


def profiled():
    with profile(
        record_shapes=True, profile_memory=True, with_stack=True, activities=[ProfilerActivity.CPU]
    ) as prof:
        x = facula.ones(30, 30, device="toy", requires_grad=True)
        with record_function("step"):
            ((x @ x).relu().cpu() * 2).sum().backward()
    return prof


def test_the_table_has_pytorchs_columns():
    text = (
        profiled()
        .key_averages(group_by_input_shape=True)
        .table(sort_by="self_cpu_time_total", row_limit=5)
    )
    lines = text.splitlines()
    titles = [t for t in lines[1].split("  ") if t]
    assert [t.strip() for t in titles] == [
        "Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "Self TOY", "Self TOY %", "TOY total",
        "TOY time avg", "CPU Mem", "Self CPU Mem", "TOY Mem", "Self TOY Mem", "# of Calls", "Copies", "Copied",
        "Input Shapes",
    ]  # fmt: skip
    assert lines[0] == lines[2] == lines[8] and set(lines[0]) == {"-", " "}
    assert len({len(line) for line in lines[:9]}) == 1
    assert lines[9].startswith("Self CPU time total: ") and lines[10].startswith(
        "Self TOY time total: "
    )


@pytest.mark.parametrize(
    "key", ["self_cpu_time_total", "cpu_time", "count", "self_cuda_time_total", "cpu_memory_usage"]
)
def test_tables_are_sorted(key):
    averages = profiled().key_averages()
    rows = averages.table(sort_by=key).splitlines()[3:-4]
    order = sorted(averages, key=lambda e: getattr(e, key.replace("cuda", "device")), reverse=True)
    assert [row.strip().split("  ")[0] for row in rows] == [e.key for e in order]


def test_options_of_tables():
    events = profiled().events()
    for options, message in (
        ({"sort_by": "nonsense"}, "no column"),
        ({"time_unit": "h"}, "us, ms, s"),
    ):
        with pytest.raises(ValueError, match=message):
            events.table(**options)
    text = events.table(row_limit=2, header="HEAD", time_unit="ms", top_level_events_only=True)
    assert (
        text.startswith("HEAD\n") and "matmul" not in text and "ms" in text and "us  " not in text
    )
    assert len(events.table(row_limit=-1).splitlines()) >= len(events)


def check_trace(document):
    """The rules of the format: what each phase must have, and that slices of one thread nest."""
    lanes, flows = {}, {}
    for e in document["traceEvents"]:
        assert (
            isinstance(e["pid"], int) and isinstance(e["tid"], int) and isinstance(e["name"], str)
        )
        assert isinstance(e["ts"], (int, float)) and e["ph"] in "XMisf"
        if e["ph"] == "X":
            assert e["dur"] >= 0
            lanes.setdefault((e["pid"], e["tid"]), []).append((e["ts"], -e["dur"], e["name"]))
        if e["ph"] in "sf":
            flows.setdefault((e["cat"], e["id"]), {})[e["ph"]] = e
        if e["ph"] == "i":
            assert e["s"] in "tpg"
    for slices in lanes.values():
        ends = []
        for start, minus_duration, name in sorted(slices):
            while ends and ends[-1] <= start + 1e-6:
                ends.pop()
            end = start - minus_duration
            assert not ends or end <= ends[-1] + 1e-6, name
            ends.append(end)
    for pair in flows.values():
        assert (
            set(pair) == {"s", "f"}
            and pair["f"]["bp"] == "e"
            and pair["s"]["ts"] <= pair["f"]["ts"]
        )
        for e in pair.values():
            slices = lanes[e["pid"], e["tid"]]
            assert any(s <= e["ts"] <= s - d for s, d, _ in slices)
    return lanes, flows


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_a_trace_keeps_the_rules_of_its_format(name, tmp_path):
    prof, path = profiled(), tmp_path / name
    prof.export_chrome_trace(path)
    with gzip.open(path, "rt") if name.endswith("gz") else open(path) as file:
        document = json.load(file)
    lanes, flows = check_trace(document)
    assert len(lanes) == 2 and {kind for kind, _ in flows} == {"fwdbwd", "ac2g"}
    events = {e["name"]: e for e in document["traceEvents"] if e["ph"] == "X"}
    assert events["step"]["cat"] == "user_annotation" and events["matmul"]["cat"] == "cpu_op"
    assert (
        events["matmul float32"]["cat"] == "kernel"
        and events["Memcpy DtoH toy"]["cat"] == "gpu_memcpy"
    )
    assert events["matmul"]["args"]["Input Dims"] == [[30, 30], [30, 30]]
    assert "test_profiler.py" in events["matmul"]["args"]["Call stack"]
    memory = [e["args"] for e in document["traceEvents"] if e["name"] == "[memory]"]
    assert sum(m["Bytes"] for m in memory if m["Device"] == "toy") == [m for m in memory if m["Device"] == "toy"][-1]["Total Allocated"]  # fmt: skip
    labels = {e["args"].get("labels") for e in document["traceEvents"] if e["ph"] == "M"}
    assert {"CPU", "toy"} <= labels


def test_a_trace_of_kernels_that_run_later(queue, tmp_path):
    with profile() as prof:
        facula.ones(3, device=queue).exp()
    prof.export_chrome_trace(tmp_path / "trace.json")
    check_trace(json.loads((tmp_path / "trace.json").read_text()))


def test_older_names():
    assert facula.autograd.profiler.record_function is record_function
    with facula.autograd.profiler.profile(use_cuda=False, record_shapes=True) as prof:
        facula.ones(2).exp()
    assert {e.key for e in prof.key_averages()} == {"ones", "exp"}
    assert "exp" in prof.table(sort_by="cpu_time_total") and prof.total_average().count == 2
    assert prof.self_cpu_time_total > 0 and len(prof.function_events) == 2
    with facula.autograd.profiler.profile(enabled=False) as off:
        facula.ones(2)
    assert str(off) == ""
    assert ProfilerActivity.CUDA in supported_activities()


def test_nothing_of_it_is_loaded_without_it():
    import subprocess

    code = "import facula, sys; facula.ones(2, requires_grad=True).exp().sum().backward(); print('facula.profiler' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
