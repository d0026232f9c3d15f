"""`with_modules`: the layer in which an operation, or the one that a gradient is of, lies."""

from __future__ import annotations

import json
import threading

import pytest

import facula
from facula import nn
from facula.nn.module import Module, _everywhere
from facula.profiler import profile


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.rest = nn.Linear(4, 4), nn.ModuleList([nn.Linear(4, 4), nn.Tanh()])

    def forward(self, x):
        x = self.first(x).relu()
        for layer in self.rest:
            x = layer(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block())

    def forward(self, x):
        return self.blocks(x).sum()


def places(prof, name):
    return [e.module_hierarchy for e in prof.events() if e.name == name]


def test_operations_and_their_gradients_tell_their_module():
    net = Net()
    x = facula.rand(2, 4)
    with profile(with_modules=True) as prof:
        net(x).backward()
        x.exp()
    linears = [f"Net.blocks.{i}.{part}" for i in (0, 1) for part in ("first", "rest.0")]
    assert places(prof, "linear") == linears
    assert places(prof, "LinearBackward0") == linears[::-1]
    assert places(prof, "relu") == ["Net.blocks.0", "Net.blocks.1"]
    assert places(prof, "TanhBackward0") == ["Net.blocks.1.rest.1", "Net.blocks.0.rest.1"]
    assert places(prof, "sum") == ["Net"]
    assert places(prof, "exp") == [""] and places(prof, "backward") == [""]


def test_a_call_is_an_event_with_its_operations_within():
    net, x = Net(), facula.rand(2, 4)
    with profile(with_modules=True, record_shapes=True) as prof:
        net(x)
    (root,) = prof._found().roots
    assert root.name == "nn.Module: Net" and root.input_shapes == [[2, 4]]
    children = [e.name for e in root.cpu_children]
    assert children == ["nn.Module: Net.blocks", "sum"]
    rows = {e.key: e.count for e in prof.key_averages()}
    assert rows["nn.Module: Net.blocks.1.rest.0"] == 1 and rows["linear"] == 4
    assert root.self_cpu_time_total < root.cpu_time_total


def test_without_it_no_module_is_watched():
    net, x = Net(), facula.rand(2, 4)
    with profile() as prof:
        net(x)
        assert not _everywhere.forward
    assert places(prof, "linear") == [""] * 4
    with profile(with_modules=True):
        net(x)
    net(x)
    assert not _everywhere.forward and not _everywhere.forward_pre and not Module._slow


def test_an_exception_within_a_module_ends_its_event():
    class Wrong(nn.Module):
        def forward(self, x):
            x.exp()
            raise KeyError("wrong")

    net = nn.Sequential(nn.Tanh(), Wrong())
    with profile(with_modules=True) as prof:
        with pytest.raises(KeyError):
            net(facula.ones(2))
        facula.ones(2).log()
    assert places(prof, "exp") == ["Sequential.1"] and places(prof, "log") == [""]
    assert [e.name for e in prof._found().roots] == ["ones", "nn.Module: Sequential", "ones", "log"]


def test_the_exception_of_the_block_itself():
    net = nn.Sequential(nn.Tanh())
    with pytest.raises(KeyError), profile(with_modules=True) as prof:
        net(facula.ones(2))
        raise KeyError
    assert places(prof, "tanh") == ["Sequential.0"]
    assert not _everywhere.forward and not _everywhere.forward_pre


def test_a_module_that_is_no_part_of_the_outermost_has_its_class_alone():
    borrowed = nn.Tanh()

    class Borrows(nn.Module):
        def forward(self, x):
            return borrowed(x)

    with profile(with_modules=True) as prof:
        Borrows()(facula.ones(2))
    assert places(prof, "tanh") == ["Tanh"]


def test_threads_do_not_meet():
    """Two threads call one module at once; only the one that profiles is noted, and its events stay whole."""
    turn = threading.Barrier(2, timeout=20)

    class Meets(nn.Module):
        def forward(self, x):
            turn.wait()
            x = x.tanh()
            turn.wait()
            return x

    net = nn.Sequential(Meets())
    other = threading.Thread(target=net, args=(facula.ones(3),))
    with profile(with_modules=True) as prof:
        other.start()
        net(facula.ones(2)).exp()
        other.join()
    assert places(prof, "tanh") == ["Sequential.0"] and places(prof, "exp") == [""]
    assert sum(e.name.startswith("nn.Module") for e in prof.events()) == 2


def test_a_compiled_function_stays_compiled():
    net = Net()
    run = facula.compile(net.forward)
    x = facula.rand(2, 4)
    expected = run(x).item()
    with profile(with_modules=True) as prof:
        assert run(x).item() == expected
    found = [e.name for e in prof.events()]
    assert found[0] == "compiled forward" and not any(n.startswith("nn.Module") for n in found)
    assert run(x).item() == expected


def test_with_steps_and_halts(tmp_path):
    net, x = Net(), facula.rand(2, 4)
    step = facula.profiler.schedule(wait=1, warmup=1, active=1, repeat=2)
    rounds = []
    with profile(
        with_modules=True,
        schedule=step,
        on_trace_ready=lambda p: rounds.append(places(p, "linear")),
    ) as prof:
        for _ in range(6):
            net(x)
            prof.step()
    assert len(rounds) == 2 and rounds[0] == rounds[1] and len(rounds[0]) == 4


def test_the_trace_shows_them(tmp_path):
    with profile(with_modules=True) as prof:
        Net()(facula.rand(2, 4)).backward()
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    found = {e["name"]: e for e in events if e["ph"] == "X"}
    assert found["nn.Module: Net.blocks.0.first"]["cat"] == "python_function"
    assert found["TanhBackward0"]["args"]["Module Hierarchy"] == "Net.blocks.0.rest.1"
