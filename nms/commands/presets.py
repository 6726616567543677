# SPDX-License-Identifier: Apache-2.0
"""``nms presets``."""

from typing import Annotated

import typer

from nms import render
from nms.commands.options import Json
from nms.contract import config as configuration

Schema = Annotated[
    bool, typer.Option("--schema", help="Print the JSON schema of a configuration file instead.")
]


def presets(schema: Schema = False, as_json: Json = False) -> None:
    """List the presets.

    A preset is a TOML file that comes with the project; -c takes a file of your own as well.

    Example: `nms presets --schema > nms.schema.json`
    """
    if schema:
        render.print_json(configuration.schema())
        return
    known = configuration.PRESETS.values()
    if as_json:
        render.print_json([preset.model_dump() | {"digest": preset.digest} for preset in known])
        return
    render.print_table(
        ["preset", "method", "images", "pixels", "digest"],
        [[p.name, p.method, p.images, p.pixels, p.digest] for p in known],
    )
