"""Elementwise composite ops and gradients in one pass over float32: loops printed from the ops' definitions by core's printer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from facula.backends.buffer.expressions import EXPRESSIONS
from facula.dtypes import B8, BOOL, F32, FLOAT
from facula.ops._op import OPS
from facula_native.elementwise import own
from facula_native.rows import Kernel, takes_small

#: Ops whose bodies are leaves of numbers alone, and do not look at the values of options.
NAMES = (
    "relu6", "leaky_relu", "elu", "selu", "softplus", "logsigmoid", "mish", "hardsigmoid", "hardswish", "softsign",
    "prelu_along", "huber_of", "hardtanh_gradient", "relu6_gradient", "leaky_relu_gradient", "threshold_gradient",
    "elu_gradient", "selu_gradient", "softplus_gradient", "logsigmoid_gradient", "mish_gradient", "hardsigmoid_gradient",
    "hardswish_gradient", "softsign_gradient", "huber_of_gradient",
)  # fmt: skip
_BOOLS = ("eq", "ne", "lt", "le", "gt", "ge")
#: What an element costs, in additions.
_WORK = 8


class _Value:
    """What a body is run on to be printed: a piece of an expression, float32 or bool."""

    shape = ()

    def __init__(self, text: str, dtype: Any = F32):
        self.text, self.dtype = text, dtype


class _Names:
    """The namespace that a body is run in to be printed."""

    def __getattr__(self, name: str) -> Any:
        return partial(_leaf, name) if name in EXPRESSIONS else partial(OPS[name].function, self)

    def full(self, size: Any, value: float, dtype: Any) -> _Value:
        return _Value(repr(value))


def _leaf(name: str, *args: Any) -> _Value:
    values = [x if isinstance(x, _Value) else _Value(repr(float(x))) for x in args]
    is_bool = all(x.dtype is B8 for x in values)
    texts = dict(zip("abc", (x.text for x in values)))
    expression = EXPRESSIONS[name].of(BOOL if is_bool else FLOAT)
    text = re.sub(r"\b[abc]\b", lambda found: texts[found[0]], expression)
    return _Value(f"({text})", B8 if is_bool or name in _BOOLS else F32)


def _operator(name: str, turned: bool = False) -> Any:
    return lambda a, *b: _leaf(name, *b, a) if turned else _leaf(name, a, *b)


for _sign, _name in (("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div")):
    setattr(_Value, f"__{_sign}__", _operator(_name))
    setattr(_Value, f"__r{_sign}__", _operator(_name, turned=True))
for _sign in ("neg", "lt", "le", "gt", "ge"):
    setattr(_Value, f"__{_sign}__", _operator(_sign))


def text() -> str:
    """The loops of all `NAMES`."""
    return "\n".join(_loop(name) for name in NAMES)


def _loop(name: str) -> str:
    from facula.graph.codegen.elements import FLOAT32
    from facula.graph.codegen.expression import printed_as

    op = OPS[name]
    variables = [f"x{k}" for k in range(len(op.parameters))]
    result = op.function(_Names(), *map(_Value, variables))
    value = printed_as(result.text, FLOAT32, FLOAT32, **{v: v for v in variables})
    arrays = [k for k in range(len(variables)) if k in op.places]
    out = len(variables)
    steps = " && ".join(
        [f"steps[{k}] == {4 if k in arrays else 0}" for k in range(out)] + [f"steps[{out}] == 4"]
    )
    near = " ".join(f"const f32 *p{k} = (const f32 *)args[{k}];" for k in arrays)
    fixed = " ".join(f"f32 x{k} = *(const f32 *)args[{k}];" for k in range(out) if k not in arrays)
    each = " ".join(f"f32 x{k} = p{k}[i];" for k in arrays)
    far = " ".join(f"f32 x{k} = *(const f32 *)(args[{k}] + i * steps[{k}]);" for k in range(out))
    return f"""void {name}_loop(char **args, const i64 *dims, const i64 *steps, void *data)
{{
    i64 n = dims[0];
    if ({steps}) {{
        {near} {fixed}
        f32 *out = (f32 *)args[{out}];
        _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) {{ {each} out[i] = {value}; }}
    }} else
        for (i64 i = 0; i < n; ++i) {{ {far} *(f32 *)(args[{out}] + i * steps[{out}]) = {value}; }}
}}
"""


def _composite(name: str) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        places, defaults, chars = _layout(name)

        def kernel(*args: Any) -> Any:
            whole = (*args, *defaults[len(args) :])
            if takes_small(args[0]) and _fits(whole, places):
                ufunc = own("composite", name, chars, _WORK)
                if ufunc is not None:
                    return np.asarray(ufunc(*whole))
            return below(*args)

        return kernel

    return make


@cache
def _layout(name: str) -> tuple[Any, Any, str]:
    """Where its arrays are, its defaults, and the dtypes of a loop's operands."""
    op = OPS[name]
    return op.places, tuple([p.default for p in op.parameters]), "f" * (len(op.parameters) + 1)


def _fits(args: Any, places: Any) -> bool:
    """Whether all arrays are float32, and all options numbers."""
    return all(
        [x.dtype is F32 if k in places else x.__class__ in (int, float) for k, x in enumerate(args)]
    )


WRAPPERS = {name: _composite(name) for name in NAMES}
