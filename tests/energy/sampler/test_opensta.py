# SPDX-License-Identifier: Apache-2.0
"""Switching power and leakage of a mapped block beside OpenSTA's, net by net, under the same activity."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from nms.contract.config import load
from nms.energy.sampler import netlists, opensta
from nms.energy.sampler.netlist_energy import NetlistEnergy, OperatingPoint
from nms.energy.sampler.power_library import PowerLibrary
from nms.rtl.export.emit import Design
from nms.rtl.sampler import Sampler
from nms.synth import targets, timing

pytestmark = pytest.mark.slow

PERIOD = 10e-9

BLOCK = "affinity"


@pytest.fixture(scope="module")
def library() -> PowerLibrary:
    if shutil.which(timing.PROGRAM) is None:
        pytest.skip("needs OpenSTA (Debian's opensta)")
    if not targets.OSU018.is_file():
        pytest.skip("needs the cells of Debian's qflow-tech-osu018")
    return PowerLibrary([targets.OSU018])


def test_switching_and_leakage_agree(library: PowerLibrary, tmp_path: Path) -> None:
    """5,000 cells, a rate of its own for every net: the sum within 2 %, and every net within 0.1 %."""
    design = Design(Sampler(load("tiny")))
    module = netlists.map_blocks(design, [targets.OSU018], print, [BLOCK]).modules[BLOCK]
    found = opensta.report_power(module, library, PERIOD, tmp_path)
    bits = sorted({bit for cell in found for bit in cell.drives})
    rates = dict(zip(bits, np.random.default_rng(1).random(len(bits)), strict=True))
    ours = NetlistEnergy(module, bits, library, OperatingPoint(0.0, library.voltage, 1 / PERIOD))
    theirs = np.array([cell.switching for cell in found])
    single = dict(zip(bits, 0.5 * library.voltage**2 * ours.capacitance / PERIOD, strict=True))
    mine = np.array([sum(single[bit] for bit in cell.drives) for cell in found])
    assert len(found) > 1000
    assert theirs.sum() > 1e-4
    np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-12)
    total = sum(rates[cell.drives[0]] * cell.switching for cell in found if len(cell.drives) == 1)
    counted = [bit for cell in found if len(cell.drives) == 1 for bit in cell.drives]
    toggles = np.array([rates[bit] if bit in set(counted) else 0.0 for bit in bits])
    assert ours.switching(toggles) / PERIOD == pytest.approx(total, rel=0.02)
    assert ours.leakage == pytest.approx(sum(cell.leakage for cell in found), rel=0.02)
