# SPDX-License-Identifier: Apache-2.0
"""The units of the sampler and their regressions: Verilog of one unit, its bench, its verdict."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import rtl.emit
from nms.errors import UserError
from nms.spec.config import Config
from rtl.hierarchy import Block
from sim.runner import simulate


def _made(module: str, name: str) -> Callable[[Config], Block]:
    """Makes the block of class ``name`` in ``module``, imported when it is wanted."""
    return lambda config: getattr(import_module(module), name)(config)


UNITS: dict[str, Callable[[Config], Block]] = {
    "cordic": _made("rtl.cordic", "Cordic"),
    "newton": _made("rtl.newton", "Newton"),
    "pe": _made("rtl.pe", "PE"),
    "pea": _made("rtl.pea", "PEA"),
    "fitness": _made("rtl.fitness", "Fitness"),
    "prng": _made("rtl.prng", "PRNG"),
    "de": _made("rtl.de", "DE"),
    "affinity": _made("rtl.affinity", "Affinity"),
    "te": _made("rtl.te", "TE"),
    "grid": _made("rtl.grid", "Grid"),
    "sampler": _made("rtl.sampler", "Sampler"),
}
"""Each unit's hardware in a configuration; its bench is ``sim.bench.<unit>``."""


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


def check(
    config: Config,
    units: Iterable[str] = (),
    verilog: Path | None = None,
    seed: int = 1,
) -> list[UnitResult]:
    """Run the regressions of the units (all by default), in the order of :data:`UNITS`.

    Each is simulated on freshly emitted Verilog or, with ``verilog``, with the unit's module in that
    file as the top. A unit whose bench compared nothing has failed.

    Raises
    ------
    UserError
        An unknown unit; a file that cannot be read or lacks a unit's module.
    """
    chosen = set(units) or set(UNITS)
    for unit in sorted(chosen - set(UNITS)):
        raise UserError(f"unit {unit!r} does not exist; known: {', '.join(UNITS)}")
    results = []
    for unit in UNITS:
        if unit not in chosen:
            continue
        made = UNITS[unit](config)
        outcome = simulate(
            module=made.module,
            verilog=verilog or rtl.emit.verilog(made),
            bench=f"sim.bench.{unit}",
            parameters={"config": config.model_dump()},
            seed=seed,
        )
        failures = list(outcome.failures)
        if not outcome.compared:
            failures.insert(0, "nothing was compared")
        results.append(
            UnitResult(
                unit=unit,
                passed=outcome.passed,
                failed=outcome.failed + (not outcome.compared and not outcome.failed),
                compared=outcome.compared,
                seconds=outcome.seconds_build + outcome.seconds_run,
                failures=failures,
            )
        )
    return results
