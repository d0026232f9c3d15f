"""Expressions of `backends/buffer/expressions.py` printed as C: typed, every step rounded, integers wrapped."""

from __future__ import annotations

import ast
from collections.abc import Set
from typing import Any, NamedTuple

from facula.dtypes import BOOL, FLOAT, INTEGER
from facula.graph.codegen.elements import (
    BOOLEAN,
    FLOAT32,
    INT64,
    Element,
    convert,
    literal,
    real,
    rounded,
)


class Typed(NamedTuple):
    """A piece of C and the element that it is a value of."""

    text: str
    element: Element


def print_expression(
    expression: str, dtype: Element, variables: dict[str, Typed], fixed: Set[str] = frozenset()
) -> tuple[Typed, list[str]]:
    """`expression`, computed in `dtype`, of variables that are values of `dtype` or bools; and its integer divisors.

    `fixed`: variables that are the same for many elements. Division of float32 by what is made of these is a call of
    `over_f32`, which whoever names any must define.
    """
    printer = _Printer(dtype, variables, fixed)
    return printer.visit(ast.parse(expression, mode="eval").body), printer.divisors


def printed_as(expression: str, dtype: Element, target: Element, **variables: str) -> str:
    """The same with variables that are all of `dtype`, converted to `target`."""
    typed = {name: Typed(text, dtype) for name, text in variables.items()}
    result, _ = print_expression(expression, dtype, typed)
    return convert(result.element, target, result.text)


_OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_COMPLEX = {"+": "add", "-": "sub", "*": "mul", "/": "div"}


class _Printer(ast.NodeVisitor):
    def __init__(self, dtype: Element, variables: dict[str, Typed], fixed: Set[str]):
        #: What arithmetic is done in: bools are counted in int64.
        self.dtype = INT64 if dtype.category == BOOL else dtype
        self.variables = variables
        self.fixed = fixed
        #: What integers are divided by: a 0 among these is an error.
        self.divisors: list[str] = []

    def visit(self, node: ast.AST) -> Typed:
        return super().visit(node)  # type: ignore[no-any-return]

    def generic_visit(self, node: ast.AST) -> Any:
        raise TypeError(f"an expression may not hold {ast.dump(node)}")

    def operand(self, node: ast.AST) -> str:
        """A part, as a value of the dtype that is computed in."""
        part = self.visit(node)
        return convert(part.element, self.dtype, part.text)

    def visit_Name(self, node: ast.Name) -> Typed:
        return self.variables[node.id]

    def visit_Constant(self, node: ast.Constant) -> Typed:
        return Typed(literal(self.dtype, node.value), self.dtype)

    def visit_BinOp(self, node: ast.BinOp) -> Typed:
        symbol = _OPERATORS[type(node.op)]
        if symbol in "&|^":
            left, right = self.visit(node.left), self.visit(node.right)
            if left.element is right.element is BOOLEAN:
                return Typed(f"({left.text} {symbol} {right.text})", BOOLEAN)
        left_text, right_text = self.operand(node.left), self.operand(node.right)
        if symbol == "/" and self.dtype is FLOAT32 and self.is_fixed(node.right):
            return Typed(f"over_f32({left_text}, {right_text})", self.dtype)
        return Typed(self.arithmetic(symbol, left_text, right_text), self.dtype)

    def is_fixed(self, node: ast.AST) -> bool:
        names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name) and x.id in self.variables}
        return bool(names) and names <= self.fixed

    def arithmetic(self, symbol: str, left: str, right: str) -> str:
        e = self.dtype
        if e.is_complex:
            return f"{_COMPLEX[symbol]}_{e.value}({left}, {right})"
        if e.category == FLOAT:
            return rounded(e, f"({left} {symbol} {right})")
        if symbol == "/":
            raise TypeError("integers are divided by floor_divide")
        if symbol in "&|^":
            return f"(({e.value})({left} {symbol} {right}))"
        return f"(({e.value})(({e.unsigned}){left} {symbol} ({e.unsigned}){right}))"

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Typed:
        inner, e = self.operand(node.operand), self.dtype
        if isinstance(node.op, ast.Invert):
            return Typed(f"(({e.value})~{inner})", e)
        if e.is_complex:
            return Typed(f"neg_{e.value}({inner})", e)
        if e.category == INTEGER:
            return Typed(f"(({e.value})(0 - ({e.unsigned}){inner}))", e)
        return Typed(f"(-{inner})", e)

    def visit_Compare(self, node: ast.Compare) -> Typed:
        left, right = self.visit(node.left), self.visit(node.comparators[0])
        symbol = _OPERATORS[type(node.ops[0])]
        if not left.element is right.element is BOOLEAN:
            left_text, right_text = self.operand(node.left), self.operand(node.comparators[0])
        else:
            left_text, right_text = left.text, right.text
        if self.dtype.is_complex and symbol in ("==", "!="):
            same = f"equal_{self.dtype.value}({left_text}, {right_text})"
            return Typed(same if symbol == "==" else f"(!{same})", BOOLEAN)
        return Typed(f"({left_text} {symbol} {right_text})", BOOLEAN)

    def visit_Call(self, node: ast.Call) -> Typed:
        name = node.func.id  # type: ignore[attr-defined]
        if name == "where":
            return self.choice(node.args)
        parts = [self.visit(a) for a in node.args]
        if name in ("maximum", "minimum") and all(p.element is BOOLEAN for p in parts):
            return Typed(
                f"({parts[0].text} {'|' if name == 'maximum' else '&'} {parts[1].text})", BOOLEAN
            )
        e = self.dtype
        result = real(e) if name == "abs" else e
        if name in ("floor_divide", "remainder") and e.category == INTEGER:
            self.divisors.append(self.operand(node.args[1]))
        call = f"{name}_{e.function_suffix}({', '.join(map(self.operand, node.args))})"
        return Typed(rounded(result, call), result)

    def choice(self, args: list[ast.expr]) -> Typed:
        condition, yes, no = (self.visit(a) for a in args)
        test = convert(condition.element, BOOLEAN, condition.text)
        if yes.element is no.element:
            return Typed(f"({test} ? {yes.text} : {no.text})", yes.element)
        return Typed(f"({test} ? {self.operand(args[1])} : {self.operand(args[2])})", self.dtype)
