# SPDX-License-Identifier: Apache-2.0
"""Boolean functions as Liberty writes them: ``!(A*B)``, ``A' + B ^ C``, ``A B``."""

import re
from collections.abc import Mapping

TOKEN = re.compile(r"\s*([A-Za-z_][\w$]*(?:\[\d+\])?|[01!'()^*&+|])", re.ASCII)
DEEPEST = 100
"""Parentheses inside each other."""

Operation = str
"""A name, ``0`` or ``1`` to push, or an operator (``!``, ``^``, ``*`` or ``+``) on what was pushed."""


class BooleanFunction:
    """A function: inversion binds first, then exclusive or, then and (also written as a blank), then or.

    Parameters
    ----------
    text : as in Liberty

    Members
    -------
    names : that occur in it

    Raises
    ------
    ValueError
        The text is no function.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = self._split(text)
        self._depth = 0
        self._program: list[Operation] = []
        self._either()
        if self._tokens:
            raise ValueError(f"unexpected {self._tokens[-1]!r}")
        self.names = frozenset(each for each in self._program if each[0].isalpha() or each[0] == "_")

    @staticmethod
    def _split(text: str) -> list[str]:
        """The tokens, last first."""
        tokens, at, text = [], 0, text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"unexpected {text[at:].strip()[0]!r}")
            tokens.append(found[1])
            at = found.end()
        return tokens[::-1]

    def _next(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _either(self) -> None:
        self._both()
        while self._next() in ("+", "|"):
            self._tokens.pop()
            self._both()
            self._program.append("+")

    def _both(self) -> None:
        self._differ()
        while self._next() not in ("", "+", "|", ")"):
            if self._next() in ("*", "&"):
                self._tokens.pop()
            self._differ()
            self._program.append("*")

    def _differ(self) -> None:
        self._atom()
        while self._next() == "^":
            self._tokens.pop()
            self._atom()
            self._program.append("^")

    def _atom(self) -> None:
        inverted = 0
        while self._next() == "!":
            self._tokens.pop()
            inverted += 1
        token = self._next()
        if not token or token in "'^*&+|)":
            raise ValueError(f"unexpected {token!r}" if token else "ends early")
        self._tokens.pop()
        if token == "(":
            self._depth += 1
            if self._depth > DEEPEST:
                raise ValueError(f"more than {DEEPEST} parentheses inside each other")
            self._either()
            if self._next() != ")":
                raise ValueError("a parenthesis is not closed")
            self._tokens.pop()
            self._depth -= 1
        else:
            self._program.append(token)
        while self._next() == "'":
            self._tokens.pop()
            inverted += 1
        if inverted % 2:
            self._program.append("!")

    def __call__(self, values: Mapping[str, bool]) -> bool:
        """Its value, given those of its names."""
        stack: list[bool] = []
        for step in self._program:
            if step == "!":
                stack.append(not stack.pop())
            elif step in ("^", "*", "+"):
                b, a = stack.pop(), stack.pop()
                stack.append(a != b if step == "^" else a and b if step == "*" else a or b)
            else:
                stack.append(step == "1" if step in ("0", "1") else values[step])
        return stack.pop()
