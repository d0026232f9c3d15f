"""Names and shapes of the networks' weights, as PyTorch gives them, for libraries with other modules."""

from __future__ import annotations

from itertools import pairwise

Shapes = dict[str, tuple[int, ...]]


def _linear(name: str, inside: int, out: int) -> Shapes:
    return {f"{name}.weight": (out, inside), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def mlp_shapes(inside: int, width: int, hidden: int, out: int) -> Shapes:
    """Of `models.mlp.mlp`."""
    shapes: Shapes = {}
    for i, (a, b) in enumerate(pairwise([inside] + [width] * hidden + [out])):
        shapes |= _linear(str(2 * i), a, b)
    return shapes


#: Of `models.cnn.digits_cnn`.
CNN: Shapes = {
    "0.weight": (32, 1, 3, 3), "0.bias": (32,), "2.weight": (64, 32, 3, 3), "2.bias": (64,),
    **_linear("6", 9216, 128), **_linear("8", 128, 10),
}  # fmt: skip


def gpt_shapes(vocabulary: int, context: int, width: int, layers: int) -> Shapes:
    """Of `models.gpt.gpt`."""
    shapes: Shapes = {"token.weight": (vocabulary, width), "place.weight": (context, width)}
    for i in range(layers):
        name = f"layers.{i}"
        shapes |= _norm(f"{name}.norm1", width) | _norm(f"{name}.norm2", width)
        shapes |= _linear(f"{name}.qkv", width, 3 * width) | _linear(f"{name}.proj", width, width)
        shapes |= _linear(f"{name}.mlp.0", width, 4 * width)
        shapes |= _linear(f"{name}.mlp.2", 4 * width, width)
    return shapes | _norm("norm", width) | _linear("head", width, vocabulary)
