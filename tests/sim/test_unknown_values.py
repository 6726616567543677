# SPDX-License-Identifier: Apache-2.0
"""Registers and memories that begin unknown or with random contents: every table is right all the same.

Reset alone gives values; the texts have no initial ones.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nms.contract.config import PRESETS, Config, ReducedConfig, SamplerConfig
from nms.contract.settings import LeanSettings, Settings
from nms.golden import sampler as golden
from nms.rtl.export import emit
from nms.sim import icarus, sampler
from nms.sim.compare import compare
from nms.sim.verilator.runner import Outcome, simulate

HELD = re.compile(r"^  reg (?:\[(\d+):0\] )?(\S+) +\[(\d+):0\];$", re.MULTILINE)
"""A memory: its highest bit, name and highest address."""

COUNT = 7
"""Images of a batch: no multiple of lanes."""

PRESETS_OF_METHODS = ["herding", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tiny", "lean"))]


def make(config: SamplerConfig) -> Settings | LeanSettings:
    """Settings of a small job."""
    small: dict[str, Any] = {"perplexity": 2.5, "iterations": 3}
    if isinstance(config, Config):
        return Settings.make(config, COUNT, 21, search="window", **small)
    assert isinstance(config, ReducedConfig)
    pick = "medoid" if config.method == "lean" else "herding"
    return LeanSettings.make(config, COUNT, (5, 7, 3), side=4, pick=pick, **small)


def fill_memories(verilog: str) -> str:
    """The text with memories whose words are drawn one by one; Verilator itself draws one for all."""

    def fill(found: re.Match[str]) -> str:
        bits, name, last = int(found[1] or 0) + 1, found[2], found[3]
        drawn = ", ".join(["$urandom"] * -(-bits // 32))
        k = f"fill_{found.start()}"
        loop = f"for ({k} = 0; {k} <= {last}; {k} = {k} + 1)"
        return f"{found[0]}\n  integer {k};\n  initial {loop} {name} [{k}] = {{{drawn}}};"

    return HELD.sub(fill, verilog)


def check(preset: str, simulator: Callable[..., Outcome], folder: Path, filled: bool = False) -> None:
    """A job of two batches without initial values: results and tables are the model's.

    Assertions are left out: those on data see what was there before any came.
    """
    config = PRESETS[preset]
    settings = make(config)
    path = folder / "sampler.v"
    text = emit.system_verilog(config)
    assert f"`ifdef {emit.GUARD}\n" in text
    text = icarus.drop_initial_values(text).replace(f"`ifdef {emit.GUARD}\n", "`ifdef NEVER\n")
    path.write_text(fill_memories(text) if filled else text)
    images = np.random.default_rng(5).integers(0, 256, (2, COUNT, settings.pixels), np.uint8)
    found = sampler.run(config, settings, images, verilog=path, bus="axi", simulator=simulator)
    models = [golden.run(config, settings, batch) for batch in images]
    tables = compare(found.tables, models[-1])
    for written, model in zip(found.written, models, strict=True):
        np.testing.assert_array_equal(written.kept, model.kept)
    assert [table for table in tables if table.mismatches] == []
    assert sum(table.compared for table in tables) > COUNT**2


@pytest.mark.skipif(not icarus.is_there(), reason="Icarus Verilog is not installed")
@pytest.mark.parametrize("preset", PRESETS_OF_METHODS)
def test_unknown(preset: str, tmp_path: Path) -> None:
    check(preset, icarus.simulate, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["herding", "tiny", "lean"])
@pytest.mark.parametrize("seed", [3, 4])
def test_random(preset: str, seed: int, tmp_path: Path) -> None:
    check(preset, lambda **given: simulate(**given | {"fast": False, "seed": seed}), tmp_path, True)
