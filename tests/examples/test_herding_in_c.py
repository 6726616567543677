# SPDX-License-Identifier: Apache-2.0
"""Herding in C, the software beside the sampler, keeps what the bit-true model keeps."""

import ctypes
import subprocess

import numpy as np
import pytest

from nms.contract.config import load
from nms.contract.settings import LeanSettings
from nms.golden import sampler as golden
from tests.conftest import ROOT

LITEX, DRIVER = ROOT / "examples" / "litex", ROOT / "examples" / "c"

SHIM = """
#include "herding.h"
void shim(const uint8_t *images, const uint32_t *given, const uint32_t *numbers, void *scratch,
          uint32_t *kept)
{
    struct nms_job job = {.image_base = (uintptr_t)images, .count = given[0], .keep = given[1],
        .pixels = given[2], .image_stride = given[2], .height = given[3], .width = given[4],
        .channels = given[5], .side = given[6], .planes = given[7], .grey = given[8]};
    herd(&job, numbers, scratch, kept);
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """``herding.c`` for this machine."""
    folder = tmp_path_factory.mktemp("herding")
    (folder / "shim.c").write_text(SHIM)
    flags = [
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-shared",
        "-fPIC",
        f"-I{LITEX}",
        f"-I{DRIVER}",
    ]
    command = ["gcc", *flags]
    subprocess.run([*command, "shim.c", LITEX / "herding.c", "-o", "herding.so"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "herding.so"))


def herd(library: ctypes.CDLL, images: np.ndarray, settings: LeanSettings, numbers: np.ndarray) -> np.ndarray:
    """The places that the C code keeps."""
    names = ("count", "keep", "pixels", "height", "width", "channels", "side", "planes", "grey")
    given = np.array([getattr(settings, name) for name in names], np.uint32)
    count, kept = settings.count, np.zeros(settings.keep, np.uint32)
    scratch = np.zeros(count * (settings.reduced + 4 * count + 20) // 8 + 8, np.uint64)
    arrays = (np.ascontiguousarray(images), given, numbers.astype(np.uint32), scratch, kept)
    library.shim(*(array.ctypes.data_as(ctypes.c_void_p) for array in arrays))
    return kept


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
def test_it_keeps_what_the_model_keeps(library: ctypes.CDLL, shape: tuple[int, ...], more: dict[str, object]):
    config, rng = load("herding"), np.random.default_rng(7)
    for count in (4, 15, 33):
        pool = rng.integers(0, 256, (2 * count, int(np.prod(shape))), np.uint8)
        numbers = rng.permutation(2 * count)[:count]
        settings = LeanSettings.make(config, count, shape, **more)  # type: ignore[arg-type]
        wanted = golden.run(config, settings, pool[numbers]).kept
        assert herd(library, pool, settings, numbers).tolist() == wanted.tolist()
