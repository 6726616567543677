# SPDX-License-Identifier: Apache-2.0
"""Collect everything that ``nms energy system`` computes, and write it as ``energy-system.json``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from nms.contract import output, provenance
from nms.contract.errors import UserError
from nms.energy.system import comparison, run_traffic, sensitivity
from nms.energy.system.dram import DramSystem
from nms.energy.system.parameters import Parameters, Workload
from nms.energy.system.training_traffic import SamplerProfile, Training

FILE = "energy-system.json"
"""Name of the written file."""


@dataclass(frozen=True)
class TrainingJob:
    """A data set to train on; ``activation_bytes``: saved for each image, ``None`` if unknown."""

    name: str
    training: Training
    activation_bytes: float | None


def make_job(parameters: Parameters, name: str, training: Training) -> TrainingJob:
    """The job of a workload of the table: ``training`` with that workload's images."""
    found: Workload = getattr(parameters, name)
    sized = replace(training, images=int(found.images.value), image_bytes=int(found.image_bytes.value))
    return TrainingJob(name, sized, found.activation_bytes.value)


@dataclass(frozen=True)
class MeasuredSampler:
    """A sampler: what was counted in a run, and its own energy for an image of that run, in joules."""

    run: run_traffic.RunTraffic
    own: run_traffic.OwnEnergy | float | None

    def bounds(self, image_bytes: int) -> tuple[float, float] | None:
        """Least and most own energy for an image of ``image_bytes``, in joules; ``None`` if unknown.

        With the phases of the run's ``energy.json`` both are
        :meth:`nms.energy.system.run_traffic.OwnEnergy.scale_to`. A single figure may grow with the image or
        not: the bounds are that figure, and the figure times the ratio of the bytes.
        """
        ratio = image_bytes / self.run.pixels
        if self.own is None:
            return None
        if isinstance(self.own, run_traffic.OwnEnergy):
            return (self.own.scale_to(ratio),) * 2
        return min(self.own, ratio * self.own), max(self.own, ratio * self.own)

    def profile(self, memory: DramSystem, image_bytes: int) -> SamplerProfile:
        """The sampler for images of that size, with the upper bound of its own energy.

        Counted DRAM commands hold for images of the run's size alone.
        """
        hardware, core = memory.parameters.sampler, None
        if self.run.dram is not None and image_bytes == self.run.pixels:
            core = memory.counted(self.run.dram.sum_up()) * (1 / self.run.count)
        run, limits = self.run, self.bounds(image_bytes)
        return SamplerProfile(
            f"NMS, {run.method}",
            run.sweeps,
            run.written,
            run.count,
            limits[1] if limits else None,
            request=hardware.request.value * run.beat,
            rate=run.rate(hardware.clock.value * 1e6),
            ahead=hardware.ahead.value * run.beat,
            core=core,
        )


def read_samplers(directories: Sequence[Path], energies: Sequence[str]) -> list[MeasuredSampler]:
    """The sampler of each run, with the counts of the run and its own energy.

    ``energies``: joules for an image, as ``METHOD=J`` or, for all runs, ``J``; otherwise the run's
    ``energy.json`` is read.

    Raises
    ------
    UserError
        A run is unfit, two runs have the same search or pick, or an energy is not a number or names no run.
    """
    runs = [run_traffic.read_run(directory) for directory in directories]
    methods = [run.method for run in runs]
    for method in methods:
        if methods.count(method) > 1:
            raise UserError(f"--run: two runs by {method}; pass one run for each search or pick")
    given = _parse_energies(energies, methods)
    return [
        MeasuredSampler(
            run, given[run.method] if run.method in given else run_traffic.read_own_energy(directory, run)
        )
        for directory, run in zip(directories, runs, strict=True)
    ]


def _parse_energies(energies: Sequence[str], methods: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in energies:
        method, equals, number = text.rpartition("=")
        if equals and method not in methods:
            known = ", ".join(methods)
            raise UserError(f"--sampler-energy {text!r}: no run by {method!r}; must be one of: {known}")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UserError(f"--sampler-energy {text!r}: must be [METHOD=]JOULE_PER_IMAGE, 0 or more")
        found |= dict.fromkeys([method] if equals else methods, value)
    return found


def counted_ratio(runs: Sequence[run_traffic.RunTraffic]) -> float:
    """The fraction of the bytes that left the package, the same in all runs.

    Raises
    ------
    UserError
        The runs differ.
    """
    ratios = {run.ratio for run in runs}
    if len(ratios) > 1:
        text = ", ".join(f"{run.method} {run.ratio:.4g}" for run in runs)
        raise UserError(f"--run: the runs kept different fractions ({text}); pass --ratio")
    return ratios.pop()


def collect(
    parameters: Parameters,
    jobs: Sequence[TrainingJob],
    samplers: Sequence[MeasuredSampler],
    link: str,
    bits: int,
    command: str,
) -> dict[str, Any]:
    """The contents of ``energy-system.json``; energies in joules, sizes in bytes, times in seconds."""
    memory = DramSystem(parameters, link)
    runs = [sampler.run for sampler in samplers]
    first = jobs[0].training.image_bytes
    return {
        "command": command,
        "versions": provenance.versions() | {"energydram": metadata.version("energydram")},
        "units": {"energy": "J", "size": "byte"},
        "link": link,
        "parameters": parameters.model_dump(),
        "runs": [
            run.model_dump()
            | {"method": run.method, "sweeps": run.sweeps, "ratio": run.ratio, "written": run.written}
            | {"seconds_each": seconds, "standby_each": memory.standby(seconds)}
            | {"dram_energy": _compare_counted(memory, sampler)}
            for sampler, run in zip(samplers, runs, strict=True)
            for seconds in [run.cycles_each / (parameters.sampler.clock.value * 1e6)]
        ],
        "per_bit": {
            way: asdict(energy) | {"total": energy.total}
            for way, energy in comparison.energy_per_bit(
                memory, first, samplers[0].profile(memory, first)
            ).items()
        },
        "workloads": {job.name: _collect_workload(memory, job, samplers, link, bits) for job in jobs},
        "published": [
            asdict(line)
            for line in comparison.reproduce_published(memory, int(parameters.cifar10.image_bytes.value))
        ],
    }


def _compare_counted(memory: DramSystem, sampler: MeasuredSampler) -> dict[str, dict[str, float]]:
    """Energy of a batch inside the DRAM's devices, by counted commands and by the formula; empty without.

    Raises
    ------
    UserError
        The run's DRAM is not the rank of the parameters.
    """
    run = sampler.run
    if run.dram is None:
        return {}
    pins = memory.chips * memory.width
    if (run.dram.kind, run.dram.pins) != ("DDR4", pins):
        raise UserError(
            f"--run: the DRAM of {run.method} is {run.dram.kind} of {run.dram.pins} pins; must be the rank of"
            f" the parameters, DDR4 of {pins}: -P bus_bits={8 * pins} --module MT40A1G8"
        )
    counters = run.traffic.counters
    formula = memory.core(counters["bytes_read"], sampler.profile(memory, run.pixels).pattern(run.pixels))
    if counters["bytes_written"]:
        formula += memory.core(counters["bytes_written"], counters["bytes_written"], write=True)
    both = {"counted": memory.counted(run.dram.sum_up()), "formula": formula}
    return {way: asdict(energy) | {"total": energy.total} for way, energy in both.items()}


def _collect_workload(
    memory: DramSystem,
    job: TrainingJob,
    samplers: Sequence[MeasuredSampler],
    link: str,
    bits: int,
) -> dict[str, Any]:
    training = job.training
    bounds = [sampler.bounds(training.image_bytes) for sampler in samplers]
    profiles = [sampler.profile(memory, training.image_bytes) for sampler in samplers]
    distinct = _merge_alike(profiles)
    rows = comparison.compare_systems(memory, training, profiles)
    points = comparison.find_break_even(memory, training, profiles)
    widths = dict.fromkeys((int(memory.parameters.training.activation_bits.value), bits))
    saved = job.activation_bytes
    return {
        "training": asdict(training),
        "fits": all(sampler.run.holds(training.image_bytes) for sampler in samplers),
        "systems": [
            {
                "name": row.traffic.name,
                "bytes": {
                    "board_read": row.traffic.board_read,
                    "board_written": row.traffic.board_written,
                    "package_read": row.traffic.package_read,
                    "package_written": row.traffic.package_written,
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
                points, bounds, (row for row in rows if row.traffic.sampler), strict=True
            )
        ],
        "activations": [
            asdict(line)
            | {"share_bytes": line.share_bytes, "share_energy": line.share_energy}
            | {
                "training": {
                    row.traffic.name: row.total
                    + line.activation_energy * training.images * training.epochs * fraction
                    for row, fraction in [(rows[0], 1.0)]
                    + [(row, training.ratio) for row in rows if row.traffic.sampler]
                }
            }
            for line in (
                [
                    comparison.compare_activations(memory, training.image_bytes, saved, width)
                    for width in widths
                ]
                if saved is not None
                else []
            )
        ],
        "sensitivity": {
            "one_by_one": {
                case.name: [
                    asdict(finding)
                    for finding in sensitivity.check_conclusions(
                        case.parameters, link, training, distinct, saved
                    )
                ]
                for case in sensitivity.vary_one_by_one(memory.parameters, link)
            },
            "corners": [
                asdict(verdict)
                for verdict in sensitivity.check_all_combinations(
                    memory.parameters, link, training, distinct, saved
                )
            ],
        },
    }


def _merge_alike(profiles: Sequence[SamplerProfile]) -> list[SamplerProfile]:
    """Merge samplers that differ in nothing but their names."""
    names: dict[SamplerProfile, list[str]] = {}
    for profile in profiles:
        names.setdefault(replace(profile, name=""), []).append(profile.name)
    return [replace(profile, name=" and ".join(alike)) for profile, alike in names.items()]


def save(directory: Path, figures: dict[str, Any]) -> list[Path]:
    """Write ``energy-system.json`` into a directory, whole or not at all; return what was written."""
    text = json.dumps(figures, indent=2) + "\n"
    return output.publish(directory, lambda staging: (staging / FILE).write_text(text))
