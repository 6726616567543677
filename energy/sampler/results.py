# SPDX-License-Identifier: Apache-2.0
"""Collect the contents of ``energy.json``: energies of a run, per operation, and at other nodes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nms.contract import output
from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.contract.settings import LeanSettings, Pick, Settings
from nms.energy.sampler import plot, technology
from nms.energy.sampler.calibration import Calibration
from nms.energy.sampler.estimate import EnergyEstimate
from nms.energy.sampler.netlist_energy import OperatingPoint
from nms.energy.sampler.parts import SAMPLER_PARTS
from nms.sim.activity.intervals import LENGTH, TOLERANCE, Activity

FILE = "energy.json"
FILES = (FILE, plot.FILE)
"""The record, and the files written."""

OPERATIONS = {"byte": 1, "distance_element": 3, "herding_step": 3, "exp": 5, "gradient_pair": 18}
"""Arithmetic operations of each unit of work.

Byte that is reduced: add. Distance element: subtract, square, add. Herding step: N D, subtract, compare.
Weight of the search: beta d, 2^-z, add to S, z w, add to T. Gradient pair: 2 differences, 2 squares, 2 sums,
reciprocal, add to Z, P' w, w^2, 4 products with the differences, 4 sums of forces.
"""


def count_work(settings: Settings | LeanSettings, trials: int) -> dict[str, tuple[Phase, int]]:
    """Units of work of a run (:data:`OPERATIONS`), each with the phase that does it.

    Bytes are those of images that are reduced, distance elements those of i < j and the bytes compared. A
    herding step is one image in one pick, a weight one candidate's in one of the search's ``trials``.
    """
    n = settings.count
    pairs = n * (n - 1)
    found: dict[str, tuple[Phase, int]] = {}
    if settings.side or isinstance(settings, LeanSettings):
        found["byte"] = (Phase.LOAD, n * settings.pixels if settings.side else 0)
    found["distance_element"] = (Phase.DISTANCE, pairs // 2 * settings.reduced)
    if settings.pick == Pick.HERDING:
        return found | {"herding_step": (Phase.PICK, settings.keep * n)}
    return found | {
        "exp": (Phase.SEARCH, trials * (n - 1)),
        "gradient_pair": (Phase.EMBED, settings.iterations * pairs),
    }


def list_growing(settings: Settings | LeanSettings) -> list[Phase]:
    """The phases whose work grows in proportion to the bytes of an image."""
    if settings.side:
        return [Phase.LOAD]
    kept = [Phase.EMIT] if isinstance(settings, Settings) else []
    return [Phase.LOAD, Phase.DISTANCE, *kept]


def collect(
    estimate: EnergyEstimate,
    activity: Activity,
    calibration: Calibration,
    settings: Settings | LeanSettings,
    point: OperatingPoint,
    library: dict[str, Any],
    beside: dict[str, Any] | None,
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """The contents of ``energy.json``; energies in joules unless a name says otherwise.

    ``library``: name, files, node and nominal voltage; ``beside``: the ``energy.json`` of the same job on
    another library; ``provenance``: what the file begins with.
    """
    done = count_work(settings, activity.trials)
    cycles = sum(estimate.lengths.values())
    seconds = cycles / point.frequency
    total = estimate.total
    operations = sum(OPERATIONS[name] * number for name, (_, number) in done.items())
    share = calibration.coverage
    return {
        **provenance,
        "pixels": settings.pixels,
        **settings.describe(),
        "library": library,
        "voltage_V": point.voltage,
        "frequency_Hz": point.frequency,
        "wire_F_per_input": point.wire,
        "cycles": {phase.name.lower(): length for phase, length in estimate.lengths.items()},
        "intervals": {
            phase.name.lower(): {
                "count": len(activity.intervals(phase)),
                "cycles": int(activity.recording.cycles[activity.intervals(phase)].sum()),
                "toggles_per_cycle": activity.means[phase].value,
                "toggles_relative_error": activity.means[phase].relative,
                "energy_relative_error": estimate.errors[phase].relative,
            }
            for phase in estimate.lengths
        },
        "interval_cycles": LENGTH,
        "tolerance": TOLERANCE,
        "blocks": {
            block.module: {
                "instances": block.instances,
                "flip_flops": block.flip_flops,
                "gated_flip_flops": block.gated_flip_flops,
                "clock_gates": block.clock_gates,
                "phases": {
                    phase.name.lower(): dict(
                        zip(SAMPLER_PARTS, map(float, block.energy[number]), strict=True)
                    )
                    for number, phase in enumerate(estimate.lengths)
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
            "growing": [phase.name.lower() for phase in list_growing(settings)],
            "phases": {phase.name.lower(): estimate.phase(phase) for phase in estimate.lengths},
            "parts": dict(zip(SAMPLER_PARTS, map(float, estimate.table.sum(axis=(0, 1))), strict=True)),
            "at_rest": {
                phase.name.lower(): dict(zip(("clock", "memory"), map(float, joules), strict=True))
                for phase, joules in zip(estimate.lengths, estimate.at_rest, strict=True)
            },
        },
        "per_operation": {
            name: estimate.phase(phase) / number if number else None for name, (phase, number) in done.items()
        },
        "coverage": {
            "capacitance_annotated": share,
            "least": min(share.values()),
            "registers_compared": calibration.compared,
        },
        "fit": {
            unseen: {module: asdict(judged) for module, judged in found.items()}
            for unseen, found in calibration.judgements.items()
        },
        "scaled_28nm": _scale_to_28nm(total / settings.count, library, point, beside),
    }


def _scale_to_28nm(
    joules: float, library: dict[str, Any], point: OperatingPoint, beside: dict[str, Any] | None
) -> dict[str, Any]:
    """Joules per image at 28 nm and 0.9 V by published factors; with ``beside``, from both libraries."""
    alone = joules * technology.scale_factor(library["node_nm"], point.voltage, 28, 0.9)
    found: dict[str, Any] = {"voltage_V": 0.9, "joule_per_image": alone, "from_nm": library["node_nm"]}
    if beside is not None:
        ends = sorted(
            [
                (library["node_nm"], point.voltage, joules),
                (
                    beside["library"]["node_nm"],
                    beside["voltage_V"],
                    beside["sampler"]["joule_per_image"],
                ),
            ],
            reverse=True,
        )
        both = technology.bracket(ends[0], ends[1])
        found |= {
            "scaled_from_both": [both.low, both.high],
            "bracket": list(both.ends),
            "beside": beside["library"]["name"],
        }
    return found


def load_other(path: Path | None, settings: Settings | LeanSettings, digest: str) -> dict[str, Any] | None:
    """Load the ``energy.json`` of the same job on another library; ``None`` without a path.

    Raises
    ------
    UserError
        It cannot be read, or belongs to another configuration or other settings.
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
        raise UserError(
            f"--beside {str(path)!r}: must be an energy.json that `nms energy sampler` wrote ({error})"
        ) from None
    if not same:
        raise UserError(
            f"--beside {str(path)!r}: is of another configuration or other settings; must be of the same job"
        )
    return found


def save(directory: Path, figures: dict[str, Any]) -> list[Path]:
    """Write ``energy.json`` and the plot into a directory, whole or not at all; return what was written."""

    def write(staging: Path) -> None:
        (staging / FILE).write_text(json.dumps(figures, indent=1) + "\n")
        plot.draw(figures, staging / plot.FILE)

    return output.publish(directory, write)
