"""Runs every hand-written kernel on small shapes; see test_oclgrind.py.

Buffers are exactly as large as their arrays, so that one element too far is seen. With the argument
`planted` it runs a kernel that writes one element too far instead.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pyopencl as cl

from facula.backends.registry import backend_for
from facula_opencl.kernels import (
    activation,
    attention,
    attention_cpu,
    batch_norm,
    conv,
    layer_norm,
    loss,
    matmul,
    optimizer,
    pool,
    reduce,
    softmax,
    tile,
)

CPU, XP = backend_for("cpu"), backend_for("opencl")
#: input, weight, stride, padding, dilation, groups
CONVOLUTIONS = [
    ((2, 3, 8, 8), (7, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 2, 16, 16), (3, 2, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((2, 4, 5, 7), (6, 2, 3, 2), (2, 1), (2, 1), (1, 2), 2),
    ((1, 3, 16, 16), (2, 3, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((1, 2, 2, 2), (3, 2, 3, 3), (1, 1), (1, 1), (1, 1), 1),
]
POOLS = [
    ((1, 2, 8, 8), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((2, 7, 5), (2, 2), (2, 1), (0, 1), (2, 1), True),
]


def values(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def check(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(XP.to_numpy(got), expected, rtol=1e-4, atol=1e-4)


def on(*arrays: Any) -> list[Any]:
    return [XP.asarray(a) for a in arrays]


def products() -> None:
    for m, k, n in ((7, 20, 70), (1, 5, 17), (20, 70, 3)):
        a, b = values(m, k), values(k, n)
        check(matmul.matrix_product(XP, *on(a, b)), a @ b)
        turned = (
            XP.transpose(XP.asarray(a.T.copy()), 0, 1),
            XP.transpose(XP.asarray(b.T.copy()), 0, 1),
        )
        check(matmul.matrix_product(XP, *turned), a @ b)
        bias = values(n)
        check(matmul.linear(XP, *on(a, b.T.copy(), bias)), a @ b + bias)
    a, b = values(2, 3, 5, 4), values(3, 4, 6)
    check(matmul.matrix_product(XP, *on(a, b)), a @ b)


def convolutions() -> None:
    for shape, kernel, stride, padding, dilation, groups in CONVOLUTIONS:
        x, w, bias = values(*shape), values(*kernel), values(kernel[0])
        around = stride, padding, dilation
        options = *around, False, (0, 0), groups
        out = CPU.convolution(x, w, bias, *options)
        check(conv.convolution(XP, *on(x, w, bias), *options), out)
        g, bias = values(*out.shape), values(shape[1])
        each = zip(shape[2:], out.shape[2:], kernel[2:], *around)
        more = tuple(n - ((o - 1) * s - 2 * p + (k - 1) * d + 1) for n, o, k, s, p, d in each)
        options = *around, True, more, groups
        check(
            conv.convolution(XP, *on(g, w, bias), *options), CPU.convolution(g, w, bias, *options)
        )
        options = kernel[2:], *around, groups
        got = conv.convolution_weight_grad(XP, *on(x, g), *options)
        check(got, CPU.convolution_weight_grad(x, g, *options))


def pools() -> None:
    for shape, *options in POOLS:
        x = values(*shape)
        out, places = CPU.max_pool_with_indices(x, *options)
        for got, expected in zip(pool.max_pool_with_indices(XP, *on(x), *options), (out, places)):
            check(got, expected)
        g = values(*out.shape)
        got = pool.max_pool_grad(XP, *on(g, x, out), *options)
        check(got, CPU.max_pool_grad(g, x, out, *options))
        kernel, stride, padding, _, ceil_mode = options
        around = kernel, stride, padding, ceil_mode, False, None
        mean = CPU.avg_pool(x, *around)
        check(pool.avg_pool(XP, *on(x), *around), mean)
        got = pool.avg_pool_grad(XP, *on(values(*mean.shape)), shape[-2:], *around)
        check(got, CPU.avg_pool_grad(values(*mean.shape), shape[-2:], *around))


def norms() -> None:
    for shape in ((2, 3, 5, 5), (4, 2)):
        x, g, w, b = values(*shape), values(*shape), values(shape[1]), values(shape[1])
        expected = CPU.batch_norm_train(x, w, b, 1e-5)
        for got, value in zip(batch_norm.batch_norm_train(XP, *on(x, w, b), 1e-5), expected):
            check(got, value)
        _, mean, var = expected
        got = batch_norm.batch_norm_gradient(XP, *on(g, x, mean, var, w), 1e-5)
        for one, value in zip(got, CPU.batch_norm_gradient(g, x, mean, var, w, 1e-5)):
            check(one, value)
        got = batch_norm.batch_norm_eval(XP, *on(x, mean, var, w, b), 1e-5)
        check(got, CPU.batch_norm_eval(x, mean, var, w, b, 1e-5))


def rows() -> None:
    for shape in ((3, 37), (2, 5)):
        x, g, w, n = values(*shape), values(*shape), values(shape[-1]), shape[-1:]
        check(softmax.softmax(XP, *on(x), 1), CPU.softmax(x, 1))
        check(softmax.log_softmax_gradient(XP, *on(g, x), 1), CPU.log_softmax_gradient(g, x, 1))
        expected = CPU.native_layer_norm(x, n, w, w, 1e-5)
        on_x, on_w = on(x, w)
        for got, value in zip(
            layer_norm.native_layer_norm(XP, on_x, n, on_w, on_w, 1e-5), expected
        ):
            check(got, value)
        got = layer_norm.layer_norm_gradient(XP, *on(g, x, *expected[1:], w), 1)
        for one, value in zip(got, CPU.layer_norm_gradient(g, x, *expected[1:], w, 1)):
            check(one, value)
        check(activation.gelu_gradient(XP, *on(g, x), "none"), CPU.gelu_gradient(g, x, "none"))
        target, options = np.arange(shape[0]) * 2, (-100, "mean", 0.0)
        value, *sums = CPU.class_cross_entropy(x, target, None, *options)
        check(loss.class_cross_entropy(XP, *on(x, target), None, *options)[0], value)
        one, on_x, on_target, *on_sums = on(np.ones((), np.float32), x, target, *sums)
        got = loss.class_cross_entropy_gradient(XP, one, on_x, on_target, None, *on_sums, *options)
        one = np.ones((), np.float32)
        check(got, CPU.class_cross_entropy_gradient(one, x, target, None, *sums, *options))


def attentions() -> None:
    for rows, columns, e, ev in ((50, 131, 5, 17), (3, 4, 32, 16)):
        parts = [values(1, 2, rows, e), values(1, 2, columns, e), values(2, columns, ev)]
        g, needs = values(1, 2, rows, ev), (True, True, True, False)
        for mask in (None, values(rows, columns) > 0, values(2, 1, columns)):
            options = mask is None, 0.5
            on_mask = None if mask is None else XP.asarray(mask)
            expected = CPU.dot_attention(*parts, mask, *options)
            for got, value in zip(
                attention.dot_attention(XP, *on(*parts), on_mask, *options), expected
            ):
                check(got, value)
            got = attention.dot_attention_gradient(
                XP, *on(g), None, *on(*parts), on_mask, *on(*expected), *options, needs
            )
            want = CPU.dot_attention_gradient(g, None, *parts, mask, *expected, *options, needs)
            for one, value in zip(got[:3], want[:3]):
                check(one, value)


def reductions() -> None:
    length, reduce.LENGTH = reduce.LENGTH, 256  # more than one piece of a small row
    for shape, dims in (((3, 1100), 1), ((700,), 0), ((300, 37), 0), ((3, 2, 40), (0, 1))):
        x = values(*shape)
        check(reduce.sum(XP, *on(x), dims), x.sum(dims))
        check(reduce.amax(XP, *on(x), dims), x.max(dims))
    reduce.LENGTH = length


def updates() -> None:
    rates = 0.1, 0.9, 0.99, 1e-8, 0.1, True, True
    arrays = [np.abs(values(19)) for _ in range(5)] + [np.array(3, np.float32)]
    there = on(*arrays)
    optimizer.adam_update(XP, *there, *rates)
    CPU.inplace_kernels["adam_update"](*arrays, *rates)
    optimizer.momentum_update(XP, *there[:3], 0.1, 0.1, 0.9, 0.0, True, True, False)
    CPU.inplace_kernels["momentum_update"](*arrays[:3], 0.1, 0.1, 0.9, 0.0, True, True, False)
    optimizer.sgd_update(XP, *there[:2], 0.1, 0.1, True)
    CPU.inplace_kernels["sgd_update"](*arrays[:2], 0.1, 0.1, True)
    for got, value in zip(there, arrays):
        check(got, value)


def planted() -> None:
    source = "__kernel void beyond(__global float *p, int n) { p[n] = 1; }"
    XP.function(source, "beyond", "Pi")((1,), (1,), XP.empty((4,), np.float32).buffer, 4)
    XP.synchronize()


if __name__ == "__main__":
    assert "Oclgrind" in XP.cl_device.platform.name, XP.cl_device
    XP.alloc = lambda size: cl.Buffer(XP.queue.context, cl.mem_flags.READ_WRITE, size)
    if sys.argv[1:] == ["planted"]:
        planted()
    else:
        products(), convolutions(), pools(), norms(), rows(), reductions(), updates(), attentions()
        if XP.is_cpu:
            tile.has_wide_registers = lambda xp: True
            attention_cpu.has_wide_registers = lambda xp: True
            attention_cpu.source.cache_clear()
            products(), convolutions(), attentions()
