# SPDX-License-Identifier: Apache-2.0
"""``nms presets``."""

from nms import render
from nms.commands.options import Json
from nms.contract import config as configuration


def presets(as_json: Json = False) -> None:
    """List the presets."""
    known = configuration.PRESETS.values()
    if as_json:
        render.print_json([preset.model_dump() | {"digest": preset.digest} for preset in known])
        return
    render.print_table(
        ["preset", "images", "pixels", "PEs x lanes", "formats", "digest"],
        [[p.name, p.images, p.pixels, f"{p.pes} x {p.lanes}", p.formats, p.digest] for p in known],
    )
