# SPDX-License-Identifier: Apache-2.0
"""Cache energies of blocks at gate level beside the simulations, so that the same job runs once."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.cache import cache_directory, store
from nms.energy.sampler import (
    gate_reference,
    gate_sim,
    netlist_energy,
    netlists,
    power_cells,
    power_library,
    power_rails,
    power_reader,
)  # fmt: skip
from nms.energy.sampler.fit import BlockSample
from nms.energy.sampler.gate_reference import GateReference
from nms.sim.activity import instrument, intervals, toggles
from nms.synth import (
    clock_gates,
    liberty_cells,
    liberty_file,
    liberty_plain,
    liberty_tables,
    liberty_units,
    mapping,
)

SOURCES = (
    clock_gates, gate_reference, gate_sim, instrument, liberty_cells, liberty_file, liberty_plain,
    liberty_tables, liberty_units, mapping, netlist_energy, netlists, power_cells, power_library, power_rails,
    power_reader, toggles, intervals,
)  # fmt: skip
"""Modules whose source is part of the key: an energy is measured again if one of them changes."""


def load_or_run(key: Sequence[Any], run: Callable[[], GateReference]) -> GateReference:
    """Load what ``run`` returned for this key and these :data:`SOURCES`, or call it and store its result."""
    texts = [Path(module.__file__ or "").read_text() for module in SOURCES]
    digest = hashlib.sha256(json.dumps([*map(str, key), *texts]).encode()).hexdigest()
    path = cache_directory() / f"reference-{digest[:16]}.npz"
    if not path.exists():
        _store(path, run())
    with np.load(path) as stored:
        about = json.loads(str(stored["about"]))
        samples = {
            block: BlockSample(stored[f"toggles {block}"], stored[f"energy {block}"], stored["cycles"])
            for block in about["coverage"]
        }
    return GateReference(samples, about["coverage"], about["compared"])


def _store(path: Path, reference: GateReference) -> None:
    about = {"coverage": reference.coverage, "compared": reference.compared}
    arrays = {f"toggles {block}": sample.toggles for block, sample in reference.samples.items()}
    arrays |= {f"energy {block}": sample.energy for block, sample in reference.samples.items()}
    cycles = next(iter(reference.samples.values())).cycles
    arrays |= {"about": np.array(json.dumps(about)), "cycles": cycles}
    store(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]  # numpy's stub
