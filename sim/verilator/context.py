# SPDX-License-Identifier: Apache-2.0
"""What the runner tells the testbench, which runs in another process: all in one environment variable."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

VARIABLE = "NMS_TESTBENCH"


Value = TypeVar("Value")


@dataclass(frozen=True)
class Port:
    """A port of the top module."""

    direction: Literal["input", "output"]
    width: int


@dataclass(frozen=True)
class Context:
    """One simulation.

    Members
    -------
    seed : of the run
    tally : file to which every scoreboard adds how many values it compared
    wanted : file that receives the names of the tests that have to run
    tests : names of the tests to run, whatever they are parametrized with; all by default
    parameters : of the testbench
    ports : of the top module, by name
    """

    seed: int
    tally: str
    wanted: str
    tests: list[str] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)

    def dump(self) -> str:
        """The text of the environment variable."""
        return json.dumps(asdict(self))

    @property
    def pattern(self) -> str:
        """The regular expression of the full names of the tests to run; empty for all."""
        return rf"\.({'|'.join(map(re.escape, self.tests))})(/.*)?$" if self.tests else ""


@cache
def context() -> Context:
    """The context of the simulation this process belongs to."""
    values = json.loads(os.environ[VARIABLE])
    values["ports"] = {name: Port(**port) for name, port in values["ports"].items()}
    return Context(**values)


def parameters() -> dict[str, Any]:
    """The testbench's parameters, as handed to :func:`nms.sim.verilator.runner.simulate`."""
    return context().parameters


def sweep(every: Iterable[Value], quick: Iterable[Value]) -> list[Value]:
    """The values that a test is run with: ``every`` one or, in a quick regression, ``quick``."""
    return list(quick if parameters().get("quick") else every)


def count(name: str, compared: int) -> None:
    """Add to the tally that ``name`` compared so many values; the runner sums the lines."""
    with Path(context().tally).open("a") as file:
        file.write(json.dumps({"name": name, "compared": compared}) + "\n")
