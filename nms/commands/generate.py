# SPDX-License-Identifier: Apache-2.0
"""``nms generate``."""

from pathlib import Path
from typing import Annotated

import typer

from nms.commands.options import Overrides, Preset, chosen
from nms.contract import config as configuration
from nms.contract.output import place, usable
from nms.rtl.export.naming import PREFIX, TOP

CoreOutput = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Directory to write to; else build/ and the configuration's name."),
]
Prefix = Annotated[
    str, typer.Option(metavar="NAME", help="Begins the name of every module but the top; may be empty.")
]
Top = Annotated[str, typer.Option(metavar="NAME", help="Name of the top module.")]


def generate(
    preset: Preset,
    overrides: Overrides = None,
    output: CoreOutput = None,
    prefix: Prefix = PREFIX,
    top: Top = TOP,
) -> None:
    """Write Verilog, ports.json, a FuseSoC core, constraints and a manifest."""
    config = configuration.load(preset, overrides or ())
    directory = output or Path("build") / config.name
    usable(directory)
    from nms.contract import provenance
    from nms.rtl.export import core

    command = ["generate", *chosen(preset, overrides), "--prefix", prefix, "--top", top]
    record = provenance.collect(config, command)
    for path in place(
        directory, lambda staging: core.generate(config, staging, record, prefix=prefix, top=top)
    ):
        print(path)
