# SPDX-License-Identifier: Apache-2.0
"""``nms synth``: synthesise blocks, or the whole sampler."""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from nms import render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.completion import complete_unit, offer
from nms.commands.option_groups import ConfigOptions
from nms.commands.options import ClockGating, Force, Json
from nms.commands.progress import telling
from nms.contract.errors import UserError
from nms.contract.output import check_earlier, publish, reserve

TARGET = "Target"

UnitNames = Annotated[
    list[str] | None,
    typer.Option(
        "--unit",
        metavar="UNIT",
        help="Unit to synthesise; repeatable; the whole by default.",
        autocompletion=complete_unit,
    ),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="TARGET",
        help="Target: generic (default), osu018 or ecp5.",
        autocompletion=offer("generic", "osu018", "ecp5"),
        rich_help_panel=TARGET,
    ),
]
Liberty = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Liberty file of the cells to map to; repeat for a library of several files.",
        rich_help_panel=TARGET,
    ),
]
MinGated = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        min=0.0,
        max=1.0,
        help="Least share of each block's flip-flops that must be gated; status 1 below it.",
    ),
]
Compare = Annotated[
    bool, typer.Option("--compare", help="Compare with the committed baseline; status 1 beyond tolerances.")
]

SynthOutput = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Directory to write to; by default in build/synth, by what is synthesised."
    ),
]

NO_YES = ("no", "yes")

RECORD = "metrics.json"

KEPT = ("netlist.v", "used_cells.v", "timing.log", "nextpnr.log")


@expand_groups
def synth(
    context: typer.Context,
    hardware: ConfigOptions,
    unit: UnitNames = None,
    target: TargetName = None,
    liberty: Liberty = None,
    clock_gating: ClockGating = None,
    min_gated: MinGated = 0.0,
    output: SynthOutput = None,
    force: Force = False,
    compare: Compare = False,
    as_json: Json = False,
) -> None:
    """Synthesise units or the whole sampler: netlist, area, registers, memory bits, logic depth, Fmax.

    Example: `nms synth -c tiny --unit grid --liberty sg13g2.lib --clock-gating --min-gated 0.2`

    Example: `nms synth -c edge --compare`
    """
    config = hardware.load()
    from nms.rtl import units
    from nms.synth import flow, metrics, targets

    chosen_target = targets.select_target(target, liberty or (), clock_gating)
    if min_gated and chosen_target.fpga:
        raise UserError(f"--min-gated {min_gated:g}: an FPGA has no clock gates")
    names = unit or ["axi"]
    units.check_names(names, config)
    parts = [config.full_name, chosen_target.name, *(unit or [])]
    output = output or Path("build/synth") / re.sub(r"[^\w.-]", "_", "-".join(parts))
    context.with_resource(reserve(output, [RECORD]))
    command = command_line(context, leave_out=["compare", "min_gated"])
    check_earlier(output / RECORD, command, force)
    before = metrics.load_baseline(config.name, chosen_target.name) if compare else []
    record: dict[str, Any] = {
        "command": command,
        "configuration": config.model_dump(),
        "digest": config.digest,
        "target": chosen_target.name,
        "versions": metrics.versions(),
    }

    with tempfile.TemporaryDirectory() as work:
        with telling("starting") as tell:
            results = [
                result
                for name in names
                for result in flow.synthesise(config, name, chosen_target, Path(work), tell)
            ]
        record["blocks"] = [result.metrics for result in results]

        def write(folder: Path) -> None:
            for file in sorted(file for name in KEPT for file in Path(work).rglob(name)):
                kept = folder / file.relative_to(work)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, kept)
            (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")

        written = publish(output, write)
    changes = metrics.compare(record["blocks"], before) if compare else []
    if as_json:
        render.print_json(record)
    elif compare:
        render.print_table(
            ["block", "figure", "baseline", "now", "change", "within tolerance"],
            [
                [
                    c.module,
                    c.figure,
                    f"{c.before:g}",
                    f"{c.now:g}",
                    f"{c.relative:+.1%}",
                    "yes" if c.within else "no",
                ]
                for c in changes
            ],
        )
    else:
        render.print_table(*_table(record["blocks"], chosen_target.fpga))
    if not as_json:
        print("written:", ", ".join(map(str, written)))
    missed = [block for block in record["blocks"] if min_gated and block["gated_share"] < min_gated]
    if missed:
        shares = ", ".join(f"{block['module']} {block['gated_share']:.1%}" for block in missed)
        print(f"--min-gated {min_gated:g}: fewer flip-flops are gated in: {shares}", file=sys.stderr)
    if missed or not all(change.within for change in changes):
        raise typer.Exit(1)


def _table(blocks: list[dict[str, Any]], fpga: bool) -> tuple[list[str], list[list[str]]]:
    """Heads and rows, one for each block; the blocks in it follow."""
    from nms.synth import metrics

    figures = (
        ["luts", "flip_flops", "block_memories", "multipliers"]
        if fpga
        else ["cells", "area", "nand2", "flip_flops", "memory_bits"]
    )
    if any(block.get("clock_gates") for block in blocks):
        figures.insert(4, "gated_share")
    heads = {
        "luts": "LUTs", "flip_flops": "flip-flops", "block_memories": "block memories",
        "multipliers": "multipliers", "cells": "cells", "area": "area", "nand2": "NAND2 eq.",
        "memory_bits": "memory bits", "gated_share": "gated, by gates",
    }  # fmt: skip
    rows = []
    for block in metrics.iterate_blocks(blocks):
        timing = block["timing"]
        rows.append(
            [
                block["module"],
                *(
                    _describe_gating(block) if name == "gated_share" else f"{block[name]:,.0f}"
                    for name in figures
                ),
                str(block["depth"]),
                f"{timing['worst_path_ns']:.2f}" if timing else "-",
                f"{timing['fmax_mhz']:.1f}" if timing else "-",
                f"{block['seconds']:.0f}" if "seconds" in block else "",
            ]
        )
    return ["block", *(heads[name] for name in figures), "depth", "path, ns", "Fmax, MHz", "s"], rows


def _describe_gating(block: dict[str, Any]) -> str:
    return f"{block['gated_flip_flops']} ({block['gated_share']:.1%}), {block['clock_gates']}"
