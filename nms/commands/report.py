# SPDX-License-Identifier: Apache-2.0
"""``nms report``: the page of a run."""

from pathlib import Path
from typing import Annotated

import typer

from nms.commands.progress import telling
from nms.contract.output import check_file

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Output directory of nms run.")]
PageOutput = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="HTML file to write; DIR/report.html by default."),
]


def report(directory: Directory, output: PageOutput = None) -> None:
    """Show a run as one self-contained HTML page.

    Example: `nms report out -o run.html`
    """
    page = output or directory / "report.html"
    if directory.is_dir():
        check_file(page, [entry for entry in directory.glob("*") if entry.suffix in (".json", ".npz")])
    from nms.report.build import write_page

    with telling("reading") as tell:
        write_page(directory, page, tell)
    print(page)
