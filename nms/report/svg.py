# SPDX-License-Identifier: Apache-2.0
"""Turn a matplotlib figure into inline SVG, with the colours and the font of the page and with unique ids."""

import io
import re
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from nms.report.theme import LIGHT

STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read, searched and takes the page's font
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "text.color": LIGHT["text"],
    "axes.labelcolor": LIGHT["text"],
    "axes.edgecolor": LIGHT["muted"],
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["muted"],
    "grid.color": LIGHT["rule"],
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.5,
}
"""Style of every figure, for ``matplotlib.rc_context`` while it is drawn.

All colours are those of :data:`nms.report.theme.LIGHT`.
"""

_NAMES = {value: name for name, value in LIGHT.items()}


def inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    """Turn ``figure`` into an ``<svg>`` element.

    Its colours become custom properties of the page, so that they follow the theme. Its ids start with
    ``name``; an artist whose gid is ``KIND-NUMBER`` becomes ``class="KIND" data-index="NUMBER"``.

    Parameters
    ----------
    name : unique among the figures of the page
    title, description : what the figure shows, for readers who cannot see it

    Raises
    ------
    KeyError
        The figure has a colour that is not in :data:`nms.report.theme.LIGHT`.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    root = ET.fromstring(file.getvalue())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update({key: _adapt(key, value, name) for key, value in attributes.items()})
        numbered = re.fullmatch(rf"{name}-([a-z]+)-(\d+)", element.get("id", ""))
        if numbered:
            del element.attrib["id"]
            element.set("class", numbered[1])
            element.set("data-index", numbered[2])
    for unwanted in ("metadata", "width", "height", "version"):
        root.attrib.pop(unwanted, None)
        for child in root.findall(unwanted):
            root.remove(child)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-text")
    for tag, part, words in (("desc", "text", description), ("title", "title", title)):
        child = ET.Element(tag, {"id": f"{name}-{part}"})
        child.text = words
        root.insert(0, child)
    return Markup(ET.tostring(root, encoding="unicode", short_empty_elements=False))


def _adapt(key: str, value: str, name: str) -> str:
    """The value of an attribute, with the ids and colours of the page."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-", 1) if value.startswith("#") else value
    if key in ("style", "clip-path", "transform"):
        value = value.replace("url(#", f"url(#{name}-")
        value = re.sub(r"font: ([\d.]+)px [^;]+", r"font-size: calc(\1px * var(--text-scale))", value)
        return re.sub(r"#[0-9a-f]{6}\b", lambda found: f"var(--{_NAMES[found[0]]})", value)
    return value
