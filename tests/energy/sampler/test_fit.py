# SPDX-License-Identifier: Apache-2.0
"""The fit of toggles to energies, on samples whose coefficients are known."""

import numpy as np
import pytest

from nms.energy.sampler.fit import BlockSample, fit, judge


def test_the_fit_finds_coefficients_and_beats_controls_on_other_intervals():
    rng = np.random.default_rng(1)
    truth = np.array([[[2.0, 0.0], [0.0, 0.4]], [[1.0, 3.0], [0.5, 0.0]]]) * 1e-15

    def sample(busy: float) -> BlockSample:
        toggles = rng.poisson(100 * busy * rng.random((60, 2, 2)))
        return BlockSample(toggles, np.tensordot(toggles, truth, ((1, 2), (1, 2))), np.full(60, 32))

    learned, other = sample(1.0), sample(0.3)
    found = fit(learned)
    assert found.values == pytest.approx(truth, abs=0.1e-15)
    verdict = judge(found, learned, other)
    assert verdict.toggles.worst < 0.03 < verdict.cycles.mean
    assert verdict.constant.mean > 0.5


def test_a_module_that_did_not_toggle_has_the_coefficients_of_its_block():
    toggles = np.random.default_rng(2).poisson(100, (60, 2, 2))
    toggles[:, 1] = 0
    truth = np.array([[2.0, 1.0], [0.0, 3.0]]) * 1e-15
    found = fit(BlockSample(toggles, toggles[:, 0] @ truth.T, np.full(60, 32)))
    assert found.values[:, 0] == pytest.approx(truth, abs=0.1e-15)
    assert found.values[:, 1] == pytest.approx(truth, abs=0.1e-15)
