"""What nests a program is made of: few, with barriers only where threads must meet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph.codegen.elements import FLOAT32
from facula.graph.compiler import compiler as c_compiler
from facula.graph.compiler.fuse import cost_of, count
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Apply, Load, MapNest, ReduceNest, Store
from facula.graph.compiler.plan import arena
from facula.graph.runtime import unit

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """All programs that are compiled during a test."""
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    made = []
    original = c_compiler.Making.__init__

    def noted(self, *arguments):
        original(self, *arguments)
        made.append(self)

    monkeypatch.setattr(c_compiler.Making, "__init__", noted)
    return made


def trained(model, optimizer, x, steps=3):
    @facula.compile(backend="c")
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return [step(x) for _ in range(steps)]


def test_an_adam_step_is_one_map_for_each_parameter_and_written_in_place(programs):
    model = nn.Linear(70, 40)
    trained(model, optim.Adam(model.parameters(), amsgrad=False), facula.randn(8, 70))
    program = programs[-1]
    for size in (2800, 40):
        (update,) = [n for n in program.nests if isinstance(n, MapNest) and count(n.shape) == size]
        assert len(update.stores) == 3
    numbers = [n for n in program.nests if isinstance(n, MapNest) and not n.shape]
    assert len(numbers) == 2  # the steps' numbers before all else, the loss's
    fresh = [x for x in program.artifact.outputs if not x.is_update]
    assert len(fresh) == 3  # the loss and two gradients


def test_parts_that_values_share_are_met_once():
    """As a tree it would have four million."""
    load = value = Load(Memory(4), FLOAT32, 0, ())
    for _ in range(22):
        value = Apply("a * b", FLOAT32, ("a", "b"), (value, value), FLOAT32)
    assert list(value.loads()) == [load] and len(value.nodes()) == 23 and cost_of(value) == 22


def test_temporaries_share_memory_where_threads_meet_anyway():
    """Of four sums, threads meet between the second and the third."""
    memories = [Memory(4 * n) for n in (8, 8, 8, 8, 8)]

    def sums(source, target):  # reads all, element by element of another order
        load = Load(source, FLOAT32, 0, (0, 1))
        return ReduceNest((8,), (8,), load, Store(target, FLOAT32, 0, (1,), None), "a + b", None, FLOAT32)  # fmt: skip

    nests = [sums(a, b) for a, b in pairwise(memories)]
    everywhere, _ = arena(nests, set())
    assert everywhere[memories[0]] == everywhere[memories[2]]
    offsets, _ = arena(nests, set(), [False, False, True, False])
    assert len({offsets[m] for m in memories[:3]}) == 3  # all of one phase
    assert offsets[memories[4]] in (offsets[memories[0]], offsets[memories[1]])


def test_a_map_writes_over_what_it_reads_as_the_last():
    a, b, c, d = (Memory(32) for _ in range(4))

    def doubled(source, target, strides=(1,)):
        value = Load(source, FLOAT32, 0, strides)
        return MapNest((8,), [Store(target, FLOAT32, 0, (1,), value)])

    offsets, size = arena([doubled(a, b), doubled(b, c), doubled(c, d, (-1,))], {a, d})
    assert offsets[b] == offsets[c]
    assert size == 64
    offsets, _ = arena([doubled(a, b), doubled(b, c, (0,)), doubled(c, d)], {a, d})
    assert offsets[b] != offsets[c]


@pytest.mark.parametrize("size", [1, 2, 7, 10, 31, 32, 33, 40])
def test_reductions_of_a_few_elements(size):
    x = facula.randn(50, size)
    x[3, 0], x[4, 0] = float("nan"), float("-inf")
    both = facula.compile(lambda x: (x.exp().sum(1), x.amax(1), x.amin(1), x.prod(1)), backend="c")
    for got, expected in zip(both(x), (x.exp().sum(1), x.amax(1), x.amin(1), x.prod(1))):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), 2e-6, 1e-6)


def test_a_row_is_picked_once_and_copied_in_the_order_of_memory(programs):
    table, words = facula.randn(50, 300), facula.randint(-50, 50, (70,))
    rows = facula.compile(lambda words: table[words] * 2.0, backend="c")
    np.testing.assert_array_equal(rows(words).numpy(), table.numpy()[words.numpy()] * 2)
    (nest,) = (n for n in programs[-1].nests if isinstance(n, MapNest) and n.shape[-1] == 300)
    assert nest.stores[0].strides == (300, 1)
    text = programs[-1].artifact.source
    before, _, within = text[text.index("NEST") :].partition('GCC ivdep")\n    for (i64 i1')
    assert "picked(" in before
    assert "picked(" not in within


@pytest.mark.parametrize(
    "made, stored",
    [
        (lambda x, row: x @ x.T + row, False),  # a product's bias
        (lambda x, row: (x @ x.T).T * row.unsqueeze(1), False),  # across memory
        (lambda x, row: (row * 2).unsqueeze(1).expand(20, 20) * 3, True),  # a wrong index is told
        (lambda x, row: row + facula.arange(20), True),
    ],
)
def test_what_a_cheap_map_made_is_picked_of_its_parts(programs, made, stored):
    x, row, labels = facula.randn(20, 20), facula.randn(20), facula.randint(0, 20, (20, 3))

    def picked(x, row, labels):
        whole = made(x, row).expand(20, 20)
        return whole.gather(1, labels), whole[labels[:, 0]], whole.exp().sum(1)

    compiled = facula.compile(picked, backend="c")
    for got, expected in zip(compiled(x, row, labels), picked(x, row, labels)):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), 2e-6, 1e-6)
    maps = [n for n in programs[-1].nests if isinstance(n, MapNest)]
    assert len(maps) == 3 + stored
    with pytest.raises(IndexError):
        compiled(x, row, labels + 20)
