# SPDX-License-Identifier: Apache-2.0
"""Load a Liberty file: unpack and decode it, and bring its pins to one form."""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from nms.contract.errors import UserError
from nms.synth.liberty_text import Attribute, Group, Source, parse, split

NAME = re.compile(r"[A-Za-z_][\w$]*", re.ASCII)
"""Names of cells: those that Verilog has without an escape, since they become words of it and of scripts."""

PIN = re.compile(NAME.pattern + r"(\[\d+\])?", re.ASCII)
RANGE = re.compile(r"(.*)\[(\d+):(\d+)\]")
WIDEST = 4096
"""Bits of a bus."""

SEVERAL = frozenset(("bus", "bundle"))
"""Groups of pins."""

GZIP = b"\x1f\x8b"


def check_present(files: Sequence[Path]) -> None:
    """Check that files are there.

    Raises
    ------
    UserError
        One is missing or is no file, or two are the same.
    """
    seen: set[Path] = set()
    for file in files:
        try:
            there = file.exists()
        except OSError as error:
            raise UserError(f"liberty {str(file)!r}: not readable ({error})") from None
        if not there:
            raise UserError(f"liberty {str(file)!r}: no such file")
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "a pipe or a device"
            raise UserError(f"liberty {str(file)!r}: is {kind}; must be a file")
        if file.resolve() in seen:
            raise UserError(f"liberty {str(file)!r}: is given twice; must be given once")
        seen.add(file.resolve())


def read_text(file: Path) -> str:
    """The text of a file, packed by gzip or not, in UTF-8 or else in Latin-1.

    Raises
    ------
    UserError
        It is not readable, or it is binary.
    """
    try:
        raw = file.read_bytes()
        raw = gzip.decompress(raw) if raw.startswith(GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"liberty {str(file)!r}: not readable ({error})") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise UserError(f"liberty {str(file)!r}: is binary; must be text, or text packed by gzip")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def load(file: Path) -> Group:
    """The library in a file. Its cells have all pins one by one; of buses and bundles, ``members`` is left.

    Raises
    ------
    UserError
        The file is not readable, is not Liberty, includes another, or has a name that is no plain word.
    """
    library = parse(Source(file, read_text(file)))
    for attribute in library.attributes:
        if attribute.name == "include_file":
            library.fail(f"include_file ({attribute.text}): must be one file with all in it", attribute)
    widths = {group.name: group for group in library.inner("type")}
    for cell in library.inner("cell"):
        if not NAME.fullmatch(cell.name):
            cell.fail(f"name {cell.name!r}: must be letters, digits and _, a letter first")
        known = widths | {group.name: group for group in cell.inner("type")}
        cell.groups = [each for group in cell.groups for each in _single(group, known)]
        for kind in ("ff", "latch"):
            for group in cell.inner(kind):
                _check_names(group, group.names)
        seen = set()
        for pin in cell.inner("pin"):
            if pin.name in seen:
                pin.fail("is there twice; must be there once")
            seen.add(pin.name)
    return library


def load_all(files: Sequence[Path]) -> list[Group]:
    """The libraries of several files, which together are one.

    Raises
    ------
    UserError
        As :func:`load`, or a cell is there twice.
    """
    check_present(files)
    libraries = [load(file) for file in files]
    seen: dict[str, Group] = {}
    for library in libraries:
        for cell in library.inner("cell"):
            if cell.name in seen:
                cell.fail(f"is in {str(seen[cell.name].source.file)!r}, too; must be there once")
            seen[cell.name] = cell
    return libraries


def _check_names(group: Group, names: Sequence[str]) -> None:
    for name in names:
        if not PIN.fullmatch(name):
            group.fail(f"name {name!r}: must be letters, digits and _, a letter first, and perhaps [NUMBER]")


def _single(group: Group, widths: dict[str, Group]) -> Iterator[Group]:
    """A group of a cell or, of a pin with several names, a bundle or a bus, its pins."""
    if group.kind == "pin":
        names = _spread(group)
        if len(names) == 1:
            _check_names(group, names)
            yield group
        else:
            yield from (_pin(group, name, [group]) for name in names)
        return
    if group.kind not in SEVERAL:
        yield group
        return
    own = {name: pin for pin in group.inner("pin") for name in _spread(pin)}
    bundle = group.kind == "bundle"
    names = group.words("members") if bundle else [f"{group.name}[{bit}]" for bit in _bits(group, widths)]
    names += [name for name in own if name not in names]
    for name in names:
        yield _pin(group, name, [own[name], group] if name in own else [group])
    members = Attribute("members", names, False, group.at)
    yield Group(group.source, group.outer, group.kind, group.values, group.at, [members])


def _pin(group: Group, name: str, sources: Sequence[Group]) -> Group:
    """A pin with what the pin itself says, and what its bus or bundle says to all."""
    _check_names(group, [name])
    pin = Group(group.source, group.outer, "pin", [name], sources[0].at)
    told: set[str] = set()
    for source in sources:
        pin.attributes += [each for each in source.attributes if each.name not in told]
        told |= {each.name for each in source.attributes}
    groups = [[each for each in source.groups if each.kind != "pin"] for source in sources]
    for kinds, of_source in zip(([], [each.kind for each in groups[0]]), groups, strict=False):
        pin.groups += [_below(each, pin) for each in of_source if each.kind not in kinds]
    return pin


def _below(group: Group, outer: Group) -> Group:
    """The same group in another."""
    return Group(group.source, outer, group.kind, group.values, group.at, group.attributes, group.groups)


def _spread(pin: Group) -> list[str]:
    """The names of a pin; ``A[3:0]`` is four."""
    names = []
    for name in split(pin.values):
        found = RANGE.fullmatch(name)
        names += (
            [f"{found[1]}[{bit}]" for bit in _range(pin, int(found[2]), int(found[3]))] if found else [name]
        )
    if not names:
        pin.fail("has no name")
    return names


def _range(group: Group, first: int, last: int) -> range:
    if abs(last - first) >= WIDEST:
        group.fail(f"bits {first} to {last}: must be at most {WIDEST} bits")
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)


def _bits(bus: Group, widths: dict[str, Group]) -> range:
    """The bits of a bus, from its type."""
    name = bus.word("bus_type")
    kind = widths.get(name)
    if kind is None:
        bus.fail(f"bus_type {name!r}: the library has no such type", bus.find("bus_type"))
    ends = [kind.number(end) for end in ("bit_from", "bit_to")]
    if None in ends:
        width = kind.number("bit_width")
        if width is None:
            kind.fail("has no bit_width")
        ends = [width - 1, 0]
    return _range(kind, *(int(end) for end in ends if end is not None))
