# SPDX-License-Identifier: Apache-2.0
"""The sampler in C, the software beside the hardware, gives what the bit-true model gives."""

import ctypes
import re
import subprocess

import numpy as np
import pytest
from mpmath import floor, log, mp, mpf

from nms import datasets
from nms.contract.config import load
from nms.contract.settings import LeanSettings
from nms.contract.tables import LeanTables
from nms.golden import sampler as golden
from tests.conftest import ROOT

SOFTWARE, DRIVER = ROOT / "examples" / "software", ROOT / "examples" / "c"

SHIM = """
#include "software.h"
void shim(const uint8_t *images, const uint32_t *given, double perplexity, const uint32_t *numbers,
          void *scratch, uint32_t *kept, struct nms_point *points, struct nms_row *rows)
{
    struct nms_job job = {.image_base = (uintptr_t)images, .count = given[0], .keep = given[1],
        .pixels = given[2], .image_stride = given[2], .height = given[3], .width = given[4],
        .channels = given[5], .side = given[6], .planes = given[7], .grey = given[8], .pick = given[9],
        .iterations = given[10], .evaluations = given[11], .seed = given[12], .perplexity = perplexity};
    sample(&job, find_target(&job), numbers, scratch, &(struct outcome){kept, points, rows});
}
"""
GIVEN = (
    "count", "keep", "pixels", "height", "width", "channels", "side", "planes", "grey", "pick",
    "iterations", "evaluations", "seed",
)  # fmt: skip
ROW = np.dtype(
    [("mantissa", "<u8"), ("exponent", "i1"), ("scale", "u1"), ("status", "u1"), ("evaluations", "u1"),
     ("reserved", "<u4")]
)  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The software for this machine."""
    folder = tmp_path_factory.mktemp("software")
    (folder / "shim.c").write_text(SHIM)
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
    words = ["-O1", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover=undefined"]
    files = ["shim.c", *SOFTWARE.glob("*.c"), "-lm", "-o", "software.so"]
    command = ["gcc", *warnings, *words, f"-I{SOFTWARE}", f"-I{DRIVER}", *files]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "software.so"))


def sample(
    library: ctypes.CDLL, images: np.ndarray, settings: LeanSettings, numbers: np.ndarray, perplexity: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places that the C code keeps, its map and its rows."""
    given = np.array([getattr(settings, name) for name in GIVEN], np.uint32)
    count, kept = settings.count, np.zeros(settings.keep, np.uint32)
    points, rows = np.zeros((count, 2), np.int32), np.zeros(count, ROW)
    scratch = np.zeros(count * (settings.reduced + 8 * count + 20) // 8 + 1, np.uint64)

    def point(array: np.ndarray) -> ctypes.c_void_p:
        return array.ctypes.data_as(ctypes.c_void_p)

    pool = np.ascontiguousarray(images)
    after = [point(array) for array in (numbers.astype(np.uint32), scratch, kept, points, rows)]
    library.shim(point(pool), point(given), ctypes.c_double(perplexity), *after)
    return kept, points, rows


@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ((192,), {"side": 0}),
        ((8, 8, 1), {}),
        ((32, 32, 3), {}),
        ((3, 32, 32), {"planes": True}),
        ((13, 21, 3), {"grey": True}),
        ((5, 30, 3), {"side": 4}),
    ],
)
def test_herding_keeps_what_the_model_keeps(
    library: ctypes.CDLL, shape: tuple[int, ...], more: dict[str, object]
):
    config, rng = load("herding"), np.random.default_rng(7)
    for count in (4, 15, 33):
        pool = rng.integers(0, 256, (2 * count, int(np.prod(shape))), np.uint8)
        numbers = rng.permutation(2 * count)[:count]
        settings = LeanSettings.make(config, count, shape, **more)  # type: ignore[arg-type]
        wanted = golden.run(config, settings, pool[numbers]).kept
        assert sample(library, pool, settings, numbers, 0.0)[0].tolist() == wanted.tolist()


def make_pools(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Images of every kind: real ones, noise, equal ones, two groups, one far away."""
    digits = datasets.load("digits", 500).images
    noise = rng.integers(0, 256, (count, 64), np.uint8)
    repeated = noise[rng.integers(0, max(2, count // 4), count)]
    groups = np.where(rng.integers(0, 2, (count, 1)) == 1, 250, 3).astype(np.uint8) + noise % 5
    far = noise // 64
    far[0] = 255
    return [digits[rng.permutation(500)[:count]], noise, repeated, groups.astype(np.uint8), far]


@pytest.mark.parametrize("pick", ["centre", "medoid", "hub", "neighbour"])
def test_the_lean_sampler_gives_what_the_model_gives(library: ctypes.CDLL, pick: str):
    config, rng = load("lean"), np.random.default_rng(11)
    compared = 0
    statuses: set[int] = set()
    for count, perplexity, iterations in (
        (4, 1.5, 48),
        (5, 2.0, 3),
        (17, 2.0054, 100),
        (40, 37.9, 0),
        (64, 15.0, 48),
    ):
        for pool in make_pools(rng, count):
            settings = LeanSettings.make(
                config, count, (8, 8, 1), perplexity=perplexity, iterations=iterations, pick=pick,
                seed=int(rng.integers(1 << 32)), ratio=float(rng.uniform(0.1, 0.9)),
                evaluations=int(rng.integers(1, 16)),
            )  # fmt: skip
            wanted = golden.run(config, settings, pool)
            assert isinstance(wanted, LeanTables)
            kept, points, rows = sample(library, pool, settings, np.arange(count), perplexity)
            assert kept.tolist() == wanted.kept.tolist()
            assert np.array_equal(points, wanted.embedding)
            for name in ("mantissa", "exponent", "scale", "status", "evaluations"):
                assert rows[name].tolist() == getattr(wanted, name).tolist(), name
            statuses |= set(wanted.status.tolist())
            compared += settings.keep + 7 * count
    assert compared > 4000
    assert statuses == {0, 1, 2, 3}


def test_tables_are_those_of_their_formulas():
    text = (SOFTWARE / "tables.h").read_text()
    found = {
        name: list(map(int, body.split(",")[:-1]))
        for name, body in re.findall(r"(\w+)\[\d+\] = {([^}]*)}", text)
    }
    half = mpf(1) / 2
    with mp.workdps(40):
        wanted = {
            "MANTISSA": [2 ** (mpf(k) / 256) * 256 for k in range(256)],
            "WEIGHT": [2 ** (-mpf(k) / 64) * 256 for k in range(64)],
            "LOG": [log(1 + (k + half) / 128, 2) * 256 for k in range(128)],
            "KERNEL": [2**15 / (128 + k + half) for k in range(128)],
        }
        rounded = {name: [int(floor(value + half)) for value in values] for name, values in wanted.items()}
    assert found == rounded
