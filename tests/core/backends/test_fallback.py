"""One rule: own kernel, else the body, else (for leaves) the host: said once, counted, forbidden when strict."""

from __future__ import annotations

import warnings

import pytest

import facula
from facula.backends.readiness import readiness
from facula.backends.toy import ToyBackend
from facula.ops._op import OPS


class Poor(ToyBackend):
    """A toy that lacks the leaf `exp`."""

    def kernel(self, op):
        return None if op.name == "exp" else super().kernel(op)


@pytest.fixture
def poor():
    backend = Poor(facula.device("poor"))
    for op in list(OPS.values()):
        backend.bind(op)
    return backend


def test_a_missing_leaf_runs_on_the_host_and_is_counted(poor):
    x = poor.asarray(facula.tensor([0.0, 1.0]).numpy())
    with pytest.warns(
        UserWarning, match="'exp' has no kernel on device 'poor': it runs on the host"
    ):
        out = poor.exp(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        poor.exp(x)
        poor.softmax(x, 0)
    assert out.xp is poor
    assert poor.host_calls == {"exp": 3}


def test_strict_forbids_it(poor, monkeypatch):
    monkeypatch.setenv("FACULA_STRICT", "1")
    with pytest.raises(
        NotImplementedError, match="device 'poor' has no kernel for 'exp', and FACULA_STRICT=1"
    ):
        poor.exp(poor.asarray(facula.tensor([0.0]).numpy()))


def test_a_missing_kernel_of_a_composed_op_is_its_body(poor):
    x = poor.asarray(facula.tensor([-1.0, 1.0]).numpy())
    assert poor.to_numpy(poor.relu(x)).tolist() == [0, 1]
    assert poor.host_calls == {}


def test_providers_are_asked_in_order(poor):
    asked = []

    def provider(name, answer):
        def provide(op, backend):
            def exp(input):
                asked.append(name)
                return answer(backend, input)

            return exp if op.name == "exp" else None

        return provide

    poor.providers = [
        provider("first", lambda xp, x: NotImplemented),
        provider("second", lambda xp, x: xp.neg(x)),
    ]
    poor.bind(OPS["exp"])
    out = poor.exp(poor.asarray(facula.tensor([2.0]).numpy()))
    assert poor.to_numpy(out).tolist() == [-2]
    assert asked == ["first", "second"]
    assert poor.host_calls == {}


def test_a_provider_that_wraps_gets_the_kernel_below(poor):
    below_exp = []

    def provide(op, backend, below):
        if op.name != "exp":
            return below
        below_exp.append(below)
        return lambda input: backend.neg(input)

    provide.wraps = True
    poor.providers = [provide]
    poor.bind(OPS["exp"])
    poor.bind(OPS["sin"])
    assert poor.to_numpy(poor.exp(poor.asarray(facula.tensor([2.0]).numpy()))).tolist() == [-2]
    assert poor.host_calls == {} and callable(below_exp[0])
    assert poor.adds(provide, OPS["exp"]) and not poor.adds(provide, OPS["sin"])


def test_inplace_kernels_of_a_provider_are_asked_first(poor):
    poor.inplace_kernels = {"add_": lambda target, other: "below", "mul_": lambda t, o: "mul"}
    poor.add_inplace({"add_": lambda t, other: NotImplemented if other == 1 else "first"})
    assert poor.inplace_kernels["add_"](0, 1) == "below"
    assert poor.inplace_kernels["add_"](0, 2) == "first"
    assert poor.inplace_kernels["mul_"](0, 2) == "mul"


def test_readiness():
    toy = readiness("toy")
    assert toy.missing == []
    assert "exp" in toy.leaves
    assert "softmax" in toy.bodies
    assert {"bfloat16", "complex128", "bool"} <= set(toy.dtypes)
    assert "device 'toy'" in str(toy)
    every = set(toy.leaves) | set(toy.own) | set(toy.host) | set(toy.bodies)
    assert every == set(OPS)


def test_report_prints_it(capsys):
    facula.backends.report("cpu")
    assert capsys.readouterr().out.startswith("device 'cpu'\n")
