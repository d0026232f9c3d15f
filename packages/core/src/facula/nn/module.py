"""`Module`: a tree of layers with its parameters, buffers, hooks and state.

A call without hooks is one frame and `forward`. What an exception needs to name the layer that it
comes from (its path in the tree, what was wrong with its input) is worked out only when one passes.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeVar

import facula
from facula._tensor import Parameter, Tensor
from facula.autograd.hooks import RemovableHandle
from facula.mixed_devices import MixedDevicesError
from facula.nn.parameter import Buffer, is_uninitialized

Self = TypeVar("Self", bound="Module")
_EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns: the keys that were missing and those that were unexpected."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


# ---- hooks for every module


class _GlobalHooks:
    """Hooks that run for all modules, by kind."""

    def __init__(self) -> None:
        self.forward_pre: OrderedDict[int, Any] = OrderedDict()
        self.forward: OrderedDict[int, Any] = OrderedDict()
        self.forward_with_kwargs: set[int] = set()
        self.forward_always: set[int] = set()
        self.backward_pre: OrderedDict[int, Any] = OrderedDict()
        self.backward: OrderedDict[int, Any] = OrderedDict()
        self.buffer_registration: OrderedDict[int, Any] = OrderedDict()
        self.module_registration: OrderedDict[int, Any] = OrderedDict()
        self.parameter_registration: OrderedDict[int, Any] = OrderedDict()


_everywhere = _GlobalHooks()
#: Hooks that change nothing, as the profiler's: a compiled function does not ask whether there are any.
_watching = _GlobalHooks()


def _add(hooks: OrderedDict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def _add_everywhere(hooks: OrderedDict[int, Any], hook: Any) -> RemovableHandle:
    Module._slow = True  # modules look at the class where they have no hooks of their own
    return _add(hooks, hook)


def watch_all_modules(enter: Any, leave: Any) -> list[RemovableHandle]:
    """Calls `enter(module, args)` first of all and `leave(module, args, output)` after all hooks, also after an exception."""
    Module._slow = True
    handles = [_add(_watching.forward_pre, enter), _add(_watching.forward, leave)]
    _watching.forward_always.add(handles[1].id)
    return handles


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, args)` before the forward of every module."""
    return _add_everywhere(_everywhere.forward_pre, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls `hook(module, args, output)` after the forward of every module."""
    handle = _add_everywhere(_everywhere.forward, hook)
    if with_kwargs:
        _everywhere.forward_with_kwargs.add(handle.id)
    if always_call:
        _everywhere.forward_always.add(handle.id)
    return handle


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, grad_output)` before the backward of every module."""
    return _add_everywhere(_everywhere.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, grad_input, grad_output)` after the backward of every module."""
    return _add_everywhere(_everywhere.backward, hook)


register_module_backward_hook = register_module_full_backward_hook


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, name, parameter)` when any module registers a parameter."""
    return _add(_everywhere.parameter_registration, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, name, submodule)` when any module registers a submodule."""
    return _add(_everywhere.module_registration, hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls `hook(module, name, buffer)` when any module registers a buffer."""
    return _add(_everywhere.buffer_registration, hook)


# ---- errors that name their layer


def _locate(module: Module, error: Exception, args: tuple[Any, ...]) -> None:
    """Tells `error` that it passes through `module`: its path grows from the inside out."""
    known = error.__dict__
    if "_module" not in known:
        text = _explanation(module, error, args)
        known.update(_module=module, _layer=type(module).__name__, _path="", _text=text, _note=None)
        if text is not None and error.args and not isinstance(error, MixedDevicesError):
            error.add_note(f"(the op said: {error.args[0]})")
    else:
        name = next((n for n, m in module.named_modules() if m is known["_module"]), "")
        if not name:  # another module's, called from here
            return
        path = known["_path"]
        known.update(_module=module, _path=f"{name}.{path}" if path else name)
    layer, path = known["_layer"], known["_path"]
    where = f"{layer} '{path}'" if path else layer
    if known["_text"] is not None:
        error.args = (f"{where}: {known['_text']}",)
    elif path:
        _replace_note(error, f"in {where} of {type(module).__name__}")


def _explanation(module: Module, error: Exception, args: tuple[Any, ...]) -> str | None:
    if isinstance(error, MixedDevicesError):
        error.rename("parameter", module._parameters)
        error.rename("buffer", module._buffers)
        return error.described()
    try:
        return module.explain_error(*args)
    except Exception:  # an explanation must never hide the error itself
        return None


def _replace_note(error: Exception, note: str) -> None:
    old = error.__dict__["_note"]
    if old in getattr(error, "__notes__", ()):
        error.__notes__.remove(old)
    error.__dict__["_note"] = note
    error.add_note(note)


def _add_indent(text: str, spaces: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *[" " * spaces + line for line in rest]])


_addindent = _add_indent


class _MadeAtFirstUse:
    """A container that few modules need: reading the attribute makes it, `Module._own` doesn't."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Module | None, owner: type) -> Any:
        return self if module is None else module.__dict__.setdefault(self.name, self.kind())


_NONE: Mapping[Any, Any] = MappingProxyType({})


class Module:
    """Base class of all layers and models: assign parameters and submodules, define `forward`.

    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(4, 2)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    """

    dump_patches = False
    call_super_init = False
    #: Version of the state, written into checkpoints beside it; raise it when the state changes.
    _version = 1
    #: Whether a call must look for hooks; an attribute of the class until an instance has some.
    _slow = False
    _compiled_call_impl: Any = None

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    forward: Callable[..., Any]

    # What a call of a compiled function looks at are attributes of modules, so these are none before they are needed.
    _non_persistent_buffers_set: Any = _MadeAtFirstUse(set)
    _backward_pre_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _backward_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _forward_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _forward_hooks_with_kwargs: Any = _MadeAtFirstUse(set)
    _forward_hooks_always_called: Any = _MadeAtFirstUse(set)
    _forward_pre_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _forward_pre_hooks_with_kwargs: Any = _MadeAtFirstUse(set)
    _state_dict_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _state_dict_pre_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _load_state_dict_pre_hooks: Any = _MadeAtFirstUse(OrderedDict)
    _load_state_dict_post_hooks: Any = _MadeAtFirstUse(OrderedDict)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        if not self.call_super_init and kwargs:
            raise TypeError(
                f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
        if not self.call_super_init and args:
            raise TypeError(
                f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        self.__dict__.update(training=True, _parameters={}, _buffers={}, _modules={})
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def _own(self, name: str) -> Any:
        """One of the containers above, to look into; an empty one where there is none."""
        return self.__dict__.get(name, _NONE)

    # ---- calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._slow:
                return self._call_slow(args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            _locate(self, error, args)
            raise

    _call_impl = __call__

    def forward(self, *input: Any) -> Any:  # type: ignore[no-redef]
        """Computes the output; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def explain_error(self, *args: Any) -> str | None:
        """What is wrong with these arguments of `forward`, in the layer's words; None if nothing is.

        Asked only after `forward` raised, so it costs a call that works nothing.
        """
        return None

    def _call_slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._settle()
        done: set[int] = set()
        output = None
        try:
            args, kwargs = self._run_forward_pre_hooks(args, kwargs)
            boundary = self._backward_boundary()
            if boundary is not None:
                args = boundary.watch_inputs(args)
            output = (self._compiled_call_impl or self.forward)(*args, **kwargs)
            output = self._run_forward_hooks(args, kwargs, output, done)
            return output if boundary is None else boundary.watch_outputs(output)
        except Exception:
            self._run_always_called(args, kwargs, output, done)
            raise

    def _settle(self) -> None:
        """Back to fast calls where all hooks were removed."""
        if not any(
            getattr(hooks, kind)
            for hooks in (_everywhere, _watching)
            for kind in ("forward_pre", "forward", "backward_pre", "backward")
        ):
            Module._slow = False
        if self._compiled_call_impl is None and not any(map(self._own, _CALL_HOOKS)):
            for name in ("_slow", *_CALL_HOOKS, *_OF_CALL_HOOKS):
                self.__dict__.pop(name, None)

    def _run_forward_pre_hooks(self, args: Any, kwargs: Any) -> tuple[Any, dict[str, Any]]:
        own, with_kwargs = (
            self._own("_forward_pre_hooks"),
            self._own("_forward_pre_hooks_with_kwargs"),
        )
        everywhere = [*_watching.forward_pre.items(), *_everywhere.forward_pre.items()]
        for key, hook in [*everywhere, *own.items()]:
            if key in own and key in with_kwargs:
                result = hook(self, args, kwargs)
                if result is None:
                    continue
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                args, kwargs = result
            else:
                result = hook(self, args)
                if result is not None:
                    args = result if isinstance(result, tuple) else (result,)
        return args, kwargs

    def _forward_hook_calls(self, args: Any, kwargs: Any) -> Iterator[tuple[int, bool, Any]]:
        """(key, whether it is called in any case, function of the output) for each forward hook."""
        shared, last = _everywhere, _watching
        for hooks, with_kwargs, always in (
            (shared.forward, shared.forward_with_kwargs, shared.forward_always),
            (
                self._own("_forward_hooks"),
                self._own("_forward_hooks_with_kwargs"),
                self._own("_forward_hooks_always_called"),
            ),
            (last.forward, last.forward_with_kwargs, last.forward_always),
        ):
            for key, hook in list(hooks.items()):
                extra = (kwargs,) if key in with_kwargs else ()
                yield key, key in always, lambda out, h=hook, e=extra: h(self, args, *e, out)

    def _run_forward_hooks(self, args: Any, kwargs: Any, output: Any, done: set[int]) -> Any:
        for key, _, call in self._forward_hook_calls(args, kwargs):
            done.add(key)
            result = call(output)
            output = output if result is None else result
        return output

    def _run_always_called(self, args: Any, kwargs: Any, output: Any, done: set[int]) -> None:
        """After an exception: the hooks with `always_call` that have not run; theirs only warn."""
        import warnings

        for key, always, call in self._forward_hook_calls(args, kwargs):
            if always and key not in done:
                try:
                    call(output)
                except Exception as error:
                    warnings.warn(
                        "forward hook with ``always_call=True`` raised an exception that was silenced as "
                        f"another error was raised in forward: {error}",
                        stacklevel=2,
                    )

    def _backward_boundary(self) -> Any:
        hooks = [*_everywhere.backward.values(), *self._own("_backward_hooks").values()]
        pre_hooks = [*_everywhere.backward_pre.values(), *self._own("_backward_pre_hooks").values()]
        if not (hooks or pre_hooks) or not facula.is_grad_enabled():
            return None
        from facula.nn.backward_hooks import Boundary

        return Boundary(self, pre_hooks, hooks)

    # ---- registering parts

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is part of the state but no parameter; saved only if `persistent`."""
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (facula Tensor or None required)"
            )
        for hook in list(_everywhere.buffer_registration.values()):
            tensor = _or(hook(self, name, tensor), tensor)
        self._buffers[name] = tensor
        if not persistent:
            self._non_persistent_buffers_set.add(name)
        else:
            self._keep(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter under `name`; None reserves the name."""
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_typename(param)}' object to parameter '{name}' (facula.nn.Parameter or None required)"
            )
        if param is not None and param._node is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. "
                "To express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        for hook in list(_everywhere.parameter_registration.values()):
            param = _or(hook(self, name, param), param)
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule, which is then the attribute `name`."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        for hook in list(_everywhere.module_registration.values()):
            module = _or(hook(self, name, module), module)
        self._modules[name] = module

    register_module = add_module

    def _check_name(self, what: str, name: Any, registered: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {_typename(name)}")
        if "." in name:
            raise KeyError(
                f'{what} name can\'t contain ".", got: {name}'
                if what == "module"
                else f'{what} name can\'t contain "."'
            )
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if hasattr(self, name) and name not in registered:
            raise KeyError(f"attribute '{name}' already exists")

    def __setattr__(self, name: str, value: Any) -> None:
        kinds = self.__dict__
        for base, key in _REGISTERED:
            if isinstance(value, base):
                if key not in kinds:
                    raise AttributeError(f"cannot assign {key[1:]} before Module.__init__() call")
                self._forget(name, key)
                self._register(name, key, value)
                return
        for _, key in _REGISTERED:
            if name in kinds.get(key, ()):
                self._reassign(name, key, value)
                return
        object.__setattr__(self, name, value)

    def _register(self, name: str, key: str, value: Any) -> None:
        if key == "_parameters":
            self.register_parameter(name, value)
        elif key == "_modules":
            self.add_module(name, value)
        else:
            self.register_buffer(name, value, value.persistent)

    def _reassign(self, name: str, key: str, value: Any) -> None:
        """`self.name = value` for a registered name and a value of another kind: None, or an error."""
        if key == "_buffers":
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as buffer '{name}' (facula Tensor or None expected)"
                )
            self.register_buffer(name, value, name not in self._own("_non_persistent_buffers_set"))
            return
        if value is not None:
            expected = {
                "_parameters": "parameter '{}' (facula.nn.Parameter",
                "_modules": "child module '{}' (facula.nn.Module",
            }
            raise TypeError(
                f"cannot assign '{_typename(value)}' as {expected[key].format(name)} or None expected)"
            )
        self.__dict__[key][name] = None

    def _forget(self, name: str, but: str) -> None:
        """Takes `name` out of all that it is registered as, except the kind `but`."""
        self.__dict__.pop(name, None)
        for key in ("_parameters", "_buffers", "_modules"):
            if key != but:
                self.__dict__.get(key, {}).pop(name, None)
        if but != "_buffers":
            self._keep(name)

    def _keep(self, name: str) -> None:
        """Has a buffer of this name saved."""
        if name in self._own("_non_persistent_buffers_set"):
            self._non_persistent_buffers_set.remove(name)

    def __getattr__(self, name: str) -> Any:
        registered = self.__dict__
        try:
            if name in (found := registered["_parameters"]):
                return found[name]
            if name in (found := registered["_modules"]):
                return found[name]
            if name in (found := registered["_buffers"]):
                return found[name]
        except KeyError:  # a subclass that has not called `super().__init__()`
            pass
        made = getattr(type(self), name, None)
        if isinstance(made, property) and made.fget is not None:
            return made.fget(self)  # raises again what went wrong inside the property
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for key in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__[key]:
                del self.__dict__[key][name]
                self._keep(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {
            *dir(type(self)),
            *self.__dict__,
            *self._parameters,
            *self._modules,
            *self._buffers,
        }
        return sorted(name for name in names if not name[0].isdigit())

    # ---- finding parts

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as 'encoder.layers.0'; AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Puts `module` at a path; with `strict` there must be one already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _get_part(self, target: str, kind: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        if name not in module.__dict__[kind]:
            raise AttributeError(f"`{name}` is not {what}")
        return module.__dict__[kind][name]

    def get_parameter(self, target: str) -> Any:
        """The parameter at a path such as 'encoder.fc.weight'; AttributeError if there is none."""
        return self._get_part(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Any:
        """The buffer at a path; AttributeError if there is none."""
        return self._get_part(target, "_buffers", "a buffer")

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the direct submodules, each module once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules, each once."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(path, module) of this module and all below it."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def _named_members(
        self,
        members_of: Callable[[Module], Any],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, member in members_of(module):
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield f"{path}.{name}" if path else name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter) of this module and, with `recurse`, of all below it."""
        return self._named_members(
            lambda m: m._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once: what an optimizer takes."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(path, buffer) of this module and, with `recurse`, of all below it."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    # ---- changing all parts

    def apply(self: Self, fn: Callable[[Module], None]) -> Self:
        """Calls `fn` on every submodule and then on this one; returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: Self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Replaces the values of all parameters, gradients and buffers by `fn` of them."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is not None:
                with facula.no_grad():
                    param.data = fn(param)
                    if param.grad is not None:
                        param.grad.data = fn(param.grad)
        for key, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[key] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Moves parameters and buffers to a device, or floating-point ones to a dtype; in place.

        `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`, each with `non_blocking`. TypeError for an
        integer dtype.
        """
        device, dtype, non_blocking = _to_arguments(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(t: Any) -> Any:
            if is_uninitialized(t):
                return t.to_place(device, dtype)
            changes = {} if device is None else {"device": device, "non_blocking": non_blocking}
            if dtype is not None and (t.is_floating_point() or t.is_complex()):
                changes["dtype"] = dtype
            return t.to(**changes) if changes else t

        return self._apply(convert)

    def _to_floating(self: Self, dtype: Any) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self: Self) -> Self:
        """Floating-point parameters and buffers to float32."""
        return self._to_floating(facula.float32)

    def double(self: Self) -> Self:
        """Floating-point parameters and buffers to float64."""
        return self._to_floating(facula.float64)

    def half(self: Self) -> Self:
        """Floating-point parameters and buffers to float16."""
        return self._to_floating(facula.float16)

    def bfloat16(self: Self) -> Self:
        """Floating-point parameters and buffers to bfloat16."""
        return self._to_floating(facula.bfloat16)

    def type(self: Self, dst_type: Any) -> Self:
        """All parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.to(dst_type))

    def cpu(self: Self) -> Self:
        """Everything to the CPU."""
        return self._apply(lambda t: t.to("cpu"))

    def cuda(self: Self, device: Any = None) -> Self:
        """Everything to a CUDA device (the first, or the one of that index)."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Everything to a device without its values: for modules that were made on 'meta'."""
        return self._apply(lambda t: facula.empty_like(t, device=device), recurse=recurse)

    def share_memory(self: Self) -> Self:
        """Moves parameters and buffers into memory that processes share."""
        return self._apply(lambda t: t.share_memory_())

    def train(self: Self, mode: bool = True) -> Self:
        """Sets training mode, which dropout and batch normalisation look at, here and below."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Sets evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Whether the parameters are to be differentiated."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears the gradients of all parameters: to None, or to zeros."""
        for p in self.parameters():
            if set_to_none:  # without a look at what was there: a captured step need not know
                p.grad = None
            elif p.grad is not None:
                p.grad = (
                    p.grad.detach() if p.grad.grad_fn is not None else p.grad.requires_grad_(False)
                )
                p.grad.zero_()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Makes calls of this module run `facula.compile` of its forward."""
        self.__dict__["_compiled_call_impl"] = facula.compile(self.forward, *args, **kwargs)
        self.__dict__["_slow"] = True

    # ---- hooks

    def _register_hook(self, kind: str, hook: Any, prepend: bool = False) -> RemovableHandle:
        self.__dict__["_slow"] = True
        return _add(getattr(self, kind), hook, prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before forward; what it returns replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)` and returns both or None.
        """
        handle = self._register_hook("_forward_pre_hooks", hook, prepend)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs.add(handle.id)
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls `hook(module, args, output)` after forward; what it returns replaces the output.

        With `always_call` also after an exception.
        """
        handle = self._register_hook("_forward_hooks", hook, prepend)
        if with_kwargs:
            self._forward_hooks_with_kwargs.add(handle.id)
        if always_call:
            self._forward_hooks_always_called.add(handle.id)
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before the gradients of the inputs are computed."""
        return self._register_hook("_backward_pre_hooks", hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        What it returns replaces `grad_input`.
        """
        return self._register_hook("_backward_hooks", hook, prepend)

    register_backward_hook = register_full_backward_hook

    # ---- state

    def get_extra_state(self) -> Any:
        """Something to save in the state dict beside the tensors; define it with `set_extra_state`."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called: define it in the subclass"
        )

    def set_extra_state(self, state: Any) -> None:
        """Takes what `get_extra_state` had given."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called: define it in the subclass"
        )

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not Module.get_extra_state

    def _takes_extra_state(self) -> bool:
        return type(self).set_extra_state is not Module.set_extra_state

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in chain(self._parameters.items(), self._persistent_buffers()):
            if value is not None:
                destination[prefix + name] = value if keep_vars else value.detach()
        if self._has_extra_state():
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def _persistent_buffers(self) -> list[tuple[str, Tensor | None]]:
        left_out = self._own("_non_persistent_buffers_set")
        return [(k, b) for k, b in self._buffers.items() if k not in left_out]

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Parameters and persistent buffers by path, detached unless `keep_vars`."""
        given: tuple[Any, ...] = (*args, *(destination, prefix, keep_vars)[len(args) :])
        destination, prefix, keep_vars = given
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        for hook in self._own("_state_dict_pre_hooks").values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars
                )
        for hook in self._own("_state_dict_hooks").values():
            changed = hook(self, destination, prefix, local)
            if changed is not None:
                destination = changed
        return destination

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before the state is collected."""
        return _add(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` after the state is collected."""
        return _add(self._state_dict_hooks, hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, ...)` before this module takes its state."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        return _add(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after this module took its state."""
        return _add(self._load_state_dict_post_hooks, hook)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Copies values from a state dict (with `assign`: takes its tensors).

        With `strict` all keys must match. Raises RuntimeError with all that did not fit. Returns
        the missing and the unexpected keys.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state: Any = OrderedDict(state_dict)
        if metadata is not None:
            state._metadata = metadata
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        self._load(state, "", (metadata, assign), (missing, unexpected, errors))
        if strict:
            errors[:0] = [
                f"{what} key(s) in state_dict: {', '.join(f'{chr(34)}{k}{chr(34)}' for k in keys)}. "
                for what, keys in (("Missing", missing), ("Unexpected", unexpected))
                if keys
            ]
        if errors:
            text = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{text}"
            )
        return _IncompatibleKeys(missing, unexpected)

    def _load(
        self,
        state: Any,
        prefix: str,
        how: tuple[Any, bool],
        found: tuple[list[str], list[str], list[str]],
    ) -> None:
        metadata, assign = how
        local = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local = {**local, "assign_to_params_buffers": True}
        self._load_from_state_dict(state, prefix, local, True, *found)
        for name, child in self._modules.items():
            if child is not None:
                below = prefix + name + "."
                child._load(
                    {k: v for k, v in state.items() if k.startswith(below)}, below, how, found
                )
        keys = _IncompatibleKeys(found[0], found[1])
        for hook in self._own("_load_state_dict_post_hooks").values():
            if hook(self, keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                    "values, if incompatible_keys need to be modified, it should be done inplace."
                )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Takes the state of this module alone; subclasses override it to read older versions."""
        for hook, with_module in self._own("_load_state_dict_pre_hooks").values():
            arguments = (
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
            hook(self, *arguments) if with_module else hook(*arguments)
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, param in chain(self._parameters.items(), self._persistent_buffers()):
            if param is None:
                continue
            key = prefix + name
            if key in state_dict:
                error = self._take(name, key, param, state_dict[key], assign)
                if error is not None:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(key)
        self._take_extra_state(state_dict, prefix, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys += [k for k in state_dict if self._is_unexpected(k, prefix)]

    def _take(self, name: str, key: str, param: Any, value: Any, assign: bool) -> str | None:
        """Copies one value of a state dict, or says why it does not fit."""
        if not isinstance(value, Tensor):
            return (
                f'While copying the parameter named "{key}", expected facula.Tensor or Tensor-like object from '
                f"checkpoint but received {type(value)}"
            )
        if is_uninitialized(param):
            param.materialize(value.shape)
        if param.ndim == 0 and value.shape == (1,):  # as written by PyTorch 0.3
            value = value[0]
        if value.shape != param.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {param.shape}."
            )
        if param.is_meta and not value.is_meta and not assign:
            import warnings

            warnings.warn(
                f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current "
                "model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary "
                "to their corresponding key in the module instead of copying them in place?)",
                stacklevel=4,
            )
        try:
            with facula.no_grad():
                if assign:
                    if isinstance(param, Parameter) and not isinstance(value, Parameter):
                        value = Parameter(value, requires_grad=param.requires_grad)
                    setattr(self, name, value)
                else:
                    param.copy_(value)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are {param.shape} and whose '
                f"dimensions in the checkpoint are {value.shape}, an exception occurred : {error.args}."
            )
        return None

    def _take_extra_state(
        self,
        state_dict: Any,
        prefix: str,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
    ) -> None:
        key = prefix + _EXTRA_STATE
        if self._takes_extra_state():
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing_keys.append(key)
        elif strict and key in state_dict:
            unexpected_keys.append(key)

    def _is_unexpected(self, key: str, prefix: str) -> bool:
        if not key.startswith(prefix) or key == prefix + _EXTRA_STATE:
            return False
        first, _, rest = key[len(prefix) :].partition(".")
        if rest:
            return first not in self._modules
        return first not in self._parameters and first not in dict(self._persistent_buffers())

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_compiled_call_impl"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    # ---- text

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses beside the submodules."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_add_indent(repr(m), 2)}" for name, m in self._modules.items()]
        if len(lines) <= 1 and not children:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


_CALL_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_OF_CALL_HOOKS = (
    "_forward_pre_hooks_with_kwargs", "_forward_hooks_with_kwargs", "_forward_hooks_always_called"
)  # fmt: skip

#: Values of these types are registered when assigned to an attribute, under these names.
_REGISTERED: tuple[tuple[type, str], ...] = (
    (Parameter, "_parameters"),
    (Module, "_modules"),
    (Buffer, "_buffers"),
)


def _or(changed: Any, value: Any) -> Any:
    return value if changed is None else changed


def _typename(value: Any) -> str:
    kind = type(value)
    return (
        kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    )


def _to_arguments(
    *args: Any,
    tensor: Any = None,
    device: Any = None,
    dtype: Any = None,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> tuple[Any, Any, bool]:
    """(device, dtype, non_blocking) that the arguments of `Module.to` ask for; the first two may be None."""
    for value in (*args, tensor):
        if isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, facula.dtype):
            dtype = value
        elif isinstance(value, bool):
            non_blocking = value
        elif isinstance(value, (str, facula.device, int)):
            device = value
        elif value is not None:
            raise TypeError(
                f"to() received an invalid argument of type {type(value).__name__}; expected a device, dtype or tensor"
            )
    return None if device is None else facula.device(device), dtype, non_blocking
