# SPDX-License-Identifier: Apache-2.0
"""Numbers of Liberty files, which may be sums and products: ``0.001 + 0.002``."""

import ast
import math
import operator
import re
from collections.abc import Callable

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
EXPRESSION = re.compile(r"[\d.eE+\-*/()\s]{1,200}", re.ASCII)

BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def evaluate(text: str) -> float:
    """The number that a text is, or that its sums, differences, products and quotients give.

    Raises
    ------
    ValueError
        It is no finite number.
    """
    text = text.strip()
    found = math.nan
    if NUMBER.fullmatch(text):
        found = float(text)
    elif EXPRESSION.fullmatch(text):
        try:
            found = _value(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, KeyError, ArithmeticError, RecursionError, MemoryError):
            found = math.nan
    if not math.isfinite(found):
        raise ValueError("must be a finite number")
    return found


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]  # the characters make it a number
    if isinstance(node, ast.UnaryOp):
        return UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp):
        return BINARY[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError("must be sums and products of numbers")
