# SPDX-License-Identifier: Apache-2.0
"""The benchmark's rows; what they say about time is for ``nms bench``, not for a test."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from golden.bench import search_bench, true_perplexity


def test_true_perplexity_of_known_rows() -> None:
    rows = np.array([[1.0, 1, 1, 1], [1, 0, 0, 0], [2, 2, 0, 0]])
    np.testing.assert_allclose(true_perplexity(rows).astype(np.float64), [4, 1, 2], rtol=1e-15)


def test_rows() -> None:
    pytest.importorskip("openTSNE")
    rows = {row.method: row for row in search_bench(load_digits().images[:100].astype(np.uint8), repeats=2)}
    assert list(rows) == ["scikit-learn", "openTSNE", "newton", "de"]
    assert all(row.seconds is not None and row.seconds > 0 for row in rows.values())
    assert rows["scikit-learn"].ratio == 1.0
    error = {name: row.largest_error for name, row in rows.items()}
    assert error["newton"] < 1e-10
    assert error["de"] < 1e-10
    assert 1e-6 < error["scikit-learn"] < 1e-3


def test_no_solvable_row() -> None:
    rows = search_bench(np.zeros((20, 4), np.uint8), 5.0, repeats=1)
    assert all(row.largest_error is None for row in rows)


def test_open_tsne_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openTSNE._tsne", None)
    rows = search_bench(load_digits().images[:30].astype(np.uint8), 5.0, repeats=1)
    assert rows[1].note == "not installed"
    assert rows[1].seconds is None
