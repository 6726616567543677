# SPDX-License-Identifier: Apache-2.0
"""From blocks to Verilog text: each block becomes one module, placed blocks are emitted once."""

import os
import re

from amaranth import ClockDomain, ClockSignal, Instance, ResetSignal, Value
from amaranth.back import verilog as backend
from amaranth.hdl import Const, Fragment
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from rtl.hierarchy import Block

os.environ["AMARANTH_USE_YOSYS"] = "builtin"  # the pinned Yosys, never one of the machine

NESTED = re.compile(r"^(module|  )( ?)\\(\w[\w.$]*) (?= ?[\\\w(])", re.MULTILINE)
"""The escaped name of a nested module, ``\\outer.inner``, where it is defined or instantiated."""


def ports(block: Block) -> dict[str, tuple[Value, wiring.Flow]]:
    """The block's interface as Verilog ports, except members of no bits and constant ones."""
    found = {}
    for path, member, value in block.signature.flatten(block):
        value = Value.cast(value)
        if len(value) and not isinstance(value, Const):
            found["__".join(map(str, path))] = (value, member.flow)
    return found


class Emitter:
    """Collects the blocks that are placed while a block is elaborated (a :class:`rtl.hierarchy.Placer`)."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}

    def add(self, block: Block) -> bool:
        """Record a block under its module name; true when the name is new.

        Raises
        ------
        ValueError
            Another block of that name has other parameters.
        """
        known = self.blocks.setdefault(block.module, block)
        if (type(known), known.parameters) != (type(block), block.parameters):
            raise ValueError(f"module {block.module}: placed with {known.parameters} and {block.parameters}")
        return known is block

    def instance(self, block: Block, domain: str) -> Instance:
        """An ``Instance`` of the block's module, clocked by ``domain``, on the block's interface signals."""
        self.add(block)
        block._MustUse__used = True  # emitted once for all its likes, so most are never elaborated
        connections = [
            ("i" if flow is wiring.In else "o", name, value) for name, (value, flow) in ports(block).items()
        ]
        return Instance(
            block.module,
            ("i", "clk", ClockSignal(domain)),
            ("i", "rst", ResetSignal(domain, allow_reset_less=True)),
            *connections,
        )


def _module(block: Block, emitter: Emitter) -> str:
    """The Verilog of one block alone; blocks placed in it are recorded with the emitter."""
    sync = ClockDomain("sync")
    fragment = Fragment.get(block, emitter)
    fragment.add_domains(sync)
    interface = {"clk": (sync.clk, PortDirection.Input), "rst": (sync.rst, PortDirection.Input)}
    for name, (value, flow) in ports(block).items():
        interface[name] = (value, PortDirection.Input if flow is wiring.In else PortDirection.Output)
    text, _ = backend.convert_fragment(
        fragment, interface, block.module, emit_src=False, strip_internal_attrs=True
    )
    text = text[text.index("\nmodule ") + 1 :]
    return NESTED.sub(lambda found: found[1] + found[2] + found[3].replace(".", "__") + " ", text)


def verilog(block: Block) -> str:
    """Complete Verilog of a block and of all blocks placed below it, each module once.

    The block's own module comes first, the others in the order in which elaboration meets them.
    Every block has the ports ``clk`` and ``rst`` (synchronous, active high), used or not, then its
    interface: member ``p`` of ``x`` is the port ``x__p``. A module ``inner`` that is nested in the
    block ``outer`` is named ``outer__inner``. The text depends on the blocks alone.
    """
    emitter = Emitter()
    emitter.add(block)
    texts: dict[str, str] = {}
    while waiting := [name for name in emitter.blocks if name not in texts]:
        texts[waiting[0]] = _module(emitter.blocks[waiting[0]], emitter)
    return "\n".join(texts.values())
