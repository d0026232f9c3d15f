"""Sequences of different lengths: padded into one tensor, or packed without padding.

A packed sequence holds the steps of all sequences time by time, longest sequence first, so that a
recurrent layer runs each step on the sequences that still go on.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import facula
from facula._device import cuda_device
from facula._tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip

_PackedSequence = namedtuple(
    "_PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"]
)


class PackedSequence(_PackedSequence):
    """`data` (total steps, ...), `batch_sizes` (steps,), and the order that sorted the sequences."""

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. They "
                "should be instantiated by functions like pack_sequence and pack_padded_sequence in nn.utils.rnn."
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with `data` (and indices, for a device) converted as `Tensor.to`."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [
            i if i is None else i.to(data.device)
            for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *moved)

    def cpu(self) -> PackedSequence:
        return self.to("cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> PackedSequence:
        return self.to(cuda_device(device), non_blocking=non_blocking)

    def float(self) -> PackedSequence:
        return self.to(facula.float32)

    def double(self) -> PackedSequence:
        return self.to(facula.float64)

    def half(self) -> PackedSequence:
        return self.to(facula.float16)

    def pin_memory(self, device: Any = None) -> PackedSequence:
        parts = [
            i if i is None else i.pin_memory(device)
            for i in (self.data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(*parts)

    def is_pinned(self) -> bool:
        return bool(self.data.is_pinned())

    @property
    def is_cuda(self) -> bool:
        return self.data.is_cuda  # type: ignore[no-any-return]


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes `permutation`; None for None."""
    return None if permutation is None else permutation.argsort()


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs (T, N, ...) (with `batch_first`: (N, T, ...)), of which sequence i has lengths[i] steps.

    Lengths must decrease, unless `enforce_sorted=False`, which sorts them. Raises RuntimeError for
    lengths below 1, in the wrong order or of the wrong number.
    """
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    order = None
    if not enforce_sorted:
        permutation = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        sizes = [sizes[i] for i in permutation]
        order = facula.tensor(permutation, dtype=facula.int64, device=input.device)
        input = input.index_select(0 if batch_first else 1, order)
    if batch_first:
        input = input.transpose(0, 1)
    steps, batch = input.shape[:2]
    _check_lengths(sizes, steps, batch)
    batch_sizes = [sum(n > t for n in sizes) for t in range(sizes[0])]
    rows = [t * batch + i for t, n in enumerate(batch_sizes) for i in range(n)]
    flat = input.reshape(steps * batch, *input.shape[2:])
    data = flat.index_select(0, facula.tensor(rows, dtype=facula.int64, device=input.device))
    return PackedSequence(data, facula.tensor(batch_sizes, dtype=facula.int64, device="cpu"), order)


def _check_lengths(sizes: list[int], steps: int, batch: int) -> None:
    if len(sizes) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={batch})"
        )
    if not sizes or min(sizes) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if sizes != sorted(sizes, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
            "do not need ONNX exportability."
        )
    if sizes[0] > steps:
        raise RuntimeError(
            f"a sequence has length {sizes[0]}, but the input has only {steps} steps"
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """The padded tensor (T, N, ...) and the lengths (N,) of a packed sequence, in the first order."""
    batch_sizes = sequence.batch_sizes.tolist()
    steps, batch = len(batch_sizes), batch_sizes[0]
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {steps}"
        )
    data, total = sequence.data, sequence.data.shape[0]
    order = (
        range(batch) if sequence.unsorted_indices is None else sequence.unsorted_indices.tolist()
    )
    rows, start = [], 0
    for n in batch_sizes + [0] * ((total_length or steps) - steps):
        rows.append([start + i if i < n else total for i in order])
        start += n
    padding = facula.full((1, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    index = facula.tensor(rows, dtype=facula.int64, device=data.device)
    padded = (
        facula.cat([data, padding])
        .index_select(0, index.reshape(-1))
        .reshape(*index.shape, *data.shape[1:])
    )
    lengths = [sum(n > i for n in batch_sizes) for i in order]
    return padded.transpose(0, 1) if batch_first else padded, facula.tensor(
        lengths, dtype=facula.int64, device="cpu"
    )


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Stacks tensors (L_i, ...) of different lengths into (T, N, ...), padded with `padding_value`."""
    if not isinstance(sequences, (list, tuple, Tensor)):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise ValueError(f"padding_side should be either 'right' or 'left', but got {padding_side}")
    sequences = list(sequences)
    steps = max(s.shape[0] for s in sequences)

    def pad(s: Any) -> Any:
        if s.shape[0] == steps:
            return s
        filler = s.new_full((steps - s.shape[0], *s.shape[1:]), padding_value)
        return facula.cat([s, filler] if padding_side == "right" else [filler, s])

    return facula.stack([pad(s) for s in sequences], 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded tensor, as a list."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [s[: int(n)] for s, n in zip(padded_sequences, lengths.tolist())]


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Packs a list of tensors (L_i, ...)."""
    lengths = [s.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The sequences of a packed sequence, as a list."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
