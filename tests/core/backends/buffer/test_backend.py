"""The adapter for raw devices: views, writes, copies, broadcasting, empty arrays, no silent host access."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.backends.buffer import BufferArray, BufferBackend
from facula.backends.buffer.elementwise import collapse

toy = backend_for("toy")


def array(*shape):
    return np.arange(float(np.prod(shape, dtype=int))).reshape(shape)


VIEWS = [
    ("slice", (1, 3, 4, 1)), ("slice", (1, 0, 4, 3)), ("slice", (0, 2, 2, 1)), ("select", (1, 2)), ("permute", ((2, 0, 1),)),
    ("view", ((6, 5, 2),)), ("view", ((-1,),)), ("expand", ((2, 3, 4, 5),)), ("diagonal", (1, 0, 2)), ("unfold", (1, 2, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), VIEWS, ids=[f"{n}{o}" for n, o in VIEWS])
def test_views_equal_numpys_and_share_memory(name, options):
    host = backend_for("cpu")
    values = array(3, 4, 5)
    if name == "view":
        options = ((60,) if options[0] == (-1,) else options[0],)
    x = toy.asarray(values)
    mine, theirs = getattr(toy, name)(x, *options), getattr(host, name)(values, *options)
    assert (mine.shape, mine.strides) == (theirs.shape, host.strides(theirs)) or mine.size == 0
    assert mine.buffer is x.buffer
    np.testing.assert_array_equal(toy.to_numpy(mine), theirs)
    twice, theirs = toy.slice(mine, 0, 0, mine.shape[0], 2), theirs[::2]
    np.testing.assert_array_equal(toy.to_numpy(twice), theirs)


def test_write_to_a_view():
    values = array(3, 4)
    x = toy.asarray(values)
    toy.write(toy.select(toy.permute(x, (1, 0)), 0, 2), toy.asarray(np.array([7, 8, 9])))
    values[:, 2] = [7, 8, 9]
    np.testing.assert_array_equal(toy.to_numpy(x), values)
    toy.write(toy.slice(x, 0, 1, 3, 1), toy.asarray(np.array(5.0)))
    values[1:] = 5
    np.testing.assert_array_equal(toy.to_numpy(x), values)


def test_write_that_overlaps():
    x = toy.asarray(array(6))
    toy.write(toy.slice(x, 0, 1, 6, 1), toy.slice(x, 0, 0, 5, 1))
    assert toy.to_numpy(x).tolist() == [0, 0, 1, 2, 3, 4]


def test_copy_is_contiguous():
    x = toy.permute(toy.asarray(array(2, 3)), (1, 0))
    copy = toy.copy(x)
    assert not x.is_contiguous
    assert copy.is_contiguous
    assert copy.buffer is not x.buffer


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), (0, 0)])
def test_empty_arrays(shape):
    x = toy.asarray(np.empty(shape))
    assert toy.to_numpy(x + 1.0).shape == shape
    assert toy.to_numpy(toy.copy(x)).shape == shape
    assert toy.to_numpy(toy.sum(x, None)).item() == 0
    toy.write(x, x)
    with pytest.raises(IndexError, match="without identity over an empty dimension"):
        toy.amax(x, None)


def test_broadcasting_with_scalars_and_0d():
    a, b = array(3, 1), array(4)
    got = 2.0 * toy.asarray(a) - toy.asarray(b) / toy.asarray(np.array(4.0))
    np.testing.assert_array_equal(toy.to_numpy(got), 2.0 * a - b / 4)


def test_kernels_are_compiled_once():
    class Counting(type(toy)):
        compiled = 0

        def compile(self, kernel):
            Counting.compiled += 1
            return super().compile(kernel)

    xp = Counting(facula.device("toy"))
    xp.add = backend_for(
        "toy"
    ).kernel  # binding is the registry's work; ask for the kernel ourselves
    xp.bind(facula.ops.OPS["slice"])
    add = xp.kernel(facula.ops.OPS["add"])
    x = xp.asarray(array(3))
    for value in (1.0, 2.0, 3.0):
        add(x, value)
    assert Counting.compiled == 1


def test_loops_are_collapsed():
    x = toy.asarray(array(2, 3, 4))
    assert collapse(x.shape, [x.strides, (0, 0, 0)]) == ((24,), [(1,), (0,)])
    y = toy.permute(x, (0, 2, 1))
    assert collapse(y.shape, [y.strides]) == ((2, 4, 3), [(12, 1, 4)])
    assert collapse((1, 1), [(1, 1)]) == ((), [()])


def test_layouts_are_worked_out_once():
    """The same operands' shapes take one plan, whatever offsets and scalars are."""
    planned = []

    class Counting(type(toy)):
        def plan(self, *arguments):
            planned.append(arguments)
            return super().plan(*arguments)

    xp = Counting(facula.device("toy"))
    xp.bind(facula.ops.OPS["slice"])
    add = xp.kernel(facula.ops.OPS["add"])
    x = xp.asarray(array(4, 3))
    for start in (0, 1, 2):
        row = xp.slice(x, 0, start, start + 2, 1)
        np.testing.assert_array_equal(
            xp.to_numpy(add(row, row)), 2 * array(4, 3)[start : start + 2]
        )
        np.testing.assert_array_equal(
            xp.to_numpy(add(row, 1.5 * start)), array(4, 3)[start : start + 2] + 1.5 * start
        )
    assert len(planned) == 2  # array and array, array and number


def test_data_cannot_be_reached_silently():
    x = facula.tensor([1.0, 2.0], device="toy")
    raw = x._array
    for read in (
        np.asarray,
        np.array,
        lambda a: np.add(a, 1),
        memoryview,
        bytes,
        float,
    ):
        with pytest.raises((TypeError, ValueError)):
            read(raw)
    for read in (np.asarray, memoryview, bytes, list, len):
        with pytest.raises(TypeError):
            read(raw.buffer)
    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\)"):
        x.numpy()
    assert x.cpu().numpy().tolist() == [1, 2]


def test_one_element_is_read_when_asked_for():
    assert int(toy.asarray(np.array([3.7]))) == 3
    assert float(toy.asarray(np.array(3.5))) == 3.5
    assert toy.asarray(np.array(1))
    with pytest.raises(ValueError, match="size 1"):
        float(toy.asarray(array(2)))


def test_memory_around_a_view_is_known():
    x = toy.slice(toy.asarray(array(10)), 0, 2, 8, 3)
    assert (toy.offset(x), toy.room(x)) == (2, 8)
    back = facula.tensor([0.0, 1.0, 2.0, 3.0], device="toy")[2:].as_strided((2, 2), (1, 1), 0)
    assert back.tolist() == [[0, 1], [1, 2]]


def test_a_device_must_supply_its_functions():
    class Half(BufferBackend):
        def alloc(self, nbytes):
            return bytearray(nbytes)

    with pytest.raises(
        TypeError, match="Half has no copy_in, copy_out, compile; a raw device supplies alloc"
    ):
        Half(facula.device("half")).check()

    class Whole(Half):
        def __init__(self, device):
            super().__init__(device)
            self.copy_in = self.copy_out = self.compile = print

    Whole(facula.device("whole")).check()


def test_a_copy_that_comes_back_short_is_said(monkeypatch):
    x = toy.asarray(array(3))
    monkeypatch.setattr(toy, "copy_out", lambda buffer: b"abc")
    with pytest.raises(RuntimeError, match="device 'toy': copy_out gave 3 bytes of a buffer of 24"):
        toy.to_numpy(x)


def test_an_array_is_shown_without_its_values():
    assert repr(toy.asarray(array(2, 3))) == "BufferArray((2, 3), float64, device='toy')"
    assert isinstance(toy.asarray(array(2)), BufferArray)
