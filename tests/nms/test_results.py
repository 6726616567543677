# SPDX-License-Identifier: Apache-2.0
"""Raw tables to physical values, and output that is whole or absent."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nms import results
from nms.contract import output, provenance
from nms.contract.config import PRESETS, LeanConfig, load
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings
from nms.contract.tables import LeanTables, Status, Tables
from nms.datasets import Images

CONFIG = PRESETS["tiny"]
DATA = Images(np.arange(20, dtype=np.uint8).reshape(4, 5), np.arange(4), (1, 5, 1), "four")


def tables() -> Tables:
    """Four rows, one of each status; raw values chosen so that every scaled one is easy to state."""
    profile = CONFIG.profile
    one = 1 << profile.mantissa.fraction
    return Tables(
        distance=np.arange(16).reshape(4, 4),
        minimum=np.ones(4, np.int64),
        scale=np.array([3, 5, 20, 7]),
        ties=np.ones(4, np.int64),
        mantissa=np.array([one + one // 2, 0, 0, one + 1]),
        exponent=np.array([-2, 0, 0, 9]),
        perplexity=np.array([15 << profile.perplexity.fraction, 0, 0, 3]),
        generations=np.array([20, 0, 0, 128]),
        status=np.array([Status.SOLVED, Status.INFEASIBLE, Status.SATURATED, Status.UNCONVERGED]),
        affinity=np.full((4, 4), 1 << (profile.affinity.fraction - 2)),
        embedding_init=np.full((4, 2), -1 << (profile.position.fraction - 3)),
        embedding=np.full((4, 2), -3 << profile.position.fraction),
        kept=np.array([0, 2]),
    )


def test_beta() -> None:
    found = results.compute_beta(tables(), CONFIG)
    one = 1 << CONFIG.profile.mantissa.fraction
    last = Fraction(one + 1, one) * 2 ** (9 - 7)
    np.testing.assert_array_equal(
        found, [1.5 * 2.0 ** (-2 - 3) * math.log(2), math.inf, math.inf, float(last) * math.log(2)]
    )


def test_arrays() -> None:
    values = results.make_arrays(tables(), CONFIG, DATA)
    expected = {
        "images": ((4, 5), np.uint8), "labels": ((4,), np.int64), "distance": ((4, 4), np.int64),
        "beta": ((4,), np.float64), "perplexity": ((4,), np.float64), "generations": ((4,), np.int64),
        "status": ((4,), np.int64), "affinity": ((4, 4), np.float64), "embedding_init": ((4, 2), np.float64),
        "embedding": ((4, 2), np.float64), "kept": ((2,), np.int64),
    }  # fmt: skip
    assert {name: (array.shape, array.dtype) for name, array in values.items()} == expected
    assert values["perplexity"][0] == 15.0
    assert values["perplexity"][3] == 3 * CONFIG.profile.perplexity.lsb
    assert np.all(values["affinity"] == 0.25)
    assert np.all(values["embedding_init"] == -0.125)
    assert np.all(values["embedding"] == -3.0)


def test_arrays_of_reduced_images() -> None:
    """Herding has no map; a lean map has its own formats, its entropy becomes a perplexity."""
    config = load("lean")
    assert isinstance(config, LeanConfig)
    data = Images(np.arange(64, dtype=np.uint8).reshape(4, 16), np.arange(4), (4, 4, 1), "four")
    settings = LeanSettings.make(config, 4, (4, 4), side=4, pick="hub", perplexity=1.5)
    lean = LeanTables(
        **{name: getattr(tables(), name) for name in ("distance", "minimum", "scale", "ties", "status")},
        mantissa=np.array([384, 0, 0, 257]), exponent=np.array([-2, 0, 0, 9]),
        entropy=np.array([256, 0, 0, 384]), evaluations=np.array([3, 0, 0, 6]),
        affinity=np.full((4, 4), 1 << 14), embedding_init=np.full((4, 2), -1 << 9),
        embedding=np.full((4, 2), -3 << 12), kept=np.array([0, 2]), standing=np.array([1, 0, 1, 1]),
    )  # fmt: skip
    values = results.make_arrays(lean, config, data, settings)
    assert list(values) == [
        "images", "labels", "reduced", "distance", "beta", "perplexity", "evaluations", "status", "affinity",
        "embedding_init", "embedding", "kept",
    ]  # fmt: skip
    assert np.array_equal(values["reduced"], data.images)
    assert values["beta"][0] == 1.5 * 2.0 ** (-2 - 3) * math.log(2)
    assert np.isinf(values["beta"][1:3]).all()
    assert values["perplexity"].tolist() == [2.0, 1.0, 1.0, 2.0**1.5]
    assert (values["affinity"][0, 0], values["embedding"][0, 0]) == (0.25, -3.0)
    assert results.summarise_errors(values, 2.0, np.zeros(4))["evaluations"] == {"median": 3.0, "max": 3}
    herded = LeanSettings.make(config, 4, (4, 4), side=4)
    assert list(results.make_arrays(lean, config, data, herded)) == [
        "images", "labels", "reduced", "distance", "kept",
    ]  # fmt: skip
    without = replace(settings, keep=2, threshold=8, window=3)
    values = results.make_arrays(lean, config, data, without)
    assert values["standing"].tolist() == [1, 0, 1, 1]
    assert np.array_equal(values["distance"], lean.distance[:3, :3])
    assert (values["beta"].shape, values["embedding"].shape, values["kept"].shape) == ((3,), (3, 2), (2,))
    values = results.make_arrays(lean, config, data, replace(without, keep=3))
    assert (values["distance"].shape, values["embedding"].shape) == ((0, 0), (0, 2))  # nothing is computed
    assert not any(results.summarise_errors(values, 2.0, np.empty(0))["rows"].values())


def test_errors_summary_counts_solved_rows_only() -> None:
    values = results.make_arrays(tables(), CONFIG, DATA)
    summary = results.summarise_errors(values, 15.0, np.array([2e-4, 9.0, 9.0, 9.0]))
    assert summary["rows"] == {"solved": 1, "infeasible": 1, "saturated": 1, "unconverged": 1}
    assert summary["true_error"] == {"max": 2e-4, "median": 2e-4}
    assert summary["generations"] == {"median": 20.0, "max": 20}
    values["status"] = np.full(4, Status.INFEASIBLE)
    assert "true_error" not in results.summarise_errors(values, 15.0, np.zeros(4))


def test_saved(tmp_path: Path) -> None:
    values = results.make_arrays(tables(), CONFIG, DATA)
    written = results.save(tmp_path / "deep" / "out", values, {"level": "golden"})
    assert [path.name for path in written] == ["results.json", "results.npz"]
    with np.load(written[1]) as file:
        assert set(file.files) == set(values)
        np.testing.assert_array_equal(file["beta"], values["beta"])
    assert json.loads(written[0].read_text()) == {"level": "golden"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_nothing_half_written(tmp_path: Path) -> None:
    """A failure while writing leaves neither a new directory nor a changed old one."""

    def fails(staging: Path) -> None:
        (staging / "first").write_text("new")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        output.publish(tmp_path / "out", fails)
    assert not list(tmp_path.iterdir())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "first").write_text("old")
    with pytest.raises(RuntimeError):
        output.publish(tmp_path / "out", fails)
    assert (tmp_path / "out" / "first").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_place_replaces_and_keeps_others(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "first").write_text("old")
    (tmp_path / "out" / "notes").write_text("mine")

    def write(staging: Path) -> None:
        (staging / "first").write_text("new")
        (staging / "deep").mkdir()
        (staging / "deep" / "second").write_text("new")

    written = output.publish(tmp_path / "out", write)
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == ["deep/second", "first"]
    assert all(path.read_text() == "new" for path in written)
    assert (tmp_path / "out" / "notes").read_text() == "mine"


def test_unusable_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="is a file"):
            output.check_writable(directory)
    output.check_writable(tmp_path / "a" / "b")
    assert len(list(tmp_path.iterdir())) == 1


class TestProvenance:
    def test_record(self) -> None:
        record = provenance.collect(CONFIG, "nms run -c tiny", seed=7, data=DATA.describe())
        assert record["command"] == "nms run -c tiny"
        assert record["digest"] == CONFIG.digest
        assert record["seed"] == 7
        assert record["input"]["name"] == "four"
        assert {"nms", "python", "amaranth", "cocotb", "verilator", "numpy"} <= set(record["versions"])
        assert json.loads(json.dumps(record)) == record

    def test_same_again(self) -> None:
        """No time, no folder: the record of the same command is the same."""
        assert provenance.collect(CONFIG, "nms generate") == provenance.collect(CONFIG, "nms generate")
        assert str(Path.cwd()) not in json.dumps(provenance.collect(CONFIG, "nms generate"))

    def test_digest_of_input(self) -> None:
        array = np.arange(12, dtype=np.uint8).reshape(3, 4)
        assert provenance.digest(array) == provenance.digest(np.asfortranarray(array))
        others = [array + np.uint8(1), array.reshape(4, 3), array.astype(np.uint16)]
        assert len({provenance.digest(other) for other in (array, *others)}) == 4
