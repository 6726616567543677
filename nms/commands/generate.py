# SPDX-License-Identifier: Apache-2.0
"""``nms generate``."""

from pathlib import Path
from typing import Annotated

import typer

from nms.commands.command_line import command_line, expand_groups
from nms.commands.option_groups import ConfigOptions
from nms.commands.options import Force
from nms.commands.progress import telling
from nms.contract.output import check_earlier, reserve
from nms.rtl.export.naming import PREFIX, TOP

CoreOutput = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Directory to write to; by default build/NAME, by the configuration's name.",
    ),
]
Prefix = Annotated[
    str, typer.Option(metavar="NAME", help="Begins the name of every module but the top; may be empty.")
]
Top = Annotated[str, typer.Option(metavar="NAME", help="Name of the top module.")]
Vlnv = Annotated[
    str | None,
    typer.Option(
        metavar="VENDOR:LIBRARY:NAME:VERSION",
        help="Name of the FuseSoC core; by default nms:sampler:NAME:0.1.0, with the digest in NAME unless"
        " it is a preset's own.",
    ),
]


@expand_groups
def generate(
    context: typer.Context,
    hardware: ConfigOptions,
    output: CoreOutput = None,
    prefix: Prefix = PREFIX,
    top: Top = TOP,
    vlnv: Vlnv = None,
    force: Force = False,
) -> None:
    """Write Verilog, ports.json, a FuseSoC core, constraints and a manifest.

    Example: `nms generate -c paper -o build/paper`

    Example: `nms generate -c boards/mine.toml -P bus_bits=128 --prefix mine_`
    """
    config = hardware.load()
    directory = output or Path("build") / config.full_name
    context.with_resource(reserve(directory))
    command = command_line(context)
    from nms.contract import provenance
    from nms.rtl.export import core

    check_earlier(directory / core.MANIFEST, command, force)
    record = provenance.collect(config, command)
    with telling("elaborating") as tell:
        written = core.generate(config, directory, record, vlnv, prefix, top, tell)
    print(*written, sep="\n")
