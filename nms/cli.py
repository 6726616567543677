# SPDX-License-Identifier: Apache-2.0
"""The command line. Simulation, hardware and models are imported by the commands that need them."""

import sys
from dataclasses import asdict
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from nms import render
from nms.errors import UserError
from nms.output import place, usable
from nms.spec import config as configuration
from nms.spec.bounds import Bounds
from nms.spec.derived import Derived
from nms.spec.settings import Settings

app = typer.Typer(
    help="Near-memory sampler: generate the hardware, run it on images, prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Level(StrEnum):
    """What runs the job."""

    GOLDEN = "golden"
    RTL = "rtl"


class Bus(StrEnum):
    """How images and results reach the hardware."""

    AXI = "axi"
    NATIVE = "native"


class Bench(StrEnum):
    """What is measured."""

    SEARCH = "search"
    SAMPLER = "sampler"
    HARDWARE = "hardware"


def _version(wanted: bool) -> None:
    if wanted:
        print("nms", metadata.version("nms"))
        raise typer.Exit


Preset = Annotated[str, typer.Option("-c", "--config", metavar="PRESET", help="Preset to start from.")]
Overrides = Annotated[list[str] | None, typer.Option("-P", metavar="KEY=VALUE", help="Change a parameter.")]
Data = Annotated[str, typer.Option(help="digits, or the path of CIFAR-10, IDX, image folder or .npz data.")]
Count = Annotated[int | None, typer.Option(help="Images, from the first; if not given, as many as fit.")]
Size = Annotated[int | None, typer.Option(help="Resize the images of a folder to this side, in pixels.")]
Ratio = Annotated[float, typer.Option(help="Fraction of the images to keep.")]
Perplexity = Annotated[float, typer.Option(help="Target of the search of every row.")]
Iterations = Annotated[int, typer.Option(help="Gradient iterations of the embedding.")]
Seed = Annotated[int, typer.Option(help="Seed of every random number.")]
SearchOption = Annotated[
    str, typer.Option("--search", metavar="METHOD", help="de-rand1, de-best1, section or window.")
]
LevelOption = Annotated[
    Level, typer.Option("--level", help="The bit-true model alone, or hardware and model.")
]
BusOption = Annotated[
    Bus, typer.Option("--bus", help="Through memory, registers and AXI buses, or straight into the sampler.")
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Directory to write to.")]
Verilog = Annotated[Path | None, typer.Option(help="Check this Verilog file, not a fresh one.")]
Units = Annotated[list[str] | None, typer.Argument(metavar="[UNIT]...", help="Blocks; all if none is named.")]
RandomDraws = Annotated[
    int, typer.Option("--random", min=0, metavar="N", help="Check N whole samplers drawn from the seed.")
]
FirstDraw = Annotated[int, typer.Option("--first", min=0, help="Number of the first draw of --random.")]
Measured = Annotated[
    list[Bench] | None, typer.Argument(metavar="[search|sampler|hardware]...", help="All if none is named.")
]
Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]
BenchPreset = Annotated[
    str | None,
    typer.Option("-c", "--config", metavar="PRESET", help="Preset; else paper (search) or tiny (sampler)."),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table for a document.")]
Target = Annotated[
    float | None, typer.Option("--perplexity", help="Target; 15 or, if less, a third of the images.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Entry point: a user's mistake is one line on standard error and exit status 2."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        _refuse(str(error))
    except typer.TyperException as error:
        _refuse(_usage(error))
    except typer.Abort:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: typer.TyperException) -> str:
    """Typer's own message; where pydantic refused a value, with that value."""
    message = error.format_message().replace("Value error, ", "")
    if isinstance(error.__cause__, ValidationError):
        message = f"{error.__cause__.errors()[0]['input']!r}: {message}"
    return message


def _refuse(message: str) -> None:
    if message:  # without a command the help is printed already
        print("nms:", " ".join(message.split()), file=sys.stderr)
    sys.exit(2)


@app.callback()
def _options(
    version: Version = False,
) -> None:
    pass


@app.command()
def presets(as_json: Json = False) -> None:
    """List the presets."""
    known = configuration.PRESETS.values()
    if as_json:
        render.print_json([preset.model_dump() | {"digest": preset.digest} for preset in known])
        return
    render.print_table(
        ["preset", "images", "pixels", "PEs x lanes", "formats", "digest"],
        [[p.name, p.images, p.pixels, f"{p.pes} x {p.lanes}", p.formats, p.digest] for p in known],
    )


@app.command()
def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="Preset to show.")],
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show a configuration and what follows from it: widths, latencies, error bounds, memories."""
    config = configuration.load(preset, overrides or ())
    given = [("configuration", key, str(value), "") for key, value in config.model_dump().items()]
    given.append(("configuration", "digest", config.digest, ""))
    rows = given + Derived(config).rows() + Bounds(config).rows()
    if as_json:
        render.print_json([dict(zip(("group", "name", "value", "unit"), row, strict=True)) for row in rows])
        return
    render.print_table(["group", "name", "value", "unit"], rows)


@app.command()
def generate(
    preset: Preset,
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Directory; else build/PRESET.")
    ] = None,
) -> None:
    """Write Verilog, ports.json, a FuseSoC core, constraints and a manifest."""
    config = configuration.load(preset, overrides or ())
    directory = output or Path("build") / preset
    usable(directory)
    from nms import provenance
    from rtl import emit

    record = provenance.collect(config, ["generate", *_chosen(preset, overrides)])
    for path in place(directory, lambda staging: emit.generate(config, staging, record)):
        print(path)


@app.command()
def run(
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
    level: LevelOption = Level.RTL,
    bus: BusOption = Bus.AXI,
    output: Output = Path("out"),
    as_json: Json = False,
) -> None:
    """Sample a batch of images; at level rtl, compare every table of the hardware with the model."""
    config = configuration.load(preset, overrides or ())
    usable(output)
    if count is not None:  # refuse what can be refused before any file is read
        Settings.make(config, count, 1, ratio, perplexity, iterations, seed, search)
    from nms import datasets, provenance, results
    from nms import run as job

    images = datasets.load(data, count, size, most=config.images)
    found, pixels = images.images.shape
    settings = Settings.make(config, found, pixels, ratio, perplexity, iterations, seed, search)
    command = [
        "run", *_chosen(preset, overrides), "--data", data, "--count", str(settings.count),
        *(["--size", str(size)] if size else []), "--ratio", f"{ratio!r}", "--perplexity", f"{perplexity!r}",
        "--iterations", str(iterations), "--seed", str(seed), "--search", search,
        "--level", level.value, *(["--bus", bus.value] if level is Level.RTL else []),
    ]  # fmt: skip
    with Console(stderr=True).status("starting") as status:
        outcome = job.run(config, settings, images, level, progress=status.update, bus=bus.value)
    values = results.arrays(outcome.tables, config, images)
    record = provenance.collect(config, command, seed, images)
    figures = job.figures(outcome, settings, perplexity, values, record)
    written = results.save(output, values, figures)
    if as_json:
        render.print_json(figures)
    else:
        render.print_run(outcome, figures, values["kept"].tolist())
        print("written:", ", ".join(map(str, written)))
    if outcome.mismatches:
        raise typer.Exit(1)


def _chosen(preset: str, overrides: list[str] | None) -> list[str]:
    return ["-c", preset, *(word for override in overrides or () for word in ("-P", override))]


@app.command()
def check(
    units: Units = None,
    preset: Preset = "tiny",
    overrides: Overrides = None,
    verilog: Verilog = None,
    seed: Seed = 1,
    random: RandomDraws = 0,
    first: FirstDraw = 0,
    as_json: Json = False,
) -> None:
    """Run the blocks' regressions in simulation or, with --random, whole samplers drawn from the seed."""
    if random:
        if units or verilog is not None:
            raise UserError(f"--random {random}: draws whole samplers; name neither a unit nor --verilog")
        _check_random(random, first, seed, as_json)
        return
    config = configuration.load(preset, overrides or ())
    if verilog is not None and not verilog.is_file():
        raise UserError(f"verilog {str(verilog)!r}: no such file")
    from sim import check as regressions

    found = regressions.check(config, units or list(regressions.UNITS), verilog, seed)
    if as_json:
        render.print_json([asdict(unit) for unit in found])
    else:
        render.print_table(
            ["unit", "passed", "failed", "compared", "seconds"],
            [[u.unit, u.passed, u.failed, u.compared, f"{u.seconds:.1f}"] for u in found],
        )
        for failure in (f"{unit.unit}: {line}" for unit in found for line in unit.failures):
            print(failure, file=sys.stderr)
    if not all(found):
        raise typer.Exit(1)


def _check_random(draws: int, first: int, seed: int, as_json: bool) -> None:
    from sim import random as randomised

    found = []
    for draw in randomised.regress(seed, draws, first):
        found.append(draw)
        if not as_json:
            verdict = "equal" if draw else draw.failure or f"{draw.mismatches} mismatches: {draw.command}"
            print(f"seed {seed} draw {draw.number}: {draw.description}: {draw.compared} values, {verdict}")
    if as_json:
        render.print_json([asdict(draw) for draw in found])
    if not all(found):
        raise typer.Exit(1)


@app.command()
def bench(
    what: Measured = None,
    preset: BenchPreset = None,
    overrides: Overrides = None,
    data: Data = "digits",
    count: Count = None,
    size: Size = None,
    perplexity: Target = None,
    seed: Seed = 1,
    level: LevelOption = Level.RTL,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Measure figures side by side, with the bound beside each; exit status 1 if one is broken.

    The search takes up to 500 images, the sampler as many as its configuration holds.
    """
    from nms import bench as measure
    from nms import datasets

    figures: list[measure.Figure] = []
    for bench in what or list(Bench):
        small = bench == Bench.SAMPLER
        config = configuration.load(preset or ("tiny" if small else "paper"), overrides or ())
        most = 500 if bench == Bench.SEARCH else config.images
        images = datasets.load(data, None, size, most=min(count or most, most))
        target = perplexity or min(15.0, min(len(images.images), config.images) / 3)
        if bench == Bench.SEARCH:
            figures += measure.methods(config, images, target, seed) + measure.search(images, target)
        elif bench == Bench.HARDWARE:
            figures += measure.hardware(config, images, target, seed)
        else:
            found, pixels = images.images.shape
            settings = Settings.make(config, found, pixels, perplexity=target, seed=seed)
            figures += measure.sampler(config, settings, images, target, level)
    if as_json:
        render.print_json([asdict(figure) | {"holds": figure.holds} for figure in figures])
    else:
        render.print_figures(figures, markdown)
    if not all(figure.holds for figure in figures):
        raise typer.Exit(1)


@app.command()
def doctor(as_json: Json = False) -> None:
    """List the tools found, and what each missing one disables."""
    from sim import tools

    found = tools.find()
    if as_json:
        render.print_json([asdict(tool) for tool in found])
        return
    render.print_table(
        ["tool", "version", "needed for", "where, or how to get it"],
        [[t.name, t.version or "missing", t.needed_for, t.path or t.hint] for t in found],
    )


if __name__ == "__main__":
    main()
