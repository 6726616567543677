# SPDX-License-Identifier: Apache-2.0
"""The small jobs of every method: corners of the job's images, its settings, and configurations that fit."""

import numpy as np
import pytest

from nms.contract.config import PRESETS, Config, LeanConfig, ReducedConfig, load, load_published
from nms.contract.readout import Phase
from nms.contract.settings import LeanSettings, Pick, Search, Settings
from nms.energy.sampler.results import count_work, list_growing
from nms.energy.sampler.small_jobs import crop, list_jobs, shrink
from nms.sim.activity.intervals import Workload

RNG = np.random.default_rng(5)


def lean(name: str, shape: tuple[int, ...], count: int = 20, **options) -> Workload:
    config = load(name)
    assert isinstance(config, ReducedConfig)
    images = RNG.integers(0, 256, (count, int(np.prod(shape))), np.uint8)
    return Workload(config, LeanSettings.make(config, count, shape, **options), images)


@pytest.mark.parametrize(
    ("shape", "planes", "kept"),
    [
        ((32, 40, 3), False, (16, 16, 3)),
        ((3, 32, 40), True, (3, 16, 16)),
        ((28, 10), False, (16, 10, 1)),
    ],
)
def test_a_corner_of_an_image_is_one_whatever_its_layout(shape, planes, kept):
    job = lean("herding", shape, planes=planes)
    images, found = crop(job)
    assert (images.shape, found) == ((16, int(np.prod(kept))), kept)
    whole = job.images.reshape(20, *shape)[:16]
    corner = whole[:, :, :16, :16] if planes else whole[:, :16, :16]
    np.testing.assert_array_equal(images, corner.reshape(16, -1))


def test_images_that_are_taken_as_they_are_lose_their_end():
    job = lean("herding", (100,))
    images, shape = crop(job)
    assert shape == (64,)
    np.testing.assert_array_equal(images, job.images[:16, :64])


@pytest.mark.parametrize(("name", "pick"), [("herding", "herding"), ("lean", "medoid"), ("lean", "herding")])
def test_jobs_of_a_lean_sampler_pick_as_the_job_does(name, pick):
    job = lean(name, (32, 32, 3), pick=pick, grey=True, side=8)
    jobs = list_jobs(job, 3)
    for number, small in enumerate(jobs):
        assert isinstance(small.settings, LeanSettings)
        assert (small.settings.pick, small.settings.grey) == (Pick.parse(pick), True)
        assert (small.settings.seed, small.settings.count) == (3 + number, 16)
        assert small.images.shape == (16, small.settings.pixels)
        assert small.config.method == name
    fitting, random, other = jobs
    assert fitting.config == random.config != other.config
    assert (fitting.images != random.images).any()
    assert (fitting.settings.side, other.settings.side) == (8, 4)


def test_jobs_of_the_published_method_search_in_three_ways():
    config = PRESETS["tiny"]
    assert isinstance(config, Config)
    images = RNG.integers(0, 256, (20, 64), np.uint8)
    jobs = list_jobs(Workload(config, Settings.make(config, 16, 64, perplexity=5), images), 1)
    searches = [small.settings.search for small in jobs if isinstance(small.settings, Settings)]
    assert searches == [Search.DE_RAND1, Search.WINDOW, Search.SECTION]


def test_jobs_of_the_published_method_reduce_and_pick_as_the_job_does():
    config = load_published("tiny", ["images=32", "pixels=192", "side=8", "picks=1"])
    settings = Settings.make(config, 20, (3, 32, 40), pick="hub", planes=True, perplexity=5)
    images = RNG.integers(0, 256, (20, 3840), np.uint8)
    jobs = list_jobs(Workload(config, settings, images), 1)
    for small, side in zip(jobs, (8, 8, 4), strict=True):
        assert (small.settings.side, small.settings.pick, small.settings.planes) == (side, Pick.HUB, True)
        assert (small.settings.height, small.settings.width) == (16, 16)
        assert small.images.shape == (16, 768)
    assert count_work(settings, 60) == {
        "byte": (Phase.LOAD, 20 * 3840),
        "distance_element": (Phase.DISTANCE, 190 * 192),
        "exp": (Phase.SEARCH, 60 * 19),
        "gradient_pair": (Phase.EMBED, 300 * 380),
    }
    assert list_growing(settings) == [Phase.LOAD]


def test_sizes_shrink_and_never_grow():
    small = shrink(load("lean", ["images=8", "map_lanes=1", "grid_lanes=1"]), {"map_lanes": 4, "images": 32})
    assert isinstance(small, LeanConfig)
    assert (small.images, small.map_lanes, small.grid_lanes) == (8, 1, 1)


def test_work_is_that_of_the_phases_of_the_job():
    herding = lean("herding", (32, 32, 3), ratio=0.25).settings
    assert count_work(herding, 0) == {
        "byte": (Phase.LOAD, 20 * 3072),
        "distance_element": (Phase.DISTANCE, 190 * 192),
        "herding_step": (Phase.PICK, 5 * 20),
    }
    mapped = lean("lean", (100,), pick="hub", iterations=7, perplexity=5).settings
    assert count_work(mapped, 60) == {
        "byte": (Phase.LOAD, 0),
        "distance_element": (Phase.DISTANCE, 190 * 100),
        "exp": (Phase.SEARCH, 60 * 19),
        "gradient_pair": (Phase.EMBED, 7 * 380),
    }
    assert [list_growing(settings) for settings in (herding, mapped)] == [
        [Phase.LOAD],
        [Phase.LOAD, Phase.DISTANCE],
    ]
