# SPDX-License-Identifier: Apache-2.0
"""The randomised regression: its draws are legal, repeatable and varied; whole samplers equal the model."""

import dataclasses

import numpy as np
import pytest

from nms.spec.settings import Search
from sim import random


def test_draws_are_repeatable_and_varied() -> None:
    drawn = [random.draw(3, number) for number in range(60)]
    for number, (config, settings, images, bus, stalls) in enumerate(drawn):
        again = random.draw(3, number)
        assert (config, settings, bus, stalls) == (again[0], again[1], again[3], again[4])
        np.testing.assert_array_equal(images, again[2])
        assert images.shape == (settings.count, settings.pixels)
        assert 1 <= settings.keep <= settings.count <= config.images
    assert {settings.search for _, settings, *_ in drawn} == set(Search)
    assert {bus for *_, bus, _ in drawn} == {"axi", "native"}
    assert {config.formats for config, *_ in drawn} == {"wide", "edge"}
    assert len({stalls for *_, stalls in drawn}) > 2


def test_a_difference_is_reported_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardware replaced by the model of another seed: tables differ, and the verdict says so."""

    @dataclasses.dataclass
    class Run:
        tables: object

    def impostor(config, settings, images, **options):
        return Run(random.golden.run(config, dataclasses.replace(settings, seed=settings.seed ^ 1), images))

    monkeypatch.setattr(random, "run", impostor)
    (found,) = random.regress(3, 1, first=5)
    assert not found
    assert found.mismatches > 0
    assert found.command == "nms check --random 1 --first 5 --seed 3"


@pytest.mark.slow
def test_whole_samplers_equal_the_model() -> None:
    for found in random.regress(1, 6):
        assert found, f"{found.description}: {found.failure or found.command}"
