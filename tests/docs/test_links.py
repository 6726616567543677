# SPDX-License-Identifier: Apache-2.0
"""Every relative link of the documents leads to a file and, with an anchor, to a heading in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
HISTORY = ROOT / "CHANGELOG.md"
"""It names files of the past."""

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+)[^`].*?\1", re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
PATH = re.compile(r"`((?:contract|golden|rtl|sim|synth|energy|nms|tests|examples|docs)/[\w./-]*)`")
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:")


def slug(heading: str) -> str:
    """The anchor of a heading: lower case, words joined by hyphens, no other punctuation."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", text))


def read_prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def find_links(page: Path) -> Iterator[str]:
    """Targets of the page's links and images that lead to neither a web address nor a mail address."""
    for match in LINK.finditer(CODE.sub("", read_prose(page))):
        target = match[1] or match[2]
        if not EXTERNAL.match(target):
            yield target


def find_anchors(page: Path) -> set[str]:
    """The anchors of all headings of a page."""
    return {slug(heading) for heading in HEADING.findall(read_prose(page))}


def find_broken_links(page: Path) -> list[str]:
    """The relative links of a page whose file or heading does not exist."""
    broken = []
    for target in find_links(page):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and anchor not in find_anchors(file)):
            broken.append(target)
    return broken


def find_missing_paths(page: Path) -> list[str]:
    """The files and folders of the checkout that a page names in code and that do not exist."""
    named = set(PATH.findall(FENCE.sub("", page.read_text())))
    return sorted(name for name in named if not (ROOT / name).exists())


def test_there_are_pages_with_links() -> None:
    assert {ROOT / "README.md", DOCS / "index.md"} <= set(PAGES)
    assert sum(len(list(find_links(page))) for page in PAGES) > 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert find_broken_links(page) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != HISTORY], ids=lambda page: str(page.relative_to(ROOT))
)
def test_named_files_exist(page: Path) -> None:
    assert find_missing_paths(page) == []


def test_pictures_are_shown_by_a_page() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in find_links(page)}
    pictures = {path for path in DOCS.rglob("*") if path.suffix in {".png", ".svg"}}
    assert pictures
    assert pictures <= shown


def test_broken_links_are_found(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# A `code` heading, and more\n\n```sh\n# no heading\n```\n")
    page.write_text(
        "# Title\n\n"
        "[good](other.md) [good](other.md#a-code-heading-and-more)\n"
        "[good](#title) [web](https://example.org/x)\n"
        "`[code](gone.md)` ![picture](gone.png) [file](gone.md) [heading](other.md#no-heading)\n"
        "[here](#gone)\n"
    )
    assert find_broken_links(page) == ["gone.png", "gone.md", "other.md#no-heading", "#gone"]


def test_missing_files_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`rtl/sampler.py` `rtl/` `sim/gone.py` `nms run`\n\n```sh\n`golden/gone.py`\n```\n")
    assert find_missing_paths(page) == ["sim/gone.py"]
