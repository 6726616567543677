# SPDX-License-Identifier: Apache-2.0
"""``nms energy sampler`` from toggles to joules, on the cells of Debian's qflow-tech-osu018."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nms.cli import main
from nms.energy.sampler import plot
from nms.energy.sampler.parts import SAMPLER_PARTS
from nms.synth import targets

WORDS = "energy sampler -c tiny --count 8 --perplexity 3 --iterations 4 --search window --no-judge --json"


def energy(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """The exit status of ``nms`` with these words."""
    monkeypatch.setattr(sys, "argv", ["nms", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """``energy.json`` of the same job on images of one value, on digits and on random images."""
    if not targets.OSU018.is_file():
        pytest.skip("needs the cells of Debian's qflow-tech-osu018")
    folder = tmp_path_factory.mktemp("energy")
    rng = np.random.default_rng(1)
    same = np.full((8, 64), 128, np.uint8)
    same[np.arange(8), 0] += np.arange(8, dtype=np.uint8)  # else all distances are 0 and no row is searched
    np.savez(folder / "constant.npz", images=same)
    np.savez(folder / "random.npz", images=rng.integers(0, 256, (8, 64), np.uint8))
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, data in (
            ("constant", folder / "constant.npz"),
            ("digits", "digits"),
            ("random", folder / "random.npz"),
        ):
            words = [*WORDS.split(), "--liberty", targets.OSU018, "--data", data, "-o", folder / name]
            assert energy(patch, *words) == 0
            found[name] = json.loads((folder / name / "energy.json").read_text())
    return found


def switching(figures: dict[str, Any], phase: str) -> float:
    """Joules a cycle of registers and combinational logic."""
    parts = (block["phases"][phase] for block in figures["blocks"].values())
    return sum(each["registers"] + each["combinational"] for each in parts) / figures["cycles"][phase]


@pytest.mark.slow
def test_images_that_differ_more_cost_more(figures: dict[str, dict[str, Any]]) -> None:
    """What toggles while distances are computed: least with constant images, most with random ones."""
    constant, digits, random = (switching(figures[name], "distance") for name in figures)
    assert 0 < constant < 0.8 * digits
    assert digits < 0.8 * random


@pytest.mark.slow
def test_blocks_and_parts_sum_to_the_whole(figures: dict[str, dict[str, Any]]) -> None:
    for found in figures.values():
        sampler = found["sampler"]
        every = [
            parts[part]
            for block in found["blocks"].values()
            for parts in block["phases"].values()
            for part in SAMPLER_PARTS
        ]
        assert sum(every) == pytest.approx(sampler["joule"])
        assert sum(sampler["phases"].values()) == pytest.approx(sampler["joule"])
        assert sum(sampler["parts"].values()) == pytest.approx(sampler["joule"])
        assert all(value >= 0 for value in every)
        assert sampler["joule_per_image"] == pytest.approx(sampler["joule"] / 8)
        for stacked in plot.stack(found):
            assert sum(values.sum() for values in stacked.values()) == pytest.approx(sampler["joule"])


@pytest.mark.slow
def test_clock_and_leakage_follow_the_cycles_alone(figures: dict[str, dict[str, Any]]) -> None:
    rates = [
        block["phases"][phase][part] / found["cycles"][phase]
        for found in figures.values()
        for phase in found["cycles"]
        for part in ("clock", "leakage")
        for block in [found["blocks"]["te_lane"]]
    ]
    assert rates[0::2] == pytest.approx([rates[0]] * len(rates[0::2]))
    assert rates[1::2] == pytest.approx([rates[1]] * len(rates[1::2]))


@pytest.mark.slow
def test_netlists_do_what_the_description_does(figures: dict[str, dict[str, Any]]) -> None:
    for found in figures.values():
        coverage = found["coverage"]
        assert coverage["registers_compared"] > 5000
        assert coverage["least"] > 0.99
        assert coverage["capacitance_annotated"].keys() == found["blocks"].keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "phases", "blocks"),
    [
        (["-c", "herding"], "load distance pick emit", {"lean_sampler", "reduce", "distances", "herding"}),
        (
            ["-c", "lean", "-P", "images=16", "--pick", "medoid", "--perplexity", 3, "--iterations", 4],
            "load distance search affinity embed grid pick emit",
            {"lean_search", "lean_map", "map_lane", "grid", "picks"},
        ),
    ],
)
def test_samplers_of_reduced_images(
    words: list[str], phases: str, blocks: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All phases and blocks are there, every register matches, and work is spent where it is done."""
    if not targets.OSU018.is_file():
        pytest.skip("needs the cells of Debian's qflow-tech-osu018")
    more = ["--count", 8, "--liberty", targets.OSU018, "--no-judge", "-o", tmp_path]
    assert energy(monkeypatch, "energy", "sampler", *words, *more) == 0
    found = json.loads((tmp_path / "energy.json").read_text())
    assert list(found["cycles"]) == phases.split()
    assert blocks < found["blocks"].keys()
    assert found["coverage"]["least"] > 0.99
    assert found["sampler"]["joule"] == pytest.approx(sum(found["sampler"]["phases"].values()))
    assert found["sampler"]["growing"] == ["load"]
    assert all(joules > 0 for joules in found["per_operation"].values())
    assert found["blocks"]["reduce"]["phases"]["distance"]["registers"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--perplexity", 5], "perplexity 5: configuration herding has no such setting"),
        (["--search", "window"], "search window: configuration herding has no such setting"),
        (["--pick", "medoid"], "pick medoid: configuration herding has herding alone"),
    ],
)
def test_a_setting_that_does_not_apply_is_refused(
    words: list[Any], message: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    job = ["energy", "sampler", "-c", "herding", "--count", 8, "--liberty", "absent.lib"]
    assert energy(monkeypatch, *job, *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-c", "tiny"], "--liberty: missing"),
        (["-c", "tiny", "--liberty", "absent.lib", "--frequency", "0"], "--frequency 0: must be above 0"),
        (["-c", "tiny", "--liberty", "absent.lib", "--voltage", "-1"], "--voltage -1: must be above 0"),
        (["-c", "tiny", "--liberty", "absent.lib", "--wire-capacitance", "-1"], "must be 0 or more"),
        (
            ["-c", "tiny", "--liberty", targets.GENERIC],
            "liberty 'generic.lib': cannot infer the technology node; pass --node NM",
        ),
        (["-c", "tiny", "--liberty", "absent.lib"], "liberty 'absent.lib': no such file"),
        (["-c", "tiny", "--liberty", "."], "liberty '.': is a folder; must be a file"),
        (["-c", "tiny", "--liberty", "absent.lib", "--node", "130"], "liberty 'absent.lib': no such file"),
        (
            ["-c", "tiny", "--liberty", targets.GENERIC, "--node", "130", "--beside", "no"],
            "--beside 'no': must be",
        ),
        (["-c", "tiny", "--liberty", "absent.lib", "--count", "99"], "99"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert energy(monkeypatch, "energy", "sampler", "--perplexity", 5, *words, "-o", tmp_path / "out") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
