# SPDX-License-Identifier: Apache-2.0
"""The on-chip memories of the generated hardware, counted in what is elaborated for emission."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from amaranth import Instance, Shape
from amaranth.hdl import Fragment
from amaranth.hdl._mem import MemoryInstance

from nms.contract.config import SamplerConfig
from nms.rtl.bus.axi import NearMemorySampler
from nms.rtl.export.emit import Design, Tell, ignore


@dataclass(frozen=True)
class OnChip:
    """One memory of a module: ``copies`` of ``depth`` words of ``width`` bits, for all instances of it."""

    name: str  # module, then the names of submodules and of the memory, those that say no more left out
    copies: int
    depth: int
    width: int

    @property
    def bits(self) -> int:
        """Bits of all copies."""
        return self.copies * self.depth * self.width


def list_memories(config: SamplerConfig, tell: Tell = ignore) -> list[OnChip]:
    """Every memory of ``near_memory_sampler``, the largest first; registers are not counted.

    ``tell`` is told what is being done.
    """
    design = Design(NearMemorySampler(config), tell)
    copies = _count_copies(design, design.top.module)
    found = [
        OnChip(name, copies[module], depth, width)
        for module, fragment in design.fragments.items()
        for name, depth, width in _list_memories(fragment, module)
    ]
    return sorted(found, key=lambda memory: (-memory.bits, memory.name))


def _count_copies(design: Design, module: str) -> Counter[str]:
    """How often each module occurs in and below one ``module``."""
    found = Counter({module: 1})
    for inner, times in Counter(_list_instances(design.fragments[module])).items():
        for name, copies in _count_copies(design, inner).items():
            found[name] += times * copies
    return found


def _list_instances(fragment: Fragment) -> Iterator[str]:
    """The modules that a fragment instantiates, as often as it does."""
    for inner, *_ in fragment.subfragments:
        if isinstance(inner, Instance):
            yield inner.type
        else:
            yield from _list_instances(inner)


def _list_memories(fragment: Fragment, path: str) -> Iterator[tuple[str, int, int]]:
    """Name, words and bits of a word of each memory of a fragment."""
    for inner, name, *_ in fragment.subfragments:
        if isinstance(inner, MemoryInstance):
            yield _join(path, name), inner._data.depth, Shape.cast(inner._data.shape).width
        elif not isinstance(inner, Instance):
            yield from _list_memories(inner, _join(path, name))


def _join(path: str, name: str | None) -> str:
    return path if name in ("memory", "fifo", "storage") else f"{path}.{name}"
