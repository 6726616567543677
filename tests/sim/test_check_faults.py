# SPDX-License-Identifier: Apache-2.0
"""The regressions on a given Verilog file: the generated one passes, and each of six faults in it fails."""

from functools import cache
from pathlib import Path

import pytest

from nms.contract.config import PRESETS
from nms.contract.errors import UserError
from nms.rtl.export import emit
from nms.rtl.export.naming import Names, apply_names
from nms.sim.check import check
from nms.sim.verilator.faults import Fault, inject

TINY = PRESETS["tiny"]

FAULTS = [
    ("newton", "newton_23", Fault.CONSTANT, 1),
    pytest.param("cordic", "cordic_decay_20", Fault.HANDSHAKE, 1, marks=pytest.mark.slow),
    ("grid", "grid", Fault.OFF_BY_ONE, 1),
    ("prng", "seeds", Fault.STUCK, 1),
    pytest.param("fitness", "fitness", Fault.ADDER, 1, marks=pytest.mark.slow),
    pytest.param("affinity", "affinity", Fault.SWAPPED, 1, marks=pytest.mark.slow),
]
"""Unit, start of the module's name, fault, and the seed that chooses its place."""

WHOLE = [("sampler", "sampler", Fault.SWAPPED, 1), ("axi", "dma_write", Fault.ADDER, 1)]
"""The same of what takes long."""

NAMES = Names("own_", "whole")
"""How the modules of the files are called."""


@cache
def text() -> str:
    """The sampler as it is emitted."""
    return emit.system_verilog(TINY)


def find_module(start: str) -> str:
    """The first module whose name starts so."""
    lines = text().splitlines()
    return next(line.split("(")[0].split()[1] for line in lines if line.startswith(f"module {start}"))


@pytest.mark.parametrize(
    "unit",
    [
        *("grid", "prng"),
        *(pytest.param(unit, marks=pytest.mark.slow) for unit in ("newton", "cordic", "fitness", "affinity")),
        *(pytest.param(unit, marks=pytest.mark.slow) for unit, *_ in WHOLE),
    ],
)
def test_the_generated_file_passes(unit: str, tmp_path: Path) -> None:
    path = tmp_path / "sampler.v"
    path.write_text(apply_names(text(), NAMES))
    (result,) = check(TINY, [unit], verilog=path)
    assert result, result.failures
    assert result.compared > 100


@pytest.mark.parametrize(
    ("unit", "module", "fault", "seed"),
    [*FAULTS, *(pytest.param(*fault, marks=pytest.mark.slow) for fault in WHOLE)],
)
def test_a_fault_in_the_file_fails(unit: str, module: str, fault: Fault, seed: int, tmp_path: Path) -> None:
    changed, description = inject(text(), find_module(module), fault, seed)
    path = tmp_path / "sampler.v"
    path.write_text(apply_names(changed, NAMES))
    (result,) = check(TINY, [unit], verilog=path)
    assert not result, description


def test_a_file_without_the_module_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.v"
    path.write_text("module other();\nendmodule\n")
    with pytest.raises(UserError, match="has no module 'grid'"):
        check(TINY, ["grid"], verilog=path)
