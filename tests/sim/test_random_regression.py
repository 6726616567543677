# SPDX-License-Identifier: Apache-2.0
"""The randomised regression: its draws are legal, repeatable and varied; whole samplers equal the model."""

import dataclasses

import numpy as np
import pytest

from nms.contract.settings import Search
from nms.contract.tables import Tables
from nms.sim import random_regression as random
from nms.sim.models.driver import Results
from nms.sim.models.streams import Stalls


def test_draws_are_repeatable_and_varied() -> None:
    drawn = [random.draw(3, number) for number in range(60)]
    for number, (config, settings, images, bus, stalls) in enumerate(drawn):
        again = random.draw(3, number)
        assert (config, settings, bus, stalls) == (again[0], again[1], again[3], again[4])
        np.testing.assert_array_equal(images, again[2])
        assert images.shape[1:] == (settings.count, settings.pixels)
        assert 1 <= len(images) <= (3 if bus == "axi" else 1)
        assert 1 <= settings.keep <= settings.count <= config.images
    assert {settings.search for _, settings, *_ in drawn} == set(Search)
    assert {bus for *_, bus, _ in drawn} == {"axi", "native"}
    assert {config.formats for config, *_ in drawn} == {"wide", "edge"}
    assert {stalls for *_, stalls in drawn} == set(Stalls)
    assert {len(images) for _, _, images, *_ in drawn} == {1, 2, 3}
    for name in (
        "images",
        "pixels",
        "pes",
        "lanes",
        "unroll",
        "contexts",
        "te_lanes",
        "grid_lanes",
        "bus_bits",
    ):
        assert len({getattr(config, name) for config, *_ in drawn}) > 3, name


@pytest.mark.parametrize("where", ["tables", "written"])
def test_a_difference_is_reported_with_its_command(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardware replaced by the model of another seed: values differ, and the verdict says so."""

    @dataclasses.dataclass
    class Run:
        tables: Tables
        written: list[Results]

    def results(tables: Tables) -> Results:
        return Results(*(getattr(tables, field.name) for field in dataclasses.fields(Results)))

    def impostor(config, settings, images, **options):
        """Wrong in the tables of the last batch, or in what was written for the first."""
        other = dataclasses.replace(settings, seed=settings.seed ^ 1)
        tables = [random.golden.run(config, settings, batch) for batch in images]
        wrong = random.golden.run(config, other, images[-1] if where == "tables" else images[0])
        written = [results(one) for one in tables]
        if where == "tables":
            return Run(wrong, written)
        return Run(tables[-1], [results(wrong), *written[1:]])

    monkeypatch.setattr(random, "run", impostor)
    number = next(n for n in range(99) if len(random.draw(3, n)[2]) == 3 and random.draw(3, n)[1].count < 12)
    (found,) = random.regress(3, 1, first=number)
    assert not found
    assert found.mismatches > 0
    assert found.command == f"nms check --random 1 --first {number} --seed 3"


@pytest.mark.slow
def test_whole_samplers_equal_the_model() -> None:
    for found in random.regress(1, 6):
        assert found, f"{found.description}: {found.failure or found.command}"
