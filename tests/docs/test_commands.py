# SPDX-License-Identifier: Apache-2.0
"""Every ``nms`` command that a document shows exists, with the options that it shows."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from nms.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {ROOT / "CHANGELOG.md"})
"""All but the changelog, which names commands of the past."""

SHOWN = re.compile(r"(?:^|`)(?:\.venv/bin/)?nms ([^`\n]*)", re.MULTILINE)


def find_commands(page: Path) -> list[str]:
    """The commands of a page, at the beginning of a line or of inline code, without ``nms`` and comments."""
    text = page.read_text().replace("\\\n", " ")
    return [shown.strip() for shown in SHOWN.findall(text)]


def find_unknown(line: str) -> list[str]:
    """The words of a command line that are no command, or no option of the command before them."""
    words = shlex.split(line, comments=True)
    command: Any = typer.main.get_command(app)
    while words and words[0].isalpha() and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return [words[0]]
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    shown = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [option for option in shown if option not in {*options, "--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documented_commands_exist(page: Path) -> None:
    unknown = {line: find_unknown(line) for line in find_commands(page)}
    assert {line: words for line, words in unknown.items() if words} == {}


def test_there_are_commands() -> None:
    assert sum(len(find_commands(page)) for page in PAGES) > 50


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("run -c tiny --count 16 -o out  # a comment with --no-option", []),
        ("synth -c tiny --unti pe", ["--unti"]),
        ("paint -c tiny", ["paint"]),
        ("energy --system --run out", ["--system", "--run"]),
    ],
)
def test_unknown_words_are_found(line: str, unknown: list[str]) -> None:
    assert find_unknown(line) == unknown
