# SPDX-License-Identifier: Apache-2.0
"""``nms energy -c PRESET``: the sampler's own energy, by block and phase."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console

from nms import render
from nms.commands.options import chosen
from nms.errors import UserError
from nms.output import usable
from nms.spec import config as configuration
from nms.spec.settings import Settings


def run(
    preset: str,
    overrides: list[str] | None,
    *,
    data: str,
    count: int | None,
    size: int | None,
    ratio: float,
    perplexity: float,
    iterations: int,
    seed: int,
    search: str,
    liberty: list[Path],
    node: int | None,
    frequency: float,
    voltage: float | None,
    wire: float,
    beside: Path | None,
    judging: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Count, fit, estimate, print; see the command's options."""
    config = configuration.load(preset, overrides or ())
    if not liberty:
        raise UserError("--liberty: missing; give the Liberty files of one cell library")
    for name, value in (("frequency", frequency), ("voltage", voltage)):
        if value is not None and not value > 0:
            raise UserError(f"--{name} {value:g}: must be above 0")
    if not wire >= 0:
        raise UserError(f"--wire-capacitance {wire:g}: must be 0 or more")
    if output is not None:
        usable(output)
    if count is not None:
        Settings.make(config, count, 1, ratio, perplexity, iterations, seed, search)
    from nms import datasets, provenance
    from nms.energy import nodes, record, tables
    from nms.energy.estimate import estimated
    from nms.energy.fitted import fitted
    from sim import tools
    from sim.windows import Counted, Job
    from synth.energy.gates import Options
    from synth.energy.library import PowerLibrary
    from synth.energy.memory import MemoryModel
    from synth.energy.netlists import mapped

    images = datasets.load(data, count, size, most=config.images)
    found, pixels = images.images.shape
    settings = Settings.make(config, found, pixels, ratio, perplexity, iterations, seed, search)
    node = nodes.node(liberty, node)
    other = record.other(beside, settings, config.digest)
    tools.require()
    with Console(stderr=True).status("reading the library") as status:
        library = PowerLibrary(liberty)
        options = Options(wire * 1e-12, voltage or library.voltage, frequency * 1e6)
        build = cache(lambda config: Counted(config, status.update))
        fit = fitted(config, images.images, seed, liberty, library, options, build, status.update, judging)
        counted = build(config)
        netlists = mapped(counted.emitted, liberty, status.update)
        activity = counted.activity(Job(config, settings, images.images), seed)
        memory = MemoryModel(library, node, options.voltage)
        estimate = estimated(activity, netlists, fit.coefficients, library, memory, options)
    command = [
        "energy", *chosen(preset, overrides), "--data", data, "--count", str(found),
        *(["--size", str(size)] if size else []), "--ratio", f"{ratio!r}", "--perplexity", f"{perplexity!r}",
        "--iterations", str(iterations), "--seed", str(seed), "--search", search,
        *(word for file in liberty for word in ("--liberty", file.name)), "--node", str(node),
        "--frequency", f"{frequency!r}", "--voltage", f"{options.voltage!r}",
        "--wire-capacitance", f"{wire!r}",
    ]  # fmt: skip
    about: dict[str, Any] = {
        "name": library.name,
        "files": [file.name for file in liberty],
        "node_nm": node,
        "nominal_V": library.voltage,
    }
    origin = provenance.collect(config, command, seed, images) | {"settings": asdict(settings)}
    figures = record.record(estimate, activity, fit, settings, options, about, other, origin)
    written = record.save(output, figures) if output is not None else []
    if as_json:
        render.print_json(figures)
        return
    tables.show(figures)
    if written:
        print("written:", ", ".join(map(str, written)))
