# SPDX-License-Identifier: Apache-2.0
"""Colours by role, for light and dark; paper is light. Text has a contrast of at least 4.5, marks of 3."""

LIGHT = {
    "page": "#f4f5f7",
    "card": "#fefefe",
    "text": "#1b1f24",
    "muted": "#59626d",
    "rule": "#d5d9df",
    "tint": "#dbe6f2",
    "main": "#0b61a4",
    "second": "#b94700",
    "third": "#0a7a5a",
    "bad": "#b3142b",
    "class0": "#1f6fb5",
    "class1": "#c2500a",
    "class2": "#15803e",
    "class3": "#b8302f",
    "class4": "#7d4fb3",
    "class5": "#8a5a44",
    "class6": "#c03d8f",
    "class7": "#66707b",
    "class8": "#857400",
    "class9": "#05808f",
}
"""Colours of the light theme and of paper."""

DARK = {
    "page": "#101418",
    "card": "#191f26",
    "text": "#e8ebef",
    "muted": "#a3adb9",
    "rule": "#39434f",
    "tint": "#243a50",
    "main": "#62b0f4",
    "second": "#ff9d5c",
    "third": "#4fd0a5",
    "bad": "#ff7b87",
    "class0": "#6cb2f2",
    "class1": "#ff9a52",
    "class2": "#62cf86",
    "class3": "#ff827b",
    "class4": "#bd9bef",
    "class5": "#cfa08a",
    "class6": "#f58ccb",
    "class7": "#aab4c0",
    "class8": "#d6c545",
    "class9": "#4ccfdd",
}
"""Colours of the dark theme."""

MARKERS = "os^DvPX<>p"
"""A shape for each class, so that classes also differ without colour."""


def to_css(colours: dict[str, str]) -> str:
    """Declare ``colours`` as custom properties of CSS."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
