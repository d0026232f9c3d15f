"""`Map`: an expression for each element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from facula.backends.buffer.elements import converter
from facula.backends.buffer.kernels import Input, Map, Operand
from facula.dtypes import B8, COMPLEX, FROM_NUMPY
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import INT64, convert, element, load, store
from facula.graph.codegen.expression import Typed, print_expression
from facula.graph.codegen.kernel import Geometry, KernelPrinter
from facula.graph.codegen.layout import FIRST, Layout, flat, parallel, place, space
from facula.graph.codegen.program import DIVISION, Program, Signature


class MapPrinter(KernelPrinter):
    kernel: Map

    def __init__(self, kernel: Map, dialect: Dialect):
        super().__init__(kernel, dialect)
        self.dtype, self.output = element(kernel.dtype), element(kernel.output)
        self.names = [chr(ord("a") + k) for k in range(len(kernel.inputs))]
        self.arrays = [f"in_{n}" for n, x in zip(self.names, kernel.inputs) if not x.is_scalar]
        self.scalars = [
            (k, scalar_arguments(self.kept(x))) for k, x in enumerate(kernel.inputs) if x.is_scalar
        ]
        self._operands = [k for k, x in enumerate(kernel.inputs) if not x.is_scalar]

    def kept(self, x: Input) -> Any:
        """The dtype in which a scalar comes: that of the computation, but bools stay."""
        return B8 if x.dtype is B8 else self.kernel.dtype

    def split(self, shape: Any, out: Operand, *inputs: Any) -> tuple[Any, Any, Any]:
        operands = [out, *[inputs[k] for k in self._operands]]
        scalars = [part for k, parts in self.scalars for part in parts(inputs[k])]
        return operands, scalars, (shape, *[x.strides for x in operands])

    def geometry(self, key: Any) -> Geometry:
        loops = space(key[0], key[1:])
        return Geometry((loops,), self.elements(loops))

    def program(self, layout: Layout) -> Program:
        nest = layout.nests[0]
        signature = Signature(layout)
        signature.operand("out", self.output, is_written=True)
        for name, x in zip(self.names, self.kernel.inputs):
            if x.is_scalar:
                signature.scalar(name, element(self.kept(x)))
            else:
                signature.operand(f"in_{name}", element(x.dtype))
        signature.nest(nest, ["out", *self.arrays], FIRST)
        text = self.body(layout)
        if "flag[" in text:
            signature.flag()
        body = parallel(nest, FIRST, layout.index, True, text)
        return signature.program("map", body)

    def body(self, layout: Layout) -> str:
        nest = layout.nests[0]
        variables, lines = {}, []
        for name, x in zip(self.names, self.kernel.inputs):
            e = element(self.kept(x))
            variables[name] = Typed(name, e)
            if not x.is_scalar:
                k = 1 + self.arrays.index(f"in_{name}")
                stored = load(element(x.dtype), f"in_{name}[{place(nest, k, f'in_{name}', FIRST)}]")
                lines.append(f"{e.value} {name} = {convert(element(x.dtype), e, stored)};")
            elif e.is_complex:
                variables[name] = Typed(f"make_{e.value}({name}_re, {name}_im)", e)
        count = convert(INT64, self.dtype, flat(nest, FIRST, "i64"))
        variables["index"] = Typed(count, self.dtype)
        result, divisors = print_expression(self.kernel.expression, self.dtype, variables)
        lines += [f"if ({divisor} == 0) flag[0] = {DIVISION};" for divisor in divisors]
        value = convert(result.element, self.output, result.text)
        lines.append(store(self.output, f"out[{place(nest, 0, 'out', FIRST)}]", value))
        return "".join(f"        {line}\n" for line in lines)


def scalar_arguments(dtype: Any) -> Callable[[Any], Sequence[Any]]:
    """A function that makes a Python number what `Signature.scalar` declares."""
    to_dtype = converter(dtype)
    if FROM_NUMPY[dtype].category == COMPLEX:

        def parts(x: Any) -> tuple[float, float]:
            z = to_dtype(x)
            return z.real, z.imag

        return parts
    return lambda x: (to_dtype(x),)
