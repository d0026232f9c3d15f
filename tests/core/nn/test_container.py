"""Sequential, lists and dicts of modules and parameters."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import facula
from facula import nn


def layers(n):
    return [nn.Linear(2, i + 1) for i in range(n)]


def sizes(modules):
    return [m.out_features for m in modules]


@pytest.mark.parametrize(
    "make", [lambda ms: nn.Sequential(*ms), nn.ModuleList], ids=["Sequential", "ModuleList"]
)
def test_as_a_list(make):
    c = make(layers(4))
    assert len(c) == 4
    assert sizes(c) == [1, 2, 3, 4]
    assert c[-1].out_features == 4
    assert type(c[1:3]) is type(c)
    assert sizes(c[1:3]) == [2, 3]
    c[0] = nn.Linear(2, 9)
    del c[1]
    assert sizes(c) == [9, 3, 4]
    assert list(c._modules) == ["0", "1", "2"]
    c.insert(1, nn.Linear(2, 7)).append(nn.Linear(2, 8)).extend([nn.Linear(2, 6)])
    assert sizes(c) == [9, 7, 3, 4, 8, 6]
    assert c.pop(1).out_features == 7
    del c[1:3]
    assert sizes(c) == [9, 8, 6]
    assert sizes(c + make([nn.Linear(2, 5)])) == [9, 8, 6, 5]
    c += make([nn.Linear(2, 5)])
    assert sizes(c) == [9, 8, 6, 5]
    with pytest.raises(IndexError, match="index 9 is out of range"):
        c[9]


def test_sequential_with_names():
    c = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), last=nn.ReLU()))
    assert list(c.state_dict()) == ["first.weight", "first.bias"]
    assert c.first is c[0]
    assert c(facula.ones(4, 2)).shape == (4, 3)
    del c[0]
    assert list(c._modules) == ["last"]


def test_sequential_repeated():
    c = nn.Sequential(nn.ReLU()) * 3
    assert len(c) == 3
    c *= 2
    assert len(c) == 6
    with pytest.raises(ValueError, match="Non-positive"):
        c * 0


def test_module_list_folds_equal_layers_in_its_text():
    c = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])
    assert repr(c) == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict():
    d = nn.ModuleDict({"a": nn.Linear(1, 2)})
    d["b"] = nn.ReLU()
    d.update([("c", nn.Tanh())])
    assert list(d) == list(d.keys()) == ["a", "b", "c"]
    assert "b" in d
    assert [type(v).__name__ for v in d.values()] == ["Linear", "ReLU", "Tanh"]
    assert d.pop("b").__class__ is nn.ReLU
    del d["a"]
    assert [k for k, _ in d.items()] == ["c"]
    d.clear()
    assert len(d) == 0
    with pytest.raises(ValueError, match="has length 1; 2 is required"):
        d.update([("x",)])


def test_parameter_list():
    c = nn.ParameterList([facula.ones(2, 3), nn.Parameter(facula.zeros(1))])
    c.append(facula.ones(4)).extend([5])
    assert len(c) == 4
    assert isinstance(c[0], nn.Parameter)
    assert c[3] == 5
    assert list(c.state_dict()) == ["0", "1", "2"]
    assert len(c[1:3]) == 2
    c[0] = facula.ones(7)
    assert c[0].shape == (7,)
    assert repr(nn.ParameterList([facula.ones(2, 3), 5])) == (
        "ParameterList(\n    (0): Parameter containing: [facula.float32 of size 2x3]\n    (1): Object of type: int\n)"
    )


def test_parameter_dict():
    d = nn.ParameterDict({"b": facula.ones(2), "a": facula.zeros(1)})
    assert list(d) == ["a", "b"]
    assert isinstance(d["b"], nn.Parameter)
    d.setdefault("c", facula.ones(3))
    assert d.get("x") is None
    assert list((d | nn.ParameterDict({"d": 1})).keys()) == ["a", "b", "c", "d"]
    assert d.popitem()[0] == "c"
    assert list(d.state_dict()) == ["a", "b"]
    with pytest.raises(KeyError):
        d["zzz"]
