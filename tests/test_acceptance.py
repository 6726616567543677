# SPDX-License-Identifier: Apache-2.0
"""``nms run`` as a user runs it, judged by the files that it leaves behind."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from nms import cli, datasets
from nms.contract.tables import Status
from nms.golden import exact

ERROR = {"paper": 1e-10, "edge": 2e-4, "tiny": 2e-4}
"""Largest true error of a solved row, by preset."""

SETS = {
    "digits": "digits",
    "cifar": "native/cifar-10-batches-py",
    "fashion": "native/fashion",
    "folder": "native/imagefolder",
}


def source(name: str, request: pytest.FixtureRequest) -> str:
    """What ``--data`` is given; the test is skipped where the real data sets are absent."""
    return name if name == "digits" else str(request.getfixturevalue("shared_data") / SETS[name])


def sample(
    monkeypatch: pytest.MonkeyPatch, output: Path, preset: str, data: str, level: str, **options: object
) -> tuple[dict, dict[str, np.ndarray]]:
    """The contents of results.json and results.npz of a run that ended with status 0."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = ["nms", "run", "-c", preset, "--data", data, "--level", level, "-o", str(output), *words]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 0
    figures = json.loads((output / "results.json").read_text())
    with np.load(output / "results.npz") as file:
        return figures, dict(file)


def judge(figures: dict, values: dict[str, np.ndarray], preset: str, perplexity: float, ratio: float) -> None:
    """What must be true of every run, from its files alone."""
    count = len(values["images"])
    assert values["kept"].shape == (math.floor(ratio * count + 0.5),)
    assert np.all(np.diff(values["kept"]) > 0)
    np.testing.assert_array_equal(values["distance"], exact.distances(values["images"]))
    solved = values["status"] == Status.SOLVED
    errors = np.abs(exact.perplexity(values["beta"], values["distance"]) - perplexity)
    assert errors[solved].max() <= ERROR[preset]
    assert not np.any(values["status"] == Status.UNCONVERGED)
    assert np.median(values["generations"][solved]) <= 60
    assert values["generations"].max() <= 128
    if figures["level"] == "rtl":
        assert figures["mismatches"] == 0
        assert figures["compared"] == 2 * count**2 + 12 * count + len(values["kept"])
        counters, pixels = figures["traffic"]["counters"], values["images"].shape[1]
        assert counters == figures["traffic"]["monitors"]
        assert counters["bytes_read"] == count * -(-pixels // 8) * 8
        assert counters["bytes_sent"] == len(values["kept"]) * pixels


@pytest.mark.parametrize(("level", "count"), [("golden", 11), ("rtl", 16)])
def test_tiny(level: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sample(monkeypatch, tmp_path, "tiny", "digits", level, count=count, perplexity=4, iterations=40)
    judge(*run, "tiny", 4, 0.3)


PAPER = [
    ("cifar", 64, 15, 1),
    ("cifar", 64, 15, 2),
    ("cifar", 64, 5, 1),
    ("cifar", 64, 30, 1),
    ("cifar", 37, 15, 3),
    ("digits", 64, 15, 1),
    ("digits", 8, 5, 1),
    ("fashion", 64, 15, 1),
    ("fashion", 50, 30, 4),
    ("folder", 63, 15, 1),
]
"""Data, images, perplexity, seed."""


@pytest.mark.slow
@pytest.mark.parametrize("level", ["golden", "rtl"])
@pytest.mark.parametrize(("data", "count", "perplexity", "seed"), PAPER)
def test_paper(
    data: str,
    count: int,
    perplexity: int,
    seed: int,
    level: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    options = {"count": count, "perplexity": perplexity, "ratio": 0.3, "seed": seed}
    name = source(data, request)
    figures, values = sample(monkeypatch, tmp_path, "paper", name, level, **options)
    judge(figures, values, "paper", perplexity, 0.3)
    np.testing.assert_array_equal(values["images"], datasets.load(name, count).images)
    assert np.all(values["status"] == Status.SOLVED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("data", ["digits", "cifar"])
def test_edge_keeps_what_paper_keeps(
    data: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    kept = {}
    for preset in ("paper", "edge"):
        figures, values = sample(
            monkeypatch, tmp_path / preset, preset, source(data, request), "golden", count=64, seed=seed
        )
        judge(figures, values, preset, 15, 0.3)
        kept[preset] = values["kept"]
    common = np.intersect1d(kept["paper"], kept["edge"])
    assert len(common) >= 0.95 * len(kept["paper"])
