"""Calls of the device's own kernels with what NumPy says in float64: for the tests, and under AddressSanitizer.

Run as a program it runs all cases, on kernels that are built with AddressSanitizer where the environment
says so, and prints how many there were.
"""

from __future__ import annotations

import numpy as np
from scipy import special

import facula
from facula.backends import backend_for

#: Rows and their lengths: one element, below and at and above a warp, several passes of a block.
ROWS = ((1, 1), (3, 5), (2, 32), (5, 33), (2, 1000), (3, 4097))
#: Element sizes of 1, 2, 4 and 8 bytes are enough to find an access beyond an array.
SANITIZED = ("float32", "bfloat16", "int64", "bool")
TOLERANCE = {"float32": 3e-6, "float64": 1e-12}
rng = np.random.default_rng(0)


def put(values, dtype):
    return facula.tensor(np.asarray(values, dtype), device="cuda")._array


def softmax_cases(xp, dtype):
    for shape in ROWS:
        x, g = rng.normal(size=shape) * 4, rng.normal(size=shape)
        for logarithm, name in ((False, "softmax"), (True, "log_softmax")):
            log = x - special.logsumexp(x, 1, keepdims=True)
            out = log if logarithm else np.exp(log)
            yield f"{name} {shape}", getattr(xp, name)(put(x, dtype), 1), out
            expected = (
                g - np.exp(out) * g.sum(1, keepdims=True)
                if logarithm
                else out * (g - (g * out).sum(1, keepdims=True))
            )
            found = getattr(xp, f"{name}_gradient")(put(g, dtype), put(out, dtype), 1)
            yield f"{name}_gradient {shape}", found, expected


def norm_cases(xp, dtype):
    for shape in ROWS:
        x, g, w, b = (rng.normal(size=s) for s in (shape, shape, shape[1:], shape[1:]))
        mean, var = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        rstd = 1 / np.sqrt(var + 1e-5)
        for weight, bias in ((w, b), (w, None), (None, None)):
            y = (x - mean) * rstd * (1 if weight is None else weight) + (
                0 if bias is None else bias
            )
            given = [None if v is None else put(v, dtype) for v in (weight, bias)]
            out = xp.native_layer_norm(put(x, dtype), shape[1:], *given, 1e-5)
            for part, expected in zip(out, (y, mean, rstd)):
                yield f"layer_norm {shape}", part, expected
            scaled, normal = g * (1 if weight is None else weight), (x - mean) * rstd
            to_input = rstd * (
                scaled
                - scaled.mean(1, keepdims=True)
                - normal * (scaled * normal).mean(1, keepdims=True)
            )
            arrays = [put(v, dtype) for v in (g, x, mean, rstd)]
            found = xp.layer_norm_gradient(*arrays, given[0], 1)
            for part, expected in zip(found, (to_input, (g * normal).sum(0), g.sum(0))):
                yield f"layer_norm_gradient {shape}", part, expected


def activation_cases(xp, dtype):
    for n in (1, 31, 1000, 70001):
        x, g = rng.normal(size=n) * 3, rng.normal(size=n)
        cdf, s = special.ndtr(x), special.expit(x)
        density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
        t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
        slope = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x * x)
        a, b = put(x, dtype), put(g, dtype)
        yield f"gelu {n}", xp.gelu(a, "none"), x * cdf
        yield f"gelu_gradient {n}", xp.gelu_gradient(b, a, "none"), g * (cdf + x * density)
        yield f"gelu tanh {n}", xp.gelu(a, "tanh"), 0.5 * x * (1 + t)
        yield (
            f"gelu_gradient tanh {n}",
            xp.gelu_gradient(b, a, "tanh"),
            g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope),
        )
        yield f"sigmoid {n}", xp.sigmoid(a), s
        yield f"silu {n}", xp.silu(a), x * s
        yield f"silu_gradient {n}", xp.silu_gradient(b, a), g * s * (1 + x * (1 - s))


def update_cases(xp, dtype):
    n, lr, decay, momentum = 3001, 0.1, 0.01, 0.9
    p, g, m, s, big = (rng.normal(size=n) for _ in range(5))
    s, big = s * s, big * big
    for numbers in (lambda v: v, lambda v: put(v, "float64")):  # from the host, and from the GPU
        param = put(p, dtype)
        xp.inplace_kernels["sgd_update"](param, put(g, dtype), numbers(lr), numbers(decay), True)
        yield "sgd_update", param, p - lr * (g + decay * p)
        param, buffer = put(p, dtype), put(m, dtype)
        xp.inplace_kernels["momentum_update"](
            param, put(g, dtype), buffer, numbers(lr), numbers(0.0), numbers(momentum), numbers(0.5), False, True, False
        )  # fmt: skip
        b = momentum * m + 0.5 * g
        yield "momentum_update buffer", buffer, b
        yield "momentum_update", param, p - lr * (g + momentum * b)
        for decoupled in (False, True):
            arrays = [put(v, dtype) for v in (p, g, m, s, big)]
            step = put(3.0, "float32")
            xp.inplace_kernels["adam_update"](
                *arrays, step, numbers(lr), numbers(0.9), numbers(0.99), numbers(1e-8), numbers(decay), True, decoupled
            )  # fmt: skip
            grad, base = (g, p * (1 - lr * decay)) if decoupled else (g + decay * p, p)
            m2, s2 = 0.9 * m + 0.1 * grad, 0.99 * s + 0.01 * grad**2
            top = np.maximum(big, s2)
            step_size = lr / (1 - 0.9**3)
            expected = base - step_size * m2 / (np.sqrt(top) / np.sqrt(1 - 0.99**3) + 1e-8)
            for part, e in zip((arrays[0], *arrays[2:]), (expected, m2, s2, top)):
                yield "adam_update", part, e


def cases(dtype):
    """(what, the device's array, NumPy's in float64)."""
    xp = backend_for("cuda")
    for family in (softmax_cases, norm_cases, activation_cases, update_cases):
        yield from family(xp, dtype)


def check(what, found, expected, dtype):
    values = backend_for("cuda").to_numpy(found)
    assert values.dtype == dtype and values.shape == expected.shape, what
    np.testing.assert_allclose(
        values, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * 4, err_msg=what
    )


def main():
    from generated_leaves import built_together, calls

    count = 0
    for dtype in TOLERANCE:
        for what, found, expected in cases(dtype):
            check(what, found, expected, dtype)
            count += 1
    with built_together(SANITIZED):
        for _ in calls("cuda", SANITIZED):
            count += 1
    for n in (1, 7, 8, 9, 4097):
        for dtype in (facula.float32, facula.float64):
            for draw in (facula.rand, facula.randn):
                facula.manual_seed(n)
                here = draw(n, dtype=dtype)
                facula.manual_seed(n)
                assert facula.equal(draw(n, dtype=dtype, device="cuda").cpu(), here)
                count += 1
    backend_for("cuda").synchronize()
    print(f"{count} cases")


if __name__ == "__main__":
    main()
