# SPDX-License-Identifier: Apache-2.0
"""``nms generate``."""

from pathlib import Path
from typing import Annotated

import typer

from nms.commands.options import ConfigOptions, command_line, expand_groups
from nms.contract.output import place, usable

CoreOutput = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Directory to write to; build/NAME by default, by the configuration's name."
    ),
]


@expand_groups
def generate(context: typer.Context, hardware: ConfigOptions, output: CoreOutput = None) -> None:
    """Write Verilog, ports.json, a FuseSoC core, constraints and a manifest.

    Example: `nms generate -c paper -o build/paper`

    Example: `nms generate -c boards/mine.toml -P bus_bits=128`
    """
    config = hardware.load()
    directory = output or Path("build") / config.name
    usable(directory)
    from nms.contract import provenance
    from nms.rtl.export import core

    record = provenance.collect(config, command_line(context))
    for path in place(directory, lambda staging: core.generate(config, staging, record)):
        print(path)
