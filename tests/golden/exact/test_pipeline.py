# SPDX-License-Identifier: Apache-2.0
"""The whole sampler in float64."""

import numpy as np
import pytest

from nms.contract.errors import UserError
from nms.golden import exact
from nms.golden.metrics import kl_divergence
from tests.golden.exact.data import Load, digits, real


@real
def test_run(load: Load) -> None:
    images = load(64)
    result = exact.run(images, 19, seed=5)
    assert len(result.kept) == 19
    again = exact.run(images, 19, y0=result.embedding_init)
    assert (again.embedding == result.embedding).all()
    assert (again.kept == exact.sample(result.embedding, 19)).all()
    assert result.kl_divergence == kl_divergence(result.affinity, result.embedding)
    assert 0.8 < result.trustworthiness <= 1


def test_run_refuses_another_start() -> None:
    with pytest.raises(UserError, match="y0"):
        exact.run(digits(20), 5, 5.0, y0=np.zeros((19, 2)))
