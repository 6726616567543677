# SPDX-License-Identifier: Apache-2.0
"""The regressions of the units: Verilog of one unit, its bench, its verdict."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nms.spec.config import Config
from rtl import units
from rtl.emit import Design
from rtl.hierarchy import Block
from rtl.units import UNITS
from sim.runner import simulate

PARAMETERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "cordic": lambda block: {"last": block.indices[-1]},
    "newton": lambda block: {"kernel": block.a == block.b, "latency": block.latency},
    "pe": lambda block: {
        name: getattr(block, name) for name in ("distance_latency", "weight_latency", "sums_latency")
    },
    "pea": lambda block: {"interval": block.interval},
}
"""What a unit's bench, ``sim.bench.<unit>``, needs to know of a block beside the configuration."""


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


def emitted(block: Block, design: Design) -> str:
    """Verilog of a block as it is generated."""
    return design.verilog(block.module)


def check(
    config: Config,
    names: Iterable[str] = (),
    verilog: Path | None = None,
    seed: int = 1,
    text: Callable[[Block, Design], str] = emitted,
) -> list[UnitResult]:
    """Run the regressions of the units (all by default), in the order of :data:`UNITS`.

    Each block is simulated on what ``text`` makes of it, freshly emitted Verilog by default, or, with
    ``verilog``, with the block's module in that file as the top. A unit that has no block, or a bench
    that compared nothing, has failed.

    Raises
    ------
    UserError
        An unknown unit; a file that cannot be read or lacks a unit's module.
    """
    chosen = set(names) or set(UNITS)
    units.check(sorted(chosen))
    return [_check(unit, config, verilog, seed, text) for unit in UNITS if unit in chosen]


def _check(
    unit: str, config: Config, verilog: Path | None, seed: int, text: Callable[[Block, Design], str]
) -> UnitResult:
    started = time.monotonic()
    about = PARAMETERS.get(unit, lambda block: {})
    outcomes = [
        simulate(
            module=block.module,
            verilog=verilog or text(block, design),
            bench=f"sim.bench.{unit}",
            parameters={"config": config.model_dump(), **about(block)},
            seed=seed,
        )
        for block, design in units.found(unit, config)
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
