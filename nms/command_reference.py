# SPDX-License-Identifier: Apache-2.0
"""The reference of the command line, ``docs/reference/commands.md``, from the commands themselves.

``python -m nms.command_reference`` writes it; with ``--check`` it fails
unless the file is what would be written.
"""

import html
import sys
from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from nms.cli import app

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "commands.md"

TITLE = "# Commands\n\nMade from the commands by `python -m nms.command_reference`; do not edit.\n\n"


def markdown() -> str:
    """All commands with their arguments and options."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="nms")
    body = html.unescape(text).replace("\n# `nms`", "\n## `nms`").removeprefix("# `nms`\n\n")
    return TITLE + body.rstrip() + "\n"


def main() -> None:
    """Write the reference or, with ``--check``, compare it."""
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text() != markdown():
            sys.exit("docs/reference/commands.md is stale: python -m nms.command_reference")
    else:
        FILE.write_text(markdown())


if __name__ == "__main__":
    main()
