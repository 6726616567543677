# SPDX-License-Identifier: Apache-2.0
"""Options in groups, the command line that repeats a run, and what the help shows."""

import json
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from nms import cli
from nms.commands.command_line import command_line, expand_groups


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Painting:
    wall: Annotated[str, typer.Option("-w", "--wall")]
    colour: Colour = Colour.RED
    coats: int = 2
    thickness: float = 0.1
    glossy: Annotated[bool, typer.Option("--glossy")] = False
    primer: bool = True
    tool: Annotated[list[Path] | None, typer.Option()] = None


def paint(words: str, **resolved: Any) -> tuple[Painting, str]:
    """The options that a command with those of ``Painting`` gets, and the line that repeats it."""
    seen: list[Any] = []

    @expand_groups
    def command(
        context: typer.Context,
        name: Annotated[list[str] | None, typer.Argument()] = None,
        *,
        painting: Painting,
        output: Path = Path("out"),
        workers: int = 1,
    ) -> None:
        """Paint."""
        seen.extend([painting, command_line(context, leave_out=["workers"], **resolved)])

    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, shlex.split(words), prog_name="paint", catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return seen[0], seen[1]


def test_a_group_of_options_arrives_as_its_dataclass() -> None:
    assert paint("-w north")[0] == Painting("north")
    words = "--wall north --colour blue --coats 3 --thickness 0.25 --glossy --no-primer --tool a --tool b"
    assert paint(words)[0] == Painting("north", Colour.BLUE, 3, 0.25, True, False, [Path("a"), Path("b")])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--wall north", "-w north"),
        ("--coats 2 -w north --colour red", "-w north"),
        ("--coats 3 --colour blue -w x", "-w x --colour blue --coats 3"),
        ("-w 'the north wall' --tool 'a b' --tool ../c", "-w 'the north wall' --tool 'a b' --tool ../c"),
        ("--glossy --no-primer -w x", "-w x --glossy --no-primer"),
        ("-w x -- one 'and two'", "one 'and two' -w x"),
        ("-w x --thickness 0.30000000000000004", "-w x --thickness 0.30000000000000004"),
        ("-w '$(reboot)' --output elsewhere --workers 4", "-w '$(reboot)'"),
    ],
)
def test_the_line_has_what_differs_from_the_defaults(words: str, line: str) -> None:
    assert paint(words)[1] == f"paint {line}"
    assert paint(line) == paint(words)


def test_values_found_while_running_are_in_the_line() -> None:
    assert paint("-w x", coats=5, colour=Colour.BLUE)[1] == "paint -w x --colour blue --coats 5"
    assert paint("-w x --coats 7", coats=2)[1] == "paint -w x --coats 2"


def test_a_required_option_of_a_group_is_required() -> None:
    @expand_groups
    def command(painting: Painting) -> None:
        """Paint."""

    app = typer.Typer()
    app.command()(command)
    assert CliRunner().invoke(app, ["--coats", "3"]).exit_code == 2


def nms(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["nms", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "recorded"),
    [
        ("run -c 'my chip.toml' --level golden --perplexity 3 --iterations 4 --count 8", "results.json"),
        (
            "run -c tiny -P lanes=2 --level golden --perplexity 3 --iterations 4 --search window",
            "results.json",
        ),
        ("run -c herding --side 4 --ratio 0.2 --threshold 99 --window 9 --level golden", "results.json"),
        (
            "run -c lean --pick hub --perplexity 3 --iterations 4 --evaluations 3 --count 8 --level golden",
            "results.json",
        ),
        (
            "run -c tiny -P side=4 -P picks=1 --pick hub --perplexity 5 --iterations 4 --level golden",
            "results.json",
        ),
        ("sample -c lean --count 40 --size 20 --pick hub --iterations 4", "sample.json"),
        ("sample --count 40 --size 20 --iterations 4 --near-duplicates 0.3 --grid hardware", "sample.json"),
        ("generate -c 'small chip.toml' -P window=0", "manifest.json"),
    ],
)
def test_a_recorded_command_repeats_the_run(
    words: str, recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my chip.toml").write_text('preset = "tiny"\npes = 8\n')
    Path("small chip.toml").write_text('preset = "herding"\nimages = 8\n')
    assert nms(monkeypatch, *shlex.split(words), "-o", "first") == 0
    first = json.loads(Path("first", recorded).read_text())
    command = first["provenance"]["command"] if recorded == "manifest.json" else first["command"]
    program, *again = shlex.split(command)
    assert program == "nms"
    assert nms(monkeypatch, *again, "-o", "second") == 0
    assert json.loads(Path("second", recorded).read_text()) == first
    for file in Path("first").glob("*.npy"):
        assert np.array_equal(np.load(file), np.load(Path("second", file.name)))
    shutil.rmtree("first")


def commands() -> dict[str, Any]:
    """Every command by its words."""
    found = {}
    group: Any = typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {one}": it for one, it in below.items()} if below else {name: command}
    return found


@pytest.mark.parametrize("name", commands())
def test_help_is_a_sentence_for_each_option_and_an_example(name: str) -> None:
    command = commands()[name]
    examples = re.findall(r"^ *Example: `nms (.*)`$", command.help, re.MULTILINE)
    assert 1 <= len(examples) <= 2
    assert all(example.startswith(name) for example in examples)
    for option in command.params:
        assert re.fullmatch(r"[A-Z0-9].*\.", option.help or "."), option.name
