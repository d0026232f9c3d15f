"""Compiled programs with bfloat16: products and convolutions read it as it is, results are those of float64 rounded once."""

import numpy as np

import facula
from facula.graph.compiler.compiler import compile_c
from facula.nn import functional as F

#: Half of the distance between neighbours, relatively: 8 bits of significand.
UNIT = 2.0**-8


def drawn(*shape):
    return facula.randn(*shape, generator=facula.Generator().manual_seed(sum(shape))).bfloat16()


def gradients(function, *given):
    given = [t.detach().requires_grad_() for t in given]
    out = function(*given)
    out.backward(facula.ones_like(out) * 0.5)
    return out, *(t.grad for t in given)


CASES = {
    "linear": (F.linear, (5, 9, 20), (30, 20), (30,)),
    "parts of one array": (lambda x: x[:, 0] @ x[:, 1].transpose(1, 2), (3, 2, 10, 8)),
    "convolution": (lambda *t: F.conv2d(*t, padding=1), (3, 8, 9, 7), (16, 8, 3, 3), (16,)),
}


def compiled(function):
    """The function compiled, and a list that gets its programs."""
    programs = []

    def compiler(graph, backend):
        programs.append(compile_c(graph, backend))
        return programs[-1]

    return facula.compile(function, backend=compiler), programs


def test_results_and_gradients_are_rounded_once(is_native):
    """Half a unit in the last place, and the error of float32's sums, against float64 of the same numbers."""
    given = [[drawn(*s) for s in shapes] for _, *shapes in CASES.values()]

    def all_cases(given):
        return [gradients(case[0], *tensors) for case, tensors in zip(CASES.values(), given)]

    run, programs = compiled(all_cases)
    exact = all_cases([[t.double() for t in tensors] for tensors in given])
    for name, results, expected in zip(CASES, run(given), exact):
        for found, e in zip(results, expected):
            assert found.dtype is facula.bfloat16
            e = e.detach().numpy()
            error = np.abs(found.detach().double().numpy() - e)
            assert (error <= UNIT * np.abs(e) + 1e-5 * np.abs(e).max()).all(), name
    assert ("p->gemm_bf16(" in programs[0].source) is is_native
    assert any(getattr(plan, "halves", ()) for plan in programs[0].plans) is is_native


def test_what_was_written_since_is_not_read():
    """The float32 copy was made before: neither a write to it nor to its source changes what the product reads, or misses it."""

    def step(x, w):
        half, other = x.bfloat16(), x.bfloat16()
        wide, changed = half.float(), other.float()
        half[0] = 5.0
        changed[0] = 3.0
        return wide @ w.bfloat16().float(), changed @ w.bfloat16().float(), half

    x, w = facula.randn(6, 8), facula.randn(8, 4)
    run, _ = compiled(step)
    for found, expected in zip(run(x, w), step(x, w)):
        np.testing.assert_allclose(found.float(), expected.float(), rtol=1e-5, atol=1e-5)


def test_float32_is_not_multiplied_as_bfloat16():
    run, programs = compiled(lambda x: (x @ x.T, x.bfloat16().float() @ x.T))
    run(facula.randn(40, 40))
    assert "p->gemm(" in programs[0].source and "p->gemm_bf16(" not in programs[0].source
