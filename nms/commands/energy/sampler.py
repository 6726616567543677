# SPDX-License-Identifier: Apache-2.0
"""``nms energy sampler``: the energy of a sampler by block and phase."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from nms import render
from nms.commands.options import (
    Count,
    Data,
    Iterations,
    Json,
    Overrides,
    Perplexity,
    Preset,
    Ratio,
    SearchOption,
    Seed,
    Size,
    chosen,
)
from nms.contract import config as configuration
from nms.contract.errors import UserError
from nms.contract.output import usable
from nms.contract.settings import Settings

LibertyFiles = Annotated[
    list[Path] | None, typer.Option("--liberty", metavar="FILE", help="Cell library; all files of one.")
]
Node = Annotated[int | None, typer.Option("--node", metavar="NM", help="Node of a library of another name.")]
Frequency = Annotated[float, typer.Option(metavar="MHZ", help="Clock frequency in MHz.")]
Voltage = Annotated[float | None, typer.Option(metavar="V", help="Supply; the library's own if not given.")]
Wire = Annotated[
    float, typer.Option("--wire-capacitance", metavar="PF", help="Wire to each input that a net drives.")
]
Beside = Annotated[
    Path | None, typer.Option("--beside", help="energy.json of another library, to bracket 28 nm.")
]
Judging = Annotated[
    bool, typer.Option("--judge/--no-judge", help="Judge the fit on other vectors and another configuration.")
]
OutputDirectory = Annotated[
    Path | None, typer.Option("-o", "--output", help="Directory to write the figures to.")
]


def sampler(
    preset: Preset,
    overrides: Overrides = None,
    data: Data = "digits",
    count: Count = None,
    size: Size = None,
    ratio: Ratio = 0.3,
    perplexity: Perplexity = 15.0,
    iterations: Iterations = 300,
    seed: Seed = 1,
    search: SearchOption = "de-rand1",
    liberty: LibertyFiles = None,
    node: Node = None,
    frequency: Frequency = 100.0,
    voltage: Voltage = None,
    wire_capacitance: Wire = 0.0,
    beside: Beside = None,
    judging: Judging = True,
    output: OutputDirectory = None,
    as_json: Json = False,
) -> None:
    """Estimate the energy of a sampler by block and phase, from toggles and the cells of a library."""
    config = configuration.load(preset, overrides or ())
    if not liberty:
        raise UserError("--liberty: missing; give the Liberty files of one cell library")
    for name, value in (("frequency", frequency), ("voltage", voltage)):
        if value is not None and not value > 0:
            raise UserError(f"--{name} {value:g}: must be above 0")
    if not wire_capacitance >= 0:
        raise UserError(f"--wire-capacitance {wire_capacitance:g}: must be 0 or more")
    if output is not None:
        usable(output)
    if count is not None:
        Settings.make(config, count, 1, ratio, perplexity, iterations, seed, search)
    from nms import datasets
    from nms.commands.energy import sampler_tables as tables
    from nms.contract import provenance
    from nms.energy.sampler import nodes, record
    from nms.energy.sampler.calibration import fitted
    from nms.energy.sampler.estimate import estimated
    from nms.energy.sampler.gates import Options
    from nms.energy.sampler.library import PowerLibrary
    from nms.energy.sampler.memory import MemoryModel
    from nms.energy.sampler.netlists import mapped
    from nms.sim.activity.windows import InstrumentedSampler, Workload
    from nms.sim.verilator import tools

    images = datasets.load(data, count, size, most=config.images)
    found, pixels = images.images.shape
    settings = Settings.make(config, found, pixels, ratio, perplexity, iterations, seed, search)
    node = nodes.node(liberty, node)
    other = record.other(beside, settings, config.digest)
    tools.require()
    with Console(stderr=True).status("reading the library") as status:
        library = PowerLibrary(liberty)
        options = Options(wire_capacitance * 1e-12, voltage or library.voltage, frequency * 1e6)
        build = cache(lambda config: InstrumentedSampler(config, status.update))
        fit = fitted(config, images.images, seed, liberty, library, options, build, status.update, judging)
        counted = build(config)
        netlists = mapped(counted.emitted, liberty, status.update)
        activity = counted.measure(Workload(config, settings, images.images), seed)
        memory = MemoryModel(library, node, options.voltage)
        estimate = estimated(activity, netlists, fit.coefficients, library, memory, options)
    command = [
        "energy", "sampler", *chosen(preset, overrides), "--data", data, "--count", str(found),
        *(["--size", str(size)] if size else []), "--ratio", f"{ratio!r}", "--perplexity", f"{perplexity!r}",
        "--iterations", str(iterations), "--seed", str(seed), "--search", search,
        *(word for file in liberty for word in ("--liberty", file.name)), "--node", str(node),
        "--frequency", f"{frequency!r}", "--voltage", f"{options.voltage!r}",
        "--wire-capacitance", f"{wire_capacitance!r}",
    ]  # fmt: skip
    about: dict[str, Any] = {
        "name": library.name,
        "files": [file.name for file in liberty],
        "node_nm": node,
        "nominal_V": library.voltage,
    }
    origin = provenance.collect(config, command, seed, images.describe()) | {"settings": asdict(settings)}
    figures = record.record(estimate, activity, fit, settings, options, about, other, origin)
    written = record.save(output, figures) if output is not None else []
    if as_json:
        render.print_json(figures)
        return
    tables.show(figures)
    if written:
        print("written:", ", ".join(map(str, written)))
