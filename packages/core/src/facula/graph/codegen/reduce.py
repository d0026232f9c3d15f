"""`Reduce`: blocks in several accumulators, and their results combined as a binary tree, so that sums keep their digits.

On GPU-type devices a work-group reduces each long row: its work-items take every 256th element or so each.
"""

from __future__ import annotations

from facula.backends.buffer.kernels import Reduce
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import accumulator, convert, element, literal, load, store
from facula.graph.codegen.expression import printed_as
from facula.graph.codegen.layout import FIRST, SECOND, Layout, parallel, place, serial
from facula.graph.codegen.program import Program, Signature
from facula.graph.codegen.rows import (
    COLUMNS,
    ReductionPrinter,
    flat_element,
    flat_place,
    line_element,
    outer_place,
    row_start,
    unravel,
)

LANES = 16
BLOCK = 512
#: Elements that a work-item of a group adds up before its tree.
GROUP_BLOCK = 64
#: Rows that columns add up before their tree.
COLUMN_BLOCK = 64


class ReducePrinter(ReductionPrinter):
    kernel: Reduce
    has_columns = True

    def __init__(self, kernel: Reduce, dialect: Dialect):
        super().__init__(kernel, dialect)
        self.input, self.dtype = element(kernel.input), element(kernel.dtype)
        self.sum = accumulator(self.dtype)

    def combine(self, a: str, b: str) -> str:
        """An expression of two values so far."""
        return printed_as(self.kernel.combine, self.sum, self.sum, a=a, b=b)

    # ---- elements, as what is accumulated

    def value(self, stored: str) -> str:
        """An element of memory: converted to the dtype, then kept wider."""
        converted = convert(self.input, self.dtype, load(self.input, stored))
        return convert(self.dtype, self.sum, converted)

    def row_start(self, layout: Layout) -> str:
        """What stands above all elements of a row."""
        return row_start(layout, self.input.storage)

    def line_start(self, layout: Layout) -> str:
        """What stands above those along the innermost reduced dimension."""
        start = outer_place(layout.nests[1], "in_a")
        return f"        GLOBAL const {self.input.storage} *line = row + ({start});\n"

    def column_start(self, layout: Layout) -> str:
        """What stands above neighbouring columns of a row."""
        line = f"row + ({flat_place(layout.nests[1], 'in_a')})"
        return f"            GLOBAL const {self.input.storage} *line = {line};\n"

    def first(self, layout: Layout) -> str:
        """The first of a row."""
        return self.value("row[0]")

    def element(self, layout: Layout) -> str:
        """The one that the reduced nest's index variables name."""
        return self.value(flat_element(layout.nests[1], "in_a"))

    def along(self, layout: Layout, at: str) -> str:
        """Number `at` of a line."""
        return self.value(line_element(layout.nests[1], "in_a", "line", at))

    def column(self, layout: Layout) -> str:
        """That of column `i0 + l`."""
        return self.value("line[l]")

    def program(self, layout: Layout) -> Program:
        signature = Signature(layout)
        signature.operand("out", self.dtype, is_written=True)
        signature.operand("in_a", self.input)
        signature.nest(layout.nests[0], ("out", "in_a"), FIRST)
        signature.nest(layout.nests[1], ("out", "in_a"), SECOND)
        if layout.variant == "columns":
            return signature.program("reduce", self._columns(layout))
        body, local = self.per_row(layout, self.row(layout)), None
        if layout.variant == "group":
            local = self.dialect.local
            body = f"    LOCAL {self.sum.value} shared[{local}];\n    i32 me = LOCAL_ID(0);\n{body}"
        return signature.program("reduce", body, local)

    def row(self, layout: Layout) -> str:
        kinds = {"group": self._grouped, "short": self._short, "": self._long}
        return self.row_start(layout) + kinds[layout.variant](layout)

    def finish(self, layout: Layout, result: str) -> str:
        """The statement that stores what a row came to, the initial value combined into it."""
        if self.kernel.initial is not None:
            result = self.combine(literal(self.sum, self.kernel.initial), result)
        return self.store(result, layout)

    def store(self, result: str, layout: Layout) -> str:
        value = convert(self.sum, self.dtype, result)
        return store(self.dtype, f"out[{place(layout.nests[0], 0, 'out', FIRST)}]", value)

    # ---- one work-item a row

    def _short(self, layout: Layout) -> str:
        """One after another, from the initial value, or else from the first element."""
        nest, value = layout.nests[1], self.element(layout)
        type, initial = self.sum.value, self.kernel.initial
        if initial is not None:
            start = f"        {type} part = {literal(self.sum, initial)};\n"
            step = f"            part = {self.combine('part', value)};\n"
        else:
            start = f"        {type} part = {self.first(layout)};\n        int first = 1;\n"
            step = f"            part = first ? part : {self.combine('part', value)};\n            first = 0;\n"
        loops = serial(nest, SECOND, layout.index, step)
        return f"{start}{loops}        {self.store('part', layout)}\n"

    def _long(self, layout: Layout) -> str:
        nest, index = layout.nests[1], layout.index
        lines = self._line(layout)
        for d in range(1, nest.dims):
            lines = f"        for ({index} j{d} = 0; j{d} < m{d}; ++j{d}) {{\n{lines}        }}\n"
        return f"{self._tree()}{lines}{self._top()}        {self.finish(layout, 'total')}\n"

    def _line(self, layout: Layout) -> str:
        """Blocks along the innermost dimension, each of whose result goes into the tree."""
        index, type = layout.index, self.sum.value

        def element_at(at: str) -> str:
            return self.along(layout, at)

        return f"""\
{self.line_start(layout)}        for ({index} j = 0; j < m0;) {{
            {index} end = j + {BLOCK} < m0 ? j + {BLOCK} : m0;
            {type} part;
            if (end - j >= {LANES}) {{
                {type} lane[{LANES}];
                for (i32 l = 0; l < {LANES}; ++l) lane[l] = {element_at("j + l")};
                for (j += {LANES}; j + {LANES} <= end; j += {LANES})
                    for (i32 l = 0; l < {LANES}; ++l) lane[l] = {self.combine("lane[l]", element_at("j + l"))};
                for (; j < end; ++j) lane[0] = {self.combine("lane[0]", element_at("j"))};
                for (i32 width = {LANES // 2}; width; width /= 2)
                    for (i32 l = 0; l < width; ++l) lane[l] = {self.combine("lane[l]", "lane[l + width]")};
                part = lane[0];
            }} else {{
                part = {element_at("j")};
                for (++j; j < end; ++j) part = {self.combine("part", element_at("j"))};
            }}
{self._push()}        }}
"""

    def _tree(self) -> str:
        """Results of 2^k blocks each at `tree[k]`, where bit k of `blocks` is set."""
        return f"        {self.sum.value} tree[48];\n        u64 blocks = 0;\n"

    def _push(self) -> str:
        return f"""\
            i32 level = 0;
            for (u64 full = blocks; full & 1; full >>= 1, ++level) part = {self.combine("tree[level]", "part")};
            tree[level] = part;
            ++blocks;
"""

    def _top(self) -> str:
        return f"""\
        i32 low = 0;
        while (!(blocks >> low & 1)) ++low;
        {self.sum.value} total = tree[low];
        for (i32 k = low + 1; blocks >> k; ++k)
            if (blocks >> k & 1) total = {self.combine("tree[k]", "total")};
"""

    # ---- one work-item some neighbouring columns

    def _columns(self, layout: Layout) -> str:
        """As `_long`, with a block of rows where that has lanes, and columns in step."""
        nest, index, type = layout.nests[1], layout.index, self.sum.value
        step = f"""\
{self.column_start(layout)}            if (filled) {self._each("part[l]", self.combine("part[l]", self.column(layout)))}
            else {self._each("part[l]", self.column(layout))}
            if (++filled == {COLUMN_BLOCK}) {{
                filled = 0;
{self._push_columns()}            }}
"""
        start = f"""\
        {index} width = n0 - i0 < {COLUMNS} ? n0 - i0 : {COLUMNS};
        {type} part[{COLUMNS}], tree[48][{COLUMNS}];
        u64 blocks = 0;
        i32 filled = 0;
"""
        end = f"""\
        if (filled) {{
{self._push_columns()}        }}
        i32 low = 0;
        while (!(blocks >> low & 1)) ++low;
        for (i32 k = low + 1; blocks >> k; ++k)
            if (blocks >> k & 1) {self._each("tree[low][l]", self.combine("tree[k][l]", "tree[low][l]"))}
        for ({index} l = 0; l < width; ++l, ++i0) {self.finish(layout, "tree[low][l]")}
"""
        loops = serial(nest, SECOND, index, step)
        outer = f"        {index} i0 = block * {COLUMNS};\n"
        return self.per_block(layout, f"{outer}{start}{self.row_start(layout)}{loops}{end}")

    def per_block(self, layout: Layout, body: str) -> str:
        """`body` for each `block` of neighbouring columns."""
        head = f"EACH({layout.index}, block, 0, (n0 + {COLUMNS - 1}) / {COLUMNS})"
        return parallel(layout.nests[0], FIRST, layout.index, False, body, head)

    def _push_columns(self) -> str:
        return f"""\
                i32 level = 0;
                for (u64 full = blocks; full & 1; full >>= 1, ++level) {self._each("part[l]", self.combine("tree[level][l]", "part[l]"))}
                {self._each("tree[level][l]", "part[l]")}
                ++blocks;
"""

    @staticmethod
    def _each(target: str, value: str) -> str:
        """A loop over the columns; of constant length where they are all there, so that it becomes vectors."""
        return (
            f"{{ if (width == {COLUMNS}) for (i32 l = 0; l < {COLUMNS}; ++l) {target} = {value}; "
            f"else for (i32 l = 0; l < width; ++l) {target} = {value}; }}"
        )

    # ---- a work-group a row

    def _grouped(self, layout: Layout) -> str:
        nest, index, width = layout.nests[1], layout.index, self.dialect.local
        sizes = [f"m{d}" for d in range(nest.dims)]
        declared = " ".join(unravel(sizes, SECOND, index, "j"))
        value = self.element(layout)
        return f"""\
        {index} whole = {" * ".join(sizes)};
        if (me < whole) {{
{_indented(self._tree())}            for ({index} j = me; j < whole;) {{
                {self.sum.value} part;
                for (i32 k = 0; k < {GROUP_BLOCK} && j < whole; ++k, j += {width}) {{
                    {declared}
                    part = k ? {self.combine("part", value)} : {value};
                }}
{_indented(self._push())}            }}
{_indented(self._top())}            shared[me] = total;
        }}
        for (i32 width = {width // 2}; width; width /= 2) {{
            BARRIER;
            if (me < width && me + width < whole) shared[me] = {self.combine("shared[me]", "shared[me + width]")};
        }}
        if (me == 0) {self.finish(layout, "shared[0]")}
"""


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
