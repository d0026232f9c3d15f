"""What all optimizers share: parameter groups, state, checkpoints, and how an update is applied."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial
from itertools import chain
from typing import Any

from facula._tensor import Tensor, bump, write_
from facula.autograd.hooks import RemovableHandle, add_hook
from facula.autograd.mode import Mode, around, enable_grad, no_grad, plain, state
from facula.autograd.record import from_array
from facula.dtypes import F32, HALF
from facula.mixed_devices import mixed_devices
from facula.ops._op import OPS


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """Base of all optimizers.

    `params`: tensors, `(name, tensor)` pairs, or dicts with 'params' and the group's own options;
    `defaults`: options for groups that leave them out. A subclass supplies `update` or `update_all`.

    All parameters of a group, device and dtype are updated by one call; `foreach=False` makes it one
    call each, `foreach=True` and `fused=True` ask for what is done anyway.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor; "
                "use [tensor]"
            )
        _check_ways(defaults)
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._step_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Any] = OrderedDict()
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with options of their own, as when frozen layers are thawed."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        group = dict(param_group)
        params = group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections; use a list"
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        if params and isinstance(params[0], tuple):
            group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
                )
            if not (p.is_leaf or p.requires_grad is False):
                raise ValueError("can't optimize a non-leaf Tensor")
        if len(set(map(id, params))) != len(params):
            raise ValueError("optimizer contains a parameter group with duplicate parameters")
        known = {id(p) for g in self.param_groups for p in g["params"]}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        group["params"] = params
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            group.setdefault(name, default)
        self.param_groups.append(group)

    # ---- a step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates all parameters that have a gradient; `closure` recomputes the loss, which is returned."""
        for hook in list(self._step_pre_hooks.values()):
            hook(self, (closure,) if closure else (), {})
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for params, grads in _together(group):
                    self.update_all(group, params, grads, [self.state[p] for p in params])
        for hook in list(self._step_post_hooks.values()):
            hook(self, (closure,) if closure else (), {})
        return loss

    def update_all(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        grads: list[Tensor],
        states: list[dict[str, Any]],
    ) -> None:
        """A step of parameters of one device and dtype; a subclass may have it in place of `update`."""
        maximize = group.get("maximize")
        for param, grad, known in zip(params, grads, states):
            self.update(group, param, -grad if maximize else grad, known)

    def update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any]
    ) -> None:
        """One parameter's step; a subclass fills `state` at the first."""
        raise NotImplementedError

    def fill_states(
        self, group: dict[str, Any], params: list[Tensor], states: list[dict[str, Any]]
    ) -> None:
        """Gives parameters that make their first step the state of before it."""
        mode = state.mode
        for param, known in zip(params, states):
            if known:
                continue
            if isinstance(mode, Mode):
                make = partial(self.initial_state, group)
                known.update(mode.state_before(self.state, param, make, param))
            else:
                known.update(self.initial_state(group, param))

    def prepare(self) -> None:
        """Makes the state of all parameters, as capture needs it before the first step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.requires_grad and not self.state[p]:
                    self.state[p].update(self.initial_state(group, p))

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        """What a parameter's state is before its first step: by its shape, dtype and device, not by its values."""
        return {}

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before each step."""
        return add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._step_post_hooks, hook)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or fills them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:  # without a look at what was there: a captured step need not know
                    p.grad = None
                elif p.grad is not None:
                    p.grad = p.grad.detach()
                    p.grad.zero_()

    # ---- checkpoints

    def state_dict(self) -> dict[str, Any]:
        """State and groups, with parameters replaced by their numbers, as PyTorch's."""
        numbers = {id(p): i for i, p in enumerate(self._params())}
        start = 0
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = list(range(start, start + len(group["params"])))
            start += len(group["params"])
            groups.append(packed)
        state = {numbers[id(p)]: s for p, s in self.state.items() if s and id(p) in numbers}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` gave. Raises ValueError where the groups don't fit."""
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(s["params"]) != len(g["params"]) for s, g in zip(saved, self.param_groups)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        params = dict(zip(chain.from_iterable(g["params"] for g in saved), self._params()))
        self.state = defaultdict(dict)
        for key, values in state_dict["state"].items():
            key = int(key) if isinstance(key, str) and key.isdigit() else key
            p = params[key]
            self.state[p] = {name: _like_param(name, deepcopy(v), p) for name, v in values.items()}
        for group, new in zip(self.param_groups, saved):
            group.update({k: v for k, v in new.items() if k != "params"})

    def _params(self) -> Iterable[Tensor]:
        return chain.from_iterable(g["params"] for g in self.param_groups)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self._step_pre_hooks, self._step_post_hooks = OrderedDict(), OrderedDict()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _like_param(name: str, value: Any, param: Tensor) -> Any:
    """State on the parameter's device and in its dtype; what is one number for all of it keeps its own."""
    if not isinstance(value, Tensor):
        if name not in ("step", "mu_product"):
            return value
        import facula

        value = facula.tensor(float(value), device="cpu")  # as checkpoints of long ago have it
    if name in ("step", "mu_product"):
        return value.to(param.device)
    return value.to(device=param.device, dtype=param.dtype if param.is_floating_point() else None)


def refuse_negative(values: dict[str, Any]) -> None:
    """Raises ValueError for a number below zero, by its name."""
    for name, value in values.items():
        if value < 0.0:
            raise ValueError(f"Invalid {name}: {value}")


def refuse_betas(betas: Sequence[Any]) -> None:
    """Raises ValueError for decays of which one is not in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def _check_ways(options: dict[str, Any]) -> None:
    """Refuses what PyTorch refuses of `foreach`, `fused` and `differentiable`."""
    foreach, fused = options.get("foreach"), options.get("fused")
    if foreach and fused:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if fused and options.get("differentiable"):
        raise RuntimeError("`fused` does not support `differentiable`")


def _together(group: dict[str, Any]) -> list[tuple[list[Tensor], list[Tensor]]]:
    """(parameters, gradients) of those that have one, apart for each device and dtype."""
    found: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
    alone = group.get("foreach") is False
    for p in group["params"]:
        grad = p.grad
        if grad is not None:
            key = id(p) if alone else (p._backend, p._array.dtype)
            params, grads = found.setdefault(key, ([], []))
            params.append(p)
            grads.append(grad)
    return list(found.values())


def hyperparameter(
    group: dict[str, Any], name: str, param: Tensor, read: Callable[[Any], Any] = float
) -> Any:
    """A group's option for an update op: a number, or under capture an input read at each replay."""
    mode = state.mode
    if isinstance(mode, Mode):
        key = (id(group), name, read.__code__ if hasattr(read, "__code__") else read)
        return mode.runtime_scalar(lambda: read(group[name]), _scalar_dtype(param), key)
    return read(group[name])


def hyperparameters(group: dict[str, Any], names: tuple[str, ...], param: Tensor) -> list[Any]:
    """`hyperparameter` of several names, in one look at the mode."""
    if isinstance(state.mode, Mode):
        return [hyperparameter(group, name, param) for name in names]
    return [float(group[name]) for name in names]


def _scalar_dtype(param: Tensor) -> Any:
    return F32 if param._array.dtype in HALF else param._array.dtype


def _arrays(name: str, args: tuple[Any, ...], backend: Any) -> list[Any]:
    """The arrays of tensors among `args`. Raises MixedDevicesError where one is not on `backend`."""
    out = []
    for a in args:
        if isinstance(a, Tensor):
            if a._backend is not backend:
                inputs = [x for x, p in zip(args, OPS[name].parameters) if p.kind != "option"]
                raise mixed_devices(OPS[name], inputs)
            a = a._array
        out.append(a)
    return out


def apply_update(name: str, written: tuple[Tensor | None, ...], *args: Any) -> None:
    """Runs the update op `name` and stores its outputs in `written`.

    A backend may have the update as a kernel that writes in place: it saves the copies.
    """
    param = written[0]
    assert param is not None
    backend = param._backend
    kernel = backend.inplace_kernels.get(name)
    if kernel is not None and plain(state.mode) is not None:
        arrays = _arrays(name, args, backend)
        around(name, lambda: kernel(*arrays))
        for t in written:
            if t is not None:
                bump(t)
        return
    dtype = _scalar_dtype(param)
    op = OPS[name]
    inputs = [p.kind != "option" for p in op.parameters]
    args = tuple(
        from_array(backend, backend.full((), a, dtype))
        if is_input and isinstance(a, (int, float))
        else a
        for a, is_input in zip(args, inputs)
    )
    for target, value in zip(written, op.call(*args)):
        if target is not None:
            write_(target, value)


def apply_updates(name: str, written: tuple[list[Tensor], ...], *args: Any) -> None:
    """Runs the update op `name` of many parameters and stores its outputs in `written`.

    `args` are lists of tensors, numbers and options. Without a kernel for all at once, each parameter is
    updated by the op of one (`adam_update` for `adam_updates`).
    """
    if _all_at_once(name, written, args):
        return
    if args[0][0].is_complex():  # the two parts of a number are two parameters
        written, args = tuple(map(_as_real, written)), tuple(map(_as_real, args))
    *args, maximize = args  # type: ignore[assignment]
    for i in range(len(args[0])):
        one: list[Any] = [(a[i] if a else None) if a.__class__ is list else a for a in args]
        if maximize:
            one[1] = -one[1]
        apply_update(name[:-1], tuple([t[i] if t else None for t in written]), *one)


def _as_real(x: Any) -> Any:
    """A list of tensors with complex ones as pairs of real numbers; what is no list stays."""
    from facula import view_as_real

    return [view_as_real(t) if t.is_complex() else t for t in x] if x.__class__ is list else x


def count_step(states: list[dict[str, Any]]) -> list[Tensor]:
    """Adds one to each parameter's 'step', a 0-d tensor; returns them."""
    steps = [known["step"] for known in states]
    if not _all_at_once("next_steps", (steps,), (steps,)):
        for step in steps:
            step += 1.0
    return steps


def known_states(states: list[dict[str, Any]], name: str) -> list[Tensor]:
    """That state of all parameters; empty where the optimizer does not keep it."""
    return [known[name] for known in states] if name in states[0] else []


def _all_at_once(name: str, written: tuple[list[Tensor], ...], args: tuple[Any, ...]) -> bool:
    """Lets the backend's kernel that writes in place do it; False where there is none that can."""
    backend = written[0][0]._backend
    kernel = backend.inplace_kernels.get(name)
    if kernel is None or plain(state.mode) is None:
        return False
    arrays = []
    for a in args:
        if a.__class__ is list:
            if any([t._backend is not backend for t in a]):
                return False  # to the way of one parameter, whose error names it
            a = [t._array for t in a]
        arrays.append(a)
    if around(name, lambda: kernel(*arrays)) is NotImplemented:
        return False
    for tensors in written:
        for t in tensors:
            bump(t)
    return True
