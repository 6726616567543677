# SPDX-License-Identifier: Apache-2.0
"""The tables of ``nms energy sampler``."""

from typing import Any

from nms import render
from nms.energy.sampler.parts import SAMPLER_PARTS

WIDTH = 130
"""Columns that the widest table needs."""


def show(figures: dict[str, Any]) -> None:
    """Print an ``energy.json``: by block and phase, by phase, per operation, and its accuracy."""
    library, sampler = figures["library"], figures["sampler"]
    phases = list(figures["cycles"])
    print(
        f"{library['name']} ({library['node_nm']} nm), {figures['voltage_V']:g} V, "
        f"{figures['frequency_Hz'] / 1e6:g} MHz, wire {figures['wire_F_per_input'] * 1e15:g} fF per input"
    )
    rows = []
    for module, block in figures["blocks"].items():
        for part in SAMPLER_PARTS:
            values = [block["phases"][phase][part] for phase in phases]
            if any(values):
                label = f"{module} x{block['instances']}"
                rows.append([label, part, *(_nano(v) for v in values), _nano(sum(values))])
    render.print_table(["block", "nJ", *phases, "run"], rows, least=WIDTH)
    print()
    intervals = figures["intervals"]
    render.print_table(
        ["phase", "cycles", "counted", "intervals", "toggles/cycle", "error", "nJ", "error "],
        [
            [
                phase, figures["cycles"][phase], intervals[phase]["cycles"], intervals[phase]["count"],
                f"{intervals[phase]['toggles_per_cycle']:.1f}",
                f"{intervals[phase]['toggles_relative_error']:.1%}",
                _nano(sampler["phases"][phase]), f"{intervals[phase]['energy_relative_error']:.1%}",
            ]
            for phase in phases
        ],
    )  # fmt: skip
    print()
    scaled = figures["scaled_28nm"]
    lines = [
        ("image", f"{sampler['joule_per_image'] * 1e6:.4g} uJ"),
        ("kept image", f"{sampler['joule_per_kept_image'] * 1e6:.4g} uJ"),
        *(
            (name.replace("_", " "), f"{joules * 1e12:.4g} pJ" if joules is not None else "none")
            for name, joules in figures["per_operation"].items()
        ),
        ("batch", f"{sampler['joule'] * 1e6:.4g} uJ in {sampler['seconds'] * 1e3:.4g} ms"),
        *(
            (f"... of it {part}", f"{joules / sampler['joule']:.1%}")
            for part, joules in sampler["parts"].items()
        ),
        *(
            (f"... {part} of blocks at rest", f"{joules / sampler['joule']:.1%}")
            for part in ("clock", "memory")
            for joules in [sum(found[part] for found in sampler["at_rest"].values())]
        ),
        ("power", f"{sampler['watt'] * 1e3:.4g} mW"),
        ("energy x delay", f"{sampler['energy_delay_joule_second']:.4g} Js"),
        ("efficiency", f"{sampler['gops_per_watt']:.4g} GOPS/W"),
        ("image at 28 nm, 0.9 V", f"{scaled['joule_per_image'] * 1e6:.4g} uJ, scaled"),
    ]
    if "bracket" in scaled:
        low, high = (value * 1e6 for value in scaled["scaled_from_both"])
        below, above = (value * 1e6 for value in scaled["bracket"])
        lines.append(
            ("... from both libraries", f"{low:.4g} to {high:.4g} uJ, within {below:.4g} to {above:.4g} uJ")
        )
    render.print_table(["", ""], lines, header=False)
    print()
    for unseen, found in figures["fit"].items():
        _show_fit(f"other {unseen}", found)
    gated, registers, gates = (
        sum(block["instances"] * block[name] for block in figures["blocks"].values())
        for name in ("gated_flip_flops", "flip_flops", "clock_gates")
    )
    print(f"{gated:,} of {registers:,} flip-flops are behind {gates:,} clock gates")
    coverage = figures["coverage"]
    least = coverage["least"]
    print(f"annotated: at least {least:.2%} of the pin capacitance of every block's netlist")
    print(f"{coverage['registers_compared']:,} registers of the netlists match the RTL")


def _show_fit(unseen: str, found: dict[str, Any]) -> None:
    """Print the errors of each block's fit, switching and internal energy, beside the two controls."""
    ways = ("toggles", "cycles", "constant")
    render.print_table(
        [f"fit, {unseen}", "intervals", "toggles: mean", "worst", "sum", "cycles only: mean", "worst", "sum",
         "constant: mean", "worst", "sum", "least mean"],
        [
            [
                module, judged["intervals"],
                *(f"{judged[way][key]:.1%}" for way in ways for key in ("mean", "worst", "total")),
                min(ways, key=lambda way: judged[way]["mean"]),
            ]
            for module, judged in found.items()
        ],
        least=WIDTH,
    )  # fmt: skip
    print()


def _nano(joules: float) -> str:
    """Nanojoules with four digits."""
    return f"{joules * 1e9:.4g}"
