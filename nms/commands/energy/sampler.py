# SPDX-License-Identifier: Apache-2.0
"""``nms energy sampler``: the energy of a sampler by block and phase."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from nms import render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.option_groups import BatchOptions, ConfigOptions, LeanOptions
from nms.commands.options import ClockGating, Force, Json
from nms.commands.progress import telling
from nms.contract.errors import UserError
from nms.contract.output import check_earlier, reserve

LIBRARY = "Cell library"
OPERATION = "Operating point"

LibertyFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--liberty",
        metavar="FILE",
        help="Liberty file of the cell library; repeat for a library of several files.",
        rich_help_panel=LIBRARY,
    ),
]
Node = Annotated[
    int | None,
    typer.Option(
        "--node",
        metavar="NM",
        help="Technology node in nm; inferred from the file names of known libraries.",
        rich_help_panel=LIBRARY,
    ),
]
Frequency = Annotated[
    float, typer.Option(metavar="MHZ", help="Clock frequency in MHz.", rich_help_panel=OPERATION)
]
Voltage = Annotated[
    float | None,
    typer.Option(
        metavar="V",
        help="Supply voltage in V; the library's nominal voltage by default.",
        rich_help_panel=OPERATION,
    ),
]
Wire = Annotated[
    float,
    typer.Option(
        "--wire-capacitance",
        metavar="PF",
        help="Wire capacitance in pF for each input that a net drives.",
        rich_help_panel=OPERATION,
    ),
]
Beside = Annotated[
    Path | None,
    typer.Option(
        "--beside",
        metavar="PATH",
        help="The energy.json of the same job on another library, to bracket the energy at 28 nm.",
    ),
]
Judging = Annotated[
    bool,
    typer.Option(
        "--judge/--no-judge", help="Judge the fit on other vectors and on another configuration (slower)."
    ),
]
OutputDirectory = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Directory for energy.json and its plot."),
]


@expand_groups
def sampler(
    context: typer.Context,
    hardware: ConfigOptions,
    batch: BatchOptions,
    lean: LeanOptions,
    liberty: LibertyFiles = None,
    node: Node = None,
    clock_gating: ClockGating = None,
    frequency: Frequency = 100.0,
    voltage: Voltage = None,
    wire_capacitance: Wire = 0.0,
    beside: Beside = None,
    judging: Judging = True,
    output: OutputDirectory = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Estimate a sampler's energy by block and phase, from simulated toggles and a cell library.

    Example: `nms energy sampler -c tiny --count 16 --perplexity 5 --liberty cells.lib --node 130`

    Example: `nms energy sampler -c herding --data cifar-10-batches-py --liberty cells.lib --node 130`
    """
    config = hardware.load()
    if not liberty:
        raise UserError("--liberty: missing; pass the Liberty files of one cell library")
    for name, value in (("frequency", frequency), ("voltage", voltage)):
        if value is not None and not value > 0:
            raise UserError(f"--{name} {value:g}: must be above 0")
    if not wire_capacitance >= 0:
        raise UserError(f"--wire-capacitance {wire_capacitance:g}: must be 0 or more")
    from nms.energy.sampler import results

    if output is not None:
        inputs: list[Path | str] = [batch.data, *filter(Path.is_file, liberty)]
        inputs += [] if beside is None else [beside]
        context.with_resource(reserve(output, results.FILES, inputs))
    images, settings = batch.load(config, lean)
    from nms.commands.energy import sampler_tables as tables
    from nms.contract import provenance
    from nms.energy.sampler import gate_reference, technology
    from nms.energy.sampler.calibration import calibrate
    from nms.energy.sampler.estimate import estimate_energy
    from nms.energy.sampler.netlist_energy import OperatingPoint
    from nms.energy.sampler.netlists import map_blocks
    from nms.energy.sampler.on_chip_memory import OnChipMemoryModel
    from nms.energy.sampler.power_library import PowerLibrary
    from nms.sim.activity.intervals import InstrumentedSampler, Workload
    from nms.sim.verilator import tools
    from nms.synth import liberty_file

    liberty_file.check_present(liberty)
    seed, job = batch.seed, Workload(config, settings, images.images)
    node = technology.infer_node(liberty, node)
    other = results.load_other(beside, settings, config.digest)
    tools.require()
    with telling("reading the library") as tell:
        library = PowerLibrary(liberty)
        point = OperatingPoint(wire_capacitance * 1e-12, voltage or library.voltage, frequency * 1e6)
        command = command_line(context, count=settings.count, node=node, voltage=point.voltage)
        if output is not None:
            check_earlier(output / results.FILE, command, force)
        build = cache(lambda config: InstrumentedSampler(config, tell))
        calibration = calibrate(job, seed, liberty, library, point, build, tell, judging, clock_gating)
        counted = build(config)
        netlists = map_blocks(counted.emitted, liberty, tell, clock_gating=clock_gating)
        gated = gate_reference.list_gated(netlists)
        activity = counted.measure(job, seed, rows=bool(gated))
        opened = gate_reference.count_open_cycles(activity, netlists, tell)
        memory = OnChipMemoryModel(library, node, point.voltage)
        estimate = estimate_energy(
            activity, netlists, calibration.coefficients, opened, library, memory, point
        )
    about: dict[str, Any] = {
        "name": library.name,
        "files": [file.name for file in liberty],
        "node_nm": node,
        "nominal_V": library.voltage,
    }
    origin = provenance.collect(config, command, seed, images.describe()) | {"settings": asdict(settings)}
    figures = results.collect(estimate, activity, calibration, settings, point, about, other, origin)
    written = results.save(output, figures) if output is not None else []
    if as_json:
        render.print_json(figures)
        return
    tables.show(figures)
    if written:
        print("written:", ", ".join(map(str, written)))
