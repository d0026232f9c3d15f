"""Attention: scaled dot products, and the multi-head form with its projections."""

from __future__ import annotations

import math
from typing import Any

from facula.dtypes import B8, as_dtype, category
from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call


def _causal(xp: Namespace, rows: int, columns: int) -> Any:
    """(rows, columns) bools: True where a query may look, at keys not after it."""
    from facula.dtypes import I64

    at = xp.reshape(xp.sequence(0, 1, rows, I64), (rows, 1))
    return at >= xp.reshape(xp.sequence(0, 1, columns, I64), (1, columns))


def _masked(xp: Namespace, scores: Any, mask: Any) -> Any:
    """Scores with a float mask added, or -inf where a bool mask is False."""
    if mask.dtype == B8:
        return xp.where(mask, scores, xp.full((), float("-inf"), scores.dtype))
    return scores + (mask if mask.dtype == scores.dtype else xp.cast(mask, scores.dtype))


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
        scores = _masked(xp, scores, _causal(xp, scores.shape[-2], scores.shape[-1]))
    if mask is None:
        return xp.softmax(scores, len(scores.shape) - 1)
    return _safe_softmax(xp, _masked(xp, scores, mask))


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
    random_key: Any,
) -> Tensor:
    """Attention of queries (..., L, E) on keys (..., S, E) and values (..., S, Ev): (..., L, Ev).

    `softmax(query @ key.T * scale) @ value` (Vaswani et al. 2017), `scale` by default 1 / sqrt(E).
    A bool `attn_mask` is True where a query may look, a float one is added to the scores; `is_causal` lets
    query i see keys up to i. `enable_gqa` lets several query heads (dimension -3) share a key head.
    """
    weights = xp.attention_weights(query, key, attn_mask, is_causal, scale)
    if dropout_p > 0:
        weights = xp.dropout(weights, dropout_p, random_key, tuple(weights.shape))
    return xp.matmul(weights, value)


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
    _check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = (_repeated_heads(x, query.shape[-3]) for x in (key, value))
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    random_key = None
    if dropout_p > 0:
        from facula.ops.dims import broadcast_shapes
        from facula.ops.dropout import new_key

        lead = broadcast_shapes(query.shape[:-2], key.shape[:-2])
        random_key = new_key((*lead, query.shape[-2], key.shape[-2]))
    return scaled_dot_product_attention.call(
        query, key, value, attn_mask, dropout_p, is_causal, scale, random_key
    )


def _repeated_heads(x: Any, heads: int) -> Any:
    """(..., H, S, E) with each head repeated so that there are `heads`."""
    shape = tuple(x.shape)
    if heads % shape[-3]:
        raise RuntimeError(f"enable_gqa: {heads} query heads are no multiple of {shape[-3]} key heads")
    times = heads // shape[-3]
    return x.unsqueeze(-3).expand(*shape[:-2], times, *shape[-2:]).reshape(*shape[:-3], heads, *shape[-2:])


def _check_attention(query: Any, key: Any, value: Any, mask: Any, is_causal: bool) -> None:
    name = "scaled_dot_product_attention"
    if is_causal and mask is not None:
        raise RuntimeError(f"{name}: explicit attn_mask should not be set when is_causal=True")
    for x, what in ((query, "query"), (key, "key"), (value, "value")):
        if x.ndim < 2:
            raise RuntimeError(f"{name}: {what} must have at least 2 dimensions, got shape {tuple(x.shape)}")
        if x.dtype != query.dtype or category(x.dtype) < 2:
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


@op(method=False)
def multi_head_attention_forward(xp: Namespace, query: Tensor) -> Tensor:
    """Multi-head attention with its projections, with PyTorch's argument list.

    query (L, N, E), key and value (S, N, E), or the same without N; gives the output (L, N, E) and, where
    `need_weights`, the attention weights (N, L, S) averaged over heads, or (N, H, L, S), else None.
    Masks are True (or -inf) where a query may not look.
    """
    return query


@multi_head_attention_forward.public
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
    from facula.ops.linear import linear

    is_batched = _check_multi_head(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not is_batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, embed_dim = query.shape
    if embed_dim != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed_dim}")
    if embed_dim % num_heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias, weights)
    k, v, masks = _extended(k, v, bias_k, bias_v, add_zero_attn, attn_mask, key_padding_mask)
    q, k, v = (_heads(x, num_heads) for x in (q, k, v))
    k = k if static_k is None else static_k.reshape(batch, num_heads, *static_k.shape[1:])
    v = v if static_v is None else static_v.reshape(batch, num_heads, *static_v.shape[1:])
    mask = _joined_mask(*masks, batch, num_heads, q)
    out, attention = _attend(q, k, v, mask, dropout_p if training else 0.0, need_weights)
    out = linear(out.permute(2, 0, 1, 3).reshape(length, batch, embed_dim), out_proj_weight, out_proj_bias)
    if attention is not None and average_attn_weights:
        attention = attention.mean(1)
    if not is_batched:
        out = out.squeeze(1)
        attention = None if attention is None else attention.squeeze(0)
    return out, attention


def _check_multi_head(query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int) -> bool:
    """Checks the shapes; returns whether there is a batch dimension."""
    if query.ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor")
    if not key.ndim == value.ndim == query.ndim:
        raise AssertionError(
            f"For a {query.ndim}-D query, expected key and value to be {query.ndim}-D, but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if key.shape[0] != value.shape[0] or key.shape[1:-1] != value.shape[1:-1]:
        raise AssertionError(f"key's sequence and batch dims {tuple(key.shape[:2])} do not match value's {tuple(value.shape[:2])}")
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(f"expected key_padding_mask to be {query.ndim - 1}-D, but found a {padding.ndim}-D tensor")
    if mask is not None:
        batch = query.shape[1] if query.ndim == 3 else 1
        length, source = query.shape[0], key.shape[0]
        expected = {2: (length, source), 3: (batch * heads, length, source)}.get(mask.ndim)
        if tuple(mask.shape) != expected:
            raise RuntimeError(f"The shape of the attn_mask is {tuple(mask.shape)}, but should be {expected}.")
    return bool(query.ndim == 3)


def _projected(query: Any, key: Any, value: Any, weight: Any, bias: Any, separate: Any) -> Any:
    """Queries, keys and values after their projections: one product where they are one tensor."""
    from facula.ops.linear import linear

    embed_dim = query.shape[-1]
    biases = (None, None, None) if bias is None else bias.chunk(3)
    if separate is None and query is key and key is value:
        return linear(query, weight, bias).split(embed_dim, -1)
    weights = weight.chunk(3) if separate is None else separate
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]


def _extended(k: Any, v: Any, bias_k: Any, bias_v: Any, zero: bool, mask: Any, padding: Any) -> Any:
    """Keys and values with the learnt and the zero position added, and masks that let them be seen."""
    import facula

    added = (bias_k is not None) + bool(zero)
    batch, width = k.shape[1], k.shape[2]
    if bias_k is not None:
        k = facula.cat([k, bias_k.expand(1, batch, width)])
        v = facula.cat([v, bias_v.expand(1, batch, width)])
    if zero:
        nothing = facula.zeros(1, batch, width, dtype=k.dtype, device=k.device)
        k, v = facula.cat([k, nothing]), facula.cat([v, nothing])
    if added:
        mask, padding = (
            None
            if m is None
            else facula.cat([m, facula.zeros(*m.shape[:-1], added, dtype=m.dtype, device=m.device)], -1)
            for m in (mask, padding)
        )
    return k, v, (mask, padding)


def _heads(x: Any, heads: int) -> Any:
    """(L, N, E) as (N, H, L, E / H)."""
    length, batch, width = x.shape
    return x.reshape(length, batch, heads, width // heads).permute(1, 2, 0, 3)


def _joined_mask(mask: Any, padding: Any, batch: int, heads: int, like: Any) -> Any:
    """One mask that broadcasts to (N, H, L, S) from the two that callers give (True: not to be seen)."""
    if mask is not None and mask.ndim == 3:
        mask = mask.reshape(batch, heads, *mask.shape[1:])
    if padding is not None:
        padding = padding.reshape(batch, 1, 1, padding.shape[-1])
    given = [m for m in (mask, padding) if m is not None]
    if not given:
        return None
    if all(m.dtype.category == 0 for m in given):
        return ~(given[0] if len(given) == 1 else given[0] | given[1])
    total = None
    for m in given:
        m = _additive(m, like)
        total = m if total is None else total + m
    return total


def _additive(mask: Any, like: Any) -> Any:
    """A mask to add to scores: -inf where a bool mask is True."""
    import facula

    if mask.dtype.category:
        return mask.to(like.dtype)
    zeros = facula.zeros(mask.shape, dtype=like.dtype, device=like.device)
    return zeros.masked_fill(mask, float("-inf"))


def _attend(q: Any, k: Any, v: Any, mask: Any, dropout_p: float, need_weights: bool) -> tuple[Any, Any]:
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, dropout_p), None
    from facula.ops.dropout import dropout

    weights = attention_weights.call(q, k, mask, False, 1 / math.sqrt(max(q.shape[-1], 1)))
    weights = dropout(weights, dropout_p) if dropout_p > 0 else weights
    return weights @ v, weights
