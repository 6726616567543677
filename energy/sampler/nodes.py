# SPDX-License-Identifier: Apache-2.0
"""Of which node a library is."""

from collections.abc import Sequence
from pathlib import Path

from nms.contract.errors import UserError

NODES = {"sky130": 130, "sg13g2": 130, "asap7": 7, "osu018": 180}
"""Nodes (nm) of known libraries, by a part of the file's name."""


def node(files: Sequence[Path], given: int | None) -> int:
    """The library's node in nm: as given, or by its name.

    Raises
    ------
    UserError
        It is not given and the name is not known.
    """
    if given is not None:
        return given
    for part, found in NODES.items():
        if all(part in file.name.lower() for file in files):
            return found
    raise UserError(f"liberty {files[0].name!r}: of which node is it? give --node NM")
