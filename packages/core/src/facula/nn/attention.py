"""Multi-head attention (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from typing import Any

import facula
from facula._tensor import Parameter, Tensor
from facula.nn import functional as F
from facula.nn import init
from facula.nn.linear import NonDynamicallyQuantizableLinear
from facula.nn.module import Module

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention of `num_heads` heads, each of embed_dim / num_heads features.

    query (L, N, E), key (S, N, kdim), value (S, N, vdim); with `batch_first` N comes first, and it
    may be missing. Returns the output (L, N, E) and the weights (N, L, S), averaged over the heads
    or (N, heads, L, S), or None with `need_weights=False`.
    """

    in_proj_weight: Any
    in_proj_bias: Any
    bias_k: Any
    bias_v: Any

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError("embed_dim must be divisible by num_heads")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim == self.vdim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self._make_parameters(bias, add_bias_kv, {"device": device, "dtype": dtype})
        self._reset_parameters()

    def _make_parameters(self, bias: bool, add_bias_kv: bool, place: dict[str, Any]) -> None:
        e = self.embed_dim
        same = self._qkv_same_embed_dim
        shapes = {
            "in_proj_weight": (3 * e, e) if same else None,
            "q_proj_weight": None if same else (e, e),
            "k_proj_weight": None if same else (e, self.kdim),
            "v_proj_weight": None if same else (e, self.vdim),
            "in_proj_bias": (3 * e,) if bias else None,
            "bias_k": (1, 1, e) if add_bias_kv else None,
            "bias_v": (1, 1, e) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(
                name, None if shape is None else Parameter(facula.empty(shape, **place))
            )
        self.out_proj = NonDynamicallyQuantizableLinear(e, e, bias=bias, **place)

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            weight = getattr(self, name)
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Masks are True (or -inf) where a key is not to be looked at; float masks are added."""
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        batched = self._check_dims(query, key, value)
        # (N, heads, L, head_dim): the projections see the inputs as they come.
        q, k, v = (self._to_heads(x, batched) for x in self._project(query, key, value))
        mask = self._mask(attn_mask, key_padding_mask, q, k, batched)
        k, v, mask = self._extend(k, v, mask)
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            heads, weights = _attend(q, k, v, mask, dropout)
        else:
            heads, weights = F.scaled_dot_product_attention(q, k, v, mask, dropout), None
        joined = heads.transpose(1, 2).flatten(2)
        output = self.out_proj(joined)
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), weights

    def _check_dims(self, query: Tensor, key: Tensor, value: Tensor) -> bool:
        """Whether there is a batch dimension; raises for shapes that do not go together."""
        if query.ndim not in (2, 3):
            raise AssertionError(
                f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
            )
        if key.ndim != query.ndim or value.ndim != query.ndim:
            raise AssertionError(
                f"For {query.ndim}-D `query`, expected `key` and `value` to be {query.ndim}-D "
                f"but found {key.ndim}-D and {value.ndim}-D tensors respectively"
            )
        for name, x, expected in (
            ("query", query, self.embed_dim),
            ("key", key, self.kdim),
            ("value", value, self.vdim),
        ):
            if x.shape[-1] != expected:
                raise AssertionError(
                    f"was expecting {name} to have {expected} features, but got {x.shape[-1]} ({name} shape {tuple(x.shape)})"
                )
        return query.ndim == 3

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Any, ...]:
        if self._qkv_same_embed_dim and query is key and key is value:
            return F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        weights = (
            self.in_proj_weight.chunk(3)
            if self._qkv_same_embed_dim
            else (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        )
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return tuple(F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))

    def _to_heads(self, x: Any, batched: bool) -> Any:
        if not batched:
            x = x.unsqueeze(0)
        elif not self.batch_first:
            x = x.transpose(0, 1)
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _mask(self, attn_mask: Any, key_padding_mask: Any, q: Any, k: Any, batched: bool) -> Any:
        """Both masks as one, to be added to the scores (N, heads, L, S); None if there is none."""
        n, heads, length, source = q.shape[0], self.num_heads, q.shape[2], k.shape[2]
        mask = None
        if attn_mask is not None:
            shapes = [(length, source), (n * heads, length, source)]
            if tuple(attn_mask.shape) not in shapes:
                raise RuntimeError(
                    f"The shape of the attn_mask is {attn_mask.shape}, but should be {shapes[0]} or {shapes[1]}."
                )
            mask = _additive(attn_mask, q.dtype)
            mask = mask.unflatten(0, (n, heads)) if mask.ndim == 3 else mask
        if key_padding_mask is not None:
            expected = (n, source) if batched else (source,)
            if tuple(key_padding_mask.shape) != expected:
                raise AssertionError(
                    f"expecting key_padding_mask shape of {expected}, but got {key_padding_mask.shape}"
                )
            padding = _additive(key_padding_mask, q.dtype).reshape(n, 1, 1, source)
            mask = padding if mask is None else mask + padding
        return mask

    def _extend(self, k: Any, v: Any, mask: Any) -> tuple[Any, Any, Any]:
        """One more key and value: the learned ones, then zeros, where asked for; never masked."""
        extra = []
        if self.bias_k is not None:
            extra.append(
                tuple(
                    b.reshape(1, self.num_heads, 1, self.head_dim)
                    for b in (self.bias_k, self.bias_v)
                )
            )
        if self.add_zero_attn:
            zeros = facula.zeros(
                1, self.num_heads, 1, self.head_dim, dtype=k.dtype, device=k.device
            )
            extra.append((zeros, zeros))
        for more_k, more_v in extra:
            shape = (k.shape[0], self.num_heads, 1, self.head_dim)
            k, v = (
                facula.cat([k, more_k.expand(shape)], 2),
                facula.cat([v, more_v.expand(shape)], 2),
            )
            mask = None if mask is None else F.pad(mask, (0, 1))
        return k, v, mask


def _additive(mask: Any, dtype: Any) -> Any:
    """A mask to add: a bool one becomes -inf where it is True."""
    if mask.dtype is facula.bool:
        return facula.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(
            mask, -math.inf
        )
    if not mask.is_floating_point():
        raise AssertionError(
            f"only bool and floating types of attn_mask are supported, got {mask.dtype}"
        )
    return mask.to(dtype)


def _attend(q: Any, k: Any, v: Any, mask: Any, dropout: float) -> tuple[Any, Any]:
    """Scaled dot-product attention that returns its weights as well."""
    scores = (q * math.sqrt(1.0 / q.shape[-1])) @ k.transpose(-2, -1)
    weights = F.softmax(scores if mask is None else scores + mask, -1)
    if dropout > 0:
        weights = F.dropout(weights, dropout)
    return weights @ v, weights
