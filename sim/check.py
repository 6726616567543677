# SPDX-License-Identifier: Apache-2.0
"""The regressions of the units: each block's Verilog in the testbench of its unit, and the verdict."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.rtl import units
from nms.rtl.export.emit import Design
from nms.rtl.export.naming import TITLE
from nms.rtl.lib.hierarchy import Block
from nms.sim.verilator import protocol, waves
from nms.sim.verilator.runner import Outcome, read, simulate


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


def emit_block(block: Block, design: Design) -> str:
    """Verilog of a block as it is generated."""
    return design.verilog(block.module)


def simulate_block(
    block: Block,
    unit: str,
    config: SamplerConfig,
    verilog: str | Path,
    *,
    parameters: dict[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    """Run a block's Verilog in the testbench of its unit, ``nms.sim.testbenches.<unit>.tests``.

    ``parameters`` are added to those that the block itself has for its testbench; ``options`` and errors are
    those of :func:`nms.sim.verilator.runner.simulate`.
    """
    own = {"config": config.model_dump(), **block.testbench_parameters()}
    return simulate(
        module=block.module,
        verilog=verilog,
        testbench=f"nms.sim.testbenches.{unit}.tests",
        parameters=own | (parameters or {}),
        **options,
    )


def check(
    config: SamplerConfig,
    names: Iterable[str] = (),
    verilog: Path | None = None,
    seed: int = 1,
    text: Callable[[Block, Design], str] = emit_block,
    traces: Path | None = None,
    quick: bool = False,
    began: Callable[[str], None] = lambda unit: None,
    ended: Callable[[UnitResult], None] = lambda result: None,
) -> list[UnitResult]:
    """Run the regressions of the units (all of the configuration by default), in
    their order.

    Each block is simulated on what ``text`` makes of it, freshly emitted Verilog by default, or, with
    ``verilog``, with the block's module in that file as the top: a file as ``nms generate`` writes it for
    ``config``, or one with the same modules. A unit that has no block, or a testbench that compared nothing,
    has failed. With ``traces``, the runs' waves and views are left in that directory. ``began`` and
    ``ended`` are called for each unit. With ``quick``, parameters of tests take fewer values
    (:func:`nms.sim.verilator.context.sweep`).

    Raises
    ------
    UserError
        An unknown unit; a file that cannot be read, was generated for another configuration or lacks a
        unit's module (all before the first simulation).
    """
    known = units.list_units(config)
    selected = set(names) or set(known)
    units.check_names(sorted(selected), config)
    blocks = {unit: list(units.find_blocks(unit, config)) for unit in known if unit in selected}
    if verilog is not None:
        _require_modules(verilog, config, [block.module for found in blocks.values() for block, _ in found])
    results = []
    for unit, found in blocks.items():
        began(unit)
        texts = {block.module: verilog or text(block, design) for block, design in found}
        results.append(_check(unit, [block for block, _ in found], texts, config, seed, traces, quick))
        ended(results[-1])
    return results


def _require_modules(verilog: Path, config: SamplerConfig, wanted: Iterable[str]) -> None:
    """Refuse a file that is for another configuration or lacks a module."""
    text = read(verilog)
    title = TITLE.search(text)
    if title is not None and title["digest"] != config.digest:
        raise UserError(
            f"{verilog}: generated for configuration {title['name']}, digest {title['digest']}, "
            f"not for {config.name}, digest {config.digest}; give its -c and -P"
        )
    known = protocol.parse_headers(text)
    for module in wanted:
        if module not in known:
            raise UserError(f"{verilog}: has no module {module!r}")


def _check(
    unit: str,
    blocks: list[Block],
    texts: dict[str, str | Path],
    config: SamplerConfig,
    seed: int,
    traces: Path | None,
    quick: bool,
) -> UnitResult:
    started = time.monotonic()
    outcomes = [
        simulate_block(
            block,
            unit,
            config,
            texts[block.module],
            parameters={"quick": quick},
            seed=seed,
            waves=traces is not None,
        )
        for block in blocks
    ]
    for block, outcome in zip(blocks, outcomes, strict=True):
        if traces is not None and outcome.waves is not None:
            waves.keep(traces, block.module, outcome.ports, outcome.waves)
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
