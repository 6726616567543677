# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from enum import StrEnum
from glob import escape, glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nms.contract.config import PRESETS

if TYPE_CHECKING:
    from nms.sampling.near_duplicates import NearDuplicates


class Level(StrEnum):
    """What runs the job."""

    GOLDEN = "golden"
    RTL = "rtl"
    NETLIST = "netlist"


class Bus(StrEnum):
    """How images and results reach the hardware."""

    AXI = "axi"
    NATIVE = "native"


def complete_config(incomplete: str) -> list[str]:
    """Presets and configuration files that begin with ``incomplete``; directories are left to the shell."""
    presets = [name for name in PRESETS if name.startswith(incomplete)]
    return presets + sorted(glob(f"{escape(incomplete)}*.toml"))


CONFIG = "PRESET|FILE"

Preset = Annotated[
    str,
    typer.Option(
        "-c",
        "--config",
        metavar=CONFIG,
        help="Preset, or TOML file of a configuration.",
        autocompletion=complete_config,
    ),
]
Overrides = Annotated[list[str] | None, typer.Option("-P", metavar="KEY=VALUE", help="Change a parameter.")]
Data = Annotated[str, typer.Option(help="digits, or the path of CIFAR-10, IDX, image folder or .npz data.")]
Count = Annotated[int | None, typer.Option(help="Images, from the first; if not given, as many as fit.")]
Size = Annotated[
    int | None,
    typer.Option("--size", "--resize", help="Resize the images of a folder to this side, in pixels."),
]
Ratio = Annotated[float, typer.Option(help="Fraction of the images to keep.")]
Perplexity = Annotated[float, typer.Option(help="Target of the search of every row.")]
Iterations = Annotated[int, typer.Option(help="Gradient iterations of the embedding.")]
Seed = Annotated[int, typer.Option(help="Seed of every random number.")]
SearchOption = Annotated[
    str, typer.Option("--search", metavar="METHOD", help="de-rand1, de-best1, section or window.")
]
LevelOption = Annotated[
    Level, typer.Option("--level", help="The bit-true model alone, or hardware or its gates beside it.")
]
BusOption = Annotated[
    Bus, typer.Option("--bus", help="Through memory, registers and AXI buses, or straight into the sampler.")
]
Resize = Annotated[
    int | None, typer.Option("--resize", help="Resize the images of a folder to this side, in pixels.")
]
Grid = Annotated[str, typer.Option(help="Cells a side: adaptive, hardware or a number.")]
Pick = Annotated[str, typer.Option(help="Which of a cell's images first: centre, random or medoid.")]
Quota = Annotated[str, typer.Option(help="How cells share what is kept: rounds or proportional.")]
Start = Annotated[str, typer.Option(help="Start of the map: random or projection.")]
Contrast = Annotated[bool, typer.Option("--contrast", help="Bring images to the same mean and deviation.")]
ApartWindow = Annotated[
    int | None,
    typer.Option(min=0, help="Earlier images, the last not removed, to compare with; 0: all; else 256."),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Directory to write to.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def near(distance: float, window: int | None) -> "NearDuplicates":
    """Which images are near-duplicates, from the two options."""
    from nms.sampling.near_duplicates import WINDOW, NearDuplicates  # slow to import

    return NearDuplicates(distance, WINDOW if window is None else window or None)


def chosen(preset: str, overrides: list[str] | None) -> list[str]:
    """The words of a command line that chose a configuration."""
    return ["-c", preset, *(word for override in overrides or () for word in ("-P", override))]
