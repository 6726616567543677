# SPDX-License-Identifier: Apache-2.0
"""The units of the sampler and their regressions: Verilog of one unit, its bench, its verdict."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import rtl.emit
from nms.errors import UserError
from nms.spec.config import Config
from rtl.hierarchy import Block
from sim import protocol
from sim.runner import read, simulate


def _nothing(block: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Unit:
    """What is checked under one name, with the bench ``sim.bench.<name>``.

    ``blocks`` are classes (module and name below ``rtl``). Each is checked as it stands in the sampler,
    with the same module name and parameters: made from the configuration or, with ``hosts``, as found
    in the hosts, which are made from the configuration. ``parameters`` tells the bench what it needs to
    know of a block beside the configuration.
    """

    blocks: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    parameters: Callable[[Any], dict[str, Any]] = _nothing


UNITS: dict[str, Unit] = {
    "cordic": Unit(("cordic.Rotate", "cordic.Vector"), ("pe.PE", "de.DE"), lambda b: {"last": b.indices[-1]}),
    "newton": Unit(
        ("newton.Newton",),
        ("de.DE", "te.TE"),
        lambda b: {"kernel": b.a == b.b, "latency": b.latency},
    ),
    "pe": Unit(
        ("pe.PE",),
        parameters=lambda b: {
            name: getattr(b, name) for name in ("distance_latency", "weight_latency", "sums_latency")
        },
    ),
    "pea": Unit(("pea.PEA",), parameters=lambda b: {"interval": b.interval}),
    "fitness": Unit(("fitness.Fitness",), ("de.DE",)),
    "prng": Unit(("prng.Seeds",)),
    "de": Unit(("de.DE",)),
    "affinity": Unit(("affinity.Affinity",)),
    "te": Unit(("te.TE",)),
    "grid": Unit(("grid.Grid",)),
    "sampler": Unit(("sampler.Sampler",)),
    "axi": Unit(("axi.NearMemorySampler",)),
}
"""In the order of the data's way, small to large."""


@dataclass(frozen=True)
class UnitResult:
    """The verdict on one unit: tests passed and failed, values compared, seconds with the build."""

    unit: str
    passed: int
    failed: int
    compared: int
    seconds: float
    failures: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.passed > 0 and self.failed == 0


def _named(name: str) -> type[Any]:
    module, _, kind = name.partition(".")
    return getattr(import_module(f"rtl.{module}"), kind)


def _found(unit: Unit, config: Config) -> Iterator[tuple[Block, rtl.emit.Design]]:
    """The blocks of a unit, each once, and the designs they stand in."""
    kinds = tuple(_named(name) for name in unit.blocks)
    seen = set()
    for host in unit.hosts or unit.blocks:
        design = rtl.emit.Design(_named(host)(config))
        for block in design.blocks.values():
            if isinstance(block, kinds) and block.module not in seen:
                seen.add(block.module)
                yield block, design


def check(
    config: Config,
    units: Iterable[str] = (),
    verilog: Path | None = None,
    seed: int = 1,
    began: Callable[[str], None] = lambda unit: None,
    ended: Callable[[UnitResult], None] = lambda result: None,
) -> list[UnitResult]:
    """Run the regressions of the units (all by default), in the order of :data:`UNITS`.

    Each block is simulated on freshly emitted Verilog or, with ``verilog``, with the block's module in
    that file as the top: a file as ``nms generate`` writes it for ``config``, or one with the same
    modules. A unit that has no block, or a bench that compared nothing, has failed. ``began`` and ``ended``
    are told of each unit.

    Raises
    ------
    UserError
        An unknown unit; a file that cannot be read, was generated for another configuration or lacks a
        unit's module (all before the first simulation).
    """
    chosen = set(units) or set(UNITS)
    for unit in sorted(chosen - set(UNITS)):
        raise UserError(f"unit {unit!r} does not exist; known: {', '.join(UNITS)}")
    blocks = {unit: list(_found(UNITS[unit], config)) for unit in UNITS if unit in chosen}
    if verilog is not None:
        _usable(verilog, config, [block.module for found in blocks.values() for block, _ in found])
    results = []
    for unit, found in blocks.items():
        began(unit)
        results.append(_check(unit, found, config, verilog, seed))
        ended(results[-1])
    return results


def _usable(verilog: Path, config: Config, wanted: Iterable[str]) -> None:
    """Refuse a file that is for another configuration or lacks a module."""
    text = read(verilog)
    title = rtl.emit.TITLE.search(text)
    if title is not None and title["digest"] != config.digest:
        raise UserError(
            f"{verilog}: generated for configuration {title['name']}, digest {title['digest']}, "
            f"not for {config.name}, digest {config.digest}; give its -c and -P"
        )
    known = protocol.headers(text)
    for module in wanted:
        if module not in known:
            raise UserError(f"{verilog}: has no module {module!r}")


def _check(
    unit: str,
    blocks: list[tuple[Block, rtl.emit.Design]],
    config: Config,
    verilog: Path | None,
    seed: int,
) -> UnitResult:
    started = time.monotonic()
    outcomes = [
        simulate(
            module=block.module,
            verilog=verilog or design.verilog(block.module),
            bench=f"sim.bench.{unit}",
            parameters={"config": config.model_dump(), **UNITS[unit].parameters(block)},
            seed=seed,
        )
        for block, design in blocks
    ]
    silent = not outcomes or any(not outcome.compared and not outcome.failed for outcome in outcomes)
    return UnitResult(
        unit=unit,
        passed=sum(outcome.passed for outcome in outcomes),
        failed=sum(outcome.failed for outcome in outcomes) + silent,
        compared=sum(outcome.compared for outcome in outcomes),
        seconds=time.monotonic() - started,
        failures=[failure for outcome in outcomes for failure in outcome.failures]
        + ["nothing was compared"] * silent,
    )
