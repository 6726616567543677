# SPDX-License-Identifier: Apache-2.0
"""Placing one block inside another: as a submodule for Amaranth, as an ``Instance`` for emission.

Amaranth emits a Verilog module for each object, so 32 PEs would be 32 modules. When Verilog is
emitted, the platform is an :class:`rtl.emit.Emitter`: it records the block under its module name,
emits it once and places it by ``Instance``. Amaranth's own simulator passes no platform and gets
the native submodule; a test proves both alike.
"""

from typing import Protocol, TypeVar, runtime_checkable

from amaranth import Instance, Module
from amaranth.lib import wiring


class Block(wiring.Component):
    """A component that becomes one named Verilog module.

    ``module`` is its Verilog name; ``parameters`` are all values that its contents depend on. Two
    blocks with the same name must have the same parameters.
    """

    module: str
    parameters: tuple


@runtime_checkable
class Placer(Protocol):
    """What emission offers to ``place``."""

    def instance(self, block: Block) -> Instance:
        """An ``Instance`` of the block's module, connected to the block's own interface signals."""
        ...


AnyBlock = TypeVar("AnyBlock", bound=Block)


def place(m: Module, name: str, block: AnyBlock, platform: object) -> AnyBlock:
    """Put ``block`` into ``m`` under ``name`` and return it; its interface is used as usual."""
    m.submodules[name] = platform.instance(block) if isinstance(platform, Placer) else block
    return block
