"""Writes the `.pyi` files of everything that is made from the op registry: functions and methods.

    python tools/make_stubs.py            # CI runs it and fails where a file changes

`facula/__init__.pyi` and its namespaces get one signature per op; `_tensor_methods.pyi` holds the
methods, as a base class that `Tensor` has for type checkers alone.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import keyword
from pathlib import Path
from typing import Any

import facula
from facula import _HOMES, _MODULES, constants, dtypes
from facula.ops._op import ALIASES, OPS, Op

CORE = Path(facula.__file__).parent
HEADER = '"""Made by tools/make_stubs.py from the op registry; do not edit."""\n\n'
IMPORTS = "from typing import Any, NamedTuple\n\nfrom facula._tensor import Tensor\n"
NAMESPACES = ("linalg", "fft", "special")

#: Ops that return no tensor but a bool, or several tensors, or one or several as the arguments say.
BOOLS = {"allclose", "equal"}
SEQUENCES = {
    "broadcast_tensors", "chunk", "dsplit", "hsplit", "max_pool1d_with_indices", "max_pool2d_with_indices",
    "max_pool3d_with_indices", "meshgrid", "split", "split_with_sizes", "split_with_sizes_copy", "tensor_split",
    "unbind", "unbind_copy", "vsplit",
}  # fmt: skip
OVERLOADED = {
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "atleast_1d", "atleast_2d", "atleast_3d",
    "fractional_max_pool2d", "fractional_max_pool3d", "max_pool1d", "max_pool2d", "max_pool3d", "nonzero", "unique",
    "unique_consecutive", "where",
}  # fmt: skip
#: Annotations of options that type checkers may have as they are.
PLAIN = {"int", "float", "bool", "str"}


def signature_of(op: Op, method: bool) -> str:
    """The parameters of an op's public form, as source."""
    parameters = list(inspect.signature(op.public_call).parameters.values())
    if method and parameters:
        first, *parameters = parameters
        out = ["self"] if first.kind is not first.VAR_POSITIONAL else ["self", "*args: Any"]
    else:
        out = []
    starred = method and len(out) == 2
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            out.append("*")
            starred = True
        out.append(_parameter(op, p))
        starred |= p.kind is p.VAR_POSITIONAL
    if not method and not (op.view or op.alias) and "out" not in {p.name for p in parameters}:
        tail = [x for x in out if x.startswith("**")]
        out = [x for x in out if not x.startswith("**")]
        out += ([] if starred else ["*"]) + ["out: Any = ..."] + tail
    return ", ".join(out)


def _parameter(op: Op, p: inspect.Parameter) -> str:
    if p.kind is p.VAR_POSITIONAL:
        return f"*{p.name}: Any"
    if p.kind is p.VAR_KEYWORD:
        return f"**{p.name}: Any"
    default = "" if p.default is p.empty or repr(p.default) == "REQUIRED" else " = ..."
    return f"{p.name}: {_hint(p)}{default}"


def _hint(p: inspect.Parameter) -> str:
    """The annotation of a plain option; what is None by default but not said to be is `Any`."""
    text = p.annotation if isinstance(p.annotation, str) else ""
    if text.removesuffix(" | None") not in PLAIN:
        return "Any"
    return "Any" if p.default is None and not text.endswith("None") else text


def result_of(op: Op) -> str:
    """The type of what an op returns; tests/whole/test_stubs.py checks it with the op's samples."""
    if op.name in BOOLS:
        return "bool"
    if op.name in SEQUENCES:
        return "tuple[Tensor, ...]"
    return "Any" if op.outputs or op.name in OVERLOADED else "Tensor"


def documented(doc: str) -> str:
    first = (doc or "").strip().split("\n")[0].replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{first}"""' if first else "..."


def function(name: str, op: Op) -> str:
    return f"def {name}({signature_of(op, False)}) -> {result_of(op)}:\n    {documented(op.doc)}\n"


def names_of(ops: dict[str, Op], prefix: str = "") -> dict[str, Op]:
    named = {**ALIASES, **ops}
    return {
        name.removeprefix(prefix): op
        for name, op in sorted(named.items())
        if name.startswith(prefix)
        and name.removeprefix(prefix).isidentifier()
        and not keyword.iskeyword(name.removeprefix(prefix))
    }


def is_internal(name: str) -> bool:
    return name.startswith("_")


def main_stub() -> str:
    lines = [HEADER, "from typing import Any\n", *_explicit_imports(), ""]
    lines += [
        f"{name}: dtype" for name in sorted(dtypes.NAMES) if name not in ("float", "int", "bool")
    ]
    lines += [f"{name}: Any" for name in ("float", "int", "bool")]
    lines += [f"{name}: Any" for name in sorted(constants.NAMES)]
    lines += ["__version__: str", "def __getattr__(name: str) -> Any: ...", ""]
    taken = (
        set(dtypes.NAMES)
        | set(constants.NAMES)
        | set(_HOMES)
        | set(_MODULES)
        | {"tensor", "from_numpy", "as_tensor"}
    )
    for name, op in names_of(OPS).items():
        if (
            not is_internal(name)
            and name not in taken
            and not name.startswith(tuple(n + "_" for n in NAMESPACES))
        ):
            lines.append(_builtin_safe(function(name, op)))
    return "\n".join(lines)


def _builtin_safe(text: str) -> str:
    """`facula.int` and the like hide Python's names within the stub."""
    for name in ("int", "float", "bool"):
        text = (
            text.replace(f": {name}", f": builtins.{name}")
            .replace(f"-> {name}:", f"-> builtins.{name}:")
            .replace(f"| {name}", f"| builtins.{name}")
        )
    return text


def _explicit_imports() -> list[str]:
    lines = ["import builtins\n"]
    lines += [
        "from facula import autograd as autograd, backends as backends, nn as nn, optim as optim, utils as utils",
        "from facula import data as data, io as io, graph as graph, random as random, linalg as linalg, fft as fft",
        "from facula import special as special, ops as ops",
        "from facula._device import device as device",
        "from facula._tensor import Size as Size, Tensor as Tensor",
        "from facula.autograd.mode import enable_grad as enable_grad, inference_mode as inference_mode",
        "from facula.autograd.mode import is_grad_enabled as is_grad_enabled, no_grad as no_grad",
        "from facula.autograd.mode import set_grad_enabled as set_grad_enabled",
        "from facula.construct import as_tensor as as_tensor, from_numpy as from_numpy, tensor as tensor",
        "from facula.dtypes import dtype as dtype, finfo as finfo, iinfo as iinfo",
        "from facula.dtypes import get_default_dtype as get_default_dtype, set_default_dtype as set_default_dtype",
        "from facula.promotion import can_cast as can_cast, promote_types as promote_types",
    ]
    for name, home in sorted(_HOMES.items()):
        if name.endswith(
            "Tensor"
        ):  # made by a loop in `construct`, which type checkers cannot follow
            lines.append(f"def {name}(*args: Any, device: Any = ...) -> Tensor: ...")
        else:
            lines.append(f"from {home} import {name} as {name}")
    return lines


def namespace_stub(prefix: str) -> str:
    lines = [HEADER, "from typing import Any\n", "from facula._tensor import Tensor\n"]
    module = getattr(facula, prefix)
    for name in getattr(module, "__all__", ()):
        home = getattr(module, name).__module__
        lines.insert(2, f"from {home} import {name} as {name}\n")
    lines += ["def __getattr__(name: str) -> Any: ...", ""]
    return "\n".join(lines + [function(n, op) for n, op in names_of(OPS, prefix + "_").items()])


def functional_stub() -> str:
    lines = [
        HEADER,
        "from typing import Any\n",
        "from facula._tensor import Tensor\n",
        "def __getattr__(name: str) -> Any: ...\n",
    ]
    module = facula.nn.functional
    for name, op in names_of(OPS).items():
        if is_internal(name):
            continue
        own = getattr(module, name, None)
        if own is None:
            continue
        op = OPS[module._RENAMED.get(name, name)]
        code = getattr(own, "__code__", None)
        if (
            code is not None
            and code.co_filename == module.__file__
            and not hasattr(own, "__wrapped__")
        ):
            lines.append(_builtin_safe(_written(name, op, own)))
        else:
            lines.append(
                _builtin_safe(
                    _with_inplace(name, op) if name in module._INPLACE else function(name, op)
                )
            )
    lines.insert(1, "import builtins\n")
    return "\n".join(lines)


def _written(name: str, op: Op, own: Any) -> str:
    """A function that `nn/functional.py` writes out itself."""
    inner = ", ".join(_parameter(op, p) for p in inspect.signature(own).parameters.values())
    return f"def {name}({inner}) -> Tensor:\n    {documented(own.__doc__ or op.doc)}\n"


def _with_inplace(name: str, op: Op) -> str:
    """A function with `inplace`, where PyTorch has it among the arguments."""
    parameters = [
        p for p in inspect.signature(op.public_call).parameters.values() if p.name != "inplace"
    ]
    inner = [_parameter(op, p) for p in parameters]
    inner.insert(facula.nn.functional._INPLACE[name], "inplace: bool = ...")
    return f"def {name}({', '.join(inner)}) -> Tensor:\n    {documented(op.doc)}\n"


def methods_stub() -> str:
    written = set(_own_members())
    lines = [
        HEADER,
        "from typing import Any\n",
        "from facula._tensor import Tensor\n",
        "class TensorMethods:",
    ]
    for name, op in names_of(OPS).items():
        if op.method and name not in written and not is_internal(name):
            lines.append(
                f"    def {name}({signature_of(op, True)}) -> {result_of(op)}:\n        {documented(op.doc)}\n"
            )
        if op.inplace and f"{name}_" not in written and not is_internal(name):
            lines.append(
                f'    def {name}_({signature_of(op, True)}) -> Tensor:\n        """In-place form of `{name}`."""\n'
            )
    lines.insert(1, "import builtins\n")
    return "\n".join([_builtin_safe(line) for line in lines] + _dunders())


def _dunders() -> list[str]:
    binary = [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
    ]
    lines = [
        f"    def __{r}{name}__(self, other: Any) -> Tensor: ..."
        for name in binary
        for r in ("", "r", "i")
    ]
    compare = [
        f"    def __{name}__(self, other: Any) -> Tensor: ..." for name in ("lt", "le", "gt", "ge")
    ]
    equal = [
        f"    def __{name}__(self, other: Any) -> Tensor: ...  # type: ignore[override]"
        for name in ("eq", "ne")
    ]
    return lines + compare + equal + [f"    def __{name}__(self) -> Tensor: ..." for name in ("neg", "abs", "invert", "pos")] + [
        "    def __getitem__(self, index: Any) -> Tensor: ..."
    ]  # fmt: skip


def _own_members() -> list[str]:
    """What the source of Tensor defines itself."""
    tree = ast.parse((CORE / "_tensor.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Tensor":
            return [x.name for x in ast.walk(node) if isinstance(x, ast.FunctionDef)]
    raise LookupError("no class Tensor in _tensor.py")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Writes the .pyi files of what the op registry makes."
    )
    parser.add_argument(
        "--output", type=Path, default=CORE, help="folder; the package itself if none"
    )
    output = parser.parse_args().output
    stubs = {
        "__init__.pyi": main_stub(),
        "_tensor_methods.pyi": methods_stub(),
        "nn/functional.pyi": functional_stub(),
    }
    stubs |= {f"{name}.pyi": namespace_stub(name) for name in NAMESPACES}
    for path, text in stubs.items():
        text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_text(text)
        compile(text, path, "exec")
        print(f"{path}: {text.count('def ')} signatures")


if __name__ == "__main__":
    main()
