# SPDX-License-Identifier: Apache-2.0
"""``nms energy --system``: the figures as one record, and its tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from nms import output, provenance, render
from nms.errors import UserError
from synth.energy import counted, sensitivity, system
from synth.energy.accounting import Sampler, Training
from synth.energy.dram import PARTS, Memory
from synth.energy.parameters import Parameters, Workload

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


def samplers(
    directories: Sequence[Path], energies: Sequence[str]
) -> tuple[list[Sampler], list[counted.Counted]]:
    """One sampler a run, by what was counted in it and the energy that is given for it.

    ``energies``: joule for an image, ``METHOD=J`` or, for all runs, ``J``; else the run's ``energy.json``.

    Raises
    ------
    UserError
        A run cannot be used, two have one search, an energy is no number or of no run.
    """
    runs = [counted.read(directory) for directory in directories]
    methods = [run.search for run in runs]
    for method in methods:
        if methods.count(method) > 1:
            raise UserError(f"--run: two runs searched by {method}; give one for each search")
    given = _given(energies, methods)
    found = []
    for directory, run in zip(directories, runs, strict=True):
        own = given.get(run.search, counted.own_energy(directory))
        found.append(Sampler(f"NMS, {run.search}", run.sweeps, run.written, run.count, own))
    return found, runs


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


def counted_ratio(runs: Sequence[counted.Counted]) -> float:
    """The fraction that left the package in all runs; :class:`UserError` if they differ."""
    ratios = {run.ratio for run in runs}
    if len(ratios) > 1:
        text = ", ".join(f"{run.search} {run.ratio:.4g}" for run in runs)
        raise UserError(f"--run: the runs kept different fractions ({text}); give --ratio")
    return ratios.pop()


def bounds(run: counted.Counted, own: float | None, image_bytes: int) -> tuple[float, float] | None:
    """Least and most own energy for an image of ``image_bytes``, from that for the run's images.

    Only the distances grow with the image; search, embedding and grid do not. So it lies between the
    run's own figure and that figure times the ratio of the bytes.
    """
    if own is None:
        return None
    scaled = own * image_bytes / run.pixels
    return min(own, scaled), max(own, scaled)


def record(
    parameters: Parameters,
    jobs: Sequence[Job],
    found: Sequence[Sampler],
    runs: Sequence[counted.Counted],
    link: str,
    bits: int,
    command: list[str],
) -> dict[str, Any]:
    """Everything that the command computes; energies in joule, sizes in bytes."""
    memory = Memory(parameters, link)
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
            for way, energy in system.parts_per_bit(
                memory, jobs[0].training.image_bytes, runs[0].count
            ).items()
        },
        "workloads": {job.name: _workload(memory, job, found, runs, link, bits) for job in jobs},
        "published": [
            asdict(line) for line in system.published(memory, int(parameters.cifar10.image_bytes.value))
        ],
    }


def _workload(
    memory: Memory,
    job: Job,
    found: Sequence[Sampler],
    runs: Sequence[counted.Counted],
    link: str,
    bits: int,
) -> dict[str, Any]:
    training = job.training
    between = [bounds(run, one.energy, training.image_bytes) for run, one in zip(runs, found, strict=True)]
    sized = [
        replace(one, energy=limit[1] if limit else None) for one, limit in zip(found, between, strict=True)
    ]
    distinct = _distinct(sized)
    rows = system.rows(memory, training, sized)
    points = system.break_even(memory, training, sized)
    kept_in = dict.fromkeys((int(memory.parameters.training.activation_bits.value), bits))
    saved = job.activation_bytes
    return {
        "training": asdict(training),
        "fits": all(training.image_bytes <= run.configuration.pixels for run in runs),
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
                [system.activations(memory, training.image_bytes, saved, kept) for kept in kept_in]
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


def si(value: float | None, unit: str) -> str:
    """A figure of three digits with the prefix that fits, as ``1.23 mJ``."""
    if value is None:
        return ""
    for prefix, scale in zip("TGMk", (1e12, 1e9, 1e6, 1e3), strict=True):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {prefix}{unit}"
    if unit == "B" or abs(value) >= 1 or not value:
        return f"{value:.3g} {unit}"
    for prefix, scale in zip("mµn", (1e-3, 1e-6, 1e-9), strict=True):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {prefix}{unit}"
    return f"{value / 1e-12:.3g} p{unit}"


def show(figures: dict[str, Any]) -> None:
    """The tables, each with a heading that says what it assumes."""
    for run in figures["runs"]:
        counters = run["traffic"]["counters"]
        clock = figures["parameters"]["sampler"]["clock"]["value"]
        print(
            f"counted in simulation, {run['configuration']['name']}, {run['search']}, "
            f"{run['count']} images of {run['pixels']} bytes: "
            + ", ".join(f"{name} {counters[name]:,}" for name in counters)
            + f"; {run['sweeps']:.4g} sweeps, fraction kept {run['ratio']:.4g}; monitors agree\n"
            f"not charged: a rank that waits while it samples: {si(run['standby_each'], 'J')} an image "
            f"({si(run['seconds_each'], 's')} at {clock:g} MHz)"
        )
    ways = figures["per_bit"]
    _heading(f"Energy of one bit, pJ, link {figures['link']}")
    render.print_table(
        ["part", *ways],
        [[part, *(f"{ways[way][part] * 1e12:.3f}" for way in ways)] for part in (*PARTS, "total")],
    )
    for name, job in figures["workloads"].items():
        _show_workload(name, job)
    _heading("The published ratios: one epoch, everything on the board, fraction kept "
             f"{figures['parameters']['published']['ratio']['value']:g}")  # fmt: skip
    render.print_table(
        ["system", "passes", ": NMS", "energy : NMS", "assumption"],
        [
            [
                line["system"],
                f"{line['passes']:.2f}",
                f"{line['passes_ratio']:.1f}",
                f"{line['energy_ratio']:.1f}",
                line["assumption"],
            ]
            for line in figures["published"]
        ],
    )


def _heading(text: str) -> None:
    render.console.print(f"\n[bold]{text}[/bold]")


def _show_workload(name: str, job: dict[str, Any]) -> None:
    t = job["training"]
    _heading(
        f"{name}: whole training, {t['images']:,} images of {t['image_bytes']:,} bytes, "
        f"{t['epochs']} epochs, fraction kept {t['ratio']:.4g}; energy of the memory system"
        + (", the subset stays with the trainer" if t["subset_stays"] else "")
    )
    if not job["fits"]:
        print(
            "Larger than the images that the simulated configuration holds: that each is read as often as "
            "counted is an assumption."
        )
    systems = job["systems"]
    own = [line for line in systems if line["name"].startswith("NMS")]
    render.print_table(
        [
            "system", "board", "package", "DRAM core", "pins, trace", "link", "sampler", "total",
            *(f": {line['name']}" for line in own),
        ],
        [
            [
                line["name"],
                si(line["bytes"]["board_read"] + line["bytes"]["board_written"], "B"),
                si(line["bytes"]["package_read"] + line["bytes"]["package_written"], "B"),
                si(_sum(line, "activate", "read", "write", "refresh", "background"), "J"),
                si(_sum(line, "device_io", "phy", "trace"), "J"),
                si(_sum(line, "link"), "J"),
                "unknown" if line["sampler"] is None else si(line["sampler"], "J"),
                si(line["total"], "J"),
                *(f"{line['total'] / mine['total']:.3f}" if mine["total"] else "" for mine in own),
            ]
            for line in systems
        ],
    )  # fmt: skip
    _show_break_even(name, job)
    if job["activations"]:
        _heading(f"{name}: images beside the activations of the training accelerator, over the board")
        trained = list(job["activations"][0]["training"])
        render.print_table(
            ["activations in", "of an image", "image's share of bytes", "of energy", *trained],
            [
                [
                    f"{line['bits']} bits",
                    si(line["activation_bytes"], "B"),
                    f"{line['share_bytes']:.3%}",
                    f"{line['share_energy']:.3%}",
                    *(si(line["training"][system], "J") for system in trained),
                ]
                for line in job["activations"]
            ],
        )
    _show_sensitivity(name, job["sensitivity"])


def _sum(line: dict[str, Any], *parts: str) -> float:
    return sum(line[where][part] for where in ("board", "package") for part in parts)


def _show_break_even(name: str, job: dict[str, Any]) -> None:
    _heading(f"{name}: break-even against the whole data set, for each image of it")
    lines = []
    for point in job["break_even"]:
        if point["epochs"] is None:
            epochs = f"{_epochs(point['epochs_of_moved'])} + s / {si(point['saved_per_epoch'], 'J')}"
            own, net = "s, not given", f"{si(point['net_without_sampler'], 'J')} less sampler"
        else:
            epochs = " to ".join(dict.fromkeys(_epochs(epoch) for epoch in point["epochs"]))
            own = " to ".join(dict.fromkeys(si(energy, "J") for energy in point["own"]))
            net = si(point["net"], "J")
        lines.append(
            [
                point["name"],
                si(point["saved_per_epoch"], "J"),
                si(point["moved"], "J"),
                si(point["budget"], "J"),
                own,
                epochs,
                net,
            ]
        )
    render.print_table(
        [
            "system", "board saves an epoch", "selection moves", "s for 1 epoch", "sampler s",
            "break-even, epochs", "net, training",
        ],
        lines,
    )  # fmt: skip
    print(
        "Class-balanced random saves the same on the board and pays neither sampler nor package: "
        "in energy a sampler is always behind it.\n"
        "Not charged to the others: the networks by which DQ and NeSSA select."
    )


def _epochs(epochs: float | None) -> str:
    return "never" if epochs is None else f"{epochs:.3g}"


def _show_sensitivity(name: str, sweep: dict[str, Any]) -> None:
    _heading(f"{name}: what holds when the numbers are wrong")
    alone = sweep["one_by_one"]
    render.print_table(
        ["conclusion", "as given", "least", "most", "holds", "fails at"],
        [
            [
                line["conclusion"],
                f"{line['given']:.4g}",
                f"{line['least']:.4g}",
                f"{line['most']:.4g}",
                f"{line['holds']} of {line['of']}",
                line["fails"],
            ]
            for line in sweep["corners"]
        ],
    )
    shown = [line["conclusion"] for line in alone["as given"]]
    spread = [
        text
        for text in shown
        if len(
            {f"{line['value']:.4g}" for case in alone.values() for line in case if line["conclusion"] == text}
        )
        > 1
    ]
    render.print_table(
        ["one by one", *(f"({number})" for number in range(1, len(spread) + 1))],
        [
            [
                case,
                *(
                    f"{line['value']:.3g}" + ("" if line["holds"] else " !")
                    for line in lines
                    if line["conclusion"] in spread
                ),
            ]
            for case, lines in alone.items()
        ],
    )
    for number, text in enumerate(spread, 1):
        print(f"({number}) {text}")
    print("! does not hold")
