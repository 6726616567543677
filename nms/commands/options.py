# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nms.commands.completion import complete_config, complete_override, list_keys, offer
from nms.contract.config import METHODS
from nms.contract.settings import Pick, Search


class Level(StrEnum):
    """What runs the job."""

    GOLDEN = "golden"
    RTL = "rtl"
    NETLIST = "netlist"


class Bus(StrEnum):
    """How images and results reach the hardware."""

    AXI = "axi"
    NATIVE = "native"


class Memory(StrEnum):
    """What is behind the memory bus."""

    MODEL = "model"
    LITEDRAM = "litedram"


def config_option(text: str = "Preset, or TOML file of a configuration.") -> Any:
    """The option ``-c``, with ``text`` as its help."""
    return typer.Option("-c", "--config", metavar="PRESET|FILE", help=text, autocompletion=complete_config)


Preset = Annotated[str, config_option()]


def _list_keys() -> str:
    """The keys of ``-P``: those of every method, then those that a method has beside them."""
    each = {name: list_keys([kind]) for name, kind in METHODS.items()}
    common = [key for key in each["desne"] if all(key in keys for keys in each.values())]
    own = {name: [key for key in keys if key not in common] for name, keys in each.items()}
    return ", ".join(common) + "".join(f"; of {name} also {', '.join(keys)}" for name, keys in own.items())


Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-P",
        metavar="KEY=VALUE",
        help=f"Change a parameter; repeatable. Keys: {_list_keys()}.",
        autocompletion=complete_override,
    ),
]
ClockGating = Annotated[
    bool | None,
    typer.Option(
        "--clock-gating/--no-clock-gating",
        help="Clock registers that share an enable through a clock gate; by default if the library has one.",
        show_default=False,
    ),
]
Data = Annotated[
    str, typer.Option(help="Data set: digits, or the path of CIFAR, IDX, .npz, Parquet or image-folder data.")
]
Count = Annotated[
    int | None,
    typer.Option(help="Images, from the first, of class folders in turn; by default as many as fit."),
]
Resize = Annotated[
    int | None,
    typer.Option("--resize", help="Side in pixels to which pictures in files of their own are resized."),
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Words of the name of the part to take, as letters or val; by default of training images.",
    ),
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels", metavar="WORDS", help="Words of the name of the labels to take, where there are several."
    ),
]
Ratio = Annotated[float, typer.Option(help="Fraction of the images to keep.")]
Perplexity = Annotated[
    float | None,
    typer.Option(help="Target perplexity of each row; by default 15, but at most a third of the others."),
]
Iterations = Annotated[
    int | None, typer.Option(help="Gradient iterations of the map; 300 by default, 48 of a lean one.")
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
SearchOption = Annotated[
    str | None,
    typer.Option(
        "--search",
        metavar="METHOD",
        help="Search of beta: de-rand1, by default, de-best1, section or window.",
        autocompletion=offer(*map(str, Search)),
    ),
]
Side = Annotated[
    int | None,
    typer.Option(
        help="Boxes on a side to which images are reduced, 0 for none; as many as the configuration has."
    ),
]
Grey = Annotated[bool, typer.Option("--grey", help="Reduce all colours of an image to one.")]
Evaluations = Annotated[
    int | None, typer.Option(help="Evaluations of a row's lean search at most; 6 by default.")
]
Threshold = Annotated[
    int | None,
    typer.Option(
        metavar="0..255",
        help="Leave near-duplicates out as the hardware does: by row sums, within so many 256ths; 8"
        " finds shifts by a pixel and noise, 0 leaves none out.",
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        metavar="IMAGES",
        help="With --threshold: compare with so many of the last images that stand; as many as the"
        " configuration can, by default.",
    ),
]
Across = Annotated[
    bool,
    typer.Option("--across", help="With --threshold: also compare with images of the groups before."),
]
PickOption = Annotated[
    str | None,
    typer.Option(
        "--pick",
        metavar="PICK",
        help="What is kept: of a map's cells centre, medoid, hub or neighbour, where the configuration has"
        " picks; of a lean sampler herding, by default.",
        autocompletion=offer(*map(str, Pick)),
    ),
]
LevelOption = Annotated[
    Level,
    typer.Option(
        "--level", help="Run the bit-true model alone (golden), or compare the hardware or its gates with it."
    ),
]
CellTarget = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="TARGET",
        help="Cells of the netlist: generic, osu018 or ecp5; generic by default.",
        autocompletion=offer("generic", "osu018", "ecp5"),
    ),
]
BusOption = Annotated[
    Bus, typer.Option("--bus", help="Through memory, registers and AXI buses, or straight into the sampler.")
]
MemoryOption = Annotated[
    Memory,
    typer.Option(
        "--memory", help="Behind the memory bus: a model, or a simulated DRAM and the controller LiteDRAM."
    ),
]
Module = Annotated[str, typer.Option(help="DRAM module, of litedram.modules.")]
Rows = Annotated[int, typer.Option(help="Rows of a bank of the DRAM that are simulated.")]
Width = Annotated[
    int | None, typer.Option(help="Data pins of the DRAM; as many as the bus needs by default.")
]
MODULE, ROWS = "MT41K256M8", 2048
"""DRAM module and rows of a bank, unless said otherwise."""
Grid = Annotated[
    str | None,
    typer.Option(
        help="Cells on a side of the grid: adaptive, by default, hardware or a number.",
        autocompletion=offer("adaptive", "hardware"),
    ),
]
CellPick = Annotated[
    str | None,
    typer.Option(
        "--pick",
        metavar="PICK",
        help="Image that a cell gives first: centre, by default, random or medoid; with -c as of nms run.",
        autocompletion=offer("random", *map(str, Pick)),
    ),
]
Quota = Annotated[
    str | None,
    typer.Option(
        help="How cells share the images to keep: rounds, by default, or proportional.",
        autocompletion=offer("rounds", "proportional"),
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        help="Start of the map: random, by default, or projection.",
        autocompletion=offer("random", "projection"),
    ),
]
Contrast = Annotated[
    bool, typer.Option("--contrast", help="Bring all images to the same mean and deviation first.")
]
NearDuplicatesWindow = Annotated[
    int | None,
    typer.Option(
        "--near-duplicates-window",
        min=0,
        metavar="IMAGES",
        help="Compare with so many of the last images that stand, 0 for all; 256 by default.",
    ),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Directory to write to.")]
OptionalOutput = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Directory to write to; nothing is written by default."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the results of another command in --output.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
