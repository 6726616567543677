# SPDX-License-Identifier: Apache-2.0
"""What a run in the system leaves behind, ``soc.json``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nms.contract import output
from nms.soc.processor import ProcessorEnergy
from nms.soc.run import Outcome
from nms.soc.system import Dram, Options

FILE = "soc.json"
"""The record of a run."""


def collect(
    outcome: Outcome,
    options: Options,
    dram: Dram,
    provenance: dict[str, Any],
    processor: ProcessorEnergy | None = None,
) -> dict[str, Any]:
    """The contents of ``soc.json``; with ``processor`` if its energy is known."""
    measured = {"processor": asdict(processor) | {"joule": processor.total}} if processor else {}
    return {
        **provenance,
        "system": asdict(options) | {"dram": asdict(dram)},
        **{name: value for name, value in asdict(outcome).items() if name not in ("console", "commands")},
        "dram_commands": outcome.commands,
        **measured,
    }


def save(directory: Path, figures: dict[str, Any]) -> Path:
    """Write ``soc.json``; it appears whole or not at all."""

    def write(staging: Path) -> None:
        (staging / FILE).write_text(json.dumps(figures, indent=2) + "\n")

    return output.publish(directory, write)[0]
