"""Attention: scaled dot products, and the multi-head form with its projections."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import F32, HALF, category
from facula.ops._op import Namespace, Op, Tensor, op
from facula.ops.dot_attention import (
    attention_with_dropout,
    blocks_to_drop,
    causal,
    check_shapes,
    dot_attention,
    masked,
)
from facula.testing.samples import call

#: Bytes of a table of weights up to which it is kept for the gradient.
KEPT_TABLE = 1 << 21
#: Queries, fewer than which programs leave to the composed ops: they read their keys once, as products of few rows do.
FEWEST_WHOLE = 8


def _safe_softmax(xp: Namespace, scores: Any) -> Any:
    """Softmax over the last dimension; a row that is -inf throughout gives zeros, as in PyTorch."""
    if 0 in scores.shape:
        return xp.softmax(scores, len(scores.shape) - 1)
    empty = xp.eq(xp.amax(scores, -1, True), float("-inf"))
    safe = xp.where(xp.stop(empty), xp.full((), 0, scores.dtype), scores)
    weights = xp.softmax(safe, len(scores.shape) - 1)
    return xp.where(xp.stop(empty), xp.full((), 0, scores.dtype), weights)


@op(method=False, random=True)
def attention_weights(
    xp: Namespace, query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool, scale: float
) -> Tensor:
    """(..., L, S): softmax of `query @ key.T * scale`, masked."""
    scores = xp.matmul(query * scale, xp.transpose(key, -1, -2))
    if is_causal:
        scores = masked(xp, scores, causal(xp, scores.shape[-2], scores.shape[-1]))
    # Also without a mask: products themselves may be -inf throughout a row.
    return _safe_softmax(xp, scores if mask is None else masked(xp, scores, mask))


@op(method=False, outputs=("output", "weights"))
def weighted_attention(
    xp: Namespace,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    is_causal: bool,
    scale: float,
) -> Tensor:
    """Attention without dropout, (..., L, Ev), for those who want its weights (..., L, S) too."""
    weights = xp.attention_weights(query, key, mask, is_causal, scale)
    return xp.matmul(weights, value), weights


def _weighted_attention_rule(
    xp: Namespace,
    g: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    weights: Any,
    scale: float,
    needs: Any,
) -> Any:
    g, to_weights = [*g, None][:2]
    to_value = None
    if g is not None:
        to_value = xp.matmul(xp.transpose(weights, -1, -2), g) if needs[2] else None
        by_output = xp.matmul(g, xp.transpose(value, -1, -2))
        to_weights = by_output if to_weights is None else to_weights + by_output
    to_scores = xp.softmax_gradient(to_weights, weights, len(weights.shape) - 1)
    scaled = to_scores * scale
    to_query = xp.matmul(scaled, key) if needs[0] else None
    to_key = xp.matmul(xp.transpose(scaled, -1, -2), query) if needs[1] else None
    to_mask = None
    if needs[3]:
        to_mask = to_scores if mask.dtype == query.dtype else xp.cast(to_scores, mask.dtype)
    return to_query, to_key, to_value, to_mask


weighted_attention.vjp(("query", "key", "value", "mask"), _weighted_attention_rule)


def _op_for(query: Any, key: Any, value: Any, mask: Any) -> Op:
    """The op for attention without dropout; a small table of weights is cheaper kept than made anew by the composed ops.

    Programs have a kernel instead, `attention.c`, which makes none and is faster for as many queries as it takes.
    """
    from facula.graph.scalars import is_capturing

    table = check_shapes(query, key, value, mask)
    if query.dtype is F32 and table[-2] >= FEWEST_WHOLE and is_capturing():
        return dot_attention
    size = math.prod(table) * query.dtype.itemsize
    return weighted_attention if size <= KEPT_TABLE else dot_attention


def _attended(xp: Namespace, query: Any, key: Any, value: Any, mask: Any, *options: Any) -> Any:
    attention = getattr(xp, _op_for(query, key, value, mask).name)
    return attention(query, key, value, mask, *options)[0]


def _random_keys(table: tuple[int, ...]) -> tuple[Any, ...]:
    """Random keys to drop weights of a table with, one for each block."""
    from facula.ops.dropout import new_key

    *lead, _, columns = table
    return tuple(new_key((*lead, last - first, columns)) for first, last in blocks_to_drop(table))


def _dropped(
    xp: Namespace, query: Any, key: Any, value: Any, mask: Any, is_causal: bool, scale: float, dropout_p: float,
    random_keys: Any,
) -> Any:  # fmt: skip
    if len(random_keys) > 1:  # a table of one block costs less to keep than to draw again
        return attention_with_dropout(
            xp, query, key, value, mask, is_causal, scale, dropout_p, random_keys
        )
    weights = xp.attention_weights(query, key, mask, is_causal, scale)
    return xp.matmul(xp.dropout(weights, dropout_p, random_keys[0], tuple(weights.shape)), value)


@op(method=False, random=True)
def scaled_dot_product_attention(
    xp: Namespace,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None,
    dropout_p: float,
    is_causal: bool,
    scale: float,
    random_keys: Any,
) -> Tensor:
    """Attention of queries (..., L, E) on keys (..., S, E) and values (..., S, Ev): (..., L, Ev).

    `softmax(query @ key.T * scale) @ value` (Vaswani et al. 2017), `scale` by default 1 / sqrt(E).
    A bool `attn_mask` is True where a query may look, a float one is added to the scores; `is_causal` lets
    query i see keys up to i. `enable_gqa` lets several query heads (dimension -3) share a key head.
    """
    if dropout_p == 0:
        return _attended(xp, query, key, value, attn_mask, is_causal, scale)
    return _dropped(xp, query, key, value, attn_mask, is_causal, scale, dropout_p, random_keys)


@scaled_dot_product_attention.public
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    from facula.amp.autocast_mode import is_autocast_enabled

    # Autocast casts what this function is given: its list has the function, not the ops that are asked.
    is_cast = is_autocast_enabled(query.device.type)
    _check_attention(query, key, value, attn_mask, is_causal, not is_cast)
    if enable_gqa:
        key, value = (_repeated_heads(x, query.shape[-3]) for x in (key, value))
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    if dropout_p == 0 and not is_cast and query._array.dtype not in HALF:
        mask = None if attn_mask is None else attn_mask._array
        attention = _op_for(query._array, key._array, value._array, mask).call_first
        return attention(query, key, value, attn_mask, is_causal, scale)
    check_shapes(query, key, value, attn_mask)
    random_keys = _random_keys(check_shapes(query, key, key, attn_mask)) if dropout_p > 0 else ()
    return scaled_dot_product_attention.call(
        query, key, value, attn_mask, dropout_p, is_causal, scale, random_keys
    )


def _repeated_heads(x: Any, heads: int) -> Any:
    """(..., H, S, E) with each head repeated so that there are `heads`."""
    shape = tuple(x.shape)
    if heads % shape[-3]:
        raise RuntimeError(
            f"enable_gqa: {heads} query heads are no multiple of {shape[-3]} key heads"
        )
    times = heads // shape[-3]
    return (
        x.unsqueeze(-3)
        .expand(*shape[:-2], times, *shape[-2:])
        .reshape(*shape[:-3], heads, *shape[-2:])
    )


def _check_attention(
    query: Any, key: Any, value: Any, mask: Any, is_causal: bool, of_one_dtype: bool
) -> None:
    name = "scaled_dot_product_attention"
    if is_causal and mask is not None:
        raise RuntimeError(f"{name}: explicit attn_mask should not be set when is_causal=True")
    given = (query, "query"), (key, "key"), (value, "value")
    is_usual = all([x._array.dtype is F32 and len(x._array.shape) > 1 for x, _ in given])
    for x, what in () if is_usual else given:
        if len(x._array.shape) < 2:
            raise RuntimeError(
                f"{name}: {what} must have at least 2 dimensions, got shape {tuple(x.shape)}"
            )
        kind = x._array.dtype
        if (of_one_dtype and kind is not query._array.dtype) or category(kind) < 2:
            raise RuntimeError(
                f"{name}: query, key and value must have one floating-point dtype, got {what} of {x.dtype} and query of "
                f"{query.dtype}"
            )
    if mask is not None and mask.dtype.category not in (0, 2):
        raise RuntimeError(f"{name}: attn_mask must be bool or floating-point, got {mask.dtype}")


@scaled_dot_product_attention.sample
def scaled_dot_product_attention(make: Any) -> Any:
    yield call(make(2, 3, 4), make(2, 5, 4), make(2, 5, 2))
    yield call(make(1, 2, 3, 2), make(1, 2, 3, 2), make(1, 2, 3, 2), is_causal=True)
    yield call(make(2, 3, 2), make(2, 2, 2), make(2, 2, 2), make(3, 2), scale=0.3)
    mask = make.of([[True, False], [True, True], [False, False]])
    yield call(make(3, 2), make(2, 2), make(2, 3), mask)
    yield call(make(1, 4, 2, 2), make(1, 2, 2, 2), make(1, 2, 2, 2), enable_gqa=True)


# ---- multi-head attention


@op(method=False, random=True, outputs=("attn_output", "attn_output_weights"))
def multi_head_attention(
    xp: Namespace,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    q_proj_weight: Tensor | None,
    k_proj_weight: Tensor | None,
    v_proj_weight: Tensor | None,
    static_k: Tensor | None,
    static_v: Tensor | None,
    num_heads: int,
    add_zero_attn: bool,
    dropout_p: float,
    random_keys: Any,
    need_weights: bool,
) -> Tensor:
    """`multi_head_attention_forward` of batched inputs, with weights per head."""
    length, batch, width = query.shape
    separate = None if q_proj_weight is None else (q_proj_weight, k_proj_weight, v_proj_weight)
    q, k, v = _projected(xp, (query, key, value), in_proj_weight, in_proj_bias, separate)
    if bias_k is not None:
        k, v = (
            xp.join((x, xp.expand(b, (1, batch, width))), 0) for x, b in ((k, bias_k), (v, bias_v))
        )
    if add_zero_attn:
        zeros = xp.full((1, batch, width), 0, query.dtype)
        k, v = xp.join((k, zeros), 0), xp.join((v, zeros), 0)
    q, k, v = (_heads(xp, x, num_heads) for x in (q, k, v))
    if static_k is not None:
        k = xp.reshape(static_k, (batch, num_heads, *static_k.shape[1:]))
    if static_v is not None:
        v = xp.reshape(static_v, (batch, num_heads, *static_v.shape[1:]))
    mask = _joined_mask(xp, attn_mask, key_padding_mask, (batch, num_heads), k.shape[2], q)
    scale = 1 / math.sqrt(max(width // num_heads, 1))
    if dropout_p > 0 and need_weights:
        weights = xp.attention_weights(q, k, mask, False, scale)
        weights = xp.dropout(weights, dropout_p, random_keys[0], tuple(weights.shape))
        out = xp.matmul(weights, v)
    elif dropout_p > 0:
        out, weights = _dropped(xp, q, k, v, mask, False, scale, dropout_p, random_keys), None
    elif need_weights:
        out, weights = xp.weighted_attention(q, k, v, mask, False, scale)
    else:
        out, weights = _attended(xp, q, k, v, mask, False, scale), None
    out = xp.permute(out, (2, 0, 1, 3))
    out = xp.linear(xp.reshape(out, (length, batch, width)), out_proj_weight, out_proj_bias)
    return out, weights if need_weights else None


def _projected(xp: Namespace, inputs: Any, weight: Any, bias: Any, separate: Any) -> Any:
    """Queries, keys and values after their projections: one product where the three are one tensor."""
    query, key, value = inputs
    width = query.shape[-1]
    if separate is None and query is key and key is value:
        return _thirds(xp, xp.linear(query, weight, bias), 2, width)
    biases = (None, None, None) if bias is None else _thirds(xp, bias, 0, width)
    weights = separate or _thirds(xp, weight, 0, width)
    return [xp.linear(x, w, b) for x, w, b in zip(inputs, weights, biases)]


def _thirds(xp: Namespace, x: Any, dim: int, size: int) -> Any:
    return [xp.slice(x, dim, i * size, (i + 1) * size, 1) for i in range(3)]


def _heads(xp: Namespace, x: Any, heads: int) -> Any:
    """(L, N, E) as (N, H, L, E / H)."""
    length, batch, width = x.shape
    return xp.permute(xp.reshape(x, (length, batch, heads, width // heads)), (1, 2, 0, 3))


def _joined_mask(xp: Namespace, mask: Any, padding: Any, heads: Any, keys: int, like: Any) -> Any:
    """A mask to add to scores (N, H, L, S) from the two that callers give (True: not to be seen)."""
    if mask is not None and len(mask.shape) == 3:
        mask = xp.reshape(mask, (*heads, *mask.shape[1:]))
    if padding is not None:
        padding = xp.reshape(padding, (heads[0], 1, 1, padding.shape[-1]))
    total = None
    for m in (mask, padding):
        if m is not None:
            m = _additive(xp, m, keys, like)
            total = m if total is None else total + m
    return total


def _additive(xp: Namespace, mask: Any, keys: int, like: Any) -> Any:
    """A mask as numbers to add; positions that `bias_k` and `add_zero_attn` added may be seen."""
    if category(mask.dtype) == 0:
        low, zero = xp.full((), float("-inf"), like.dtype), xp.full((), 0, like.dtype)
        mask = xp.where(mask, low, zero)
    elif mask.dtype != like.dtype:
        mask = xp.cast(mask, like.dtype)
    added = keys - mask.shape[-1]
    if added == 0:
        return mask
    return xp.join((mask, xp.full((*mask.shape[:-1], added), 0, like.dtype)), len(mask.shape) - 1)


@multi_head_attention.sample
def multi_head_attention(make: Any) -> Any:
    x, weights = make(3, 1, 4), (make(12, 4), make(12))
    shared = (None, None, make(4, 4), make(4))
    nothing = (None, None, None, None, None)
    yield call(x, x, x, *weights, *shared, None, None, *nothing, 2, False, 0.0, None, True)
    mask = make.of([[False, True], [False, False], [True, False]])
    memory = make(2, 1, 4)
    biases = (make(1, 1, 4), make(1, 1, 4), make(4, 4), None)
    yield call(
        make(3, 1, 4),
        memory,
        memory,
        *weights,
        *biases,
        None,
        mask,
        *nothing,
        2,
        True,
        0.0,
        None,
        False,
    )


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """Multi-head attention with its projections, with PyTorch's argument list (Vaswani et al. 2017).

    query (L, N, E), key and value (S, N, E), or all without N; gives the output (L, N, E) and, where
    `need_weights`, the attention weights (N, L, S) averaged over heads, or (N, H, L, S), else None.
    Masks are True (or -inf) where a query may not look.
    """
    is_batched = _check_multi_head(query, key, value, key_padding_mask, attn_mask, num_heads)
    if query.shape[-1] != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {query.shape[-1]}"
        )
    if query.shape[-1] % num_heads:
        raise AssertionError(f"embed_dim {query.shape[-1]} not divisible by num_heads {num_heads}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not is_batched:
        batched = [x.unsqueeze(1) for x in (query, key, value)]
        query, key, value = [batched[0]] * 3 if query is key and key is value else batched
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    separate = (
        (q_proj_weight, k_proj_weight, v_proj_weight)
        if use_separate_proj_weight
        else (None, None, None)
    )
    dropout_p = dropout_p if training else 0.0
    added = (bias_k is not None) + add_zero_attn
    columns = key.shape[0] + added if static_k is None else static_k.shape[1]
    table = query.shape[1], num_heads, query.shape[0], columns
    out, attention = multi_head_attention.call(
        query, key, value, None if use_separate_proj_weight else in_proj_weight, in_proj_bias, bias_k, bias_v,
        out_proj_weight, out_proj_bias, key_padding_mask, attn_mask, *separate, static_k, static_v, num_heads,
        add_zero_attn, dropout_p, _attention_keys(table, dropout_p, need_weights), need_weights,
    )  # fmt: skip
    if attention is not None and average_attn_weights:
        attention = attention.mean(1)
    if is_batched:
        return out, attention
    return out.squeeze(1), None if attention is None else attention.squeeze(0)


def _attention_keys(table: tuple[int, ...], dropout_p: float, need_weights: bool) -> Any:
    """Random keys for the dropout of the weights, one for all of them where they are asked for."""
    from facula.ops.dropout import new_key

    if not dropout_p > 0:
        return ()
    return (new_key(table),) if need_weights else _random_keys(table)


def _check_multi_head(
    query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int
) -> bool:
    """Checks the shapes; returns whether there is a batch dimension."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    if not key.ndim == value.ndim == query.ndim:
        raise AssertionError(
            f"For a {query.ndim}-D query, expected key and value to be {query.ndim}-D, but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if key.shape[:-1] != value.shape[:-1]:
        raise AssertionError(
            f"key's sequence and batch dims {tuple(key.shape[:-1])} do not match value's {tuple(value.shape[:-1])}"
        )
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(
            f"expected key_padding_mask to be {query.ndim - 1}-D, but found a {padding.ndim}-D tensor"
        )
    if mask is not None:
        _check_mask(mask, query, key, heads)
    return bool(query.ndim == 3)


def _check_mask(mask: Any, query: Any, key: Any, heads: int) -> None:
    length, source = query.shape[0], key.shape[0]
    batch = query.shape[1] if query.ndim == 3 else 1
    expected = {2: (length, source), 3: (batch * heads, length, source)}.get(mask.ndim)
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {tuple(mask.shape)}, but should be {expected}."
        )
