# SPDX-License-Identifier: Apache-2.0
"""Tables for narrow terminals: no word is cut, no number is parted from its unit, brackets are text."""

import pytest

from nms import render

SYSTEM = [
    [name, "30.7 GB", "10.9 GB", "2.18 mJ", "683 µJ", "1.98 mJ", "unknown", "4.17 mJ", "3.172"]
    for name in ("whole data set", "class-balanced random", "DQ, 40 selection epochs")
]
HEADS = [
    "system",
    "board",
    "package",
    "DRAM core",
    "pins, trace",
    "link",
    "sampler",
    "total",
    ": NMS, de-rand1",
]


def print_table(
    heads: list[str], rows: list[list[str]], width: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str]
) -> list[str]:  # fmt: skip
    monkeypatch.setenv("COLUMNS", str(width))
    render.print_table(heads, rows)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 60, 200])
def test_no_word_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = print_table(HEADS, SYSTEM, width, monkeypatch, capsys)
    assert max(map(len, lines)) <= max(width, 80)
    printed = "\n".join(lines)
    for row in SYSTEM:
        assert set(row[0].split()) <= set(printed.split())
        assert all(cell in printed for cell in row[1:])
    assert ": NMS," in printed
    assert len(lines) == (4 if width == 200 else len(lines))


def test_a_path_is_folded_in_the_last_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/a/very/long/path" * 5
    lines = print_table(
        ["tool", "where"], [["verilator", path], ["g++", "/bin/g++"]], 60, monkeypatch, capsys
    )
    assert max(map(len, lines)) <= 60
    assert "".join(line[11:].strip() for line in lines[1:]) == path + "/bin/g++"


def test_brackets_are_no_markup(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = print_table(["x"], [["pip install 'nms[torch]'"]], 80, monkeypatch, capsys)
    assert lines[1].strip() == "pip install 'nms[torch]'"
