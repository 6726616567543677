# SPDX-License-Identifier: Apache-2.0
"""The units of the sampler and their regressions: Verilog of one unit, its bench, its verdict."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import rtl.emit
from nms.errors import UserError
from nms.spec.config import Config
from rtl.hierarchy import Block
from sim.runner import simulate

UNITS: dict[str, tuple[str, ...]] = {
    "cordic": ("Rotate", "Vector"),
    "newton": ("Newton",),
    "pe": ("PE",),
    "pea": ("PEA",),
    "fitness": ("Fitness",),
    "prng": ("Seeds",),
    "de": ("DE",),
    "affinity": ("Affinity",),
    "te": ("TE",),
    "grid": ("Grid",),
    "sampler": ("Sampler",),
}
"""Each unit's classes in ``rtl.<unit>``; its bench is ``sim.bench.<unit>``.

All blocks of these classes in the sampler are checked, each as it stands there.
"""


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


def _blocks(unit: str, design: rtl.emit.Design) -> list[Block]:
    """The blocks of a unit in the sampler."""
    classes = tuple(getattr(import_module(f"rtl.{unit}"), name) for name in UNITS[unit])
    return [block for block in design.blocks.values() if isinstance(block, classes)]


def check(
    config: Config,
    units: Iterable[str] = (),
    verilog: Path | None = None,
    seed: int = 1,
) -> list[UnitResult]:
    """Run the regressions of the units (all by default), in the order of :data:`UNITS`.

    Each block is simulated on freshly emitted Verilog or, with ``verilog``, with the block's module in
    that file as the top. The bench's parameters are ``config``, ``block`` (the block's parameters) and
    ``latency`` (its cycles, where it has a fixed one). A unit that has no block or whose bench compared
    nothing has failed.

    Raises
    ------
    UserError
        An unknown unit; a file that cannot be read or lacks a unit's module.
    """
    chosen = set(units) or set(UNITS)
    for unit in sorted(chosen - set(UNITS)):
        raise UserError(f"unit {unit!r} does not exist; known: {', '.join(UNITS)}")
    design = rtl.emit.Design(import_module("rtl.sampler").Sampler(config))
    return [_check(unit, config, design, verilog, seed) for unit in UNITS if unit in chosen]


def _check(unit: str, config: Config, design: rtl.emit.Design, verilog: Path | None, seed: int) -> UnitResult:
    started = time.monotonic()
    outcomes = [
        simulate(
            module=block.module,
            verilog=verilog or design.verilog(block.module),
            bench=f"sim.bench.{unit}",
            parameters={
                "config": config.model_dump(),
                "block": _plain(block.parameters),
                "latency": getattr(block, "latency", None),
            },
            seed=seed,
        )
        for block in _blocks(unit, design)
    ]
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    failed = sum(outcome.failed for outcome in outcomes)
    silent = not outcomes or any(not outcome.compared and not outcome.failed for outcome in outcomes)
    return UnitResult(
        unit=unit,
        passed=sum(outcome.passed for outcome in outcomes),
        failed=failed + silent,
        compared=sum(outcome.compared for outcome in outcomes),
        seconds=time.monotonic() - started,
        failures=failures + ["nothing was compared"] * silent,
    )


def _plain(value: object) -> object:
    """A block's parameters as JSON can hold them; what it cannot is named by its text."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float | str | None) else str(value)
