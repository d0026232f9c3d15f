"""`with_flops`: floating-point operations, counted from shapes."""

from __future__ import annotations

import pytest

import facula
from facula import nn
from facula.profiler import profile

F = nn.functional


def rand(*shape, grad=False):
    return facula.rand(*shape, requires_grad=grad)


def counted(run):
    """What each event that is counted has, by name."""
    with profile(with_flops=True) as prof:
        run()
    return [(e.name, e.flops) for e in prof.events() if e.flops]


def filters(channels_in, channels_out, *kernel):
    return rand(channels_out, channels_in, *kernel)


CASES = {
    "matmul": (lambda: rand(3, 4) @ rand(4, 5), 2 * 3 * 4 * 5),
    "a vector on the left": (lambda: rand(4) @ rand(4, 5), 2 * 4 * 5),
    "a vector on the right": (lambda: rand(3, 4) @ rand(4), 2 * 3 * 4),
    "matrices that are broadcast": (lambda: rand(7, 1, 3, 4) @ rand(2, 4, 5), 7 * 2 * 2 * 3 * 4 * 5),
    "mm": (lambda: rand(3, 4).mm(rand(4, 5)), 120),
    "bmm": (lambda: rand(2, 3, 4).bmm(rand(2, 4, 5)), 240),
    "mv": (lambda: rand(3, 4).mv(rand(4)), 24),
    "dot": (lambda: rand(6).dot(rand(6)), 12),
    "inner": (lambda: facula.inner(rand(2, 6), rand(3, 6)), 2 * 2 * 3 * 6),
    "addmm": (lambda: facula.addmm(rand(5), rand(3, 4), rand(4, 5)), 120),
    "addmv": (lambda: facula.addmv(rand(3), rand(3, 4), rand(4)), 24),
    "baddbmm": (lambda: facula.baddbmm(rand(2, 3, 5), rand(2, 3, 4), rand(2, 4, 5)), 240),
    "addbmm": (lambda: facula.addbmm(rand(3, 5), rand(2, 3, 4), rand(2, 4, 5)), 240),
    "tensordot": (lambda: facula.tensordot(rand(2, 3, 4), rand(3, 4, 5), 2), 2 * 2 * 12 * 5),
    "einsum": (lambda: facula.einsum("bij,bjk->bik", rand(2, 3, 4), rand(2, 4, 5)), 240),
    "linear": (lambda: F.linear(rand(7, 4), rand(5, 4), rand(5)), 2 * 7 * 4 * 5),
    "conv1d": (lambda: F.conv1d(rand(1, 3, 9), filters(3, 4, 2)), 2 * 4 * 8 * 3 * 2),
    "conv2d": (lambda: F.conv2d(rand(2, 3, 8, 8), filters(3, 8, 3, 3), padding=1), 2 * 2 * 8 * 64 * 27),
    "conv2d in groups": (lambda: F.conv2d(rand(1, 4, 5, 5), filters(2, 4, 3, 3), groups=2), 2 * 4 * 9 * 18),
    "conv2d with steps": (lambda: F.conv2d(rand(1, 1, 7, 7), filters(1, 1, 3, 3), stride=2), 2 * 9 * 9),
    "conv3d": (lambda: F.conv3d(rand(1, 1, 3, 3, 3), filters(1, 2, 2, 2, 2)), 2 * 2 * 8 * 8),
    "conv_transpose2d": (lambda: F.conv_transpose2d(rand(1, 3, 9, 9), rand(3, 4, 2, 2)), 2 * 3 * 81 * 16),
    "add": (lambda: rand(3, 4) + rand(3, 4), 12),
    "add, broadcast": (lambda: rand(3, 1) + rand(4), 12),
    "mul by a number": (lambda: rand(3, 4) * 2, 12),
    "no elements": (lambda: rand(0, 4) @ rand(4, 5), 0),
    "attention": (lambda: F.scaled_dot_product_attention(rand(1, 2, 4, 8), rand(1, 2, 5, 8), rand(1, 2, 5, 6)), 2 * 2 * 4 * 5 * 14),
    "exp": (lambda: rand(3).exp(), 0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_counts(case):
    run, expected = CASES[case]
    assert sum(n for _, n in counted(run)) == expected


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers(layer, gates):
    with facula.no_grad():
        found = counted(lambda: layer(4, 5)(rand(3, 2, 4)))
    assert sum(n for name, n in found if name.endswith("_layer")) == 2 * 3 * 2 * gates * 5 * (4 + 5)


@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_gradients_count_for_each_factor_that_wants_one(device):
    def run(*wanted):
        x, w = (facula.rand(3, 3, device=device, requires_grad=g) for g in wanted)
        (x @ w).sum().backward()

    once = 2 * 27
    assert counted(lambda: run(True, True)) == [("matmul", once), ("MatmulBackward0", 2 * once)]
    assert counted(lambda: run(True, False)) == [("matmul", once), ("MatmulBackward0", once)]
    assert counted(lambda: run(False, True)) == [("matmul", once), ("MatmulBackward0", once)]


def test_sums_have_gradients_for_nothing_and_products_do_not():
    def run():
        x, y = rand(6, grad=True), rand(6, grad=True)
        (x * y + x).sum().backward()

    assert counted(run) == [("mul", 6), ("add", 6), ("MulBackward0", 12)]


def test_what_is_counted_within_an_event_is_not_counted_again():
    x = rand(2, 3, 4, grad=True)
    with profile(with_flops=True) as prof:
        facula.linalg.multi_dot([x[0], rand(4, 5), rand(5, 2)])
        loss = (x @ rand(4, 5)).sum()
        facula.autograd.grad(loss, x, create_graph=True)
    inner = [e for e in prof.events() if e.flops]
    for e in inner:
        assert not any(c.flops for child in e.cpu_children for c in child.walk())
    assert sum(e.flops for e in inner) == 2 * 4 * 5 * 2 + 2 * 3 * 4 * 2 + 2 * (2 * 2 * 3 * 4 * 5)


def test_the_table_and_the_trace_show_them(tmp_path):
    import json

    with profile(with_flops=True) as prof:
        rand(100, 100) @ rand(100, 100)
        rand(3).exp()
    lines = prof.key_averages().table(sort_by="flops").splitlines()
    assert lines[1].endswith("Total MFLOPs")
    assert lines[3].split()[0] == "matmul" and lines[3].endswith(" 2.000")
    assert all(line.endswith("--") for line in lines[4:6])
    assert prof.key_averages().total_average().flops == 2_000_000
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["args"]["Flops"] for e in events if e["name"] == "matmul"] == [2_000_000]


def test_they_are_counted_where_they_are_asked_for():
    with profile() as prof:
        rand(3, 4) @ rand(4, 5)
    assert prof.key_averages().total_average().flops == 0
    assert "FLOPs" not in prof.key_averages().table()
    with facula.autograd.profiler.profile(with_flops=True) as older:
        rand(3, 4) @ rand(4, 5)
    assert older.total_average().flops == 120


@pytest.mark.parity
def test_counts_are_pytorchs():
    """For the operations that PyTorch counts, on operands of one shape where they are elementwise."""
    import torch
    from torch.profiler import profile as torch_profile

    def run(f):
        a, b, bias = (f.ones(*s, requires_grad=True) for s in ((3, 4), (4, 5), (5,)))
        image, weight = f.ones(2, 4, 8, 8), f.ones(6, 2, 3, 3)
        f.nn.functional.conv2d(image, weight, stride=2, padding=1, groups=2)
        f.bmm(f.ones(2, 3, 4), f.ones(2, 4, 5))
        f.baddbmm(f.ones(2, 3, 5), f.ones(2, 3, 4), f.ones(2, 4, 5))
        c = f.nn.functional.linear(a, b.T, bias)
        d = f.mm(a, b)
        f.addmm(bias, a, b).sum().backward()
        ((c * d + c) * 2).sum().backward()

    with torch_profile(record_shapes=True, with_flops=True) as theirs:
        run(torch)
    with profile(with_flops=True) as ours:
        run(facula)
    expected = sum(e.flops or 0 for e in theirs.events())
    # Where a tensor is used twice PyTorch adds its gradients by an op, and we do within the pass.
    added = sum(e.flops for e in theirs.events() if e.name == "aten::add") - 15
    assert ours.key_averages().total_average().flops == expected - added
