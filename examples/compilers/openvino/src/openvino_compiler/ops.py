"""Each op in OpenVINO's terms: `OPS[name](node, *arguments)` with OpenVINO's nodes in the place of values."""

import numpy as np
from openvino import opset13 as op


class Unsupported(NotImplementedError):
    """What has no translation; the graph is replayed."""


OPS = {}


def translates(function):
    OPS[function.__name__.strip("_")] = function
    return function


def constant(array):
    return op.constant(np.ascontiguousarray(array))


def numbers(*values):
    return op.constant(np.array(values, np.int64))


def settled(node, input, other):
    """Two operands, a Python number among them as a constant of the other's dtype."""
    dtype = node.inputs[0].dtype
    return [op.constant(np.array(x, dtype)) if isinstance(x, (bool, int, float)) else x for x in (input, other)]  # fmt: skip


def _binary(make):
    def translated(node, input, other, *options):
        if any(x not in (None, 1, False) for x in options):
            raise Unsupported(f"'{node.name}' with {options}")
        return make(*settled(node, input, other))

    return translated


def _comparison(make):
    """OpenVINO's comparisons on the CPU take NaN for a large number; it is unequal to all, and neither less nor greater."""

    def translated(node, input, other):
        a, b = settled(node, input, other)
        found = make(a, b)
        for x, value in zip((a, b), (input, other), strict=True):
            if isinstance(value, (bool, int, float)) or node.inputs[0].dtype.kind != "f":
                continue
            if node.name == "ne":
                found = op.logical_or(found, op.is_nan(x))
            else:
                found = op.logical_and(found, op.logical_not(op.is_nan(x)))
        return found

    return translated


def _unary(make):
    return lambda node, input: make(input)


OPS |= {
    name: _binary(make)
    for name, make in {
        "add": op.add, "sub": op.subtract, "mul": op.multiply, "div": op.divide, "pow": op.power, "maximum": op.maximum,
        "minimum": op.minimum,
    }.items()
}  # fmt: skip
OPS |= {
    name: _comparison(make)
    for name, make in {
        "gt": op.greater, "ge": op.greater_equal, "lt": op.less, "le": op.less_equal, "eq": op.equal, "ne": op.not_equal,
    }.items()
}  # fmt: skip
OPS |= {
    name: _unary(make)
    for name, make in {
        "neg": op.negative, "exp": op.exp, "log": op.log, "sqrt": op.sqrt, "tanh": op.tanh, "sigmoid": op.sigmoid,
        "relu": op.relu, "silu": op.swish, "abs": op.abs, "erf": op.erf, "sin": op.sin, "cos": op.cos, "clone": lambda x: x,
    }.items()
}  # fmt: skip


@translates
def gelu(node, input, approximate):
    return op.gelu(input, "tanh" if approximate == "tanh" else "erf")


@translates
def cast(node, input, dtype):
    if dtype == np.bool_ and node.inputs[0].dtype.kind == "f":  # its own takes NaN for false
        zero = op.constant(np.array(0, node.inputs[0].dtype))
        return op.logical_or(op.not_equal(input, zero), op.is_nan(input))
    names = {"float32": "f32", "int32": "i32", "bool": "boolean"}
    return op.convert(input, names[np.dtype(dtype).name])


# ---- shapes


@translates
def view(node, input, size):
    return op.reshape(input, numbers(*size) if size else op.constant(np.zeros(0, np.int64)), False)


@translates
def permute(node, input, dims):
    return op.transpose(input, numbers(*dims))


@translates
def expand(node, input, size):
    return op.broadcast(input, numbers(*size))


@translates
def _slice(node, input, dim, start, stop, step):
    return op.slice(input, numbers(start), numbers(stop), numbers(step), numbers(dim))


@translates
def select(node, input, dim, index):
    return op.gather(input, op.constant(np.int64(index)), op.constant(np.int64(dim)))


# ---- reductions


def _reduction(make):
    def translated(node, input, dim=None, keepdim=False, dtype=None):
        if dtype is not None:
            raise Unsupported("a reduction with a dtype")
        count = len(node.inputs[0].shape)
        axes = range(count) if dim is None else ([dim] if isinstance(dim, int) else dim)
        return make(input, numbers(*axes), keepdim)

    return translated


OPS |= {"sum": _reduction(op.reduce_sum), "mean": _reduction(op.reduce_mean), "amax": _reduction(op.reduce_max), "amin": _reduction(op.reduce_min)}  # fmt: skip


@translates
def softmax(node, input, dim):
    return op.softmax(input, dim % len(node.inputs[0].shape))


@translates
def log_softmax(node, input, dim):
    return op.log_softmax(input, dim % len(node.inputs[0].shape))


@translates
def native_layer_norm(node, input, normalized_shape, weight, bias, eps):
    axes = numbers(*range(-len(normalized_shape), 0))
    mean = op.reduce_mean(input, axes, True)
    centred = op.subtract(input, mean)
    variance = op.reduce_mean(op.multiply(centred, centred), axes, True)
    dtype = node.inputs[0].dtype
    deviation = op.sqrt(op.add(variance, op.constant(np.array(eps, dtype))))
    scale = op.divide(op.constant(np.array(1, dtype)), deviation)
    result = op.multiply(centred, scale)
    result = result if weight is None else op.multiply(result, weight)
    return [result if bias is None else op.add(result, bias), mean, scale]


# ---- products


@translates
def matmul(node, input, other):
    if min(len(v.shape) for v in node.inputs) < 2:
        raise Unsupported("a product with a vector")
    return op.matmul(input, other, False, False)


@translates
def linear(node, input, weight, bias):
    product = op.matmul(input, weight, False, True)
    return product if bias is None else op.add(product, bias)


@translates
def weighted_attention(node, query, key, value, attn_mask, is_causal, scale):
    if attn_mask is not None or is_causal:
        raise Unsupported("attention with a mask")
    dtype = node.inputs[0].dtype
    scores = op.multiply(op.matmul(query, key, False, True), op.constant(np.array(scale, dtype)))
    weights = op.softmax(scores, len(node.inputs[0].shape) - 1)
    return [op.matmul(weights, value, False, False), weights]


@translates
def convolution(node, input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):  # fmt: skip
    if transposed:
        raise Unsupported("a transposed convolution")
    padding = list(padding)
    if groups == 1:
        out = op.convolution(input, weight, list(stride), padding, padding, list(dilation))
    else:
        rows, *rest = node.inputs[1].shape
        weight = op.reshape(weight, numbers(groups, rows // groups, *rest), False)
        out = op.group_convolution(input, weight, list(stride), padding, padding, list(dilation))
    if bias is None:
        return out
    rows = node.inputs[1].shape[0]
    return op.add(out, op.reshape(bias, numbers(1, rows, *[1] * len(padding)), False))


@translates
def max_pool(node, input, kernel, stride, padding, dilation, ceil_mode):
    if ceil_mode:
        raise Unsupported("pooling with ceil_mode")
    padding = list(padding)
    return op.max_pool(input, list(stride), list(dilation), padding, padding, list(kernel)).output(0)  # fmt: skip


@translates
def avg_pool(node, input, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override):
    if ceil_mode or divisor_override is not None:
        raise Unsupported("pooling with ceil_mode or divisor_override")
    padding = list(padding)
    return op.avg_pool(input, list(stride), padding, padding, list(kernel), not count_include_pad)
