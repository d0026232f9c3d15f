"""IDX files: round trips, and every kind of damage raises ValueError naming the file."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

import facula
from facula_vision.datasets import read_idx, write_idx

DTYPES = [np.dtype(t) for t in ("u1", "i1", "i2", "i4", "f4", "f8")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some-idx-file"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    array=st.sampled_from(DTYPES).flatmap(
        lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=1, max_dims=8, min_side=0, max_side=4))
    ),
    zipped=st.booleans(),
)
def test_round_trip(path, array, zipped):
    write_idx(path, array)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    back = read_idx(path)
    assert back.dtype == array.dtype and back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    assert back.dtype.isnative and back.flags.writeable


def test_format_is_big_endian(path):
    write_idx(path, np.array([[1, -2]], dtype=np.int16))
    assert path.read_bytes() == bytes.fromhex("00000b02 00000001 00000002 0001 fffe")


def test_byte_order_of_the_array_does_not_matter(path):
    write_idx(path, np.array([1, 2, 3], dtype=">i4"))
    assert read_idx(path).tolist() == [1, 2, 3]


def test_writes_a_tensor(path):
    write_idx(path, facula.arange(6, dtype=facula.int32).reshape(2, 3))
    assert read_idx(path).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("dtype", ["i8", "f2", "c8", "?", "u2"])
def test_writing_an_unknown_dtype(path, dtype):
    with pytest.raises(ValueError, match="IDX has no type for"):
        write_idx(path, np.zeros(3, dtype))


@pytest.mark.parametrize("shape", [(), (1,) * 9])
def test_writing_too_few_or_many_dimensions(path, shape):
    with pytest.raises(ValueError, match="1 to 8 dimensions"):
        write_idx(path, np.zeros(shape, "u1"))


def damaged(path, data, match):
    path.write_bytes(data)
    with pytest.raises(ValueError, match=match) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.fixture
def good(path):
    write_idx(path, np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    return path.read_bytes()


def test_every_truncation(path, good):
    for n in range(len(good)):
        damaged(path, good[:n], "truncated|no IDX file|has .* bytes")


def test_every_truncation_of_a_gzipped_file(path, good):
    packed = gzip.compress(good)
    for n in range(len(packed)):
        damaged(path, packed[:n], "gzip data is damaged|no IDX file")


def test_every_flipped_bit_of_the_header(path, good):
    header = 4 + 4 * 3
    for bit in range(8 * header):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        if (data[2], data[3]) == (0x0B, 3) and data[:2] == b"\0\0":
            damaged(path, bytes(data), "makes")
        else:
            with pytest.raises(ValueError, match=path.name):
                read_idx(path)


def test_flipped_bytes_of_a_gzipped_file_never_pass_unseen(path, good):
    packed = gzip.compress(good, mtime=0)
    for i in range(len(packed)):
        data = bytearray(packed)
        data[i] ^= 0x40
        path.write_bytes(data)
        try:
            back = read_idx(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 (it need not be raised)
        else:  # bits without meaning: gzip's time and system, what fills up the last byte
            np.testing.assert_array_equal(back, np.arange(24).reshape(2, 3, 4))


def test_too_long(path, good):
    damaged(path, good + b"\0", "65 bytes.*makes 64")


@pytest.mark.parametrize(
    "magic", [b"\x89PNG", b"PK\x03\x04", b"\0\0\x0a\x01", b"\0\0\x08\x00", b"\0\0\x08\x09", b""]
)
def test_wrong_magic(path, magic):
    damaged(path, magic + b"\0" * (40 if magic else 0), "no IDX file")


@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 3, (2**31, 2**31), (0, 2**32 - 1, 2**32 - 1, 2**32 - 1)]
)
def test_huge_dimensions(path, shape):
    damaged(path, struct.pack(f">BBBB{len(shape)}I", 0, 0, 0x0E, len(shape), *shape), "shape")


@given(data=st.binary(max_size=64))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_arbitrary_bytes_give_an_array_or_a_value_error(path, data):
    path.write_bytes(data)
    try:
        back = read_idx(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017 (it need not be raised)
    else:
        assert back.nbytes == len(data) - 4 - 4 * back.ndim or data[:2] == b"\x1f\x8b"


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")
