"""Parts that change with the speed of cores: what threads do is the same wherever parts meet, and they meet where threads end at once."""

import ctypes
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph.codegen.elements import FLOAT32
from facula.graph.compiler.compiled import _Share
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Load, MapNest
from facula.graph.compiler.same_bits import has_same_bits
from facula.graph.compiler.schedule import _conflict, _touch
from facula.graph.compiler.shares import GRAINS, Share, bounds_of, cuts, grained
from facula.graph.runtime import gemm_name, shared_library


def places(threads):
    """All ways, or some of very many, in which parts can meet."""
    each = [range(c.low, c.high + 1, 1 if threads == 2 else 3) for c in cuts(threads)]
    return list(itertools.product(*each))


def bytes_of(x, shape, share, cut, thread):
    """The bytes that one thread touches."""
    bounds = share.bounds
    if share.grain:  # each is as far from where it begins as its place is
        bounds = [b + (place - c.first) * share.grain for b, place, c in zip(bounds, cut, cuts(len(cut) - 1))]  # fmt: skip
    indices = [range(n) for n in shape]
    indices[share.dim] = range(bounds[thread], bounds[thread + 1])
    at = [x.offset + sum(i * s for i, s in zip(index, x.strides)) for index in itertools.product(*indices)]  # fmt: skip
    return {4 * a for a in at}


ACCESSES = {
    "rows": ((64, 2), 0, (2, 1), 0, True),
    "rows of twice as many columns": ((64, 4), 0, (4, 1), 0, True),
    "as many in a row": ((128,), 0, (1,), 0, True),
    "further on": ((128,), 8, (1,), 0, True),
    "equal parts": ((64, 2), 0, (2, 1), 0, False),
    "equal parts of few": ((8,), 60, (1,), 0, False),
    "columns": ((2, 64), 0, (64, 1), 1, True),
    "behind": ((64,), 128, (1,), 0, True),
    "two of four columns": ((64, 2), 0, (4, 1), 0, True),
    "apart from these if few rows are the first thread's": ((128,), 49, (1,), 0, True),
    "apart from these if many rows are the first thread's": ((128,), 77, (1,), 0, True),
    "every other": ((64,), 1, (2,), 0, True),
    "rows, not of whole grains": ((100, 2), 0, (2, 1), 0, True),
    "as many as those in a row": ((200,), 0, (1,), 0, True),
    "not of whole grains, in a row": ((210,), 0, (1,), 0, True),
}
#: Of the same elements, which each thread takes alike.
ALIKE = {
    frozenset(("rows", "as many in a row")),
    frozenset(("rows, not of whole grains", "as many as those in a row")),
}


def share_of(shape, dim, threads, changes):
    if not changes:
        return Share(dim, bounds_of(shape[dim], threads))
    found = grained(dim, shape[dim], threads, 2)
    if shape == (200,):  # follows what is made in rows
        (rows,) = grained(0, 100, threads, 2)
        found = rows.of_size(0, 200)
    (share,) = found
    return share


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("first, second", [*itertools.combinations_with_replacement(ACCESSES, 2)])  # fmt: skip
def test_threads_wait_unless_none_touches_what_another_does_wherever_parts_meet(first, second, threads):  # fmt: skip
    memory = Memory(4 * 512)
    found = []
    for shape, offset, strides, dim, changes in (ACCESSES[first], ACCESSES[second]):
        x = Load(memory, FLOAT32, offset, strides)
        share = share_of(shape, dim, threads, changes)
        touch = _touch(x, MapNest(shape, []), share, {memory: (0, 0)}, True)
        found.append((touch, x, shape, share))
    (a, *of_a), (b, *of_b) = found
    meet = any(
        bytes_of(*of_a, cut, t) & bytes_of(*of_b, cut, s)
        for cut in places(threads)[:: 1 if threads == 2 else 5]
        for t, s in itertools.permutations(range(threads), 2)
    )
    if meet:
        assert _conflict(a, b)
    if (first == second and "columns" not in first) or {first, second} in ALIKE:
        assert not _conflict(a, b)  # else nothing would be gained


def test_parts_follow_those_of_another_dimension_where_elements_are_whole_pieces():
    (rows,) = grained(1, 700, 2, 4)
    assert rows == Share(1, (0, 348, 700), 12)
    (all,) = rows.of_size(0, 700 * 200)
    assert all == Share(0, (0, 69600, 140000), 2400)
    assert all.of_size(1, 700) == [rows]
    assert rows.of_size(0, 350) == [Share(0, (0, 174, 350), 6)]
    assert rows.of_size(0, 70) == []  # a grain would be 1.2 of them


@pytest.mark.parametrize("threads", [2, 4, 8])
@pytest.mark.parametrize("step", [1, 4, 16])
def test_parts_that_change_are_never_empty_and_begin_at_multiples_of_a_step(step, threads):
    for size in range(1, 3000, 7):
        for share in grained(0, size, threads, step):
            lowest, highest = share.extremes()
            for low, high in zip(highest, lowest[1:]):
                assert low < high or threads == 1
            for bounds in (lowest, share.bounds, highest) if size % GRAINS else ():
                assert bounds[0] == 0 and bounds[-1] == size and not any(b % step for b in bounds[:-1])  # fmt: skip


@pytest.mark.parametrize("threads", [2, 4])
def test_parts_follow_the_speed_of_threads(threads):
    library = shared_library()
    shares = (_Share * (threads + 1))(*cuts(threads))
    context = ctypes.c_void_p(ctypes.addressof(shares))
    paces = [1000] * (threads - 1) + [1300]

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)
    def program(_, thread):
        shares[thread].spent = paces[thread] * (shares[thread + 1].cut - shares[thread].cut)

    def run(times):
        for _ in range(times):
            library.run_program(program, ctypes.addressof(context), threads)
        return [s.cut for s in shares]

    equal = [c.first for c in cuts(threads)]
    even, paces[:] = paces[:], [1000] * threads
    assert run(20) == equal
    paces[0] = 5000  # for a moment
    run(2)
    paces[0] = 1000
    assert run(20) == equal
    paces[:] = even
    moved = run(100)
    spent = [p * (b - a) for p, a, b in zip(paces, moved, moved[1:])]
    assert max(spent) <= 1.15 * min(spent) < 1.3 * min(spent) and moved[-1] == GRAINS
    paces[-1] = 100_000
    assert run(200) == [0, *(c.high for c in cuts(threads)[1:-1]), GRAINS]


@pytest.mark.parametrize(
    "m, n, depth, threads, expected",
    [(64, 8192, 768, 2, False), (132, 40, 256, 4, False), (320, 40, 256, 8, False), (1024, 64, 64, 2, True)],
)  # fmt: skip
def test_rows_of_which_parts_may_be_few_stay_where_they_are(m, n, depth, threads, expected):
    """Few rows are multiplied in another way: not all sizes of parts can be tried."""
    if gemm_name() == "openblas":
        pytest.skip("every place is tried then, which depends on the kernels that it chose")
    (share,) = grained(0, m, threads, 4)
    element = SimpleNamespace(is_half=False, value="f32")
    a, b = (SimpleNamespace(element=element, strides=s) for s in ((depth, 1), (1, depth)))
    nest = SimpleNamespace(shape=(m, n), depth=depth, a=a, b=b, store=SimpleNamespace(element=element))  # fmt: skip
    assert has_same_bits(nest, 0, share) is expected


@pytest.mark.parametrize("batch, width, classes", [(256, 256, 128), (300, 300, 100)])
def test_numbers_are_the_same_wherever_parts_meet(batch, width, classes):
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(width, 256), nn.LayerNorm(256), nn.GELU(), nn.Linear(256, classes))  # fmt: skip
    optimizer = optim.Adam(model.parameters())
    x, y = facula.randn(batch, width), facula.randint(classes, (batch,))
    expected = nn.functional.cross_entropy(model(x), y).item()
    start = [p.detach().numpy().copy() for p in model.parameters()]

    @facula.compile(backend="c")
    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    before = facula.get_num_threads()
    facula.set_num_threads(2)
    try:
        step(), step()
        code = step.last.code
        assert code.threads == 2 and code.source.count("end = p->shares[thread + 1]") > 4
        assert (batch == 300) == ("end = p->shares[thread + 1].cut * 4 + " in code.source)
        state = [t for s in optimizer.state.values() for t in s.values() if hasattr(t, "copy_")]
        found = []
        for cut in range(code.shares[1].low, code.shares[1].high + 1):
            with facula.no_grad():
                for p, values in zip(model.parameters(), start):
                    p.copy_(facula.tensor(values))
                for t in state:
                    t.zero_()
            code.shares[1].cut = cut
            loss = step()
            found.append([loss.item(), *(p.detach().numpy().copy() for p in model.parameters())])
        assert found[0][0] == pytest.approx(expected, rel=1e-5)
        for other in found[1:]:
            for a, b in zip(found[0], other):
                np.testing.assert_array_equal(a, b)
    finally:
        facula.set_num_threads(before)
