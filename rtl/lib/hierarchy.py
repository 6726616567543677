# SPDX-License-Identifier: Apache-2.0
"""Placing one block inside another: as a submodule for Amaranth, as an ``Instance`` for emission.

Amaranth emits a Verilog module for each object, so 32 PEs would be 32 modules. When Verilog is
emitted, the platform is an :class:`nms.rtl.export.emit.Emitter`: it records the block under its module name,
emits it once and places it by ``Instance``. Amaranth's own simulator passes no platform and gets
the native submodule; a test proves both alike.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

from amaranth import DomainRenamer, Instance, Module
from amaranth.lib import wiring


class Block(wiring.Component):
    """A component that becomes one named Verilog module.

    ``module`` is its Verilog name; ``parameters`` are all values that its contents depend on. Two
    blocks with the same name must have the same parameters.
    """

    _MustUse__silence = True  # a block may be made only to ask for its latency
    module: str
    parameters: tuple
    clocks_itself = False
    """Whether clock and reset are members of its interface and not the ports ``clk`` and ``rst``."""

    def testbench_parameters(self) -> dict[str, Any]:
        """What the testbench of its unit needs to know of it beside the configuration."""
        return {}


@runtime_checkable
class Placer(Protocol):
    """What emission offers to ``place``."""

    def instance(self, block: Block, domain: str) -> Instance:
        """An ``Instance`` of the block's module, clocked by ``domain``, on the block's interface signals."""
        ...


AnyBlock = TypeVar("AnyBlock", bound=Block)


def place(m: Module, name: str, block: AnyBlock, platform: object, domain: str = "sync") -> AnyBlock:
    """Put ``block`` into ``m`` under ``name``, in clock domain ``domain``, and return it.

    Its interface is used as usual. Inside, a block only knows the domain ``sync``.
    """
    if isinstance(platform, Placer):
        m.submodules[name] = platform.instance(block, domain)
    elif domain == "sync":
        m.submodules[name] = block
    else:
        m.submodules[name] = DomainRenamer(domain)(block)
    return block
