# SPDX-License-Identifier: Apache-2.0
"""Blocks and their instances: submodules for Amaranth's simulator, ``Instance`` objects for emission.

Amaranth emits a Verilog module for each object, so 32 processing elements would be 32 modules. When Verilog
is emitted, the platform is an :class:`nms.rtl.export.emit.Emitter`: it records the block under its module
name, emits it once and instantiates it by ``Instance``. Amaranth's own simulator passes no platform and
gets the native submodule; a test proves that both behave alike.
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
        """What the block's testbench must know beside the configuration; anything that JSON can hold."""
        return {}


@runtime_checkable
class InstancePlatform(Protocol):
    """What emission offers to :func:`instantiate`."""

    def instance(self, block: Block, domain: str) -> Instance:
        """An ``Instance`` of the block's module, clocked by ``domain``, on the block's interface signals."""
        ...


AnyBlock = TypeVar("AnyBlock", bound=Block)


def instantiate(m: Module, name: str, block: AnyBlock, platform: object, domain: str = "sync") -> AnyBlock:
    """Instantiate ``block`` in ``m`` under ``name``, in clock domain ``domain``, and return it.

    Use its interface as that of any component. Inside, a block knows the domain ``sync`` alone.
    """
    if isinstance(platform, InstancePlatform):
        m.submodules[name] = platform.instance(block, domain)
    elif domain == "sync":
        m.submodules[name] = block
    else:
        m.submodules[name] = DomainRenamer(domain)(block)
    return block
