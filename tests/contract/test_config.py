# SPDX-License-Identifier: Apache-2.0
"""Presets, configuration files, overrides, refusals, digest; run-time settings."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from nms.contract.config import PRESETS, LeanConfig, load, load_published, schema
from nms.contract.errors import UserError
from nms.contract.settings import Settings
from tests.conftest import ROOT


def test_presets() -> None:
    assert {"tiny", "paper", "edge"} <= set(PRESETS)
    assert all(name == preset.name for name, preset in PRESETS.items())
    assert load("paper") == PRESETS["paper"]
    assert len({preset.digest for preset in PRESETS.values()}) == len(PRESETS)


def test_only_a_preset_itself_has_its_name_alone() -> None:
    assert load("paper").full_name == "paper"
    changed = load("paper", ["lanes=8"])
    assert changed.full_name == f"paper-{changed.digest}"
    assert changed.model_copy(update={"name": "mine"}).full_name == f"mine-{changed.digest}"


PUBLISHED = {"tiny", "edge", "paper", "large"}
FILES = sorted((ROOT / "contract" / "presets").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_of_a_preset_file_has_its_meaning_beside_it(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    found = {}
    for line in lines:
        entry, meaning = line.split("#")
        [key] = tomllib.loads(entry)
        found[key] = meaning.strip()
    assert found == {
        key: field.description
        for key, field in type(PRESETS[file.stem]).model_fields.items()
        if file.stem not in PUBLISHED or key not in ("method", "side", "picks")
    }


def complaints(values: dict[str, Any]) -> list[str]:
    """What the schema says against the values of a file; nothing if one method's part accepts them."""
    return min((complaints_of(known, values) for known in schema()["oneOf"]), key=len)


def complaints_of(known: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """What one method's part says; as much of JSON schema as it uses."""
    found = [f"{key}: unknown" for key in values if key not in known["properties"]]
    for key, rule in known["properties"].items():
        if key not in values:
            continue
        value = values[key]
        kind = {"integer": int, "string": str}[rule["type"]]
        if value != rule.get("const", value):
            found.append(f"{key}: {value!r}")
        if (
            type(value) is not kind
            or not rule.get("minimum", value) <= value <= rule.get("maximum", value)
            or value not in rule.get("enum", [value])
            or not re.search(rule.get("pattern", ""), str(value))
        ):
            found.append(f"{key}: {value!r}")
    if not any(set(branch["required"]) <= set(values) for branch in known["anyOf"]):
        found.append("keys are missing")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_preset_file_conforms_to_the_schema(file: Path) -> None:
    values = tomllib.loads(file.read_text())
    assert complaints(values) == []
    assert complaints({"preset": "paper", "lanes": 8}) == []
    for broken in ({"images": 0}, {"images": True}, {"images": "huge"}, {"name": "A b"}, {"lnaes": 1}):
        assert len(complaints(values | broken)) == 1
    del values["images"]
    assert complaints(values) == ["keys are missing"]
    assert all(rule["description"] for one in schema()["oneOf"] for rule in one["properties"].values())


class TestFiles:
    """A configuration from a TOML file."""

    def test_all_keys(self) -> None:
        for file in FILES:
            assert load(file) == load(str(file)) == PRESETS[file.stem]

    def test_a_preset_and_what_differs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("mine.toml").write_text('preset = "paper"\nname = "mine"\nlanes = 8\n')
        mine = load("mine.toml")
        assert (mine.name, mine.lanes, mine.images) == ("mine", 8, 64)
        assert mine.digest == load("paper", ["lanes=8"]).digest
        assert load("./mine.toml", ["pes=4"]) == mine.model_copy(update={"pes": 4})
        Path("nameless").write_text('preset = "paper"\n')
        assert load("./nameless").name == "custom"
        assert load("./nameless").digest == PRESETS["paper"].digest
        with pytest.raises(UserError, match="preset 'nameless' does not exist"):
            load("nameless")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('preset = "tiny"\nlanes = 0', "lanes=0: must be greater than or equal to 1"),
            ('preset = "tiny"\nlanes = true', "lanes=True: must be a valid integer"),
            ('preset = "tiny"\nlanes = 4.0', "lanes=4.0: must be a valid integer"),
            ('preset = "tiny"\nlanes = "4"', "lanes='4': must be a valid integer"),
            ('preset = "tiny"\n[lanes]\nx = 1', "lanes={'x': 1}: must be a valid integer"),
            ('preset = "tiny"\nte_lanes = 3', "te_lanes=3: must be a power of two"),
            ('preset = "tiny"\nformats = "huge"', "formats='huge': must be 'wide' or 'edge'"),
            ('preset = "tiny"\nname = "../x"', "name='../x': must match pattern '^[a-z][a-z0-9_]*$'"),
            ('preset = "tiny"\nlnaes = 1', "key 'lnaes': no such key; did you mean 'lanes'?"),
            ('preset = "papr"', "preset='papr': no such preset; did you mean 'paper'?"),
            ("preset = 3", "preset=3: no such preset; must be the name of a preset"),
            ("", "key 'images': missing; give every key, or in 'preset' the preset to start from"),
            ("lanes = 0", "lanes=0: must be greater than or equal to 1"),
            ('preset = "tiny"\nlanes 3', "line 2, column 7: Expected '=' after a key in a key/value pair"),
            ('preset = "tiny"\nlanes = 3\nlanes = 4\n', "line 3, column 10: Cannot overwrite a value"),
            ("lanes = [1,", "line 1, at the end: Invalid value"),
            ("a = " + "[" * 5000, "nested too deeply"),
            ("lanes = " + "9" * 5000, "Exceeds the limit"),
            ("\udcff", "not a text file in UTF-8"),
        ],
    )
    def test_refusals(self, text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One line that names the file and the key, or the line of a file that is no TOML."""
        monkeypatch.chdir(tmp_path)
        Path("mine.toml").write_text(text, errors="surrogateescape")
        with pytest.raises(UserError, match=r"^mine\.toml: " + re.escape(message)) as caught:
            load("mine.toml")
        assert len(str(caught.value)) < 200

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"none\.toml: No such file"):
            load(tmp_path / "none.toml")
        with pytest.raises(UserError, match="Is a directory"):
            load(f"{tmp_path}/")


def test_derived_values_follow_the_configuration() -> None:
    tiny = load("tiny")
    assert tiny.derived is load("tiny").derived
    assert tiny.model_copy(update={"images": 8}).derived.index_width == 3
    assert tiny.derived.index_width == 4


def test_overrides() -> None:
    config = load("tiny", ["pes=8", "formats=wide", "pes=16"])
    assert (config.pes, config.formats, config.images) == (16, "wide", 16)
    assert config.profile.name == "wide"
    assert config.digest != load("tiny").digest
    assert load("tiny", ["pes=4"]).digest == load("tiny").digest
    assert load("tiny", ["address_bits=32"]).digest != load("tiny").digest == "6f64ced5685e"
    lean = load("lean", ["side=4", "map_lanes=2"])
    assert isinstance(lean, LeanConfig)
    assert (lean.side, lean.map_lanes) == (4, 2)


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
        ("lean", ["address_bits=48"], ["address_bits=48: must be 32 or 64"]),
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
    assert len(rows) >= 2
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

    def test_reduction_and_picks(self) -> None:
        config = load_published("tiny", ["side=8", "picks=1"])
        given = Settings.make(config, 16, (40, 30, 3), perplexity=5, grey=True, pick="hub")
        assert (given.pixels, given.height, given.width, given.channels) == (3600, 40, 30, 3)
        assert (given.side, given.grid, given.reduced, given.pick) == (8, (8, 8), 64, 2)
        assert given.describe() == {
            "search": "de-rand1", "pick": "hub", "side": 8, "grey": True, "reduced": 64
        }  # fmt: skip
        assert Settings.make(config, 16, 64, perplexity=5).reduced == 64  # without a shape, as it is
        assert Settings.make(PRESETS["tiny"], 16, (8, 8), perplexity=5).describe() == {"search": "de-rand1"}

    @pytest.mark.parametrize(
        ("overrides", "changed", "words"),
        [
            ([], {"pick": "hub"}, ["pick hub", "picks=1"]),
            ([], {"pixels": (9, 9)}, ["pixels 81", "side=8"]),
            ([], {"pixels": (8, 8), "side": 4}, ["side 4", "must be one of 0"]),
            ([], {"pixels": (4, 4, 3), "grey": True}, ["grey", "side=8"]),
            (["picks=1"], {"pick": "herding"}, ["pick herding", "neighbour alone"]),
            (["side=8"], {"pixels": (40, 40), "side": 16}, ["side 16", "0, 4, 8"]),
            (["side=8"], {"pixels": (40, 40, 3)}, ["192 bytes", "64"]),
            (["side=8"], {"pixels": (40, 40), "grey": True}, ["grey", "three bytes"]),
        ],
    )
    def test_refused_reduction_and_picks(self, overrides: list[str], changed: dict, words: list[str]) -> None:
        config = load_published("tiny", overrides)
        with pytest.raises(UserError) as caught:
            Settings.make(config, **({"count": 16, "pixels": 64, "perplexity": 5} | changed))
        for word in words:
            assert word in str(caught.value)

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
