# SPDX-License-Identifier: Apache-2.0
"""A job of several batches through the buses: the next batch comes and the last one's images go meanwhile."""

import numpy as np

from nms.contract.config import PRESETS
from nms.contract.settings import Settings
from nms.datasets import load
from nms.golden import sampler as golden
from nms.sim import batches


def test_tiny() -> None:
    config, many = PRESETS["tiny"], 3
    images = load("digits", many * 16).images.reshape(many, 16, 64)
    settings = Settings.make(config, 16, 64, perplexity=5, iterations=20, search="window", ratio=1.0)
    run = batches.run(config, settings, images)
    assert len(run.results) == len(run.each) == many
    for found, batch in zip(run.results, images, strict=True):
        model = golden.run(config, settings, batch)
        for name in ("kept", "embedding", "mantissa", "exponent", "scale", "status", "generations"):
            np.testing.assert_array_equal(getattr(found, name), getattr(model, name))
    words = 16 * 64  # of a batch, all of which is kept, one pixel each
    assert run.alone["cycles_load"] >= words
    assert [counted["cycles_load"] for counted in run.each[1:]] == [1, 1], "a batch was waited for"
    assert all(counted["cycles_emit"] < words for counted in run.each), "EMIT waited for the images"
    assert [counted["bytes_read"] for counted in run.each][-1] == many * words
    assert [counted["bytes_sent"] for counted in run.each][-1] == many * words
    assert run.each[0]["cycles_job"] < run.each[1]["cycles_job"] < run.each[2]["cycles_job"]
