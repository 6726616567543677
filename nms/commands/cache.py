# SPDX-License-Identifier: Apache-2.0
"""``nms cache``."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.filesize import decimal

from nms import render
from nms.commands.options import Json
from nms.contract import cache as kept

Clean = Annotated[bool, typer.Option("--clean", help="Remove what no running command uses.")]


def cache(clean: Clean = False, as_json: Json = False) -> None:
    """Show where builds, netlists and runs are kept, and how large they are; or remove them.

    The folder is the one that NMS_CACHE names.

    Example: `nms cache --clean`
    """
    with kept.writing() as folder:
        shelves = kept.clean() if clean else kept.measure()
    if as_json:
        render.print_json({"folder": str(folder), "shelves": [asdict(shelf) for shelf in shelves]})
        return
    print("removed from" if clean else "in", folder)
    rows = [[shelf.kind, shelf.entries, decimal(shelf.size)] for shelf in shelves]
    entries, size = (sum(getattr(shelf, name) for shelf in shelves) for name in ("entries", "size"))
    render.print_table(["kind", "entries", "size"], [*rows, ["all", entries, decimal(size)]])
