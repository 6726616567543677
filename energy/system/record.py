# SPDX-License-Identifier: Apache-2.0
"""``nms energy --system``: the figures, as one record."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from nms.contract import output, provenance
from nms.contract.errors import UserError
from nms.energy.system import comparison, run_traffic, sensitivity
from nms.energy.system.accounting import Sampler, Training
from nms.energy.system.dram import Memory
from nms.energy.system.parameters import Parameters, Workload

FILE = "energy-system.json"


@dataclass(frozen=True)
class Job:
    """A data set that is trained on; ``activation_bytes``: saved for an image, ``None`` if unknown."""

    name: str
    training: Training
    activation_bytes: float | None


def workload(parameters: Parameters, name: str, training: Training) -> Job:
    """The training of a workload of the table; ``training`` has what is the same for all."""
    found: Workload = getattr(parameters, name)
    sized = replace(training, images=int(found.images.value), image_bytes=int(found.image_bytes.value))
    return Job(name, sized, found.activation_bytes.value)


@dataclass(frozen=True)
class Source:
    """What is known of a sampler: what was counted in a run, and its own energy for an image of that run."""

    run: run_traffic.Counted
    own: run_traffic.Own | float | None

    def bounds(self, image_bytes: int) -> tuple[float, float] | None:
        """Least and most own energy for an image of ``image_bytes``, in joule; ``None`` if unknown.

        With the phases of the run's ``energy.json`` both are :meth:`nms.energy.system.run_traffic.Own.sized`.
        A figure that is given alone may grow with the image or not: it lies between that and the
        ratio of the bytes.
        """
        ratio = image_bytes / self.run.pixels
        if self.own is None:
            return None
        if isinstance(self.own, run_traffic.Own):
            return (self.own.sized(ratio),) * 2
        return min(self.own, ratio * self.own), max(self.own, ratio * self.own)

    def sampler(self, image_bytes: int) -> Sampler:
        """For images of that size, with the most that it may need."""
        run, limits = self.run, self.bounds(image_bytes)
        most = limits[1] if limits else None
        return Sampler(f"NMS, {run.search}", run.sweeps, run.written, run.count, most)


def sources(directories: Sequence[Path], energies: Sequence[str]) -> list[Source]:
    """One a run, by what was counted in it and the energy that is given for it.

    ``energies``: joule for an image, ``METHOD=J`` or, for all runs, ``J``; else the run's ``energy.json``.

    Raises
    ------
    UserError
        A run cannot be used, two have one search, an energy is no number or of no run.
    """
    runs = [run_traffic.read(directory) for directory in directories]
    methods = [run.search for run in runs]
    for method in methods:
        if methods.count(method) > 1:
            raise UserError(f"--run: two runs searched by {method}; give one for each search")
    given = _given(energies, methods)
    return [
        Source(run, given[run.search] if run.search in given else run_traffic.own_energy(directory, run))
        for directory, run in zip(directories, runs, strict=True)
    ]


def _given(energies: Sequence[str], methods: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in energies:
        method, equals, number = text.rpartition("=")
        if equals and method not in methods:
            known = ", ".join(methods)
            raise UserError(f"--sampler-energy {text!r}: no run searched by {method!r}; runs: {known}")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UserError(f"--sampler-energy {text!r}: must be [METHOD=]JOULE_PER_IMAGE, 0 or more")
        found |= dict.fromkeys([method] if equals else methods, value)
    return found


def counted_ratio(runs: Sequence[run_traffic.Counted]) -> float:
    """The fraction that left the package in all runs; :class:`UserError` if they differ."""
    ratios = {run.ratio for run in runs}
    if len(ratios) > 1:
        text = ", ".join(f"{run.search} {run.ratio:.4g}" for run in runs)
        raise UserError(f"--run: the runs kept different fractions ({text}); give --ratio")
    return ratios.pop()


def record(
    parameters: Parameters,
    jobs: Sequence[Job],
    found: Sequence[Source],
    link: str,
    bits: int,
    command: list[str],
) -> dict[str, Any]:
    """Everything that the command computes; energies in joule, sizes in bytes."""
    memory = Memory(parameters, link)
    runs = [source.run for source in found]
    return {
        "command": " ".join(["nms", *command]),
        "versions": provenance.versions() | {"energydram": metadata.version("energydram")},
        "units": {"energy": "J", "size": "byte"},
        "link": link,
        "parameters": parameters.model_dump(),
        "runs": [
            run.model_dump()
            | {"sweeps": run.sweeps, "ratio": run.ratio, "written": run.written}
            | {"seconds_each": seconds, "standby_each": memory.standby(seconds)}
            for run in runs
            for seconds in [run.cycles_each / (parameters.sampler.clock.value * 1e6)]
        ],
        "per_bit": {
            way: asdict(energy) | {"total": energy.total}
            for way, energy in comparison.parts_per_bit(
                memory, jobs[0].training.image_bytes, runs[0].count
            ).items()
        },
        "workloads": {job.name: _workload(memory, job, found, link, bits) for job in jobs},
        "published": [
            asdict(line) for line in comparison.published(memory, int(parameters.cifar10.image_bytes.value))
        ],
    }


def _workload(
    memory: Memory,
    job: Job,
    found: Sequence[Source],
    link: str,
    bits: int,
) -> dict[str, Any]:
    training = job.training
    between = [source.bounds(training.image_bytes) for source in found]
    sized = [source.sampler(training.image_bytes) for source in found]
    distinct = _distinct(sized)
    rows = comparison.rows(memory, training, sized)
    points = comparison.break_even(memory, training, sized)
    kept_in = dict.fromkeys((int(memory.parameters.training.activation_bits.value), bits))
    saved = job.activation_bytes
    return {
        "training": asdict(training),
        "fits": all(training.image_bytes <= source.run.configuration.pixels for source in found),
        "systems": [
            {
                "name": row.moved.name,
                "bytes": {
                    "board_read": row.moved.board_read,
                    "board_written": row.moved.board_written,
                    "package_read": row.moved.package_read,
                    "package_written": row.moved.package_written,
                },
                "board": asdict(row.board) | {"total": row.board.total},
                "package": asdict(row.package) | {"total": row.package.total},
                "sampler": row.sampler,
                "total": row.total,
            }
            for row in rows
        ],
        "break_even": [
            {
                "name": point.system,
                "saved_per_epoch": point.saved,
                "moved": point.moved,
                "budget": point.budget,
                "own": limit,
                "epochs_of_moved": point.epochs(0.0),
                "epochs": [point.epochs(own) for own in limit] if limit else None,
                "net": None if row.sampler is None else rows[0].total - row.total,
                "net_without_sampler": rows[0].total - row.memory.total,
            }
            for point, limit, row in zip(
                points, between, (row for row in rows if row.moved.sampler), strict=True
            )
        ],
        "activations": [
            asdict(line)
            | {"share_bytes": line.share_bytes, "share_energy": line.share_energy}
            | {
                "training": {
                    row.moved.name: row.total
                    + line.activation_energy * training.images * training.epochs * fraction
                    for row, fraction in [(rows[0], 1.0)]
                    + [(row, training.ratio) for row in rows if row.moved.sampler]
                }
            }
            for line in (
                [comparison.activations(memory, training.image_bytes, saved, kept) for kept in kept_in]
                if saved is not None
                else []
            )
        ],
        "sensitivity": {
            "one_by_one": {
                case.name: [
                    asdict(finding)
                    for finding in sensitivity.findings(case.parameters, link, training, distinct, saved)
                ]
                for case in sensitivity.one_by_one(memory.parameters, link)
            },
            "corners": [
                asdict(verdict)
                for verdict in sensitivity.verdicts(memory.parameters, link, training, distinct, saved)
            ],
        },
    }


def _distinct(found: Sequence[Sampler]) -> list[Sampler]:
    """Samplers that differ in nothing but their names as one."""
    names: dict[Sampler, list[str]] = {}
    for one in found:
        names.setdefault(replace(one, name=""), []).append(one.name)
    return [replace(one, name=" and ".join(alike)) for one, alike in names.items()]


def save(directory: Path, figures: dict[str, Any]) -> list[Path]:
    """Write the record as ``energy-system.json``."""
    text = json.dumps(figures, indent=2) + "\n"
    return output.place(directory, lambda staging: (staging / FILE).write_text(text))
