# SPDX-License-Identifier: Apache-2.0
"""Write the pages of the blocks: ``python -m nms.block_pages``.

Each unit of :data:`nms.rtl.units.UNITS` is drawn as ``img/<unit>.svg``, and what stands between the markers
of ``<unit>.md`` is replaced: the drawing, and the tables. The prose around them is left alone. With
``--check`` it fails unless all files are what would be written. Widths are those of one preset.
"""

import sys
from pathlib import Path

from nms.block_pages.drawing import draw
from nms.block_pages.interface import find_units
from nms.block_pages.places import ROOT
from nms.block_pages.tables import make_tables

FOLDER = ROOT / "docs" / "blocks"
BEGIN = "<!-- begin {part}: made by python -m nms.block_pages; do not edit -->"
END = "<!-- end {part} -->"


def show_drawing(unit: str, preset: str) -> str:
    """The drawing on a unit's page, of a preset."""
    return (
        f"![Symbol of {unit}: its ports and what stands inside](img/{unit}.svg)\n\n"
        f"*Widths in bits, of the preset `{preset}`. Thick arrows are streams, thin ones plain signals; "
        "filled boxes are blocks, light ones components, yellow ones memories.*"
    )


def make_files() -> dict[Path, str]:
    """Each file and what belongs into it."""
    wanted: dict[Path, str] = {}
    for unit, found in find_units().items():
        page = FOLDER / f"{unit}.md"
        text = page.read_text()
        text = _replace(page, text, "drawing", show_drawing(unit, found[0].config.name))
        wanted[FOLDER / "img" / f"{unit}.svg"] = draw(found)
        wanted[page] = _replace(page, text, "tables", make_tables(unit, found))
    return wanted


def _replace(page: Path, text: str, part: str, content: str) -> str:
    """The text of a page with new content between the markers of a part."""
    begin, end = BEGIN.format(part=part), END.format(part=part)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{_show_path(page)}: must have the lines {begin!r} and {end!r}")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def _show_path(path: Path) -> str:
    return f"docs/blocks/{path.relative_to(FOLDER)}"


def main() -> None:
    """Write the pages or, with ``--check``, compare them."""
    wanted = make_files()
    stale = [
        _show_path(path) for path, text in wanted.items() if not path.exists() or path.read_text() != text
    ]
    if sys.argv[1:] == ["--check"]:
        if stale:
            sys.exit(f"{', '.join(stale)}: stale; run python -m nms.block_pages")
    else:
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    main()
