"""Floating-point operations of ops, counted from their shapes: a product with its sum counts as two.

The counts are those of `torch.profiler`, which knows the products of two matrices, convolutions, `add` and `mul`;
here attention, recurrent layers, and the gradients of all of them are counted as well. Whatever else there is
(activations, normalization, reductions) counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt, prod
from typing import Any

Shape = tuple[int, ...]
#: (shapes of the inputs, options by name, shape of the result) -> operations
Formula = Callable[[list[Shape], dict[str, Any], Shape], int]


def _product(first: int) -> Formula:
    """A product of matrices, whose rows are those of input number `first`."""
    return lambda ins, options, out: 2 * prod(out) * ins[first][-1]


def _summed_products(ins: list[Shape], options: dict[str, Any], out: Shape) -> int:
    return 2 * prod(ins[1]) * ins[2][-1]


def _contraction(ins: list[Shape], options: dict[str, Any], out: Shape) -> int:
    """Sizes F x K, K x G and F x G multiply to the square of F x K x G."""
    return 2 * isqrt(prod(ins[0]) * prod(ins[1]) * prod(out))


def _convolution(ins: list[Shape], options: dict[str, Any], out: Shape) -> int:
    """Each element of the result meets one filter."""
    if options.get("transposed"):
        return _transposed(ins, options, out)
    return 2 * prod(out) * prod(ins[1][1:])


def _transposed(ins: list[Shape], options: dict[str, Any], out: Shape) -> int:
    """Each element of the input does."""
    return 2 * prod(ins[0]) * prod(ins[1][1:])


def _attention(ins: list[Shape], options: dict[str, Any], out: Shape) -> int:
    """Queries by keys, and weights by values."""
    rows, keys = prod(out[:-1]), ins[1][-2]
    return 2 * rows * keys * (ins[0][-1] + out[-1])


def _recurrent(first_weight: int) -> Formula:
    """At each step, two weights that inputs and states are multiplied by."""
    return lambda ins, options, out: (
        2 * prod(ins[0][:2]) * (prod(ins[first_weight]) + prod(ins[first_weight + 1]))
    )


def _elementwise(ins: list[Shape], options: dict[str, Any], out: Shape) -> int:
    return prod(out)


FORMULAS: dict[str, Formula] = {
    **dict.fromkeys(
        ("matmul", "mm", "bmm", "mv", "dot", "vdot", "inner", "matrix_product", "linear"),
        _product(0),
    ),
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), _product(1)),
    "addbmm": _summed_products,
    "tensordot": _contraction,
    **dict.fromkeys(("convolution", "conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys((f"conv_transpose{n}d" for n in (1, 2, 3)), _transposed),
    **dict.fromkeys(("dot_attention", "weighted_attention"), _attention),
    "lstm_layer": _recurrent(3),
    **dict.fromkeys(("gru_layer", "rnn_layer"), _recurrent(2)),
    **dict.fromkeys(("add", "mul"), _elementwise),
}
#: The inputs whose gradients cost as much as the op, where it is not the first two.
FACTORS = {"addmm": (1, 2), "baddbmm": (1, 2), "add": ()}
#: Those whose gradients cost twice the op, as they do for two products in a row.
DOUBLE = ("dot_attention", "weighted_attention", "lstm_layer", "gru_layer", "rnn_layer")


def flops_of(op: Any, ins: tuple[Any, ...], opts: tuple[Any, ...], result: Any) -> int:
    """The operations of one call, 0 for ops that are not counted. `ins` and `opts` are as for `Mode.run`."""
    formula = FORMULAS.get(op.name)
    if formula is None:
        return 0
    out = result[0] if isinstance(result, (tuple, list)) else result
    return formula([_shape(x) for x in ins], dict(zip(op.options, opts)), _shape(out))


def flops_of_gradients(node: Any, flops: int) -> int:
    """Those of a node of the tape, whose op took `flops`: for each factor that wants a gradient, as many again."""
    name = node.op.name
    if name in DOUBLE:
        return 2 * flops
    wanted = [node.edges[i] is not None for i in FACTORS.get(name, (0, 1))]
    return flops * sum(wanted)


def _shape(x: Any) -> Shape:
    array = getattr(x, "_array", None)
    return tuple(array.shape) if array is not None else ()
