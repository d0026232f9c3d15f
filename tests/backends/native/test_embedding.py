"""Rows of tables and their gradient: against NumPy in float64, any integer and element dtype, out of range, threads."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import embedding

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(4)


def kernel(name):
    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    return embedding.WRAPPERS[name](backend, below)


rows, gradient = kernel("table_rows"), kernel("table_gradient")


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8", "?", "c16"])
@pytest.mark.parametrize("numbers", ["i8", "i4", "u1"])
def test_rows_of_any_dtype(dtype, numbers):
    table = random.normal(0, 9, (50, 7)).astype(dtype)
    for shape in ((), (1,), (3000,), (4, 1, 6)):
        at = random.integers(0, 50, shape).astype(numbers)
        got = rows(table, at, -1, False)
        assert got.dtype == table.dtype
        np.testing.assert_array_equal(got, table[at])
    at = np.arange(40).reshape(5, 8).T[::2]
    np.testing.assert_array_equal(rows(table, at, 3, True), table[at])


@pytest.mark.parametrize("padding", [-1, 2])
@pytest.mark.parametrize("by_frequency", [False, True])
@pytest.mark.parametrize(
    ("count", "table", "n"),
    [(700, 2000, 200), (5000, 3, 70), (300, 40, 1), (40, 40, 130), (1, 5, 3), (20_000, 11, 5)],
)
def test_sums_keep_digits(count, table, n, by_frequency, padding):
    g = random.random((count, n), np.float32) + 1
    at = random.integers(0, table, count)
    expected, counts = np.zeros((table, n)), np.bincount(at, minlength=table)
    np.add.at(expected, at, g.astype(np.float64))
    if by_frequency:
        expected /= np.maximum(counts, 1)[:, None]
    if padding >= 0:
        expected[padding] = 0
    got = gradient(g, at, table, padding, by_frequency)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=2e-6)


def test_numbers_and_rows_in_any_layout():
    g = random.normal(size=(6, 5, 4)).astype(np.float32)
    at = random.integers(0, 9, (6, 5))
    for a, i in ((g, at), (g.transpose(1, 0, 2), at.T), (g[::2, ::-1], at[::2, ::-1])):
        expected = np.zeros((9, 4))
        np.add.at(expected, i.reshape(-1), a.reshape(-1, 4).astype(np.float64))
        for numbers in ("i4", "u1"):
            got = gradient(a, i.astype(numbers), 9, -1, False)
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    spread = np.broadcast_to(np.float32(1), (30, 4))
    got = gradient(spread, at, 9, -1, False)
    np.testing.assert_array_equal(got[:, 0], np.bincount(at.reshape(-1), minlength=9))


def test_special_values_stay_in_their_row():
    g = np.ones((200, 3), np.float32)
    g[0, 0], g[1, 1], g[2, 2], g[4, 2] = np.nan, np.inf, np.inf, -np.inf
    got = gradient(g, np.arange(200) % 2, 4, -1, False)
    np.testing.assert_array_equal(
        got, [[np.nan, 100, np.nan], [100, np.inf, 100], [0] * 3, [0] * 3]
    )


def test_the_number_of_threads_changes_no_bit():
    before, found = facula.get_num_threads(), []
    g = random.normal(size=(9000, 33)).astype(np.float32)
    at = np.minimum(random.geometric(0.02, 9000), 299)
    for threads in (1, 2, 5):
        facula.set_num_threads(threads)
        found.append(gradient(g, at, 300, -1, False).tobytes() + rows(g, at, -1, False).tobytes())
    facula.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("bad", [5, -1, 1 << 40])
def test_a_row_that_does_not_exist_is_an_error(bad):
    table = facula.ones(5, 3, requires_grad=True)
    with pytest.raises(IndexError, match=f"{bad} is no row of a table of 5 rows"):
        facula.nn.functional.embedding(facula.tensor([1, bad]), table)


@pytest.mark.parametrize("dtype", [facula.bfloat16, facula.float16], ids=str)
def test_a_table_of_halves_is_not_cast_for_some_of_its_rows(dtype, monkeypatch):
    table = facula.randn(50, 7).to(dtype).requires_grad_()
    at = facula.tensor([[3, 49], [0, 3]])
    monkeypatch.setattr(backend, "cast", None)
    found = facula.nn.functional.embedding(at, table)
    monkeypatch.undo()
    assert found.dtype is dtype and (found == table.detach()[at]).all()
    found.float().sum().backward()
    assert table.grad.dtype is dtype and table.grad[:, 0].float().tolist() == [
        1.0,
        0,
        0,
        2,
        *[0] * 45,
        1,
    ]


def test_what_it_leaves_to_numpy():
    asked = []

    def below(*args):
        asked.append(args)

    table, at = np.ones((5, 4), np.float32), np.array([1, 2])
    run = embedding.WRAPPERS["table_rows"](backend, below)
    run(table.T, at, -1, False)
    run(table, at.astype("u8"), -1, False)
    run(table, at[:0], -1, False)
    run(table[:, :0], at, -1, False)
    back = embedding.WRAPPERS["table_gradient"](backend, below)
    back(table[:2].astype("f8"), at, 5, -1, False)
    back(table[:0], at[:0], 5, -1, False)
    back(table[:2], at + 4, 5, -1, False)
    assert len(asked) == 7
