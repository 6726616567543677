# SPDX-License-Identifier: Apache-2.0
"""The text of a Liberty file as a tree of groups, which knows where in the file everything stands."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from nms.contract.errors import UserError
from nms.synth import liberty_numbers

TOKEN = re.compile(
    r"""
      (?P<blank> (?: [^\S\n]+ | \\[^\S\n]*\n | /\*.*?\*/ | //[^\n]* )+ )
    | (?P<newline> \n )
    | (?P<string> "[^"\\]*(?:\\.[^"\\]*)*" )
    | (?P<mark> [(){}:;,] )
    | (?P<word> (?: \[[^\]\n]*\] | [^\s(){}:;,"\\/\[] | /(?![/*]) )+ )
    """,
    re.VERBOSE | re.DOTALL,
)

DEEPEST = 30
"""Groups inside each other; libraries have less than ten."""

FOLD = re.compile(r"\\?[^\S\n]*\n\s*")
"""A string's end of line, with the backslash that may continue it."""

TRUE, FALSE = ("true", "t", "yes", "1"), ("false", "f", "no", "0")


@dataclass(frozen=True)
class Source:
    """A file and its whole text."""

    file: Path
    text: str

    def fail(self, at: int, problem: str) -> NoReturn:
        """Raise a :class:`UserError` that names the file and the line of a position."""
        line = self.text.count("\n", 0, at) + 1
        raise UserError(f"liberty {str(self.file)!r}, line {line}: {problem}")


@dataclass(frozen=True)
class Place:
    """Where a group stands: a position in a file, and the groups around it."""

    source: Source
    at: int
    where: str

    def fail(self, problem: str) -> NoReturn:
        """Raise a :class:`UserError` that names the file, the line and the group."""
        self.source.fail(self.at, f"{self.where}: {problem}")


@dataclass(slots=True)
class Attribute:
    """A simple attribute, ``name : value;``, or a complex one, ``name (value, value);``.

    Members
    -------
    values : as the file has them, strings in their quotes
    at : position in the text
    """

    name: str
    values: list[str]
    simple: bool
    at: int

    @property
    def text(self) -> str:
        """All values, without quotes and continued lines, with blanks between them."""
        return " ".join(map(unquote, self.values))


@dataclass(slots=True)
class Group:
    """A group, ``kind (values) { ... }``.

    Members
    -------
    kind : in lower case, as are the names of attributes
    values : what stands in its parentheses, strings in their quotes
    at : position in the text
    """

    source: Source
    outer: "Group | None"
    kind: str
    values: list[str]
    at: int
    attributes: list[Attribute] = field(default_factory=list)
    groups: list["Group"] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names in its parentheses, without quotes."""
        return split(self.values)

    @property
    def name(self) -> str:
        """The first of its names; empty if it has none."""
        return next(iter(self.names), "")

    @property
    def where(self) -> str:
        """The group and those around it, but for the library: ``cell (INV), pin (A)``."""
        own = f"{self.kind} ({', '.join(self.names)})"
        if self.outer is None:
            return own
        return own if self.outer.outer is None else f"{self.outer.where}, {own}"

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.source, self.at, self.where)

    def fail(self, problem: str, attribute: Attribute | None = None) -> NoReturn:
        """Raise a :class:`UserError` that names the file, the line (of the attribute) and the group."""
        self.source.fail(self.at if attribute is None else attribute.at, f"{self.where}: {problem}")

    def inner(self, *kinds: str) -> Iterator["Group"]:
        """Its groups of these kinds."""
        return (group for group in self.groups if group.kind in kinds)

    def find(self, name: str) -> Attribute | None:
        """The attribute of a name, or ``None``.

        Raises
        ------
        UserError
            It has two that differ.
        """
        found = [each for each in self.attributes if each.name == name]
        for other in found[1:]:
            if other.text != found[0].text:
                self.fail(f"{name} {other.text!r}: is {found[0].text!r} before; must be given once", other)
        return found[0] if found else None

    def word(self, name: str) -> str:
        """The text of an attribute; empty if it is absent."""
        found = self.find(name)
        return found.text.strip() if found is not None else ""

    def words(self, name: str) -> list[str]:
        """The words of an attribute, which blanks or commas separate."""
        found = self.find(name)
        return split(found.values) if found is not None else []

    def flag(self, name: str) -> bool:
        """Whether an attribute is true; false if it is absent.

        Raises
        ------
        UserError
            It is neither true nor false.
        """
        word = self.word(name).lower()
        if word and word not in (*TRUE, *FALSE):
            self.fail(f"{name} {word!r}: must be true or false", self.find(name))
        return word in TRUE

    def number(self, name: str) -> float | None:
        """The number that an attribute is, or ``None`` if it is absent.

        Raises
        ------
        UserError
            It is no finite number.
        """
        found = self.find(name)
        if found is None:
            return None
        try:
            return liberty_numbers.evaluate(found.text)
        except ValueError as error:
            self.fail(f"{name} {found.text!r}: {error}", found)

    def numbers(self, name: str) -> list[float]:
        """The numbers of an attribute, whether they stand in one string or several.

        Raises
        ------
        UserError
            One of them is no finite number.
        """
        found = self.find(name)
        words = split(found.values) if found is not None else []
        try:
            numbers = list(map(float, words))
        except ValueError:
            numbers = [math.nan]
        if not all(map(math.isfinite, numbers)) or any("_" in word for word in words):
            wrong = next(word for word in words if not liberty_numbers.is_number(word))
            self.fail(f"{name}: {wrong!r} is no number; must be finite numbers", found)
        return numbers


def unquote(value: str) -> str:
    """A value without its quotes and its continued lines."""
    return FOLD.sub(" ", value[1:-1]) if value.startswith('"') else value


def split(values: Iterable[str]) -> list[str]:
    """The words of values, which blanks or commas separate."""
    return [word for value in values for word in unquote(value).replace(",", " ").split()]


class _Tokens:
    """The tokens of a text, each with its kind and position."""

    def __init__(self, source: Source) -> None:
        self.source, self.at, self.start = source, 0, 0

    def next(self, lines: bool = False) -> tuple[str, str]:
        """Kind and text of the next token, ends of lines only if wanted; the last is empty."""
        text = self.source.text
        while self.at < len(text):
            found = TOKEN.match(text, self.at)
            self.start = self.at
            if found is None:
                problem = {'"': "string", "/": "comment"}.get(text[self.at])
                self.source.fail(
                    self.at, f"{problem} is not closed" if problem else f"unexpected {text[self.at]!r}"
                )
            self.at = found.end()
            kind = found.lastgroup or ""
            if kind != "blank" and (lines or kind != "newline"):
                return kind, found.group()
        self.start = len(text)
        return "", ""

    def back(self) -> None:
        """Put the last token back."""
        self.at = self.start

    def expected(self, what: str, token: str) -> NoReturn:
        """Raise an error: ``what`` should stand where ``token`` stands."""
        self.source.fail(self.start, f"{what} expected, not {repr(token) if token else 'the end'}")


def parse(source: Source) -> Group:
    """Parse the text of a file, which must be one library.

    Raises
    ------
    UserError
        It is not Liberty; the message names the line.
    """
    tokens, root, group, depth = _Tokens(source), None, None, 0
    while True:
        kind, name = tokens.next()
        start = tokens.start
        if kind in ("word", "string"):
            if group is None and root is not None:
                source.fail(start, f"{name!r} follows the library; must be one library in a file")
            _, mark = tokens.next()
            if mark == "(":
                values = _read_values(tokens)
                _, after = tokens.next()
                if after == "{":
                    depth += 1
                    if depth > DEEPEST:
                        source.fail(start, f"{name!r}: is inside {DEEPEST} groups; must be inside fewer")
                    inner = Group(source, group, unquote(name).lower(), values, start)
                    if group is None:
                        root = inner
                    else:
                        group.groups.append(inner)
                    group = inner
                    continue
                if after != ";":
                    tokens.back()
                found = Attribute(unquote(name).lower(), values, False, start)
            elif mark == ":":
                found = Attribute(unquote(name).lower(), _read_value(tokens), True, start)
            else:
                tokens.expected(f"( or : after {name!r}", mark)
            if group is None:
                source.fail(start, f"{name!r}: must be library (NAME) {{ ... }}")
            group.attributes.append(found)
        elif name == "}" and group is not None:
            group, depth = group.outer, depth - 1
        elif not name:
            break
        elif name != ";":
            tokens.expected("a name", name)
    if group is not None:
        source.fail(group.at, f"{group.where}: is not closed")
    if root is None or root.kind != "library":
        source.fail(0, "has no library; must be library (NAME) { ... }")
    return root


def _read_values(tokens: _Tokens) -> list[str]:
    """Read the values of a group or a complex attribute, to its closing parenthesis."""
    values: list[str] = []
    while True:
        kind, token = tokens.next()
        if token == ")":
            return values
        if kind in ("word", "string"):
            values.append(token)
        elif token not in (",", ":"):
            tokens.expected(")", token)


def _read_value(tokens: _Tokens) -> list[str]:
    """Read the value of a simple attribute, to its semicolon or the end of the line."""
    values: list[str] = []
    while True:
        kind, token = tokens.next(lines=True)
        if kind == "newline":
            if values and values[-1] not in ("+", "-", "*", "/", "("):
                return values
        elif token == ";":
            return values
        elif token in ("}", ""):
            tokens.back()
            return values
        elif token in (":", "{"):
            tokens.expected("; after a value", token)
        else:
            values.append(token)
