# SPDX-License-Identifier: Apache-2.0
"""From the docstrings of the code to Markdown, for the API reference: an extension of griffe.

Docstrings are plain text with numpy's section headings, double backquotes and references such as
``:class:`PE` ``. The references become links, which a strict build follows; sections become lists; and
what Markdown would take for markup is escaped.
"""

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([\w.]+)`")
CODE = re.compile(r"(``.+?``|`[^`\n]+?`|\[`[^\]]*`\]\[[\w.]+\])", re.DOTALL)
ITEM = re.compile(r"(?P<names>[\w.*]+(?:, [\w.*]+)*)(?: :(?: (?P<rest>.*))?)?$")


class Docstrings(griffe.Extension):
    """Rewrites each docstring, and the name of each file to that of the real folder."""

    def on_object(self, *, obj: griffe.Object, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Rewrite the docstring of one object."""
        if isinstance(obj, griffe.Module) and not isinstance(obj.filepath, list):
            if obj.exports and obj.parent:  # what a package passes on is shown where it is
                inner = {name for name, member in obj.members.items() if not member.is_alias}
                obj.exports = [name for name in obj.exports if name in inner]
            lines = obj.lines_collection
            through, real = obj.filepath, obj.filepath.resolve()  # the link in nms/, and what it leads to
            if through in lines:
                lines[real] = lines[through]
            obj._filepath = real
        if obj.docstring:
            obj.docstring.value = convert(obj.docstring.value, lambda name: resolve(obj, name))


def resolve(obj: griffe.Object, name: str) -> str:
    """The full name of what ``name`` means where ``obj`` stands; ``name`` itself if it means nothing."""
    first, _, rest = name.partition(".")
    scope: griffe.Object | griffe.Alias | None = obj
    while scope is not None:
        if first in scope.all_members:
            member = scope.all_members[first]
            passed = isinstance(member, griffe.Alias) and not member.inherited  # imported from elsewhere
            path = member.target_path if passed else f"{scope.path}.{first}"
            return f"{path}.{rest}" if rest else path
        scope = scope.parent
    return name


def convert(text: str, full: Any = str) -> str:
    """The Markdown of a docstring; ``full`` gives the full name of a reference."""
    text = ROLE.sub(lambda found: f"[`{found[1].removeprefix('nms.')}`][{full(found[1])}]", text)
    lines, out = text.split("\n"), []
    at = 0
    while at < len(lines):
        line = lines[at]
        if at + 1 < len(lines) and line and re.fullmatch(r"-{3,}", lines[at + 1]):
            end = next(
                (k for k in range(at + 2, len(lines) - 1) if re.fullmatch(r"-{3,}", lines[k + 1])), None
            )
            body = lines[at + 2 : end]
            out += [f"**{line}**", "", *_convert_section(body), ""]
            at += 2 + len(body)
        elif line.startswith(">>>"):
            end = next((k for k in range(at, len(lines)) if not lines[k].strip()), len(lines))
            out += ["```pycon", *lines[at:end], "```"]
            at = end
        elif line.startswith("    ") and (not out or not out[-1].strip() or out[-1].startswith("    ")):
            out.append(line)  # a literal block
            at += 1
        else:
            out.append(escape(line.removesuffix(":") if line.endswith("::") else line))
            at += 1
    return "\n".join(out)


def _convert_section(lines: list[str]) -> list[str]:
    """The items of a section as a list; text stays text."""
    lines = list(lines)
    while lines and not lines[-1].strip():
        lines.pop()
    if any(line.startswith(">>>") for line in lines):
        return ["```pycon", *lines, "```"]
    out: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        item = ITEM.fullmatch(line)
        if item and (" :" in line or " " not in line):
            names = ", ".join(f"`{name}`" for name in item["names"].split(", "))
            typed = re.match(r"    [A-Z]", following)  # numpy's form: a type, and a sentence below it
            rest = escape(item["rest"] or "")
            out.append(
                f"* {names} ({rest})" if rest and typed else f"* {names}: {rest}" if rest else f"* {names}"
            )
        elif out and line.startswith("    ") and line.strip():
            joint = " " if ": " in out[-1] or out[-1].startswith(" ") else ": "
            out[-1] += joint + escape(line.strip())
        else:
            out.append(escape(line))
    return out


def escape(line: str) -> str:
    """A line in which only code, links and a bullet are markup."""
    bullet = re.match(r"\s*\* ", line)
    start = bullet.end() if bullet else 0
    parts = CODE.split(line[start:])
    plain = [re.sub(r"([*_])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    parts[::2] = plain
    return line[:start] + "".join(parts)
