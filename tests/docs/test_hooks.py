# SPDX-License-Identifier: Apache-2.0
"""The site's hooks: docstrings become the Markdown that is meant, links lead to pages of the site."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docstrings, links = load_hook("docstrings"), load_hook("links")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S = sum_j w*z of ``x_i``", "S = sum\\_j w\\*z of ``x_i``"),
        ("1 <= m < 2", "1 &lt;= m &lt; 2"),
        ("See :class:`PE` for it.", "See [`PE`][nms.rtl.array.pe.PE] for it."),
        ("As here::\n\n    a * b\n\nthen", "As here:\n\n    a * b\n\nthen"),
        ("* a point of a list", "* a point of a list"),
        (
            "Members\n-------\ni, j : two points,\n    in order\nNone\n    nothing",
            "**Members**\n\n* `i`, `j`: two points, in order\n* `None`: nothing\n",
        ),
        (
            "Parameters\n----------\nratio : float\n    Share to keep.",
            "**Parameters**\n\n* `ratio` (float): Share to keep.\n",
        ),
        ("Examples\n--------\n>>> 1 + 1\n2", "**Examples**\n\n```pycon\n>>> 1 + 1\n2\n```\n"),
    ],
)
def test_docstrings_become_markdown(text: str, expected: str) -> None:
    assert docstrings.convert(text, {"PE": "nms.rtl.array.pe.PE"}.get) == expected


def rewrite(markdown: str, uri: str) -> str:
    page: Any = SimpleNamespace(file=SimpleNamespace(src_uri=uri), is_homepage=False, meta={})
    return links.on_page_markdown(markdown, page, None, None)


@pytest.mark.parametrize(
    ("uri", "link", "expected"),
    [
        ("blocks/pe.md", "../../rtl/array/pe.py", "../source/rtl/array/pe.py.md"),
        ("blocks/pe.md", "../../contract/contract.md#2-formats", "../reference/contract.md#2-formats"),
        ("blocks/pe.md", "pea.md", "pea.md"),
        ("blocks/pe.md", "../../README.md", "../index.md"),
        ("blocks/pe.md", "../../rtl/no_such_file.py", "../../rtl/no_such_file.py"),
        ("blocks/pe.md", "https://example.org/x", "https://example.org/x"),
        ("contributing.md", "docs/glossary.md", "glossary.md"),
        ("reference/contract.md", "bounds.py", "../source/contract/bounds.py.md"),
    ],
)
def test_links_lead_to_pages(uri: str, link: str, expected: str) -> None:
    assert rewrite(f"[text]({link})", uri) == f"[text]({expected})"


def test_full_names_lead_to_the_reference() -> None:
    assert 'identifier="nms.rtl.array.pe.PE"' in rewrite("`nms.rtl.array.pe.PE`", "blocks/pe.md")
    assert rewrite("`nms run`, ``:class:`nms.x.Y` ``", "index.md") == "`nms run`, ``:class:`nms.x.Y` ``"


def test_patterns_of_the_navigation_stand_for_what_is_left() -> None:
    nav = [{"Home": "index.md"}, {"Guide": ["guide/b.md", "guide/*", {"More": ["changelog*"]}]}]
    pages = ["index.md", "guide/a.md", "guide/b.md", "other.md"]
    rest = [page for page in pages if page not in links._find_places(nav)]
    filled = [{"Home": "index.md"}, {"Guide": ["guide/b.md", "guide/a.md", {"More": []}]}]
    assert links._fill(nav, rest) == filled
