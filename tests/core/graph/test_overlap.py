"""Which arrays have an element in common, found out without a test of each two."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import facula
from facula.graph import overlap
from facula.graph.overlap import Ranges, overlapping, span_of


@pytest.fixture
def tests(monkeypatch):
    """The exact tests of two arrays that are made, as a list that grows."""
    made = []
    exact = np.shares_memory

    def counted(a, b, max_work=None):
        made.append((a, b))
        return exact(a, b, max_work=max_work)

    monkeypatch.setattr(np, "shares_memory", counted)
    overlap._have_common.cache_clear()
    overlap._pairs_at.cache_clear()
    return made


def shared(tensors):
    """The definition: each two."""
    pairs = combinations(range(len(tensors)), 2)
    return tuple((i, j) for i, j in pairs if np.shares_memory(tensors[i]._array, tensors[j]._array))


def numbers(*shape):
    return facula.from_numpy(np.zeros(shape, np.float32))


def as_a_buffer(values):
    """An array whose owner is not the one that the memory was allocated for."""
    return facula.from_numpy(np.frombuffer(memoryview(values), values.dtype))


def over_one_buffer():
    values = np.zeros(8)
    return [facula.from_numpy(values), as_a_buffer(values), as_a_buffer(np.zeros(8))]


LISTS = {
    "columns": lambda: numbers(3, 7, 2).unbind(1),
    "rows": lambda: numbers(7, 3).unbind(0),
    "columns and rows": lambda: [*(x := numbers(4, 5)).unbind(0), *x.unbind(1)],
    "a matrix, its columns and others": lambda: [
        numbers(3), *(x := numbers(4, 5)).unbind(1), numbers(2, 2).mT, x,
    ],
    "ranges that a later one joins": lambda: [(x := numbers(20))[12:15], x[2:5], x[7:9], x[3:14:2]],
    "backwards": lambda: [
        facula.from_numpy((x := np.zeros(12))[::-1][1::3]), facula.from_numpy(x[4::3]), facula.from_numpy(x[11:2:-3]),
    ],
    "without elements": lambda: [(x := numbers(6))[2:2], x, x[3:3], x[5:]],
    "of different types": lambda: [
        facula.from_numpy((x := np.zeros(6, np.int64))[1::2]), facula.from_numpy(x.view(np.int16)[5::4]), facula.from_numpy(x.view(np.int16)[::2]),
    ],
    "twice": lambda: [x := numbers(3, 2).mT, numbers(4), x],
    "over one buffer": over_one_buffer,
    "arrays of their own": lambda: [numbers(2, 3), numbers(2, 3).mT, numbers(4)[1:3], facula.tensor(1.0)],
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_pairs_are_those_with_an_element_in_common(name):
    tensors = LISTS[name]()
    for _ in range(2):  # the second one from what was kept
        assert overlapping(tensors) == shared(tensors)
        assert overlapping(tensors[::-1]) == shared(tensors[::-1])


@pytest.mark.parametrize("seed", range(20))
def test_pairs_of_arrays_at_random(seed):
    """All at once, and one by one as a capture meets them."""
    rng = np.random.default_rng(seed)
    memory = np.zeros(120, np.int16)
    tensors = []
    for _ in range(12):
        start, stop, step = sorted(rng.integers(0, 60, 2)) + [int(rng.integers(1, 7))]
        tensors.append(facula.from_numpy(memory[start : stop + 1 : step][:: rng.choice([-1, 1])]))
    assert overlapping(tensors) == shared(tensors)
    ranges = Ranges()
    found = [(j, i) for i, t in enumerate(tensors) for j in ranges.add(span_of(t._array, t._backend, None), i)]  # fmt: skip
    assert sorted(found) == sorted(shared(tensors))


@pytest.mark.parametrize("n", [8, 32, 64])
def test_columns_take_few_exact_tests_and_later_calls_none(n, tests):
    assert overlapping(numbers(3, n, 2).unbind(1)) == ()
    assert 0 < len(tests) < n
    tests.clear()
    assert overlapping(numbers(3, n, 2).unbind(1)) == ()  # other memory, where they lie the same
    assert not tests


def test_arrays_of_their_own_are_told_by_their_owners(tests, monkeypatch):
    """Also with gaps and in any order of axes: no address is read."""
    monkeypatch.setattr(overlap, "_start", None)
    monkeypatch.setattr(overlap, "_are_apart", None)
    assert overlapping([numbers(3, 4).mT for _ in range(9)] + [numbers(6)[::2]]) == ()
    assert not tests


@pytest.mark.parametrize("n", [50, 100, 200])
def test_a_capture_compares_no_tensors_that_are_apart(n, tests, monkeypatch):
    """Each two of the 3,000 tensors of an optimizer took most of its capture."""
    compared = []
    overlaps = overlap.Span.overlaps
    monkeypatch.setattr(overlap.Span, "overlaps", lambda a, b: compared.append(b) or overlaps(a, b))
    held = [facula.ones(3) for _ in range(n)]
    columns = facula.ones(2, 3).unbind(1)
    out = facula.compile(lambda *c: sum(held) + c[0].sum() + c[1].sum() + c[2].sum())(*columns)
    assert out.tolist() == [n + 6.0] * 3
    assert len(compared) <= 6  # the columns, as arguments and when they are taken in
    assert len(tests) <= 2
