# SPDX-License-Identifier: Apache-2.0
"""The tables of ``nms energy system``, from what :func:`nms.energy.system.results.collect` returns."""

from typing import Any

from rich.console import Console

from nms import render
from nms.energy.system.dram import TRANSFER_PARTS


def si(value: float | None, unit: str) -> str:
    """A figure of three digits with its SI prefix, such as ``1.23 mJ``; empty without a value."""
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
    """Print the tables, each under a heading that states its assumptions."""
    for run in figures["runs"]:
        counters = run["traffic"]["counters"]
        clock = figures["parameters"]["sampler"]["clock"]["value"]
        print(
            f"counted in simulation, {run['configuration']['name']}, {run['method']}, "
            f"{run['count']} images of {run['pixels']} bytes: "
            + ", ".join(f"{name} {counters[name]:,}" for name in counters)
            + f"; {run['sweeps']:.4g} sweeps, fraction kept {run['ratio']:.4g}; monitors agree\n"
            f"not charged: the rank waits during sampling, {si(run['standby_each'], 'J')} an image "
            f"({si(run['seconds_each'], 's')} at {clock:g} MHz)"
        )
        if both := run["dram_energy"]:
            batch = (f"{name} {si(energy['total'], 'J')}" for name, energy in both.items())
            print(f"DRAM core of the batch: {', '.join(batch)}; counted commands are charged")
    ways = figures["per_bit"]
    _heading(f"Energy of one bit, pJ, link {figures['link']}")
    render.print_table(
        ["part", *ways],
        [[part, *(f"{ways[way][part] * 1e12:.3f}" for way in ways)] for part in (*TRANSFER_PARTS, "total")],
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
    Console(highlight=False).print(f"\n[bold]{text}[/bold]")


def _show_workload(name: str, job: dict[str, Any]) -> None:
    t = job["training"]
    _heading(
        f"{name}: whole training, {t['images']:,} images of {t['image_bytes']:,} bytes, "
        f"{t['epochs']} epochs, fraction kept {t['ratio']:.4g}; energy of the memory system"
        + (", the subset stays with the trainer" if t["subset_stays"] else "")
    )
    if not job["fits"]:
        print(
            "These images are larger than the simulated configuration holds: "
            "that each is read as often as counted is an assumption."
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
        "Class-balanced random saves the same on the board and pays for neither sampler nor package: "
        "in energy, a sampler is always behind it.\n"
        "Not charged to the others: the networks with which DQ and NeSSA select."
    )


def _epochs(epochs: float | None) -> str:
    return "never" if epochs is None else f"{epochs:.3g}"


def _show_sensitivity(name: str, sweep: dict[str, Any]) -> None:
    _heading(f"{name}: what holds if the constants are wrong")
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
