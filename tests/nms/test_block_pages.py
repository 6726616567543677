# SPDX-License-Identifier: Apache-2.0
"""Drawings and tables of the blocks' pages: true to the code, and seen to be stale when they are not."""

import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nms.block_pages import __main__ as block_pages
from nms.block_pages import drawing, interface
from nms.rtl.units import UNITS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def found() -> dict[str, list[interface.BlockClass]]:
    return interface.find_units()


@pytest.fixture
def pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, list[interface.BlockClass]]
) -> Path:
    """A copy of the pages that the generator takes for the real ones."""
    folder = tmp_path / "docs" / "blocks"
    shutil.copytree(block_pages.FOLDER, folder)
    monkeypatch.setattr(block_pages, "FOLDER", folder)
    monkeypatch.setattr(block_pages, "find_units", lambda: found)
    monkeypatch.setattr(sys, "argv", ["block_pages", "--check"])
    return folder


def test_pages_are_what_would_be_written(pages: Path) -> None:
    block_pages.main()


@pytest.mark.parametrize("name", ["pe.md", "img/pe.svg"])
def test_a_stale_file_is_named(pages: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (pages / name).read_text()
    (pages / name).write_text(text.replace("pixels_valid", "pixels_stale"))
    with pytest.raises(SystemExit, match=f"^docs/blocks/{name}: stale"):
        block_pages.main()
    monkeypatch.setattr(sys, "argv", ["block_pages"])
    block_pages.main()
    assert (pages / name).read_text() == text


def test_prose_is_left_alone(pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = pages / "grid.md"
    page.write_text(page.read_text().replace("## How it works\n", "## How it works\n\nA new sentence.\n"))
    block_pages.main()
    monkeypatch.setattr(sys, "argv", ["block_pages"])
    block_pages.main()
    assert "\nA new sentence.\n" in page.read_text()


def test_a_page_without_markers_is_refused(pages: Path) -> None:
    (pages / "te.md").write_text("# te\n")
    with pytest.raises(SystemExit, match=r"te\.md: must have the lines"):
        block_pages.main()


def test_every_unit_is_drawn_with_all_its_ports(found: dict[str, list[interface.BlockClass]]) -> None:
    assert list(found) == list(UNITS)
    for unit, kinds in found.items():
        symbol = ElementTree.fromstring(drawing.draw(kinds))
        written = [text.text for text in symbol.iter(f"{SVG}text")]
        for kind in kinds:
            assert type(kind.block).__name__ in written
            for row in drawing.group(interface.list_members(kind.block)):
                assert row.name in written, unit


def test_the_array_contains_its_elements(found: dict[str, list[interface.BlockClass]]) -> None:
    [pea] = found["pea"]
    parts = {part.title: (part.kind, len(part.names)) for part in pea.parts}
    assert parts["PE"] == ("block", 4)
    ports = {port.name: port for port in interface.list_members(pea.block)}
    assert ports["o_rows"].fields == "row 4, minimum 22, scale 5, ties 5"
    assert ports["o_rows"].streams
    assert not ports["o_rows"].inward
