# SPDX-License-Identifier: Apache-2.0
"""What a block shows and holds: its ports, its parts, what its docstring says of them."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import Fragment, Instance, Shape
from amaranth.lib import data, memory, stream, wiring

from nms.contract.config import SamplerConfig, load
from nms.rtl.export.emit import Design
from nms.rtl.lib import flow
from nms.rtl.lib.hierarchy import Block
from nms.rtl.units import UNITS, find_blocks

PRESETS = {"desne": "tiny", "lean": "lean"}
"""The preset that shows a unit, by the first of these methods that has it."""

TIMES = "\u00d7"

BUSES = {
    "s_axil_": "AXI4-Lite subordinate",
    "m_axi_": "AXI4 manager",
    "m_axis_": "AXI4-Stream transmitter",
}
"""Prefixes of signals that are one bus."""


@dataclass
class Port:
    """A member of an interface; ``width`` counts a stream's payload, ``count`` alike members in one row."""

    name: str
    inward: bool
    width: int
    streams: bool = False
    fields: str = ""
    meaning: str = ""
    bus: bool = False
    count: int = 1


@dataclass
class Part:
    """What stands inside a block: ``kind`` is block, component or memory."""

    kind: str
    title: str
    names: list[str] = field(default_factory=list)


@dataclass
class BlockClass:
    """A class of blocks of a unit with the blocks of it that the sampler contains."""

    blocks: list[Block]
    parts: list[Part]
    config: SamplerConfig

    @property
    def block(self) -> Block:
        """The one that is drawn."""
        return self.blocks[0]


def find_units() -> dict[str, list[BlockClass]]:
    """The blocks of each unit, by class, as the preset that shows it has them."""
    found: dict[str, list[BlockClass]] = {}
    for unit, about in UNITS.items():
        config = load(next(preset for method, preset in PRESETS.items() if method in about.methods))
        found[unit] = []
        made = list(find_blocks(unit, config))
        for name in about.blocks:
            alike = [(block, design) for block, design in made if full_name(type(block)) == f"nms.rtl.{name}"]
            first, design = alike[0]
            parts = list(_find_parts(design.fragments[first.module], design))
            blocks = sorted((block for block, _ in alike), key=lambda block: block.module)
            found[unit].append(BlockClass(blocks, parts, config))
    return found


def full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _find_parts(fragment: Fragment, design: Design) -> Iterator[Part]:
    """Blocks, components and memories inside a block, alike ones together, in order."""
    found: dict[tuple[str, str], Part] = {}
    for inner, name, *_ in fragment.subfragments:
        origin = next(iter(getattr(inner, "origins", None) or ()), None)
        if isinstance(inner, Instance):
            kind, title = "block", type(design.blocks[inner.type]).__name__
        elif isinstance(origin, memory.Memory):
            kind, title = "memory", f"{origin.depth} {TIMES} {Shape.cast(origin.shape).width} bits"
        elif isinstance(origin, wiring.Component) and type(origin).__module__.startswith("nms.rtl."):
            if type(origin) in (flow.Register, flow.Skid, flow.Queue):
                continue  # plumbing
            kind, title = "component", type(origin).__name__
        else:
            continue
        found.setdefault((kind, title), Part(kind, title)).names.append(str(name))
    order = ("block", "component", "memory")
    yield from sorted(found.values(), key=lambda part: order.index(part.kind))


def list_members(block: Block) -> list[Port]:
    """The members of a block's interface in order."""
    meanings = _read_meanings(type(block))
    ports = []
    for name, member in block.signature.members.items():
        meaning = meanings.get(name, "")
        inward = member.flow is wiring.In
        if member.is_port:
            shape = Shape.cast(member.shape)
            ports.append(
                Port(name, inward, shape.width, fields=_describe_shape(member.shape), meaning=meaning)
            )
        elif isinstance(member.signature, stream.Signature):
            payload = member.signature.members["payload"].shape
            width = Shape.cast(payload).width
            ports.append(Port(name, inward, width, True, _describe_shape(payload), meaning))
        else:
            raise TypeError(f"{block.module}.{name}: neither a port nor a stream")
    return ports


def _describe_shape(shape: Any) -> str:
    """A payload's fields with their widths, or its width with its kind."""
    if isinstance(shape, data.StructLayout):
        return ", ".join(
            f"{name} {_describe_shape(inner)}"
            if not isinstance(inner, data.StructLayout)
            else f"{name} ({_describe_shape(inner)})"
            for name, inner in shape.members.items()
        )
    if isinstance(shape, data.ArrayLayout):
        return f"{shape.length} {TIMES} {_describe_shape(shape.elem_shape)}"
    cast = Shape.cast(shape)
    return f"s{cast.width}" if cast.signed else f"{cast.width}"


def read_sections(kind: type) -> dict[str, list[str]]:
    """The sections of a class's docstring by title, as lines."""
    lines = (inspect.getdoc(kind) or "").split("\n")
    starts = [at for at in range(1, len(lines)) if re.fullmatch(r"-{3,}", lines[at])]
    bounds = [*(at - 1 for at in starts[1:]), len(lines)]
    return {lines[at - 1]: lines[at + 1 : end] for at, end in zip(starts, bounds, strict=False)}


def _read_meanings(kind: type) -> dict[str, str]:
    """What the docstring says of each member."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in read_sections(kind).get("Members", []):
        item = re.fullmatch(r"([\w.]+(?:, [\w.]+)*) :(.*)", line)
        if item:
            names = item[1].split(", ")
            found |= dict.fromkeys(names, item[2].strip())
        elif line.startswith(" "):
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
        else:
            names = []
    return found
