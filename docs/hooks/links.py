# SPDX-License-Identifier: Apache-2.0
"""Documents outside ``docs/`` and links to files of the checkout, for the site: a hook of mkdocs.

The documents link to each other and to files as they lie in the checkout. On the site, a document of
:data:`MOUNTED` is a page of its own, and any other file that is linked becomes a page that shows it.
A pattern in the navigation, such as ``guide/*``, stands for the pages that it matches and that have no place
of their own. Full names of the code, `` `nms.x.y` ``, lead to the API reference where it has them.
"""

import fnmatch
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]

MOUNTED = {
    "contract/contract.md": "reference/contract.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
}
"""Documents of the checkout and the pages that show them."""

PAGES = MOUNTED | {"README.md": "index.md"}
"""With the one that a page replaces."""

LINK = re.compile(r"(?<!\!)(\[[^\]\n]*\]\()([^)\s#]+)(#[^)\s]*)?(\))")
NAME = re.compile(r"(?<![`\[:])`(nms\.[a-z]\w*(?:\.\w+)*)`(?!`)")
LANGUAGES = {
    ".py": "python",
    ".toml": "toml",
    ".c": "c",
    ".h": "c",
    ".v": "verilog",
    ".sh": "bash",
    ".yml": "yaml",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the mounted documents and a page for each file that a document links to."""
    docs = Path(config.docs_dir)
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    for path, uri in MOUNTED.items():
        if (ROOT / path).exists() and files.get_file_from_path(uri) is None:
            text = (ROOT / path).read_text()
            texts[path] = text
            content = text if path.endswith(".md") else f"# {path.title()}\n\n```text\n{text}```\n"
            files.append(File.generated(config, uri, content=content))
    for source in sorted({found for path, text in texts.items() for found in _find_sources(path, text)}):
        shown = ROOT / source
        if not shown.is_relative_to(docs):
            files.append(File.generated(config, _name_page(source), content=_show(shown, source)))
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = _fill(config.nav, [page for page in pages if page not in _find_places(config.nav)])
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links of a page to the pages that show their files."""
    real = next(
        (path for path, uri in MOUNTED.items() if uri == page.file.src_uri), f"docs/{page.file.src_uri}"
    )
    if not (ROOT / real).exists():  # a page that shows a file
        return markdown
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]

    def point(found: re.Match[str]) -> str:
        path = _find_target(real, found[2])
        if path is None or (path.startswith("docs/") and real.startswith("docs/")):
            return found[0]
        uri = PAGES.get(path) or (
            path.removeprefix("docs/") if path.startswith("docs/") else _name_page(path)
        )
        relative = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")
        return f"{found[1]}{relative}{found[3] or ''}{found[4]}"

    reference = r'<autoref optional identifier="\1"><code>\1</code></autoref>'
    return NAME.sub(reference, LINK.sub(point, markdown))


def _find_places(nav: Any) -> set[str]:
    """Every page and pattern of the navigation."""
    if isinstance(nav, str):
        return {nav}
    return {
        place for part in (nav.values() if isinstance(nav, dict) else nav) for place in _find_places(part)
    }


def _fill(nav: Any, rest: list[str]) -> Any:
    """The navigation with the pages that its patterns match, of those that are left."""
    if isinstance(nav, dict):
        return {title: _fill(part, rest) for title, part in nav.items()}
    if not isinstance(nav, list):
        return nav
    filled: list[Any] = []
    for entry in nav:
        pattern = isinstance(entry, str) and "*" in entry
        filled += fnmatch.filter(rest, entry) if pattern else [_fill(entry, rest)]
    return filled


def _find_target(document: str, link: str) -> str | None:
    """The path in the checkout that a link of a document leads to; ``None`` for another kind of link."""
    if ":" in link:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(document), link))
    return path if not path.startswith("..") and (ROOT / path).exists() else None


def _find_sources(document: str, text: str) -> set[str]:
    """Files and folders outside the documents that a document links to."""
    targets = {_find_target(document, found[2]) for found in LINK.finditer(text)}
    return {path for path in targets if path and path not in PAGES and not path.startswith("docs/")}


def _name_page(path: str) -> str:
    return f"source/{path}.md"


def _show(path: Path, name: str) -> str:
    """A page with the text of a file, or the names in a folder."""
    if path.is_dir():
        names = sorted(
            entry.name + "/" * entry.is_dir() for entry in path.iterdir() if entry.name[0] not in "._"
        )
        text, language = "\n".join(names) + "\n", "text"
    else:
        text, language = path.read_text(), LANGUAGES.get(path.suffix, "text")
    fence = "`" * 4
    return f"---\nsearch:\n  exclude: true\n---\n# {name}\n\n{fence}{language}\n{text}{fence}\n"
