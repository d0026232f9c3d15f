"""One nest printed as a C function: its loops, what it stores, and the products and kernels that it calls."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from facula.backends.buffer.kernels import Operand, RandomWords
from facula.dtypes import FLOAT
from facula.graph.codegen.dialects import C
from facula.graph.codegen.elements import (
    BOOLEAN,
    Element,
    accumulator,
    convert,
    literal,
    load,
    store,
)
from facula.graph.codegen.expression import Typed, print_expression, printed_as
from facula.graph.codegen.printers import printer
from facula.graph.codegen.program import DIVISION, LIBRARY
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import (
    Apply,
    CallNest,
    Load,
    MapNest,
    MatmulNest,
    Nest,
    Number,
    Pick,
    Position,
    ReduceNest,
    Store,
    Value,
)
from facula.graph.compiler.planned import Planned
from facula.graph.compiler.shares import GRAINS, Share, grained

if TYPE_CHECKING:
    from facula.graph.compiler.emit import Emitter

#: Accumulators that a sum runs in, and elements after which they are added to those of the whole: both keep digits.
LANES, BLOCK = 32, 4096
#: Columns that are summed at a time.
TILE = 64
#: Elements of a loop from which on it is worth a division to have none in the loop.
LONG = 64


class NestPrinter:
    #: Where it is noted what a kernel cannot raise.
    flag = "p->flag"

    def __init__(self, emitter: Emitter, nest: Nest, shared: Share | None, step: int = 0):
        self.emitter, self.nest, self.shared, self.step = emitter, nest, shared, step
        self.pointers: dict[tuple[int, int, str], str] = {}
        #: Statements that must stand before the value that is being printed.
        self.checks: list[str] = []
        #: Variables of the indices by which values are picked, by their texts.
        self.picked: dict[str, str] = {}
        #: The dimension of a long innermost loop.
        self.inner: int | None = None

    @property
    def finishes(self) -> bool:
        """Whether what is called may be given something to do to parts of its result."""
        return isinstance(self.nest, MatmulNest) or (isinstance(self.nest, CallNest) and self.nest.result is not None)  # fmt: skip

    def text(self) -> str:
        kinds = {MapNest: self.map, ReduceNest: self.reduce, MatmulNest: self.matmul, CallNest: self.call}  # fmt: skip
        body = kinds[type(self.nest)](self.nest)  # type: ignore[operator]
        if self.shared is not None and self.shared.grain and not self.step:
            body = [f"const i64 begin = {self.cut(0)}, end = {self.cut(1)};", *body]
        return "".join(f"    {line}\n" for line in body)

    # ---- pieces, where other threads may take some

    def piece(self, name: str) -> str:
        """The function for one of the pieces that `name` does."""
        fields = "".join(f"{storage} *{m}; " for (_, _, storage), m in self.pointers.items())
        given = "".join(f", j->{m}" for m in self.pointers.values())
        ends = ", ".join(f"piece_at({n}, j->begin, j->end, {self.step})" for n in ("n", "n + 1"))
        return (
            f"typedef struct {{ program_t *p; i32 thread; i64 begin, end; {fields}}} {name}_t;\n"
            f"static void {name}_piece(const void *job, long n)\n{{\n    const {name}_t *j = job;\n"
            f"    {name}(j->p, j->thread, {ends}{given});\n}}\n"
        )

    def whole(self, name: str) -> str:
        """The body of the function for all pieces of a thread."""
        given = "".join(f", {m}" for m in self.pointers.values())
        return f"    const {name}_t job = {{p, thread, {self.cut(0)}, {self.cut(1)}{given}}};\n    p->in_pieces({name}_piece, &job, PIECES);\n"

    # ---- memory

    def pointer(self, memory: Memory, storage: str) -> str:
        """The variable for a memory; those of one place are one variable, so that others do not overlap it."""
        at, offset = self.emitter.places[memory]
        return self.pointers.setdefault((at, offset, storage), f"m{len(self.pointers)}")

    def parameters(self, whole: bool = False) -> str:
        """Of the function that does what was printed, a piece of it if there are any and the `whole` is not asked for."""
        memories = [f"{storage} *restrict {name}" for (_, _, storage), name in self.pointers.items()]  # fmt: skip
        ends = ["i64 begin", "i64 end"] if self.step and not whole else []
        then = ["epilogue_t *then"] if self.finishes else []
        return ", ".join(["program_t *p", "i32 thread", *then, *ends, *memories])

    def arguments(self) -> list[str]:
        memories = [f"({storage} *)(p->memory[{at}] + {offset})" for at, offset, storage in self.pointers]  # fmt: skip
        nest = self.nest
        then = []
        if isinstance(nest, (MatmulNest, CallNest)) and self.finishes:
            then = [self.emitter.epilogue(nest.then)]
        return ["p", "thread", *then, *memories]

    def element(self, x: Load | Store | Pick, names: Sequence[str], more: str = "") -> str:
        return f"{self.pointer(x.memory, x.element.storage)}[{affine(x.offset, x.strides, names)}{more}]"

    # ---- loops

    def loop(self, d: int, n: int, name: str) -> str:
        """The head of the loop over dimension `d` of the nest's shape."""
        if self.shared is not None and self.shared.dim == d:
            return f"for (i64 {name} = {self.bound(0)}; {name} < {self.bound(1)}; ++{name})"
        return f"for (i64 {name} = 0; {name} < {n}; ++{name})"

    def bound(self, further: int) -> str:
        """Where the part of this thread begins, or ends, or the piece of it."""
        assert self.shared is not None
        if self.shared.grain or self.step:
            return "end" if further else "begin"
        return self.by_thread(self.shared.bounds, further)

    def cut(self, further: int) -> str:
        """Where the part of this thread begins, or ends, which may change."""
        assert self.shared is not None
        if not self.shared.grain:
            return self.by_thread(self.shared.bounds, further)
        thread, offsets = ("thread", "thread + 1")[further], self.shared.offsets()
        more = f" + {self.by_thread(offsets, further)}" if any(offsets) else ""
        return f"p->shares[{thread}].cut * {self.shared.grain}{more}"

    def by_thread(self, numbers: Sequence[int], further: int) -> str:
        """The one of this thread, or of the next."""
        bounds = numbers[further : len(numbers) - 1 + further]
        if all(b == bounds[0] + i * (bounds[1] - bounds[0]) for i, b in enumerate(bounds)):
            step = bounds[1] - bounds[0]
            return f"{bounds[0]} + thread * {step}" if bounds[0] else f"thread * {step}"
        return "((const i64[]){" + ", ".join(map(str, bounds)) + "})[thread]"

    # ---- values

    def values(self, values: Sequence[Value], names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Statements that compute the values, each part once, and their texts."""
        lines: list[str] = []
        self.picked.clear()
        known: dict[int, str] = {}
        variables: dict[tuple[str, str], str] = {}  # equal texts are equal values

        def visit(v: Value) -> str:
            if id(v) not in known:
                text = self.value(v, visit, names)
                lines.extend(self.checks)
                self.checks.clear()
                key = text, v.element.value
                if key not in variables:
                    variables[key] = self.variable(text, v.element, lines)
                known[id(v)] = variables[key]
            return known[id(v)]

        return lines, [visit(v) for v in values]

    def variable(self, text: str, e: Element, lines: list[str]) -> str:
        if re.fullmatch(r"\w+", text) or (len(text) < 24 and re.fullmatch(r"[-()\w.]+", text)):
            return text
        name = f"v{len(lines)}"
        lines.append(f"{e.value} {name} = {text};")
        return name

    def value(self, v: Value, visit: Any, names: Sequence[str]) -> str:
        if isinstance(v, Load):
            return load(v.element, self.element(v, names))
        if isinstance(v, Number):
            return literal(v.element, v.number)
        if isinstance(v, Position):
            return f"((i64)({affine(v.offset, v.strides, names)}))"
        if isinstance(v, Pick):
            text = f"picked({self.flag}, {visit(v.index)}, {v.size})"
            if text not in self.picked:
                self.picked[text] = f"pick{len(self.picked)}"
                self.checks.append(f"i64 {self.picked[text]} = {text};")
            at = self.picked[text]
            return load(v.element, self.element(v, names, f" + {at} * {v.step}"))
        assert isinstance(v, Apply)
        variables = {}
        for name, part in zip(v.names, v.parts):
            e = part.element if part.element is BOOLEAN else v.dtype
            variables[name] = Typed(convert(part.element, e, visit(part)), e)
        fixed: set[str] = set()
        if "/" in v.expression and self.inner is not None:
            fixed = {n for n, part in zip(v.names, v.parts) if is_fixed(part, self.inner)}
        result, divisors = print_expression(v.expression, v.dtype, variables, fixed)
        self.checks += [f"if ({d} == 0) {self.flag}[0] = {DIVISION};" for d in divisors]
        return convert(result.element, v.element, result.text)

    # ---- nests

    def map(self, nest: MapNest) -> list[str]:
        names = [f"i{d}" for d in range(len(nest.shape))]
        if nest.shape and nest.shape[-1] >= LONG:
            self.inner = len(nest.shape) - 1
        lines, texts = self.values([s.value for s in nest.stores], names)
        for s, text in zip(nest.stores, texts):
            lines.append(store(s.element, self.element(s, names), text))
        before = fixed_along(names[-1], lines) if self.picked and len(names) > 1 else []
        return self.looped(nest.shape, names, [x for x in lines if x not in before], True, before)

    def looped(self, shape: Sequence[int], names: Sequence[str], lines: list[str], independent: bool, before: Sequence[str] = ()) -> list[str]:  # fmt: skip
        """`lines` inside loops over `shape`, those of `before` before the innermost."""
        if not shape:
            return lines
        heads = [self.loop(d, n, name) for d, (n, name) in enumerate(zip(shape, names))]
        out = [*heads[:-1], "{", *before] if len(heads) > 1 else []
        if independent:
            out.append('_Pragma("GCC ivdep")')
        out += [heads[-1] + " {", *(f"    {x}" for x in lines), "}"]
        return [*out, "}"] if len(heads) > 1 else out

    def reduce(self, nest: ReduceNest) -> list[str]:
        names = [f"i{d}" for d in range(len(nest.shape))]
        deep = [f"r{d}" for d in range(len(nest.reduced))]
        if nest.shape and self.jumps_along(nest, len(nest.shape) - 1) < self.jumps_along(nest, -1):
            return self.columns(nest, names, deep)
        total = accumulator(nest.dtype)
        value_lines, value = self.accumulated(nest, [*names, *deep], total)
        first = identity(nest.combine, total)

        def combine(a: str, b: str) -> str:
            return printed_as(nest.combine, total, total, a=a, b=b)

        n, last = nest.reduced[-1], deep[-1]
        t = total.value
        if len(deep) == 1 and n <= LANES:  # no lanes for a few elements
            body = [
                f"{t} whole = {first if nest.initial is None else literal(total, nest.initial)}, part[{n}];",
                f"for (i64 {last} = 0; {last} < {n}; ++{last}) {{",
                *(f"    {x}" for x in value_lines),
                f"    part[{last}] = {value};",
                "}",
                f"for (i64 l = 0; l < {n}; ++l) whole = {combine('whole', 'part[l]')};",
                self.stored(nest, names, total, "whole"),
            ]
            return self.looped(nest.shape, names, body, False)
        body = [
            f"{t} whole = {first if nest.initial is None else literal(total, nest.initial)}, lanes[{LANES}];",
            f"for (i64 l = 0; l < {LANES}; ++l) lanes[l] = {first};",
            *(f"for (i64 {name} = 0; {name} < {size}; ++{name})" for name, size in zip(deep[:-1], nest.reduced)),
            f"for (i64 from = 0; from < {n}; from += {BLOCK}) {{",
            f"    i64 to = from + {BLOCK} < {n} ? from + {BLOCK} : {n}, at = from;",
            f"    {t} part[{LANES}];",
            f"    for (i64 l = 0; l < {LANES}; ++l) part[l] = {first};",
            f"    for (; at + {LANES} <= to; at += {LANES})",
            f"        for (i64 l = 0; l < {LANES}; ++l) {{",
            f"            i64 {last} = at + l;",
            *(f"            {x}" for x in value_lines),
            f"            part[l] = {combine('part[l]', value)};",
            "        }",
            f"    for (i64 {last} = at; {last} < to; ++{last}) {{",
            *(f"        {x}" for x in value_lines),
            f"        part[{last} - at] = {combine(f'part[{last} - at]', value)};",
            "    }",
            f"    for (i64 l = 0; l < {LANES}; ++l) lanes[l] = {combine('lanes[l]', 'part[l]')};",
            "}",
            f"for (i64 half = {LANES // 2}; half; half /= 2)",
            f"    for (i64 l = 0; l < half; ++l) lanes[l] = {combine('lanes[l]', 'lanes[l + half]')};",
            f"whole = {combine('whole', 'lanes[0]')};",
            self.stored(nest, names, total, "whole"),
        ]  # fmt: skip
        return self.looped(nest.shape, names, body, False)

    def accumulated(self, nest: ReduceNest, names: Sequence[str], total: Element) -> tuple[list[str], str]:  # fmt: skip
        lines, (text,) = self.values([nest.value], names)
        text = convert(nest.dtype, total, convert(nest.value.element, nest.dtype, text))
        return lines, text

    def stored(self, nest: ReduceNest, names: Sequence[str], total: Element, text: str) -> str:
        result = convert(total, nest.store.element, text)
        return store(nest.store.element, self.element(nest.store, names), result)

    def jumps_along(self, nest: ReduceNest, d: int) -> tuple[int, int]:
        """How many loads gather what lies apart along a dimension, then how many read no neighbours there.

        A number for each row, as a norm's mean, reads neighbours along a sum of columns, but it is the table that costs.
        """
        strides = [x.strides[d] for x in nest.value.loads()]
        return sum(s not in (0, 1) for s in strides), sum(s != 1 for s in strides)

    def columns(self, nest: ReduceNest, names: list[str], deep: list[str]) -> list[str]:
        """Reductions over what is not the fastest dimension: a tile of neighbours is gathered at a time."""
        total = accumulator(nest.dtype)
        value_lines, value = self.accumulated(nest, [*names, *deep], total)
        first = identity(nest.combine, total) if nest.initial is None else literal(total, nest.initial)  # fmt: skip
        combined = printed_as(nest.combine, total, total, a="sums[x]", b="value")
        d, t, last = len(nest.shape) - 1, total.value, names[-1]
        lo, hi = ("0", str(nest.shape[d]))
        if self.shared is not None and self.shared.dim == d:
            lo, hi = self.bound(0), self.bound(1)
        inner = [
            f"for (i64 from = {lo}; from < {hi}; from += {TILE}) {{",
            f"    i64 wide = from + {TILE} < {hi} ? {TILE} : {hi} - from;",
            f"    {t} sums[{TILE}];",
            f"    for (i64 x = 0; x < {TILE}; ++x) sums[x] = {first};",
            *(f"    for (i64 {name} = 0; {name} < {n}; ++{name})" for name, n in zip(deep, nest.reduced)),
            '        _Pragma("GCC ivdep")',
            "        for (i64 x = 0; x < wide; ++x) {",
            f"            i64 {last} = from + x;",
            *(f"            {x}" for x in value_lines),
            f"            {t} value = {value};",
            f"            sums[x] = {combined};",
            "        }",
            "    for (i64 x = 0; x < wide; ++x) {",
            f"        i64 {last} = from + x;",
            f"        {self.stored(nest, names, total, 'sums[x]')}",
            "    }",
            "}",
        ]  # fmt: skip
        return self.looped(nest.shape[:-1], names[:-1], inner, False) if d else inner

    def matmul(self, nest: MatmulNest) -> list[str]:
        *batch, m, n = nest.shape
        names = [f"i{d}" for d in range(len(batch))]
        d = -1 if self.shared is None else self.shared.dim - len(batch)
        low, high = ("0", "0"), (str(m), str(n))
        if d >= 0:
            low = (self.bound(0), "0") if d == 0 else ("0", self.bound(0))
            high = (self.bound(1), str(n)) if d == 0 else (str(m), self.bound(1))
        a, b, out = nest.a, nest.b, nest.store
        at = {x: affine(x.offset, x.strides[: len(batch)], names) for x in (a, b)}
        to = affine(out.offset, out.strides[: len(batch)], names)
        (ai, ak), (bk, bj), (ci, cj) = (x.strides[len(batch) :] for x in (a, b, out))
        pa, pb, pc = (self.pointer(x.memory, x.element.storage) for x in (a, b, out))
        lines = [
            f"i64 top = {low[0]}, left = {low[1]}, rows = {high[0]} - top, columns = {high[1]} - left;",
            f"const {a.element.storage} *a = {pa} + {at[a]} + top * {ai}, *b = {pb} + {at[b]} + left * {bj};",
            f"{out.element.value} *c = {pc} + {to} + top * {ci} + left * {cj};",
        ]
        if out.element.value == "f32" and (cj == 1 or n == 1):
            gemm = "gemm_bf16" if a.element.is_half else "gemm"
            lines.append("if (then) then->top = top, then->left = left;")
            lines.append(f"p->{gemm}(rows, columns, {nest.depth}, a, {ai}, {ak}, b, {bk}, {bj}, c, {ci}, then);")  # fmt: skip
        else:
            t = out.element.value
            parts = f"a[i * {ai} + k * {ak}]", f"b[k * {bk} + j * {bj}]"
            factors = " * ".join(load(a.element, x) for x in parts)
            lines += [
                "for (i64 i = 0; i < rows; ++i) for (i64 j = 0; j < columns; ++j) {",
                f"    {t} sum = 0;",
                f"    for (i64 k = 0; k < {nest.depth}; ++k) sum += {factors};",
                f"    c[i * {ci} + j * {cj}] = sum;",
                "}",
            ]
        return self.looped(batch, names, lines, False) if batch else lines

    def call(self, nest: CallNest) -> list[str]:
        """A kernel as core prints it; its loops over independent work are shared out by `EACH`."""
        if isinstance(nest.launch.kernel, Planned):
            return self.part(nest.launch.kernel, nest.launch.arguments)
        made = printer(nest.launch.kernel, C)
        arguments = list(nest.launch.arguments)
        keys = None
        if isinstance(nest.launch.kernel, RandomWords):
            keys, arguments[2:] = arguments[2].at, [0, 0]
        operands, scalars, key = made.split(*arguments)
        geometry = made.geometry(key)
        program = made.program(geometry.layout)
        self.emitter.kernels[program.name] = program.text.replace("KERNEL void", "static void")
        if keys is not None:
            scalars = [f"p->keys[{3 * keys + i}]" for i in range(3)]
        texts: list[str] = []
        buffers = iter(operands)
        numbers = iter([*(x.offset for x in operands), *scalars, *geometry.arguments])
        lines = []
        for parameter in program.parameters:
            if parameter.kind == "buffer":
                texts.append(self.pointer(_memory(next(buffers)), parameter.type))
            elif parameter.kind == "scratch":
                lines.append(f"static _Thread_local {parameter.type} scratch[{geometry.scratch}];")
                texts.append("scratch")
            elif parameter.kind == "flag":
                texts.append("p->flag")
            else:
                number = next(numbers)
                texts.append(number if isinstance(number, str) else _number(number, parameter.type))
        return [*lines, f"{program.name}({', '.join(texts)});"]

    def part(self, kernel: Planned, operands: Sequence[Operand | None]) -> list[str]:
        """A thread's part of what has a plan."""
        plans = self.emitter.plans
        if kernel not in plans:
            plans.append(kernel)
        slots = ", ".join(
            "0"
            if x is None
            else f"{self.pointer(_memory(x), 'u16' if i in kernel.halves else 'f32')} + {x.offset}"
            for i, x in enumerate(operands)
        )
        plan = f"p->plans[{plans.index(kernel)}]"
        kind, which = "part_t", "thread, THREADS"
        if self.finishes:
            kind, which = "rows_part_t", f"{which}, then"
        if kernel.is_cut:
            kind, which = "cut_part_t", "thread, thread + 1, THREADS"
            if grained(0, GRAINS, self.emitter.threads):
                which = f"p->shares[thread].cut, p->shares[thread + 1].cut, {GRAINS}"
        call = f"(*({kind} *){plan})({plan}, (void *[]){{{slots}}}, {which})"
        return [f"if ({call}) p->flag[0] = {LIBRARY};"]


class TilePrinter(NestPrinter):
    """A map over a part of a matrix that a product has just made."""

    #: How many columns it has.
    wide = "columns"

    def text(self) -> str:
        lines = ["if (columns == WIDE) {", *self.of_columns("WIDE"), "} else {", *self.of_columns("columns"), "}"]  # fmt: skip
        return "".join(f"    {line}\n" for line in lines)

    def of_columns(self, wide: str) -> list[str]:
        self.wide = wide
        assert isinstance(self.nest, MapNest)
        return [f"    {x}" for x in self.map(self.nest)]

    def looped(self, shape: Sequence[int], names: Sequence[str], lines: list[str], independent: bool, before: Sequence[str] = ()) -> list[str]:  # fmt: skip
        return super().looped(shape, names, lines, independent, [*before, *self.asked()])

    def asked(self) -> list[str]:
        """Has the same row of the next part be fetched where other tables are read: they come from far while that is made."""
        written = self.nest.written
        far = [x for x in self.nest.read if x.strides[0] and x.strides[1] == 1 and x.memory not in written]  # fmt: skip
        places = dict.fromkeys(self.element(x, ("(i0 + rows)", "left")) for x in far)
        return [
            f"__builtin_prefetch(&{x[:-1]} + {at}]);" for x in places for at in ("0", "WIDE / 2")
        ]

    def loop(self, d: int, n: int, name: str) -> str:
        begin, size = (("top", "rows"), ("left", self.wide))[d]
        return f"for (i64 {name} = {begin}; {name} < {begin} + {size}; ++{name})"

    def parameters(self, whole: bool = False) -> str:
        place = ", ".join(f"i64 {x}" for x in ("top", "left", "rows", "columns"))
        return super().parameters().replace("i32 thread", f"i32 thread, {place}")

    def piece(self, name: str) -> str:
        """The function for a part that `name` does, as a product calls it."""
        fields = "".join(f"{storage} *{m}; " for (_, _, storage), m in self.pointers.items())
        given = "".join(f", j->{m}" for m in self.pointers.values())
        return (
            f"typedef struct {{ epilogue_t then; program_t *p; i32 thread; {fields}}} {name}_t;\n"
            f"static void {name}_part(const void *job, long top, long left, long rows, long columns)\n{{\n    const {name}_t *j = job;\n"
            f"    {name}(j->p, j->thread, j->then.top + top, j->then.left + left, rows, columns{given});\n}}\n"
        )


def _memory(operand: Operand) -> Memory:
    return operand.buffer  # type: ignore[no-any-return]


def _number(number: Any, type: str) -> str:
    if type in ("f32", "f64"):
        text = repr(float(number))
        return {"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}.get(text, text)
    return f"({type})U64({int(number) % (1 << 64)})"


def is_fixed(value: Value, d: int) -> bool:
    """Whether a value is the same all along dimension `d`. Not what C's compiler divides by better: powers of two."""
    for v in value.nodes():
        if (
            isinstance(v, Number)
            and v.element.category == FLOAT
            and abs(math.frexp(v.number)[0]) == 0.5
        ):
            return False
        if isinstance(v, (Load, Position, Pick)) and v.strides[d]:
            return False
    return True


def fixed_along(index: str, lines: Sequence[str]) -> list[str]:
    """Those of the statements, each of which sets one variable at most, that do the same all along a loop over `index`.

    C's compiler leaves in the loop what may note an error.
    """
    moving, found = {index}, []
    for line in lines:
        words = re.findall(r"[A-Za-z_]\w*", line.partition(" = ")[2] or line)
        if not moving.isdisjoint(words) or not re.match(r"\w+ \w+ = ", line):
            moving.update(re.findall(r"^\w+ (\w+) = ", line))
        else:
            found.append(line)
    return found


def affine(offset: int, strides: Sequence[int], names: Sequence[str]) -> str:
    """`offset + strides . indices` as text."""
    terms = [name if s == 1 else f"{name} * {s}" for s, name in zip(strides, names) if s]
    return " + ".join([*([str(offset)] if offset or not terms else []), *terms])


def identity(combine: str, e: Element) -> str:
    """What a fold may begin with."""
    if combine == "a + b":
        return literal(e, 0)
    if combine == "a * b":
        return literal(e, 1)
    least = combine == "maximum(a, b)"
    if e.category == 2:
        return "(-INFINITY)" if least else "INFINITY"
    if e is BOOLEAN:
        return "0" if least else "1"
    bits = 8 * e.itemsize
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if e.value[0] == "i" else (0, (1 << bits) - 1)  # fmt: skip
    return literal(e, low if least else high)
