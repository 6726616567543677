# SPDX-License-Identifier: Apache-2.0
"""What the runner tells the bench: both run in different processes and meet in one environment variable."""

import json
import os
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

VARIABLE = "NMS_BENCH"


@dataclass(frozen=True)
class Port:
    """A port of the top module."""

    direction: Literal["input", "output"]
    width: int


@dataclass(frozen=True)
class Context:
    """One simulation: seed of the run, file that counts comparisons, parameters of the bench, top's ports."""

    seed: int
    tally: str
    parameters: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)

    def dump(self) -> str:
        """The text of the environment variable."""
        return json.dumps(asdict(self))


@cache
def context() -> Context:
    """The context of the simulation this process belongs to."""
    values = json.loads(os.environ[VARIABLE])
    values["ports"] = {name: Port(**port) for name, port in values["ports"].items()}
    return Context(**values)


def parameters() -> dict[str, Any]:
    """The bench's parameters, as handed to :func:`nms.sim.verilator.runner.simulate`."""
    return context().parameters


def count(name: str, compared: int) -> None:
    """Add to the tally that ``name`` compared so many values; the runner sums the lines."""
    with Path(context().tally).open("a") as file:
        file.write(json.dumps({"name": name, "compared": compared}) + "\n")
