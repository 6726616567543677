# SPDX-License-Identifier: Apache-2.0
"""The units of the sampler: under which names its blocks are checked and synthesised."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.rtl.export.emit import Design
from nms.rtl.lib.hierarchy import Block


@dataclass(frozen=True)
class Unit:
    """``blocks`` are classes (module and name below ``nms.rtl``), as they stand in the sampler, with the same
    module name and parameters: made from the configuration or, with ``hosts``, as found in the hosts,
    which are made from the configuration."""

    blocks: tuple[str, ...]
    hosts: tuple[str, ...] = ()


UNITS: dict[str, Unit] = {
    "cordic": Unit(
        ("lib.cordic.Rotate", "lib.cordic.Decay", "lib.cordic.Vector"), ("array.pe.PE", "search.de.DE")
    ),
    "newton": Unit(("lib.newton.Newton",), ("search.de.DE", "embedding.te.TE")),
    "pe": Unit(("array.pe.PE",)),
    "pea": Unit(("array.pea.PEA",)),
    "fitness": Unit(("search.fitness.Fitness",), ("search.de.DE",)),
    "prng": Unit(("lib.prng.Seeds",)),
    "de": Unit(("search.de.DE",)),
    "affinity": Unit(("embedding.affinity.Affinity",)),
    "te": Unit(("embedding.te.TE",)),
    "grid": Unit(("selection.grid.Grid",)),
    "sampler": Unit(("sampler.Sampler",)),
    "axi": Unit(("bus.axi.NearMemorySampler",)),
}
"""In the order of the data's way, small to large."""


def named(name: str) -> type[Any]:
    """The class, by module and name below ``nms.rtl``."""
    module, _, kind = name.rpartition(".")
    return getattr(import_module(f"nms.rtl.{module}"), kind)


def check(names: list[str]) -> None:
    """Raise :class:`UserError` for the first name that is no unit."""
    for name in names:
        if name not in UNITS:
            raise UserError(f"unit {name!r} does not exist; known: {', '.join(UNITS)}")


def found(name: str, config: Config) -> Iterator[tuple[Block, Design]]:
    """The blocks of a unit, each once, and the designs they stand in."""
    unit = UNITS[name]
    kinds = tuple(named(block) for block in unit.blocks)
    seen = set()
    for host in unit.hosts or unit.blocks:
        design = Design(named(host)(config))
        for block in design.blocks.values():
            if isinstance(block, kinds) and block.module not in seen:
                seen.add(block.module)
                yield block, design
