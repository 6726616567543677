# SPDX-License-Identifier: Apache-2.0
"""The randomised regression: its draws are legal, repeatable and varied; whole samplers equal the model."""

import dataclasses

import numpy as np
import pytest

from nms.contract.config import METHODS
from nms.contract.settings import Pick, Search
from nms.contract.tables import Tables
from nms.sim import random_regression as random
from nms.sim.models.driver import Results
from nms.sim.models.streams import Stalls


def test_draws_are_repeatable_and_varied() -> None:
    drawn = [random.draw(3, number) for number in range(120)]
    for number, job in enumerate(drawn):
        again = random.draw(3, number)
        assert dataclasses.replace(job, images=again.images) == again
        np.testing.assert_array_equal(job.images, again.images)
        settings = job.settings
        assert job.images.shape[1:] == (settings.count, settings.pixels)
        assert 1 <= len(job.images) <= (3 if job.bus == "axi" else 1)
        assert 1 <= settings.keep <= settings.count <= job.config.images
    assert {job.bus for job in drawn} == {"axi", "native"}
    assert {job.stalls for job in drawn} == set(Stalls)
    assert {len(job.images) for job in drawn} == {1, 2, 3}
    assert {job.config.method for job in drawn} == set(METHODS)
    published = [job for job in drawn if job.config.method == "desne"]
    assert {job.settings.search for job in published} == set(Search)
    assert {job.config.formats for job in published} == {"wide", "edge"}
    assert {job.settings.pick for job in published} == set(Pick) - {Pick.HERDING}
    assert {job.settings.side for job in published} == {0, 4, 8}
    assert {job.settings.pick for job in drawn if job.config.method == "lean"} == set(Pick)
    assert any(job.settings.across for job in drawn if job.config.method != "desne")
    names = ["images", "pixels", "pes", "lanes", "unroll", "contexts", "te_lanes", "grid_lanes", "bus_bits"]
    for name in names:
        assert len({getattr(job.config, name) for job in published}) > 3, name


def is_suitable(job: random.Job) -> bool:
    """Three small batches of the published method, whose tables all depend on the seed."""
    return job.config.method == "desne" and len(job.images) == 3 and job.settings.count < 12


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
    number = next(n for n in range(99) if is_suitable(random.draw(3, n)))
    (found,) = random.regress(3, 1, first=number)
    assert not found
    assert found.mismatches > 0
    assert found.command == f"nms check --random 1 --first {number} --seed 3"


KINDS = {
    "published": lambda job: job.config.method == "desne" and not job.config.side and not job.config.picks,
    "reduced": lambda job: job.config.method == "desne" and job.settings.side,
    "picked": lambda job: job.config.method == "desne" and job.settings.pick and job.settings.side,
    "herding": lambda job: job.config.method == "herding",
    "lean": lambda job: job.config.method == "lean" and job.settings.pick != Pick.HERDING,
}
"""Draws of which one is tried."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_whole_samplers_equal_the_model(kind: str) -> None:
    number = next(number for number in range(999) if KINDS[kind](random.draw(1, number)))
    (found,) = random.regress(1, 1, first=number)
    assert found, f"{found.description}: {found.failure or found.command}"
