# SPDX-License-Identifier: Apache-2.0
"""Affinities: the contract in Python integers, and softmax in float64 within the derived bounds."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.bounds import LN2, Bounds
from nms.contract.config import PRESETS, Config
from nms.contract.settings import Settings
from nms.contract.tables import Status
from nms.golden import affinity, de, pe, pea, prng

presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)


def searched(config: Config, perplexity: float) -> tuple[np.ndarray, de.Result]:
    """Digits, six of them equal."""
    images = load_digits().data[:24].astype(np.uint8)
    images[3:9] = images[3]
    distance = pea.distances(images)
    target = Settings.make(config, 24, 64, perplexity=perplexity).target
    return distance, de.search(config, target, distance, prng.seeds(1, 24))


@presets
@pytest.mark.parametrize("perplexity", [4.5, 5, 8])
def test_as_the_contract_says(config: Config, perplexity: float) -> None:
    distance, found = searched(config, perplexity)
    p = config.profile
    joint = affinity.affinities(config, distance, found)
    count = len(distance)
    dn = pea.normalise(config, distance)
    conditional = [[0] * count for _ in range(count)]
    for i in range(count):
        y, e = int(found.reciprocal[i]), int(found.shift[i])
        places = p.weight.fraction + p.reciprocal.fraction + e - p.affinity.fraction
        if found.status[i] in (Status.INFEASIBLE, Status.SATURATED):
            w = [(d == 0) << p.weight.fraction for d in dn[i].tolist()]
        else:
            w = pe.weights(config, found.mantissa[i], found.exponent[i], dn[i])[0].tolist()
        values = [(v * y + (1 << (places - 1))) >> places for v in w]
        conditional[i] = [*values[:i], 0, *values[i:]]
    expected = [
        [(conditional[i][j] + conditional[j][i] + 1) >> 1 for j in range(count)] for i in range(count)
    ]
    assert joint.tolist() == expected
    assert len(set(found.status.tolist())) > (perplexity < 8)


@presets
def test_error(config: Config) -> None:
    """Against p_j|i = 2^-z_j / sum 2^-z of the same beta in float64."""
    distance, found = searched(config, 8)
    p = config.profile
    assert (found.status == Status.SOLVED).all()
    _, scale, _ = pea.summarise_rows(config, distance)
    beta2 = np.ldexp(found.mantissa.astype(float), (found.exponent - scale - p.mantissa.fraction).astype(int))
    z = beta2[:, None] * (distance + np.diag(np.full(24, 1 << 30)))
    w = np.exp2(z.min(axis=1, keepdims=True) - z)
    exact = w / w.sum(axis=1, keepdims=True)
    joint = affinity.affinities(config, distance, found) * p.affinity.lsb
    bounds = Bounds(config)
    weight = max(bounds.weight(v) for v in np.linspace(0, 8, 1000))
    limit = bounds.affinity + 2 * weight + LN2 * 2 * np.log2(8) * bounds.exponent
    assert np.abs(joint - (exact + exact.T) / 2).max() <= limit
    assert np.array_equal(joint, joint.T)
    assert not joint.diagonal().any()
    assert np.abs(joint.sum() - 24) < 24 * 24 * limit
