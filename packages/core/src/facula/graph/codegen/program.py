"""A printed kernel, and texts of several of them for a compiler."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facula.dtypes import I64
from facula.errors import index_error
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import NUMBER_DTYPES, Element, real
from facula.graph.codegen.layout import Layout, Names, Nest, numbers_of
from facula.graph.codegen.library import functions_for


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel.

    `kind`: 'buffer', 'scratch' (memory that the launcher allocates), 'flag' (where errors are noted) or
    'number'; `dtype`: NumPy's, of the elements or of the number; `type`: its C type. `is_alone`: no other parameter
    points to what is written through it, or is read through it and written.
    """

    name: str
    kind: str
    dtype: Any
    type: str
    is_written: bool = False
    is_alone: bool = False

    @property
    def declaration(self) -> str:
        if self.kind == "number":
            return f"{self.type} {self.name}"
        alone = "RESTRICT " if self.is_alone else ""
        return f"GLOBAL {'' if self.is_written else 'const '}{self.type} *{alone}{self.name}"


#: Between a kernel's parameters and its body.
_BEGIN = ")\n{\n"


@dataclass(frozen=True)
class Program:
    """A kernel as text. `name` is that of its function, and unique; `local` the size of the work-groups it needs, or None."""

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    local: int | None = None

    @property
    def flag(self) -> bool:
        """Whether a parameter, the last that is printed, is where errors are noted: int64[3], zeroed, for `raise_for`."""
        return any(p.kind == "flag" for p in self.parameters)

    def extended(self, parameter: Parameter, line: str) -> Program:
        """The kernel with one more parameter, the last, and `line` at its beginning."""
        head, body = self.text.split(_BEGIN, 1)
        text = f"{head},\n    {parameter.declaration}{_BEGIN}    {line}\n{body}"
        return replace(self, text=text, parameters=(*self.parameters, parameter))


def source_of(dialect: Dialect, programs: Iterable[Program]) -> str:
    """One text to compile: what the dialect needs, the functions that the kernels call, the kernels."""
    return f"{dialect.preamble}\n{kernels_of(dialect, programs)}"


def kernels_of(dialect: Dialect, programs: Iterable[Program]) -> str:
    """The same without the dialect's preamble."""
    kernels = list({p.name: p.text for p in programs}.values())
    return "\n".join([functions_for("\n".join(kernels), dialect), *kernels])


#: What a flag's first number says.
INDEX, DIVISION, LIBRARY, TOO_FEW_THREADS = 1, 2, 3, 4
#: How a kernel notes an index that is out of range.
NOTE = f"{{{{ flag[0] = {INDEX}; flag[1] = {{index}}; flag[2] = {{size}}; }}}}"


def raise_for(flag: Sequence[int]) -> None:
    """Raises what a kernel has noted in its flag: IndexError, or RuntimeError for an integer divided by 0."""
    found, index, size = (int(x) for x in flag)
    if found == INDEX:
        raise index_error(index, size)
    if found == LIBRARY:
        raise RuntimeError("oneDNN failed in a convolution; FACULA_ONEDNN= (empty) switches it off")
    if found == TOO_FEW_THREADS:
        raise RuntimeError(
            "the system gives this process no more threads than it has, a compiled program needs one for each of its parts: "
            "call facula.set_num_threads with a smaller number"
        )
    if found == DIVISION:
        raise RuntimeError("ZeroDivisionError: an integer tensor is divided by 0")


class Signature:
    """Collects parameters: buffers, scratch, offsets, numbers, in the order in which a launcher has them."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.buffers: list[Parameter] = []
        self.offsets: list[Parameter] = []
        self.numbers: list[Parameter] = []
        self.flags: list[Parameter] = []

    def operand(self, name: str, e: Element, is_written: bool = False) -> None:
        self.buffers.append(Parameter(name, "buffer", np.dtype(_dtype(e)), e.storage, is_written))
        self.offsets.append(Parameter(f"{name}_at", "number", I64, "i64"))

    def scratch(self, name: str, e: Element) -> None:
        self.buffers.append(Parameter(name, "scratch", _dtype(e), e.storage, True))

    def scalar(self, name: str, e: Element) -> None:
        """A Python number; a complex one comes in two parts, a half as float32."""
        value = "u8" if e.value == "int" else real(e).value
        parts = (f"{name}_re", f"{name}_im") if e.is_complex else (name,)
        self.numbers += [Parameter(p, "number", NUMBER_DTYPES[value], value) for p in parts]

    def words(self, *names: str) -> None:
        """Numbers of 64 bits."""
        self.numbers += [Parameter(n, "number", NUMBER_DTYPES["u64"], "u64") for n in names]

    def sizes(self, *names: str) -> None:
        """Numbers that count elements."""
        index = self.layout.index
        self.numbers += [Parameter(n, "number", NUMBER_DTYPES[index], index) for n in names]

    def nest(self, nest: Nest, operands: Sequence[str], names: Names) -> None:
        self.sizes(*numbers_of(nest, operands, names))

    def flag(self) -> None:
        self.flags.append(Parameter("flag", "flag", I64, "i64", True))

    def program(self, kind: str, body: str, local: int | None = None) -> Program:
        """The kernel with this body; its name is `kind` and a digest of its text."""
        parameters = (*self.buffers, *self.offsets, *self.numbers, *self.flags)
        listed = ",\n    ".join(p.declaration for p in parameters)
        moved = "".join(
            f"    {p.name} += {p.name}_at;\n" for p in self.buffers if p.kind == "buffer"
        )
        text = f"({listed}{_BEGIN}{moved}{body}}}\n"
        name = f"{kind}_{hashlib.sha256(text.encode()).hexdigest()[:10]}"
        return Program(name, f"KERNEL void {name}{text}", parameters, local)


def _dtype(e: Element) -> Any:
    from facula.dtypes import NAMES

    return NAMES[e.name].dtype
