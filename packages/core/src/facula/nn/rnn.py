"""Recurrent layers: RNN, LSTM and GRU, of several layers and both directions, and their cells."""

from __future__ import annotations

import math
import warnings
from typing import Any

import facula
from facula._tensor import Parameter, Tensor
from facula.nn import functional as F, init
from facula.nn.module import Module
from facula.nn.utils.rnn import PackedSequence, pad_packed_sequence

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: the weights of all layers and directions, and the walk over them."""

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        _check_settings(mode, hidden_size, num_layers, dropout, proj_size)
        self.mode, self.input_size, self.hidden_size, self.num_layers = (
            mode,
            input_size,
            hidden_size,
            num_layers,
        )
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._layers: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]:
                self._add_weights(layer, suffix, device, dtype)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        return self.proj_size or self.hidden_size

    def _add_weights(self, layer: int, suffix: str, device: Any, dtype: Any) -> None:
        gates = _GATES[self.mode] * self.hidden_size
        size = self.input_size if layer == 0 else self._output_size * self._directions
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, size),
            "weight_hh": (gates, self._output_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            setattr(self, name + suffix, Parameter(facula.empty(shape, device=device, dtype=dtype)))
        self._layers.append([name + suffix for name in shapes])

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._layers]

    @property
    def _flat_weights(self) -> list[Any]:
        return [w for weights in self.all_weights for w in weights]

    def flatten_parameters(self) -> None:
        """For PyTorch's programs, which join the weights for cuDNN with it; no device here asks for that."""

    def reset_parameters(self) -> None:
        """Uniform within ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _state_sizes(self) -> tuple[int, ...]:
        return (self._output_size,)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
            )
        batched = input.ndim == 3
        x = (
            (input.transpose(0, 1) if self.batch_first else input)
            if batched
            else input.unsqueeze(1)
        )
        self._check_features(x)
        states = self._first_states(hx, x, x.shape[1], batched)
        output, last = self._run(x, states)
        if not batched:
            return output.squeeze(1), self._as_given([s.squeeze(1) for s in last])
        return output.transpose(0, 1) if self.batch_first else output, self._as_given(last)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[Any, Any]:
        """Runs on the padded sequences, a mask holding the states of those that ended or have not begun."""
        data, sizes = input.data, input.batch_sizes.tolist()
        self._check_features(data)
        states = self._first_states(hx, data, sizes[0], batched=True)
        if hx is not None and input.sorted_indices is not None:
            states = [s.index_select(1, input.sorted_indices) for s in states]
        sorted_input = PackedSequence(data, input.batch_sizes)
        padded, _ = pad_packed_sequence(sorted_input)
        output, last = self._run(padded, states, _going_on(sizes, data.device))
        output = output.flatten(0, 1).index_select(0, _packed_rows(sizes, data.device))
        if input.unsorted_indices is not None:
            last = [s.index_select(1, input.unsorted_indices) for s in last]
        packed = PackedSequence(
            output, input.batch_sizes, input.sorted_indices, input.unsorted_indices
        )
        return packed, self._as_given(last)

    def _check_features(self, x: Any) -> None:
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]} "
                f"(input shape {tuple(x.shape)})"
            )

    def _first_states(self, hx: Any, x: Any, batch: int, batched: bool) -> list[Any]:
        """The initial states, each (layers x directions, batch, size)."""
        count = self.num_layers * self._directions
        if hx is None:
            return [
                facula.zeros(count, batch, size, dtype=x.dtype, device=x.device)
                for size in self._state_sizes()
            ]
        states = list(hx) if isinstance(hx, (tuple, list)) else [hx]
        if len(states) != len(self._state_sizes()):
            raise RuntimeError(
                f"{type(self).__name__}: expected {len(self._state_sizes())} initial states, got {len(states)}"
            )
        if not batched:
            if any(s.ndim != 2 for s in states):
                raise RuntimeError(
                    f"For unbatched 2-D input, hx should also be 2-D but got {states[0].ndim}-D tensor"
                )
            states = [s.unsqueeze(1) for s in states]
        elif any(s.ndim != 3 for s in states):
            raise RuntimeError(
                f"For batched 3-D input, hx should also be 3-D but got {states[0].ndim}-D tensor"
            )
        for name, s, size in zip("hc", states, self._state_sizes()):
            expected = (count, batch, size)
            if tuple(s.shape) != expected:
                label = "hidden" if len(states) == 1 else f"hidden[{'hc'.index(name)}]"
                raise RuntimeError(f"Expected {label} size {expected}, got {list(s.shape)}")
        return states

    def _run(self, x: Any, states: list[Any], mask: Any = None) -> tuple[Any, list[Any]]:
        """All layers over (T, N, features); returns the outputs of the last and all last states."""
        last = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = F.dropout(x, self.dropout, True)
            outputs = []
            for direction in range(self._directions):
                at = layer * self._directions + direction
                weights = {
                    name[: name.index("_l")]: getattr(self, name) for name in self._layers[at]
                }
                output, *state = self._run_layer(
                    x, [s[at] for s in states], weights, bool(direction), mask
                )
                outputs.append(output)
                last.append(state[: len(states)])
            x = outputs[0] if len(outputs) == 1 else facula.cat(outputs, 2)
        if len(last) == 1:
            return x, [state.unsqueeze(0) for state in last[0]]
        return x, [facula.stack(parts) for parts in zip(*last)]

    def _run_layer(
        self, x: Any, states: list[Any], weights: dict[str, Any], reverse: bool, mask: Any
    ) -> Any:
        """One layer in one direction: the outputs (T, N, size), then the last states."""
        parts = [weights.get(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        layer: Any = facula.rnn_layer
        options: tuple[Any, ...] = (self.mode[4:].lower(), mask)
        if self.mode == "LSTM":
            layer, options = facula.lstm_layer, (weights.get("weight_hr"), mask)
        elif self.mode == "GRU":
            layer, options = facula.gru_layer, (mask,)
        return layer(x, *states, *parts, reverse, *options)

    def _as_given(self, states: list[Any]) -> Any:
        return states[0]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text


def _going_on(batch_sizes: list[int], device: Any) -> Any:
    """Which sequences have a step at each time: bool (T, N, 1); None if all do."""
    n = batch_sizes[0]
    if batch_sizes[-1] == n:
        return None
    return facula.tensor([[[i < size] for i in range(n)] for size in batch_sizes], device=device)


def _packed_rows(batch_sizes: list[int], device: Any) -> Any:
    """Where the steps of packed data are in (T * N, ...)."""
    n = batch_sizes[0]
    rows = [t * n + i for t, size in enumerate(batch_sizes) for i in range(size)]
    return facula.tensor(rows, dtype=facula.int64, device=device)


def _check_settings(
    mode: str, hidden_size: Any, num_layers: int, dropout: Any, proj_size: int
) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    if not isinstance(hidden_size, int):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if hidden_size <= 0:
        raise ValueError("hidden_size must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if proj_size and mode != "LSTM":
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """Elman network: h = tanh(W_ih x + b_ih + W_hh h + b_hh), or with ReLU.

    Input (T, N, input_size) or, with `batch_first`, (N, T, input_size), or packed, or without
    batch; output (T, N, directions * hidden_size) and the last states (layers * directions, N, hidden_size).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if len(args) > 3:  # the nonlinearity is fourth, where the other networks have `bias`
            nonlinearity, args = args[3], (*args[:3], *args[4:])
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; with projections: Sak et al. 2014).

    As `RNN`; the state is a pair (h, c), of which h has proj_size features where that is not 0.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def _state_sizes(self) -> tuple[int, ...]:
        return (self._output_size, self.hidden_size)

    def _as_given(self, states: list[Any]) -> Any:
        return tuple(states)


class GRU(RNNBase):
    """Gated recurrent unit (Cho et al. 2014), the reset gate applied after the matrix product. As `RNN`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """One step of a recurrent network: (N, input_size) or (input_size,), and a state of the same form."""

    bias_ih: Any
    bias_hh: Any

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        gates, place = num_chunks * hidden_size, {"device": device, "dtype": dtype}
        self.weight_ih = Parameter(facula.empty(gates, input_size, **place))
        self.weight_hh = Parameter(facula.empty(gates, hidden_size, **place))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(facula.empty(gates, **place)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, cell: str, input: Any, *state: Any) -> tuple[Any, ...]:
        if input.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead"
            )
        if input.ndim == 1:
            new = self._step(cell, input.unsqueeze(0), *[s.unsqueeze(0) for s in state])
            return tuple(s.squeeze(0) for s in new)
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        new = getattr(facula, cell)(input, state if len(state) == 2 else state[0], *weights)
        return tuple(new) if len(state) == 2 else (new,)

    def _zeros(self, input: Any) -> Any:
        return facula.zeros(
            *input.shape[:-1], self.hidden_size, dtype=input.dtype, device=input.device
        )

    def explain_error(self, input: Tensor, *args: Any) -> str | None:
        if input.shape[-1] != self.input_size:
            return f"input has {input.shape[-1]} features, the cell expects {self.input_size} (input shape {tuple(input.shape)})"
        return None

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")


class RNNCell(RNNCellBase):
    """One step of an Elman network; returns the new h."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(
            f"rnn_{self.nonlinearity}_cell", input, self._zeros(input) if hx is None else hx
        )[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM; takes and returns (h, c)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        state = (self._zeros(input), self._zeros(input)) if hx is None else hx
        return self._step("lstm_cell", input, *state)


class GRUCell(RNNCellBase):
    """One step of a GRU; returns the new h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        return self._step("gru_cell", input, self._zeros(input) if hx is None else hx)[0]
