# SPDX-License-Identifier: Apache-2.0
"""The command line. Simulation, hardware and models are imported by the commands that need them."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from nms.errors import UserError
from nms.spec import config as configuration
from nms.spec.derived import Derived

app = typer.Typer(
    help="Near-memory sampler: generate the hardware, run it on images, prove it.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(highlight=False)


class Level(StrEnum):
    """What runs the job."""

    GOLDEN = "golden"
    RTL = "rtl"


Preset = Annotated[str, typer.Option("-c", "--config", metavar="PRESET", help="Preset to start from.")]
Overrides = Annotated[
    list[str], typer.Option("-P", metavar="KEY=VALUE", help="Change a parameter of the preset.")
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


def _version(wanted: bool) -> None:
    if wanted:
        print("nms", metadata.version("nms"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def presets(as_json: Json = False) -> None:
    """List the presets."""
    known = configuration.PRESETS.values()
    if as_json:
        _print_json([preset.model_dump() | {"digest": preset.digest} for preset in known])
        return
    _print_table(
        ["preset", "images", "pixels", "PEs x lanes", "formats", "digest"],
        [[p.name, p.images, p.pixels, f"{p.pes} x {p.lanes}", p.formats, p.digest] for p in known],
    )


@app.command()
def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="Preset to show.")],
    overrides: Overrides = [],  # noqa: B006  # typer's way to say none
    as_json: Json = False,
) -> None:
    """Show a configuration and what follows from it: widths, latencies, error bounds, memories."""
    config = configuration.load(preset, overrides)
    given = [("configuration", key, str(value), "") for key, value in config.model_dump().items()]
    given.append(("configuration", "digest", config.digest, ""))
    rows = given + Derived(config).rows()
    if as_json:
        _print_json([dict(zip(("group", "name", "value", "unit"), row, strict=True)) for row in rows])
        return
    _print_table(["group", "name", "value", "unit"], rows)


@app.command()
def generate(
    preset: Preset,
    overrides: Overrides = [],  # noqa: B006
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Directory; build/PRESET if not given.")
    ] = None,
) -> None:
    """Write Verilog, ports.json, a FuseSoC core, constraints and a manifest."""
    from nms import provenance
    from nms.output import place, usable
    from rtl import emit

    config = configuration.load(preset, overrides)
    directory = output or Path("build") / preset
    usable(directory)
    command = ["generate", "-c", preset, *(word for override in overrides for word in ("-P", override))]
    record = provenance.collect(config, command)
    for path in place(directory, lambda staging: emit.generate(config, staging, record)):
        print(path)


@app.command()
def run(
    preset: Preset,
    overrides: Overrides = [],  # noqa: B006
    data: Annotated[
        str, typer.Option(help="digits, or the path of a CIFAR-10, IDX, image folder or .npz data set.")
    ] = "digits",
    count: Annotated[
        int | None, typer.Option(help="Images; as many as there are and fit if not given.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Resize the images of a folder to this side, in pixels.")
    ] = None,
    ratio: Annotated[float, typer.Option(help="Fraction of the images to keep.")] = 0.3,
    perplexity: Annotated[float, typer.Option(help="Target of the search of every row.")] = 15.0,
    iterations: Annotated[int, typer.Option(help="Gradient iterations of the embedding.")] = 300,
    seed: Annotated[int, typer.Option(help="Seed of every random number.")] = 1,
    level: Annotated[
        Level, typer.Option(help="The bit-true model alone, or the hardware compared with it.")
    ] = Level.RTL,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Directory of results.json and results.npz.")
    ] = Path("out"),
    as_json: Json = False,
) -> None:
    """Sample a batch of images; at level rtl, compare every table of the hardware with the model."""
    from nms import datasets, provenance, results
    from nms import run as job
    from nms.output import usable
    from nms.spec.settings import Settings

    config = configuration.load(preset, overrides)
    usable(output)
    if count is not None:  # refuse what can be refused before any file is read
        Settings.make(config, count, 1, ratio, perplexity, iterations, seed)
    images = datasets.load(data, count, size, most=config.images)
    settings = Settings.make(config, *images.images.shape, ratio, perplexity, iterations, seed)
    command = [
        "run", "-c", preset, *(word for override in overrides for word in ("-P", override)),
        "--data", data, "--count", str(settings.count), *(["--size", str(size)] if size else []),
        "--ratio", f"{ratio:g}", "--perplexity", f"{perplexity:g}", "--iterations", str(iterations),
        "--seed", str(seed), "--level", level,
    ]  # fmt: skip
    with Console(stderr=True).status("starting") as status:
        outcome = job.run(config, settings, images, level, progress=status.update)
    values = results.arrays(outcome.tables, config, images)
    figures = job.figures(
        outcome, settings, perplexity, values, provenance.collect(config, command, seed, images)
    )
    written = results.save(output, values, figures)
    if as_json:
        _print_json(figures)
    else:
        _print_run(outcome, figures, values["kept"].tolist())
        print("written:", ", ".join(map(str, written)))
    if outcome.mismatches:
        raise typer.Exit(1)


def _print_run(outcome: Any, figures: dict[str, Any], kept: list[int]) -> None:
    source, search = figures["input"], figures["perplexity"]
    rows: list[Sequence[object]] = [
        ("input", f"{source['name']}, {figures['count']} images of {figures['pixels']} bytes"),
        ("configuration", f"{figures['configuration']['name']} {figures['digest']}, seed {figures['seed']}"),
        (f"kept {len(kept)}", " ".join(map(str, kept))),
        ("rows", ", ".join(f"{count} {status}" for status, count in search["rows"].items() if count)),
    ]
    if "true_error" in search:
        error, generations = search["true_error"], search["generations"]
        rows += [
            (
                "perplexity error",
                f"at most {error['max']:.2g}, median {error['median']:.2g} (80-bit, from beta)",
            ),
            ("generations", f"median {generations['median']:g}, at most {generations['max']}"),
        ]
    _print_table(["", ""], rows, header=False)
    if not outcome.comparison:
        return
    _print_table(
        ["table", "compared", "mismatches", "first difference"],
        [[t.name, t.compared, t.mismatches, t.first or ""] for t in outcome.comparison]
        + [["all", outcome.compared, outcome.mismatches, ""]],
    )
    _print_table(
        ["phase", "cycles", "busy"],
        [
            [phase, cycles, f"{outcome.utilisation[phase]:.1%}" if phase in outcome.utilisation else ""]
            for phase, cycles in outcome.cycles.items()
        ],
    )
    print("seconds:", ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items()))


@app.command()
def check(
    units: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Blocks; all if none is named.")
    ] = None,
    preset: Preset = "tiny",
    overrides: Overrides = [],  # noqa: B006
    verilog: Annotated[Path | None, typer.Option(help="Check this Verilog file, not a fresh one.")] = None,
    seed: Annotated[int, typer.Option(help="Seed from which each test derives its own.")] = 1,
    as_json: Json = False,
) -> None:
    """Run the regressions of the blocks in simulation."""
    config = configuration.load(preset, overrides)
    if verilog is not None and not verilog.is_file():
        raise UserError(f"verilog {str(verilog)!r}: no such file")
    from sim import check as regressions

    found = regressions.check(config, units or list(regressions.UNITS), verilog, seed)
    if as_json:
        _print_json([asdict(unit) for unit in found])
    else:
        _print_table(
            ["unit", "passed", "failed", "compared", "seconds"],
            [[u.unit, u.passed, u.failed, u.compared, f"{u.seconds:.1f}"] for u in found],
        )
    if any(unit.failed for unit in found):
        raise typer.Exit(1)


@app.command()
def doctor(as_json: Json = False) -> None:
    """List the tools found, and what each missing one disables."""
    from sim import tools

    found = tools.find()
    if as_json:
        _print_json([asdict(tool) for tool in found])
        return
    _print_table(
        ["tool", "version", "needed for", "where, or how to get it"],
        [[t.name, t.version or "missing", t.needed_for, t.path or t.hint] for t in found],
    )


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], header: bool = True) -> None:
    """A table with figures to the right; a group named like the row above it is not repeated."""
    rows = [list(row) for row in rows]
    table = Table(show_header=header, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        figures = all(isinstance(row[index], (int, float)) for row in rows)
        table.add_column(column, justify="right" if figures else "left", overflow="fold")
    above = None
    for row in rows:
        cells = [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]
        if cells[0] == above:
            cells[0] = ""
        else:
            above = cells[0]
        table.add_row(*cells)
    console.print(table)


if __name__ == "__main__":
    main()
