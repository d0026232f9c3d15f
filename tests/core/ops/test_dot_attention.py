"""Attention without a table of weights: in blocks, with every kind of mask, against float64 and finite differences."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.backends import backend_for
from facula.graph.compiler import kept_programs
from facula.ops import OPS, attention, dot_attention

RNG = np.random.default_rng(1)
HIDDEN = RNG.random((33, 29)) < 0.3
HIDDEN[5] = True
HIDDEN[:, 7] = True


def draws(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def reference(g: Any, query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float) -> Any:  # fmt: skip
    """Output, logsumexp and the gradients of query, key, value and mask, with the table of weights."""
    scores = query @ key.swapaxes(-1, -2) * scale
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    empty = np.isneginf(scores.max(-1, keepdims=True))
    exponentials = np.exp(scores - np.where(empty, 0, scores.max(-1, keepdims=True)))
    total = exponentials.sum(-1, keepdims=True)
    weights = exponentials / np.where(empty, 1, total)
    with np.errstate(divide="ignore"):
        logsumexp = np.where(empty, np.inf, scores.max(-1, keepdims=True) + np.log(total))
    by_weights = g @ value.swapaxes(-1, -2)
    to_scores = weights * (by_weights - (weights * by_weights).sum(-1, keepdims=True))
    found = [to_scores @ key * scale, to_scores.swapaxes(-1, -2) @ query * scale]
    found += [weights.swapaxes(-1, -2) @ g, to_scores]
    return weights @ value, logsumexp, *found


def summed(x: Any, shape: tuple[int, ...]) -> Any:
    x = x.sum(tuple(range(x.ndim - len(shape))))
    return x.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


MASKS: dict[str, Any] = {
    "none": None,
    "causal": None,
    "bool": ~HIDDEN,
    "bool of batch": ~HIDDEN & (RNG.random((2, 1, 33, 29)) < 0.8),
    "bool of keys": RNG.random((2, 1, 1, 29)) < 0.7,
    "added": draws(3, 33, 29),
    "added infinities": np.where(HIDDEN, -np.inf, draws(33, 29)),
    "added to keys": draws(29),
}


def operands(shapes: str) -> list[Any]:
    if shapes == "broadcast":
        return [draws(3, 33, 5), draws(3, 29, 5), draws(2, 1, 29, 6)]
    return [draws(2, 3, 33, 5), draws(2, 3, 29, 5), draws(2, 3, 29, 5)]


@pytest.mark.parametrize("shapes", ["equal", "broadcast"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("way", ["body in blocks", "body", "kernel"])
def test_output_and_gradients(way: str, mask: str, shapes: str, monkeypatch: Any) -> None:
    query, key, value = operands(shapes)
    g = draws(2, 3, 33, value.shape[-1])
    xp, given, options = backend_for("cpu"), MASKS[mask], (mask == "causal", 0.7)
    if way == "body in blocks":
        monkeypatch.setattr(dot_attention, "LARGEST_BLOCK", 1)
        monkeypatch.setattr(dot_attention, "FEWEST_LINES", 8)
    ops = [OPS["dot_attention"], OPS["dot_attention_gradient"]]
    forward, backward = (
        getattr(xp, op.name) if way == "kernel" else (lambda *a, op=op: op.body(xp, *a))
        for op in ops
    )
    expected = reference(g, query, key, value, given, *options)
    output, logsumexp = forward(query, key, value, given, *options)
    np.testing.assert_allclose(output, expected[0], 1e-10, 1e-10)
    np.testing.assert_allclose(logsumexp, expected[1], 1e-10, 1e-10)
    needs = (True, True, True, given is not None and given.dtype != bool)
    by = backward(g, None, query, key, value, given, output, logsumexp, *options, needs)
    for got, wanted, x in zip(by, expected[2:], (query, key, value, given)):
        if x is not None and x.dtype != bool:
            np.testing.assert_allclose(summed(got, x.shape), summed(wanted, x.shape), 1e-9, 1e-9)
    only = backward(
        g, None, query, key, value, given, output, logsumexp, *options, (False, True, False, False)
    )
    assert only[0] is only[2] is only[3] is None
    np.testing.assert_allclose(only[1], by[1], 1e-12, 1e-12)


@pytest.fixture(params=["kept", "made anew"])
def weights(request: Any, monkeypatch: Any) -> None:
    """Both ways of `scaled_dot_product_attention`, whatever the size."""
    monkeypatch.setattr(attention, "KEPT_TABLE", 1 << 40 if request.param == "kept" else 0)


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("mask", ["none", "causal", "bool", "added infinities"])
def test_second_gradients(mask: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(dot_attention, "LARGEST_BLOCK", 1)
    monkeypatch.setattr(dot_attention, "FEWEST_LINES", 3)
    inputs = [facula.tensor(draws(2, n, 2), requires_grad=True) for n in (7, 5, 5)]
    given = MASKS[mask]
    given = None if given is None else facula.tensor(given[:7, :5])

    def function(*parts: Any) -> Any:
        return F.scaled_dot_product_attention(*parts, given, is_causal=mask == "causal")

    assert facula.autograd.gradcheck(function, inputs)
    assert facula.autograd.gradgradcheck(function, inputs)


def test_gradient_by_logsumexp() -> None:
    inputs = [facula.tensor(draws(2, n, 2), requires_grad=True) for n in (4, 3, 3)]

    def logsumexp(*parts: Any) -> Any:
        return OPS["dot_attention"].call(*parts, None, False, 0.6)[1]

    assert facula.autograd.gradcheck(logsumexp, inputs)
    assert facula.autograd.gradgradcheck(logsumexp, inputs)


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (0, 0)])
def test_nothing_to_attend(sizes: tuple[int, int]) -> None:
    rows, columns = sizes
    query = facula.ones(2, rows, 3, requires_grad=True)
    key = facula.ones(2, columns, 3, requires_grad=True)
    out = F.scaled_dot_product_attention(query, key, key)
    out.sum().backward()
    assert out.shape == (2, rows, 3) and not out.any()
    assert query.grad.shape == query.shape and not query.grad.any() and not key.grad.any()


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_compute_in_single(name: str) -> None:
    dtype = getattr(facula, name)
    parts = [facula.tensor(draws(2, 40, 8)).to(dtype).requires_grad_() for _ in range(3)]
    single = [x.detach().float().requires_grad_() for x in parts]
    out, expected = (F.scaled_dot_product_attention(*x, is_causal=True) for x in (parts, single))
    assert out.dtype is dtype
    assert facula.equal(out, expected.to(dtype))
    g = facula.tensor(draws(2, 40, 8)).to(dtype)
    out.backward(g), expected.backward(g.float())
    for x, y in zip(parts, single):
        assert x.grad.dtype is dtype and facula.equal(x.grad, y.grad.to(dtype))


@pytest.mark.usefixtures("weights")
def test_infinities_and_nan_come_through() -> None:
    query, value = facula.ones(2, 3), facula.ones(4, 3)
    for bad in (float("nan"), float("inf")):
        key = facula.ones(4, 3)
        key[1] = bad
        assert F.scaled_dot_product_attention(query, key, value).isnan().all()
        seen = facula.tensor([True, False, True, True])
        assert F.scaled_dot_product_attention(query, key, value, seen).tolist() == [[1.0] * 3] * 2


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 3), (4, 5), (4, 5)), "one size of features"),
        (((2, 3), (4, 3), (5, 3)), "one length"),
        (((2, 2, 3), (3, 4, 3), (3, 4, 3)), r"\(2, 2, 3\).*sizes 2 and 3"),
        (((2, 3), (4, 3), (4, 3), (2, 5)), r"attn_mask \(2, 5\)"),
    ],
)
def test_sizes_that_do_not_fit(shapes: Any, words: str) -> None:
    for dropout in (0.0, 0.5):
        with pytest.raises(RuntimeError, match=words):
            F.scaled_dot_product_attention(*[facula.ones(*s) for s in shapes], dropout_p=dropout)


def peak_of(length: int, mask: str, dropout: float = 0.0) -> int:
    """Bytes that Python and NumPy hold at most, forward and backward, beyond the inputs."""
    parts = [facula.randn(1, length, 4, requires_grad=True) for _ in range(3)]
    seen = facula.rand(length) < 0.5 if mask == "keys" else None
    tracemalloc.start()
    try:
        out = F.scaled_dot_product_attention(*parts, seen, dropout, mask == "causal")
        out.sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def small_blocks(monkeypatch: Any) -> None:
    monkeypatch.setattr(attention, "KEPT_TABLE", 0)
    monkeypatch.setattr(dot_attention, "LARGEST_BLOCK", 1)
    monkeypatch.setattr(dot_attention, "FEWEST_LINES", 8)
    monkeypatch.setattr(kept_programs, "ENABLED", False)  # other programs are made with these


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("mask", ["none", "causal", "bool", "added"])
def test_dropout(mask: str) -> None:
    query, key, value = operands("equal")
    given, causal = MASKS[mask], mask == "causal"
    facula.manual_seed(3)
    got = F.scaled_dot_product_attention(
        *map(facula.tensor, (query, key, value)),
        None if given is None else facula.tensor(given),
        0.3,
        causal,
    )
    facula.manual_seed(3)
    blocks = dot_attention.blocks_to_drop((2, 3, 33, 29))
    assert [last - first for first, last in blocks] == [8, 8, 8, 8, 1]
    keep = np.zeros((2, 3, 33, 29))
    for (first, last), random_key in zip(blocks, attention._random_keys((2, 3, 33, 29))):
        seen = min(last, 29) if causal else 29
        drawn = backend_for("cpu").bernoulli_mask(random_key, (2, 3, last - first, seen), 0.7)
        keep[:, :, first:last, :seen] = drawn
    options = query, key, np.eye(29), given, causal, 5**-0.5
    weights = reference(np.zeros((2, 3, 33, 29)), *options)[0]
    np.testing.assert_allclose(got.numpy(), (weights * keep / 0.7) @ value, 1e-10, 1e-12)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("p", [0.4, 1.0])
@pytest.mark.parametrize("mask", ["none", "causal", "bool", "added"])
def test_gradients_of_dropout(mask: str, p: float) -> None:
    inputs = [facula.tensor(draws(2, n, 2), requires_grad=True) for n in (10, 5, 5)]
    if mask == "added":
        inputs.append(facula.tensor(draws(10, 5), requires_grad=True))
    if mask == "bool":
        inputs.append(facula.tensor(MASKS["bool"][:10, :5]))

    def function(*parts: Any) -> Any:
        facula.manual_seed(1)
        return F.scaled_dot_product_attention(*parts, dropout_p=p, is_causal=mask == "causal")

    assert facula.autograd.gradcheck(function, inputs)
    assert facula.autograd.gradgradcheck(function, inputs)


@pytest.mark.usefixtures("small_blocks")
def test_dropout_is_captured() -> None:
    inputs = [facula.randn(2, 10, 2, requires_grad=True) for _ in range(3)]

    def gradients(*parts: Any) -> Any:
        out = F.scaled_dot_product_attention(*parts, dropout_p=0.5)
        return out, *facula.autograd.grad((out * out).sum(), parts)

    compiled = facula.compile(gradients)
    for seed in (0, 0, 1):
        facula.manual_seed(seed)
        expected = gradients(*inputs)
        facula.manual_seed(seed)
        for mine, eager in zip(compiled(*inputs), expected):
            assert facula.equal(mine, eager)


@pytest.mark.usefixtures("small_blocks")
def test_dropout_of_several_heads_with_added_keys() -> None:
    x, weights = facula.randn(9, 2, 8), [facula.randn(24, 8), facula.randn(24)]
    added = [facula.randn(1, 1, 8), facula.randn(1, 1, 8)]
    fixed = facula.randn(4, 20, 4)
    for static in (None, fixed):
        out, none = F.multi_head_attention_forward(
            x, x, x, 8, 2, *weights, *added, True, 0.5, facula.randn(8, 8), None,
            need_weights=False, static_k=static, static_v=static,
        )  # fmt: skip
        assert out.shape == (9, 2, 8) and none is None and not out.isnan().any()


def test_dropout_holds_no_table() -> None:
    """That of 5000 x 5000 float32 takes 100 MB, and dropout would hold several; blocks have 8 MB."""
    assert peak_of(5000, "causal", 0.1) < 60 << 20


@pytest.mark.parametrize("mask", ["none", "causal", "keys"])
def test_the_table_is_not_held(mask: str) -> None:
    """That of 4096 x 4096 float32 takes 64 MB."""
    assert peak_of(4096, mask) < 6 << 20


@pytest.mark.parametrize("mask", ["causal", "keys"])
def test_the_body_holds_no_table_either(mask: str, monkeypatch: Any) -> None:
    """That of 5000 x 5000 float32 takes 100 MB; the body has blocks of 8 MB."""
    xp = backend_for("cpu")
    for name in ("dot_attention", "dot_attention_gradient"):
        body = OPS[name].body
        monkeypatch.setattr(xp, name, lambda *a, body=body: body(xp, *a))
    assert peak_of(5000, mask) < 50 << 20
