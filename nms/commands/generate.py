# SPDX-License-Identifier: Apache-2.0
"""``nms generate``."""

from pathlib import Path
from typing import Annotated

import typer

from nms.commands.options import Overrides, Preset, chosen
from nms.contract import config as configuration
from nms.contract.output import place, usable

CoreOutput = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Directory to write to; else build/ and the configuration's name."),
]


def generate(
    preset: Preset,
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Directory to write to; else build/NAME, by the configuration's name."
        ),
    ] = None,
) -> None:
    """Write Verilog, ports.json, a FuseSoC core, constraints and a manifest."""
    config = configuration.load(preset, overrides or ())
    directory = output or Path("build") / config.name
    usable(directory)
    from nms.contract import provenance
    from nms.rtl.export import core

    record = provenance.collect(config, ["generate", *chosen(preset, overrides)])
    for path in place(directory, lambda staging: core.generate(config, staging, record)):
        print(path)
