# SPDX-License-Identifier: Apache-2.0
"""Keeps what blocks at gate level were found to spend, beside the simulations: the same job is run once."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.cache import cache_directory
from nms.energy.sampler import gate_reference as found_by
from nms.energy.sampler import gate_sim as evaluate
from nms.energy.sampler import gates, library, netlists
from nms.energy.sampler.fit import Sample
from nms.energy.sampler.gate_reference import Reference
from nms.sim.activity import instrument, windows
from nms.sim.activity import toggles as activity
from nms.synth import mapping

SOURCES = (found_by, activity, instrument, windows, mapping, evaluate, gates, library, netlists)
"""Modules whose text is part of the key."""


def kept(key: Sequence[Any], find: Callable[[], Reference]) -> Reference:
    """What ``find`` returned when it was first called with this key and these sources."""
    texts = [Path(module.__file__ or "").read_text() for module in SOURCES]
    digest = hashlib.sha256(json.dumps([*map(str, key), *texts]).encode()).hexdigest()
    path = cache_directory() / f"reference-{digest[:16]}.npz"
    if not path.exists():
        _write(path, find())
    with np.load(path) as stored:
        about = json.loads(str(stored["about"]))
        samples = {
            block: Sample(stored[f"toggles {block}"], stored[f"energy {block}"], stored["cycles"])
            for block in about["coverage"]
        }
    return Reference(samples, about["coverage"], about["checked"])


def _write(path: Path, found: Reference) -> None:
    """Whole or not at all: another process may read it."""
    about = {"coverage": found.coverage, "checked": found.checked}
    arrays = {f"toggles {block}": sample.toggles for block, sample in found.samples.items()}
    arrays |= {f"energy {block}": sample.energy for block, sample in found.samples.items()}
    cycles = next(iter(found.samples.values())).cycles
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        np.savez_compressed(file, about=np.array(json.dumps(about)), cycles=cycles, **arrays)  # type: ignore[arg-type]  # numpy's stub
    os.replace(file.name, path)
