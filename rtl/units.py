# SPDX-License-Identifier: Apache-2.0
"""The units of the sampler: under which names its blocks are checked and synthesised."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.rtl.export.emit import Design
from nms.rtl.lib.hierarchy import Block


@dataclass(frozen=True)
class Unit:
    """A group of blocks that is checked and synthesised under one name.

    ``blocks`` and ``hosts`` are classes, as module and name below ``nms.rtl``. Without ``hosts``, the blocks
    are made from the configuration. With ``hosts``, these are made from the configuration, and the unit has
    the blocks inside them, with the module names and parameters that they have in the sampler. ``methods``
    are those of the configurations that have the unit; with ``key`` above 0 the published ones have it too.
    """

    blocks: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("desne",)
    key: str = ""


REDUCED = ("herding", "lean")
"""The methods that look at reduced images."""


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
    "grid": Unit(("selection.grid.Grid",), methods=("desne", "lean")),
    "sampler": Unit(("sampler.Sampler",)),
    "reduce": Unit(("reduction.reduce.Reduce",), methods=REDUCED, key="side"),
    "near_duplicates": Unit(("reduction.near_duplicates.NearDuplicates",), methods=REDUCED),
    "distances": Unit(("lean.distances.Distances",), methods=REDUCED),
    "herding": Unit(("selection.herding.Herding",), methods=REDUCED),
    "lean_search": Unit(("lean.search.LeanSearch",), methods=("lean",)),
    "map": Unit(("lean.map.LeanMap",), methods=("lean",)),
    "picks": Unit(("selection.picks.Picks",), methods=("lean",), key="picks"),
    "lean_sampler": Unit(("lean.sampler.LeanSampler",), methods=REDUCED),
    "axi": Unit(("bus.axi.NearMemorySampler",), methods=("desne", *REDUCED)),
}
"""In dataflow order, small to large."""


def load_class(name: str) -> type[Any]:
    """Import the class ``name``, a module and a class below ``nms.rtl``."""
    module, _, kind = name.rpartition(".")
    return getattr(import_module(f"nms.rtl.{module}"), kind)


def list_units(config: SamplerConfig) -> list[str]:
    """The units that a configuration has, in the order of :data:`UNITS`."""
    return [name for name, unit in UNITS.items() if config.has(unit.methods, unit.key)]


def check_names(names: list[str], config: SamplerConfig) -> None:
    """Raise :class:`UserError` for the first name that is no unit of ``config``."""
    known = list_units(config)
    for name in names:
        if name not in known:
            raise UserError(f"unit {name!r} does not exist; known in {config.name}: {', '.join(known)}")


def find_blocks(name: str, config: SamplerConfig) -> Iterator[tuple[Block, Design]]:
    """The blocks of a unit, each once, with the designs that contain them."""
    unit = UNITS[name]
    kinds = tuple(load_class(block) for block in unit.blocks)
    seen = set()
    for host in unit.hosts or unit.blocks:
        design = Design(load_class(host)(config))
        for block in design.blocks.values():
            if isinstance(block, kinds) and block.module not in seen:
                seen.add(block.module)
                yield block, design
