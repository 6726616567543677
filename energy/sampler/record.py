# SPDX-License-Identifier: Apache-2.0
"""``energy.json``: energies of a run in users' units, per operation, at other nodes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nms.contract import output
from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.contract.settings import Search, Settings
from nms.energy.sampler import PARTS, scaling
from nms.energy.sampler import plot as picture
from nms.energy.sampler.calibration import Fitted
from nms.energy.sampler.estimate import Estimate
from nms.energy.sampler.gates import Options
from nms.sim.activity.windows import LENGTH, PHASES, TOLERANCE, Activity

FILE = "energy.json"

ELEMENT = 3
"""Operations of a distance element: subtract, square, add."""
WEIGHT = 5
"""Operations of a weight: beta d, 2^-z, add to S, z w, add to T."""
PAIR = 18
"""Operations of a gradient pair: 2 differences, 2 squares, 2 sums, reciprocal, add to Z, P' w, w^2, 4
products with the differences, 4 sums of forces."""


def work(settings: Settings, trials: int) -> dict[str, int]:
    """How many distance elements (i < j, pixels), weights of the search and gradient pairs a run has."""
    n = settings.count
    return {
        "distance_element": n * (n - 1) // 2 * settings.pixels,
        "exp": trials * (n - 1),
        "gradient_pair": settings.iterations * n * (n - 1),
    }


def record(
    estimate: Estimate,
    activity: Activity,
    fitted: Fitted,
    settings: Settings,
    options: Options,
    library: dict[str, Any],
    beside: dict[str, Any] | None,
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """The contents of ``energy.json``; joules unless a name says otherwise."""
    done = work(settings, activity.trials)
    cycles = sum(estimate.lengths.values())
    seconds = cycles / options.frequency
    total = estimate.total
    operations = ELEMENT * done["distance_element"] + WEIGHT * done["exp"] + PAIR * done["gradient_pair"]
    share = fitted.coverage
    found: dict[str, Any] = {
        **provenance,
        "search": str(Search(settings.search)),
        "library": library,
        "voltage_V": options.voltage,
        "frequency_Hz": options.frequency,
        "wire_F_per_input": options.wire,
        "cycles": {phase.name.lower(): length for phase, length in estimate.lengths.items()},
        "windows": {
            phase.name.lower(): {
                "count": len(activity.windows(phase)),
                "cycles": int(activity.recording.cycles[activity.windows(phase)].sum()),
                "toggles_per_cycle": activity.means[phase].value,
                "toggles_relative_error": activity.means[phase].relative,
                "energy_relative_error": estimate.errors[phase].relative,
            }
            for phase in PHASES
        },
        "window_cycles": LENGTH,
        "tolerance": TOLERANCE,
        "blocks": {
            block.module: {
                "instances": block.instances,
                "phases": {
                    phase.name.lower(): dict(zip(PARTS, map(float, block.energy[number]), strict=True))
                    for number, phase in enumerate(PHASES)
                },
            }
            for block in estimate.blocks
        },
        "sampler": {
            "joule": total,
            "joule_per_image": total / settings.count,
            "joule_per_kept_image": total / settings.keep,
            "seconds": seconds,
            "watt": total / seconds,
            "energy_delay_joule_second": total * seconds,
            "operations": operations,
            "gops_per_watt": operations / total / 1e9,
            "phases": {phase.name.lower(): estimate.phase(phase) for phase in PHASES},
            "parts": dict(zip(PARTS, map(float, estimate.table.sum(axis=(0, 1))), strict=True)),
            "at_rest": {
                phase.name.lower(): dict(zip(("clock", "memory"), map(float, joules), strict=True))
                for phase, joules in zip(PHASES, estimate.still, strict=True)
            },
        },
        "per_operation": {
            "distance_element": estimate.phase(Phase.DISTANCE) / done["distance_element"],
            "exp": estimate.phase(Phase.SEARCH) / done["exp"],
            "gradient_pair": (
                estimate.phase(Phase.EMBED) / done["gradient_pair"] if done["gradient_pair"] else None
            ),
        },
        "coverage": {
            "capacitance_annotated": share,
            "least": min(share.values()),
            "registers_compared": fitted.checked,
        },
        "fit": {
            unseen: {module: asdict(judged) for module, judged in found.items()}
            for unseen, found in fitted.judgements.items()
        },
        "scaled_28nm": _scaled(total / settings.count, library, options, beside),
    }
    return found


def _scaled(
    joules: float, library: dict[str, Any], options: Options, beside: dict[str, Any] | None
) -> dict[str, Any]:
    """Joules per image at 28 nm and 0.9 V by published factors; with another library's, from both ends."""
    alone = joules * scaling.factor(library["node_nm"], options.voltage, 28, 0.9)
    found: dict[str, Any] = {"voltage_V": 0.9, "joule_per_image": alone, "from_nm": library["node_nm"]}
    if beside is not None:
        ends = sorted(
            [
                (library["node_nm"], options.voltage, joules),
                (
                    beside["library"]["node_nm"],
                    beside["voltage_V"],
                    beside["sampler"]["joule_per_image"],
                ),
            ],
            reverse=True,
        )
        both = scaling.between(ends[0], ends[1])
        found |= {
            "scaled_from_both": [both.low, both.high],
            "bracket": list(both.ends),
            "beside": beside["library"]["name"],
        }
    return found


def other(path: Path | None, settings: Settings, digest: str) -> dict[str, Any] | None:
    """The ``energy.json`` of the same job on another library.

    Raises
    ------
    UserError
        It cannot be read, or is of another configuration or another job.
    """
    if path is None:
        return None
    try:
        found = json.loads((path / FILE if path.is_dir() else path).read_text())
        same = found["digest"] == digest and found["settings"] == asdict(settings)
        (
            float(found["sampler"]["joule_per_image"]),
            int(found["library"]["node_nm"]),
            float(found["voltage_V"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--beside {str(path)!r}: must be an energy.json of nms energy ({error})") from None
    if not same:
        raise UserError(
            f"--beside {str(path)!r}: another configuration or other settings; must be the same job"
        )
    return found


def save(directory: Path, figures: dict[str, Any]) -> list[Path]:
    """Write ``energy.json`` and the picture, whole or not at all."""

    def write(staging: Path) -> None:
        (staging / FILE).write_text(json.dumps(figures, indent=1) + "\n")
        picture.draw(figures, staging / picture.FILE)

    return output.place(directory, write)
