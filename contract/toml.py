# SPDX-License-Identifier: Apache-2.0
"""TOML files of a user: read as plain values, refused in one line that names file and line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from nms.contract.errors import UserError


def read(path: Path) -> dict[str, Any]:
    """The values of the TOML file ``path``.

    Raises
    ------
    UserError
        The file cannot be read, is not UTF-8 text, or is not TOML (with the line).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file in UTF-8") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UserError(f"{path}: nested too deeply") from None
    except ValueError as error:  # also integers of thousands of digits
        message = str(error)
        if found := re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", message, re.DOTALL):
            line = f"line {len(text.splitlines())}, at the end"
            place = line if found[2] == "end of document" else found[2]
            message = f"{place}: {found[1]}"
        raise UserError(f"{path}: {message}") from None
