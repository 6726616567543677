# SPDX-License-Identifier: Apache-2.0
"""The benchmark's rows; what they say about time is for ``nms bench``, not for a test."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.benchmarks.perplexity_searches import (
    OPEN_TSNE,
    compare_methods,
    count_bisection_steps,
    time_searches,
    true_perplexity,
)
from nms.contract.config import PRESETS, load
from nms.golden import exact


def test_true_perplexity_of_known_rows() -> None:
    rows = np.array([[1.0, 1, 1, 1], [1, 0, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(true_perplexity(rows).astype(np.float64), [4, 1, 2, 0], rtol=1e-15)


def test_rows() -> None:
    pytest.importorskip("openTSNE")
    rows = {row.method: row for row in time_searches(load_digits().images[:100].astype(np.uint8), repeats=2)}
    assert list(rows) == ["scikit-learn", "openTSNE", "newton", "de"]
    assert all(row.seconds is not None and row.seconds > 0 for row in rows.values())
    assert rows["scikit-learn"].ratio == 1.0
    error = {name: row.largest_error for name, row in rows.items()}
    assert error["newton"] < 1e-10
    assert error["de"] < 1e-10
    assert 1e-6 < error["scikit-learn"] < 1e-3


def test_no_solvable_row() -> None:
    rows = time_searches(np.zeros((20, 4), np.uint8), 5.0, repeats=1)
    assert all(row.largest_error is None for row in rows)


def test_open_tsne_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openTSNE._tsne", None)
    rows = time_searches(load_digits().images[:30].astype(np.uint8), 5.0, repeats=1)
    assert rows[1].note == "not installed"
    assert rows[1].seconds is None


def test_methods() -> None:
    """Two batches, two targets: 32 rows, every method on all of them."""
    images = load_digits().images.astype(np.uint8)
    rows = compare_methods(PRESETS["tiny"], [(images[:16], 5.0), (images[16:32], 6.0)])
    assert [row.method for row in rows][:5] == [
        "de-rand1", "de-best1", "section", "window", "scikit-learn's bisection",
    ]  # fmt: skip
    assert all(len(row.steps) == len(row.error) == 32 for row in rows)
    for row in rows[:4]:
        assert row.error.max() < 2e-4
        assert row.cycles == row.steps.sum() / 2 * 15 * 32 / 4
    assert rows[4].cycles is None
    assert 1e-6 < rows[4].error.max() < 1e-3


def test_methods_on_rows_without_solution() -> None:
    """15 equal images and another: the odd one, at the same distance from all, has no solution."""
    images = np.zeros((16, 64), np.uint8)
    images[3] = 9
    rows = compare_methods(load("tiny", ["formats=wide"]), [(images, 14.5)])
    assert all(len(row.steps) == 15 for row in rows)
    assert all(row.error.max() < 1e-10 for row in rows[:4])
    assert all(
        len(row.steps) == 0 for row in compare_methods(PRESETS["tiny"], [(np.zeros_like(images), 5.0)])
    )


def test_a_row_given_up() -> None:
    """A target so close to the number of other images that no beta in the range reaches it."""
    images = load_digits().images[:16].astype(np.uint8)
    rows = compare_methods(load("tiny", ["formats=wide"]), [(images, 15 - 1e-8)])
    assert all(row.gave_up.all() and (row.steps == 128).all() for row in rows[:4])


def test_steps_of_a_bisection() -> None:
    """openTSNE's result changes up to as many steps as are counted, and no more."""
    tsne = pytest.importorskip("openTSNE._tsne")
    distance = exact.off_diagonal(exact.distances(load_digits().images[:50].astype(np.uint8))) / 255.0**2
    steps = count_bisection_steps(distance, 15.0, *OPEN_TSNE)
    capped = [
        np.asarray(tsne.compute_gaussian_perplexity(np.sqrt(distance), np.array([15.0]), max_iter=most))
        for most in range(1, 61)
    ]
    first = np.argmax([(found == capped[-1]).all(axis=1) for found in capped], axis=0)
    assert steps.tolist() == (first + 1).tolist()
