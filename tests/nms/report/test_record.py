# SPDX-License-Identifier: Apache-2.0
"""The pages of sampled data sets and of evaluations."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from nms import cli

SAMPLE: dict[str, Any] = {
    "command": "nms sample --data pets --ratio 0.2",
    "seed": 7,
    "input": {"name": "pets", "count": 1300},
    "settings": {"ratio": 0.2, "group": "class", "near_duplicates": {"distance": 0.3}, "threshold": None},
    "groups": {"count": 3, "smallest": 300, "largest": 500},
    "kept": 260,
    "classes": {"cat": {"images": 800, "kept": 160}, "<dog>": {"images": 500, "kept": 100}},
    "near_duplicates": {"removed": 30, "distinct": 1270},
    "versions": {"nms": "9.8"},
}

ROW: dict[str, Any] = {
    "method": "random",
    "kept": [30],
    "accuracy_percent": 80.0,
    "standard_error": 1.0,
    "difference_points": 0.0,
    "difference_standard_error": 0.0,
    "below_two_standard_errors": True,
}
BETTER = {
    "method": "NMS by class",
    "accuracy_percent": 81.0,
    "standard_error": 0.5,
    "difference_points": 1.0,
    "difference_standard_error": 0.8,
}
EVALUATION: dict[str, Any] = {
    "command": "nms evaluate",
    "input": {"name": "digits", "held_out": "20%"},
    "settings": {"seeds": [1, 2, 3, 4, 5]},
    "versions": {"nms": "9.8"},
    "rows": [ROW, ROW | BETTER],
}


def report(directory: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["nms", "report", str(directory)])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return int(exited.value.code or 0)


def read(directory: Path) -> tuple[html.HtmlElement, str]:
    page = html.document_fromstring((directory / "report.html").read_text())
    return page, " ".join(page.text_content().split())


def test_a_sampled_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sample.json").write_text(json.dumps(SAMPLE))
    assert report(tmp_path, monkeypatch) == 0
    page, words = read(tmp_path)
    assert page.findtext(".//h1") == "260 of 1,300 images kept"
    rows = [row.text_content() for row in page.xpath("//*[@id='table']//tbody/tr")]
    assert [row.strip() for row in rows] == ["cat80016020.0%", "<dog>50010020.0%"]
    assert "cat: 160 of 800; <dog>: 100 of 500" in words
    assert "near_duplicates.distance0.3" in words
    assert "near-duplicates301,270 images are distinct" in words
    assert "threshold" not in words
    assert "near-memory sampler 9.8" in words
    assert not page.xpath("//script | //@src")


def test_without_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sample.json").write_text(json.dumps(SAMPLE | {"classes": {}}))
    assert report(tmp_path, monkeypatch) == 0
    page, _ = read(tmp_path)
    assert not page.xpath("//*[@id='table' or @id='drawing']")


def test_an_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evaluate.json").write_text(json.dumps(EVALUATION))
    assert report(tmp_path, monkeypatch) == 0
    page, words = read(tmp_path)
    assert page.findtext(".//h1") == "2 methods compared"
    rows = [row.text_content().strip() for row in page.xpath("//*[@id='table']//tbody/tr")]
    assert rows == [
        "random80.00 ± 1.00",
        "NMS by class81.00 ± 0.50+1.00 ± 0.80not significant (< 2 SE)",
    ]
    assert "best accuracy81.0 %NMS by class" in words
    assert "accuracy, %" in page.xpath("string(//*[name()='svg'])")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sample.json", "{", "cannot be read as JSON"),
        ("sample.json", json.dumps(SAMPLE | {"kept": -1}), "kept: Input should be greater"),
        ("evaluate.json", json.dumps(EVALUATION | {"rows": []}), "rows: List should have at least 1 item"),
    ],
)
def test_a_damaged_record(
    name: str,
    content: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / name).write_text(content)
    assert report(tmp_path, monkeypatch) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
    assert not (tmp_path / "report.html").exists()
