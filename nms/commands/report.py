# SPDX-License-Identifier: Apache-2.0
"""``nms report``: the page of a run, a sampled data set or an evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from nms.commands.progress import telling
from nms.contract.output import check_file

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Output directory of nms run, sample or evaluate.")
]
PageOutput = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="HTML file to write; DIR/report.html by default."),
]


def report(directory: Directory, output: PageOutput = None) -> None:
    """Show a run, a sampled data set or an evaluation as one self-contained HTML page.

    Example: `nms report out -o run.html`
    """
    page = output or directory / "report.html"
    if directory.is_dir():
        check_file(page, [entry for entry in directory.glob("*") if entry.suffix in (".json", ".npz")])
    from nms.report import build, record

    found = record.find_record(directory)
    with telling("reading") as tell:
        if found is not None and not (directory / "results.json").exists():
            record.write_page(found, page)
        else:
            build.write_page(directory, page, tell)
    print(page)
