"""An error in a compiled program leaves inputs as they were, wherever their new values are made and whichever thread fails."""

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.graph.compiler import compiler


def looked_up(table, index, b):
    y = table[index]
    b.add_(1)
    return y.sum()


def of_a_loss(table, index, b):
    loss = F.cross_entropy(table.expand(len(index), -1), index)
    b.mul_(2)
    return loss


def by_what_is_looked_up(table, index, b):
    b.add_(table[index[: len(b)]])


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 8, 4096, 50_000])
@pytest.mark.parametrize("f", [looked_up, of_a_loss, by_what_is_looked_up])
def test_an_error_leaves_inputs_as_they_were(monkeypatch, f, count, threads):
    monkeypatch.setattr(compiler, "is_worth", lambda *_: True)  # all threads take part
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        run = facula.compile(f, backend="c")
        table, index, b = (
            facula.ones(50),
            facula.zeros(50_000, dtype=facula.int64),
            facula.ones(count),
        )
        expected = facula.ones(count)
        for _ in range(2):
            run(table, index, b)
            f(table, index, expected)
        np.testing.assert_array_equal(b.numpy(), expected.numpy())
        index[-1 if f is not by_what_is_looked_up else count - 1] = 99
        for _ in range(3):
            with pytest.raises(IndexError):
                run(table, index, b)
            np.testing.assert_array_equal(b.numpy(), expected.numpy())
        index[:] = 0
        run(table, index, b)
        f(table, index, expected)
        np.testing.assert_array_equal(b.numpy(), expected.numpy())
    finally:
        facula.set_num_threads(before)
