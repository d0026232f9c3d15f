"""`index_copy_` writes its slices alone, and refuses what `index_copy` refuses."""

import pytest

import facula


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_equals_the_pure_form(dim, dtype):
    x = (facula.arange(12).reshape(3, 4) % 5).to(getattr(facula, dtype))
    index = facula.tensor([2, 0])
    source = x.index_select(dim, facula.tensor([1, 1]))
    expected = x.index_copy(dim, index, source)
    view, memory = x.t(), x.data_ptr()
    x.index_copy_(dim, index, source)
    assert (x == expected).all() and x.data_ptr() == memory and x._version == 1
    assert (view == expected.t()).all()


@pytest.mark.parametrize("dim", [0, 1])
def test_one_row_also_from_the_same_memory(dim):
    x = facula.arange(9.0).reshape(3, 3)
    index, source = facula.tensor([1]), x.t()[:1] if dim == 0 else x.t()[:, :1]
    expected = x.index_copy(dim, index, source)
    assert (x.index_copy_(dim, index, source) == expected).all()


def test_a_source_in_the_same_memory_is_read_before_it_is_written():
    x = facula.arange(6.0)
    expected = x.index_copy(0, facula.tensor([1, 2, 3, 4, 5]), x[:5])
    assert (x.index_copy_(0, facula.tensor([1, 2, 3, 4, 5]), x[:5]) == expected).all()


@pytest.mark.parametrize("index, source", [([4], 1), ([0], 2)])
def test_wrong_arguments_are_refused_alike(index, source):
    x = facula.zeros(3, 2)
    kinds = []
    for method in (x.index_copy, x.index_copy_):
        with pytest.raises((IndexError, RuntimeError)) as raised:
            method(0, facula.tensor(index), facula.ones(source, 2))
        kinds.append((type(raised.value), str(raised.value).replace("index_copy_", "index_copy")))
    assert kinds[0] == kinds[1] and (x == 0).all()


def test_what_is_on_the_tape_is_recorded():
    x = facula.zeros(3, requires_grad=True)
    y = x * 1.0
    y.index_copy_(0, facula.tensor([1]), facula.ones(1))
    y.sum().backward()
    assert x.grad.tolist() == [1, 0, 1]
