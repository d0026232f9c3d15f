"""Nests that run together printed as one kernel in the dialect of a device."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from facula.backends.buffer.kernels import Reduce
from facula.dtypes import I64, NAMES
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import NUMBER_DTYPES, accumulator, store
from facula.graph.codegen.layout import Layout, Nest as Loops, is_wide
from facula.graph.codegen.program import INDEX, Parameter, Program
from facula.graph.codegen.reduce import ReducePrinter
from facula.graph.codegen.rows import COLUMNS, LONG
from facula.graph.compiler.emit import Emitter
from facula.graph.compiler.fuse import count
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nest_printer import NestPrinter
from facula.graph.compiler.nests import Load, MapNest, Nest, Pick, ReduceNest, Store

#: Neighbouring elements that a work-item does on CPU-type devices.
CHUNK = 1024

PICKED = f"""\
FN i64 picked(GLOBAL i64 *flag, i64 index, i64 size) {{
    i64 i = index < 0 ? index + size : index;
    if (i >= 0 && i < size) return i;
    flag[0] = {INDEX}; flag[1] = index; flag[2] = size;
    return 0;
}}
"""


FLAG = Parameter("flag", "flag", I64, "i64", True)


class Use(NamedTuple):
    """A memory that a kernel points to, as elements of one storage."""

    memory: Memory
    storage: str


class Printed(NamedTuple):
    """A kernel, the memories and numbers that it is launched with in order, and its range."""

    program: Program
    uses: list[Use]
    scalars: list[Memory]
    range: tuple[int]


def printed(nests: Sequence[Nest], dialect: Dialect, in_place: dict[Memory, Memory]) -> Printed:
    """The nests, which need nothing of each other, as one kernel."""
    return _Kernel(nests, dialect, in_place).printed()


class _Kernel:
    def __init__(self, nests: Sequence[Nest], dialect: Dialect, in_place: dict[Memory, Memory]):
        self.nests, self.dialect, self.in_place = nests, dialect, in_place
        #: Pointers and numbers by name, in the order in which they were met.
        self.uses: dict[Use, str] = {}
        self.scalars: dict[Memory, tuple[str, Any]] = {}
        self.written = {in_place.get(m, m) for n in nests for m in n.written}
        self.functions: dict[str, str] = {}
        self.shared: set[str] = set()
        self.items = 1

    def printed(self) -> Printed:
        blocks = [self.block(nest) for nest in self.nests]
        body = "".join([*self.locals(), *blocks])
        flags = []
        if re.search(r"\bflag\b", "".join([*self.functions.values(), body])):
            flags = [FLAG]
            self.functions = {"picked": PICKED} | self.functions
        functions = "".join(_once(name, text) for name, text in self.functions.items())
        buffers = [self.buffer(use, name) for use, name in self.uses.items()]
        offsets = [Parameter(f"{p.name}_at", "number", I64, "i64") for p in buffers]
        numbers = [Parameter(n, "number", NUMBER_DTYPES[e.value], e.value) for n, e in self.scalars.values()]  # fmt: skip
        parameters = (*buffers, *offsets, *numbers, *flags)
        listed = ",\n    ".join(p.declaration for p in parameters)
        moved = "".join(f"    {p.name} += {p.name}_at;\n" for p in buffers)
        text = f"({listed})\n{{\n{moved}{body}}}\n"
        name = f"fused_{hashlib.sha256((functions + text).encode()).hexdigest()[:12]}"
        local = self.dialect.local if self.shared else None
        program = Program(name, f"{functions}KERNEL void {name}{text}", parameters, local)
        return Printed(program, list(self.uses), list(self.scalars), (self.items,))

    def locals(self) -> list[str]:
        """Memory that work-groups share."""
        if not self.shared:
            return []
        arrays = [f"    LOCAL {t} shared_{t}[{self.dialect.local}];\n" for t in sorted(self.shared)]
        return [*arrays, "    i32 me = LOCAL_ID(0);\n"]

    def buffer(self, use: Use, name: str) -> Parameter:
        is_alone = sum(u.memory is use.memory for u in self.uses) == 1
        dtype = NUMBER_DTYPES.get(use.storage)
        return Parameter(name, "buffer", dtype, use.storage, use.memory in self.written, is_alone)

    def pointer(self, memory: Memory, storage: str) -> str:
        use = Use(self.in_place.get(memory, memory), storage)
        return self.uses.setdefault(use, f"p{len(self.uses)}")

    def number(self, load: Load) -> str:
        """A number that the host gives at each run."""
        return self.scalars.setdefault(load.memory, (f"s{len(self.scalars)}", load.element))[0]

    def given_to(self, body: str) -> dict[str, str]:
        """The pointers and numbers that a text of values mentions, and their declarations."""
        words = set(re.findall(r"\w+", body))
        found = {n: f"GLOBAL const {use.storage} *{n}" for use, n in self.uses.items()}
        found |= {n: f"{e.value} {n}" for n, e in self.scalars.values()}
        found["flag"] = FLAG.declaration
        return {name: text for name, text in found.items() if name in words}

    def block(self, nest: Nest) -> str:
        if isinstance(nest, MapNest):
            text, items = _map(self, nest)
        else:
            assert isinstance(nest, ReduceNest)
            text, items = _FusedReduce(self, nest).block()
        self.items = max(self.items, items)
        return f"    {{\n{text}    }}\n"


class _Values(NestPrinter):
    """Prints the values of a nest with the pointers of a kernel."""

    flag = "flag"

    def __init__(self, kernel: _Kernel, nest: Nest):
        super().__init__(Emitter({}, 1), nest, None)
        self.kernel = kernel

    def pointer(self, memory: Memory, storage: str) -> str:
        return self.kernel.pointer(memory, storage)

    def element(self, x: Load | Store | Pick, names: Sequence[str], more: str = "") -> str:
        if isinstance(x, Load) and x.memory.role == "scalar":
            return self.kernel.number(x)
        return super().element(x, names, more)


def _once(name: str, function: str) -> str:
    """A function that several kernels of one text may bring."""
    return f"#ifndef HAS_{name}\n#define HAS_{name}\n{function}#endif\n"


def _index(nest: Nest) -> str:
    """The type of index variables: what reaches everything that the nest touches."""
    reach = max([count(nest.shape), *(m.nbytes for m in (*nest.written, *(x.memory for x in nest.read)))])  # fmt: skip
    return "i64" if is_wide(reach) else "i32"


def _names(shape: Sequence[int], letter: str) -> list[str]:
    """Index variables, numbered from the innermost dimension, which comes last."""
    return [f"{letter}{d}" for d in range(len(shape) - 1, -1, -1)]


def _declared(sizes: Sequence[int], letter: str, index: str, flat: str, first: int = 0) -> str:
    """The index variables of dimensions from `first` on, of these sizes from the innermost, from a number."""
    lines, left = [], flat
    for d, n in enumerate(sizes):
        rest = "" if d == len(sizes) - 1 else f" % {n}"
        lines.append(f"        const {index} {letter}{d + first} = {left}{rest};\n")
        left = f"({left} / {n})"
    return "".join(lines)


def _map(kernel: _Kernel, nest: MapNest) -> tuple[str, int]:
    """The loops of a map, and how many work-items they take."""
    values, index = _Values(kernel, nest), _index(nest)
    names = _names(nest.shape, "i")
    lines, texts = values.values([s.value for s in nest.stores], names)
    lines += [
        store(s.element, values.element(s, names), text) for s, text in zip(nest.stores, texts)
    ]
    body = "".join(f"            {x}\n" for x in lines)
    sizes = list(reversed(nest.shape))
    total = count(nest.shape)
    if not sizes:
        return f"        EACH({index}, i0, 0, 1) {{\n{body}        }}\n", 1
    if kernel.dialect.family == "gpu":
        head = _declared(sizes, "i", index, "item")
        return f"        EACH({index}, item, 0, {total}) {{\n{head}{body}        }}\n", total
    is_narrow = all(s.element.itemsize <= 4 for s in nest.stores)
    return _by_chunks(sizes, index, body, "            VECTORS\n" if is_narrow else "")


def _by_chunks(sizes: list[int], index: str, body: str, above: str) -> tuple[str, int]:
    """Loops in which a work-item does neighbours of one row, or some rows; `above` those over neighbours."""
    n, rows = sizes[0], 1
    for size in sizes[1:]:
        rows *= size
    outer = _declared(sizes[1:], "i", index, "row", 1)
    if 2 * n > CHUNK:
        parts = -(-n // CHUNK)
        items = rows * parts
        head = (
            f"            const {index} row = item / {parts}, from = item % {parts} * {CHUNK};\n"
            f"            const {index} to = from + {CHUNK} < {n} ? from + {CHUNK} : {n};\n{outer}"
        )
        loop = (
            f"{above}            for ({index} i0 = from; i0 < to; ++i0) {{\n{body}            }}\n"
        )
        return f"        EACH({index}, item, 0, {items}) {{\n{head}{loop}        }}\n", items
    several = max(1, CHUNK // n)
    items = -(-rows // several)
    head = f"            const {index} end = (item + 1) * {several} < {rows} ? (item + 1) * {several} : {rows};\n"
    loop = (
        f"            for ({index} row = item * {several}; row < end; ++row) {{\n{outer}{above}"
        f"            for ({index} i0 = 0; i0 < {n}; ++i0) {{\n{body}            }}\n            }}\n"
    )
    return f"        EACH({index}, item, 0, {items}) {{\n{head}{loop}        }}\n", items


class _FusedReduce(ReducePrinter):
    """A reduction whose elements are computed where they are needed: by a function of the indices."""

    def __init__(self, kernel: _Kernel, nest: ReduceNest):
        dtype = NAMES[nest.dtype.name].dtype
        super().__init__(Reduce(nest.combine, nest.initial, dtype, dtype), kernel.dialect)
        self.sum = accumulator(nest.dtype)
        self.owner, self.nest, self.values = kernel, nest, _Values(kernel, nest)

    def block(self) -> tuple[str, int]:
        nest, variant = self.nest, self.variant()
        layout = Layout((Loops(len(nest.shape), ()), Loops(len(nest.reduced), ())), _index(nest) == "i64", variant)  # fmt: skip
        self.function(layout)
        sizes = [f"n{d} = {n}" for d, n in enumerate(reversed(nest.shape))]
        sizes += [f"m{d} = {n}" for d, n in enumerate(reversed(nest.reduced))]
        self.rows_there, self.blocks = count(nest.shape), 1
        if variant == "columns":
            text = self._columns(layout)
            items = self.blocks
        else:
            text = self.per_row(layout, self.row(layout))
            items = self.rows_there
        if variant == "group":
            self.owner.shared.add(self.sum.value)
            text = text.replace("shared[", f"shared_{self.sum.value}[")
            items *= self.dialect.local
        return f"        const {layout.index} {', '.join(sizes)};\n{text}", items

    def variant(self) -> str:
        nest, inner = self.nest, count(self.nest.reduced)
        if self.dialect.family == "gpu":
            return "group" if inner >= LONG else "short"
        loads = list(nest.value.loads())
        kept = len(nest.shape)
        along = sum(x.strides[kept - 1] == 1 for x in loads) if kept else 0
        if kept and nest.shape[-1] >= 8 and along > sum(x.strides[-1] == 1 for x in loads):
            return "columns"
        return "" if inner > LONG else "short"

    def function(self, layout: Layout) -> None:
        """Prints the function of the elements."""
        nest, index = self.nest, layout.index
        names = [*_names(nest.shape, "i"), *_names(nest.reduced, "j")]
        lines, text = self.values.accumulated(nest, names, self.sum)
        body = "".join(f"    {x}\n" for x in [*lines, f"return {text};"])
        used = self.owner.given_to(body)
        given = [*used.values(), *(f"{index} {n}" for n in names)]
        typed = f"({', '.join(given)}) {{\n{body}}}\n"
        self.name = f"value_{hashlib.sha256(typed.encode()).hexdigest()[:12]}"
        self.owner.functions[self.name] = f"FN {self.sum.value} {self.name}{typed}"
        self.pointers = list(used)

    # ---- elements

    def call(self, kept: Sequence[str], reduced: Sequence[str]) -> str:
        return f"{self.name}({', '.join([*self.pointers, *kept, *reduced])})"

    def row_start(self, layout: Layout) -> str:
        return ""

    line_start = column_start = row_start

    def first(self, layout: Layout) -> str:
        return self.call(self.kept, ["0"] * len(self.nest.reduced))

    def element(self, layout: Layout) -> str:
        return self.call(self.kept, self.deep)

    def along(self, layout: Layout, at: str) -> str:
        return self.call(self.kept, [*self.deep[:-1], at])

    def column(self, layout: Layout) -> str:
        return self.call([*self.kept[:-1], "i0 + l"], self.deep)

    @property
    def kept(self) -> list[str]:
        return _names(self.nest.shape, "i")

    @property
    def deep(self) -> list[str]:
        return _names(self.nest.reduced, "j")

    # ---- rows and results

    def store(self, result: str, layout: Layout) -> str:
        return self.values.stored(self.nest, self.kept, self.sum, result)

    def per_row(self, layout: Layout, body: str) -> str:
        if layout.variant == "group":
            return super().per_row(layout, body)
        sizes = list(reversed(self.nest.shape))
        head = _declared(sizes, "i", layout.index, "item")
        return (
            f"        EACH({layout.index}, item, 0, {self.rows_there}) {{\n{head}{body}        }}\n"
        )

    def per_block(self, layout: Layout, body: str) -> str:
        sizes = list(reversed(self.nest.shape))
        across = -(-sizes[0] // COLUMNS)
        self.blocks = across * (self.rows_there // sizes[0])
        index = layout.index
        head = f"        const {index} block = item % {across};\n"
        head += _declared(sizes[1:], "i", index, f"(item / {across})", 1)
        return f"        EACH({index}, item, 0, {self.blocks}) {{\n{head}{body}        }}\n"
