"""Bits of integers and bools."""

from __future__ import annotations

import pytest

import facula


def test_integers_and_bools():
    a = facula.tensor([0b1100, -1])
    assert (a & 0b1010).tolist() == [0b1000, 0b1010]
    assert (a ^ 1).tolist() == [0b1101, -2]
    assert (~facula.tensor([True, False])).tolist() == [False, True]
    assert (a >> 2).tolist() == [3, -1]
    assert (1 | facula.tensor([2])).tolist() == [3]


def test_floating_point_is_refused():
    with pytest.raises(RuntimeError, match="integer or bool"):
        facula.tensor([1.0]) & facula.tensor([1.0])
