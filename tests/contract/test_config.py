# SPDX-License-Identifier: Apache-2.0
"""Presets, overrides, refusals, digest; run-time settings."""

import os
import subprocess
import sys

import pytest

from nms.contract.config import PRESETS, load
from nms.contract.errors import UserError
from nms.contract.settings import Settings


def test_presets() -> None:
    assert {"tiny", "paper", "edge"} <= set(PRESETS)
    assert all(name == preset.name for name, preset in PRESETS.items())
    assert load("paper") == PRESETS["paper"]
    assert len({preset.digest for preset in PRESETS.values()}) == len(PRESETS)


def test_overrides() -> None:
    config = load("tiny", ["pes=8", "formats=wide", "pes=16"])
    assert (config.pes, config.formats, config.images) == (16, "wide", 16)
    assert config.profile.name == "wide"
    assert config.digest != load("tiny").digest
    assert load("tiny", ["pes=4"]).digest == load("tiny").digest


@pytest.mark.parametrize(
    ("preset", "overrides", "words"),
    [
        ("papr", [], ["'papr'", "'paper'"]),
        ("zzz", [], ["'zzz'", "tiny", "paper", "edge"]),
        ("tiny", ["lane=2"], ["lane=2", "'lanes'"]),
        ("tiny", ["pes"], ["'pes'", "key=value"]),
        ("tiny", ["name=other"], ["name=other"]),
        ("tiny", ["pes=5"], ["pes=5", "32"]),
        ("tiny", ["pes=x"], ["pes=x", "integer"]),
        ("tiny", ["pes="], ["pes=", "integer"]),
        ("tiny", ["images=3"], ["images=3", "4"]),
        ("tiny", ["images=5000"], ["images=5000", "1024"]),
        ("tiny", ["te_lanes=3"], ["te_lanes=3", "power of two"]),
        ("tiny", ["te_lanes=32"], ["te_lanes=32", "images=16"]),
        ("tiny", ["formats=huge"], ["formats=huge", "wide", "edge"]),
    ],
)
def test_refusals(preset: str, overrides: list[str], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load(preset, overrides)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load("tiny").pes = 8


def test_digest_does_not_depend_on_the_hash_seed() -> None:
    program = "from nms.contract.config import PRESETS; print([p.digest for p in PRESETS.values()])"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert digests == {f"{[preset.digest for preset in PRESETS.values()]}\n"}


@pytest.mark.parametrize("preset", PRESETS)
def test_derived_rows(preset: str) -> None:
    rows = PRESETS[preset].derived.rows()
    assert len(rows) >= 10
    assert len({(group, name) for group, name, _, _ in rows}) == len(rows)
    assert all(isinstance(cell, str) for row in rows for cell in row)


class TestSettings:
    config = PRESETS["paper"]

    def test_units(self) -> None:
        settings = Settings.make(self.config, 64, 3072, ratio=0.3, perplexity=15.0, iterations=300)
        assert settings.keep == 19  # 19.2
        assert settings.target == 15 << 42
        assert settings.exaggerated == 12
        assert Settings.make(self.config, 64, 3072, iterations=20).exaggerated == 5
        assert Settings.make(self.config, 5, 10, ratio=0.5, perplexity=2).keep == 3  # 2.5 is half: up
        assert Settings.make(self.config, 64, 1, ratio=1).keep == 64

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"count": 3}, ["count 3", "4 to 64"]),
            ({"count": 65}, ["count 65", "4 to 64"]),
            ({"pixels": 0}, ["pixels 0", "1 to 3072"]),
            ({"pixels": 3073}, ["pixels 3073", "1 to 3072"]),
            ({"ratio": 0.0}, ["ratio 0", "above 0"]),
            ({"ratio": 1.01}, ["ratio 1.01", "at most 1"]),
            ({"ratio": float("nan")}, ["ratio nan"]),
            ({"ratio": 0.001}, ["ratio 0.001", "keeps none"]),
            ({"perplexity": 1.0}, ["perplexity 1", "above 1"]),
            ({"perplexity": 63.0}, ["perplexity 63", "below 63"]),
            ({"perplexity": float("inf")}, ["perplexity inf"]),
            ({"perplexity": float("nan")}, ["perplexity nan"]),
            ({"iterations": -1}, ["iterations -1"]),
            ({"iterations": 65536}, ["iterations 65536", "65535"]),
            ({"seed": -1}, ["seed -1"]),
            ({"seed": 1 << 32}, ["seed 4294967296", "4294967295"]),
        ],
    )
    def test_refusals(self, changed: dict, words: list[str]) -> None:
        with pytest.raises(UserError) as caught:
            Settings.make(self.config, **({"count": 64, "pixels": 3072} | changed))
        for word in words:
            assert word in str(caught.value)
