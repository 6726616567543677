# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share: alone, or as a dataclass that a command takes in one piece.

A command that is decorated with :func:`expand_groups` may have parameters whose type is one of the
dataclasses here; each field of it is an option of the command.
:func:`command_line` gives the command that repeats a run.
"""

import inspect
import shlex
import sys
from collections.abc import Callable, Collection
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints, overload

import typer

from nms.commands.completion import complete_config, complete_override, list_keys, offer
from nms.contract.config import (
    METHODS,
    Config,
    LeanConfig,
    ReducedConfig,
    SamplerConfig,
    load,
    load_published,
)
from nms.contract.errors import UserError
from nms.contract.settings import PERPLEXITY, LeanSettings, Pick, Search, Settings

if TYPE_CHECKING:
    from nms.datasets import Choice, Images
    from nms.sampling import BitTrue, Method
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
    common = list_keys([SamplerConfig])
    own = {name: [key for key in list_keys([kind]) if key not in common] for name, kind in METHODS.items()}
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


SMALLEST_PERPLEXITY = 1.5
"""Of the smallest batches, by default: a third of the others would be too little."""

HERDING = str(Pick.HERDING)
MAP = {"perplexity", "iterations", "evaluations"}
"""Settings of a lean map, which herding has no need of."""
REDUCTION = {"side", "grey"}
"""Settings of images that are reduced."""


@dataclass(frozen=True)
class ConfigOptions:
    """The configuration of the hardware."""

    preset: Preset
    overrides: Overrides = None

    def load(self) -> SamplerConfig:
        """The configuration, checked."""
        return load(self.preset, self.overrides or ())

    def load_published(self) -> Config:
        """As :meth:`load`, for what knows the published method alone."""
        return load_published(self.preset, self.overrides or ())


@dataclass(frozen=True)
class ReductionOptions:
    """How images are reduced, which are left out as near-duplicates, and how long a lean search lasts."""

    side: Side = None
    grey: Grey = False
    evaluations: Evaluations = None
    threshold: Threshold = None
    window: Window = None
    across: Across = False

    def __post_init__(self) -> None:
        if not self.threshold and (self.across or self.window is not None):
            what = "across" if self.window is None else f"window {self.window}"
            raise UserError(f"{what}: needs --threshold, 1 to 255, to leave near-duplicates out")


@dataclass(frozen=True)
class LeanOptions(ReductionOptions):
    """What a run has only where images are reduced."""

    pick: PickOption = None


def drop_absent(values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``values`` that were given: neither ``None`` nor ``False``."""
    return {name: value for name, value in values.items() if value is not None and value is not False}


def select_given(config: SamplerConfig, values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``values``, by the name of their option, that were given.

    Raises
    ------
    UserError
        One was given that does not apply to ``config``, or to what it picks.
    """
    given = drop_absent(values)
    known = {"perplexity", "iterations", "search", "pick"}
    if isinstance(config, Config) and config.side:
        known |= REDUCTION
    if isinstance(config, ReducedConfig):
        known = {"pick", "side", "grey", "threshold", "window", "across"}
    if isinstance(config, LeanConfig) and given.get("pick", HERDING) != HERDING:
        known |= MAP
    for name, value in given.items():
        if name not in known:
            number = f"{value:g}" if isinstance(value, float) else value
            what = name if value is True else f"{name} {number}"
            if isinstance(config, LeanConfig) and name in MAP:
                raise UserError(f"{what}: herding draws no map; name another --pick")
            if isinstance(config, Config) and name in REDUCTION:
                raise UserError(f"{what}: configuration {config.name} reduces no images; -P side=8 does")
            raise UserError(f"{what}: configuration {config.name} has no such setting")
    return given


def smallest_image(reduction: ReductionOptions | None) -> tuple[int, int, int]:
    """The shape of the smallest image that can be reduced so, for checks before any image is read."""
    side = 4 if reduction and reduction.threshold else 1
    return (side, side, 3 if reduction and reduction.grey else 1)


@dataclass(frozen=True)
class PartOptions:
    """What to take of a data set that has several parts, or several labels of an image."""

    split: Split = None
    labels: LabelsOption = None

    def make(self) -> "Choice":
        """The choice."""
        from nms.datasets import Choice  # slow to import

        return Choice(self.split, self.labels)


@dataclass(frozen=True)
class BatchOptions(PartOptions):
    """One batch of images and the settings of its run."""

    data: Data = "digits"
    count: Count = None
    resize: Resize = None
    ratio: Ratio = 0.3
    perplexity: Perplexity = None
    iterations: Iterations = None
    seed: Seed = 1
    search: SearchOption = None

    @overload
    def load(self, config: Config) -> "tuple[Images, Settings]": ...

    @overload
    def load(self, config: SamplerConfig, lean: LeanOptions) -> "tuple[Images, Settings | LeanSettings]": ...

    def load(
        self, config: SamplerConfig, lean: LeanOptions | None = None
    ) -> "tuple[Images, Settings | LeanSettings]":
        """The images, as many as ``config`` holds at most, and the settings of a run on them.

        What can be refused is refused before any file is read.
        """
        own = {"perplexity": self.perplexity, "iterations": self.iterations, "search": self.search}
        given = select_given(config, own | asdict(lean or LeanOptions()))
        if self.count is not None:
            self._make_settings(config, self.count, smallest_image(lean), given, False)
        from nms import datasets

        images = datasets.load(self.data, self.count, self.resize, most=config.images, choice=self.make())
        report(images)
        return images, self._make_settings(
            config, len(images.images), images.stored_shape, given, images.planar
        )

    def find_perplexity(self, count: int) -> float:
        """The target of a batch of ``count`` images: as given, or the usual one, or what suits so few."""
        suits = max((count - 1) / 3, SMALLEST_PERPLEXITY)
        return min(PERPLEXITY, suits) if self.perplexity is None else self.perplexity

    def _make_settings(
        self, config: SamplerConfig, count: int, shape: tuple[int, ...], given: dict[str, Any], planes: bool
    ) -> Settings | LeanSettings:
        given = {"ratio": self.ratio, "seed": self.seed, "perplexity": self.find_perplexity(count), **given}
        if isinstance(config, ReducedConfig):
            return LeanSettings.make(config, count, shape, planes=planes, **given)
        assert isinstance(config, Config)
        return Settings.make(config, count, shape, planes=planes, **given)


@dataclass(frozen=True)
class SamplingOptions:
    """How a group of images is sampled in software."""

    perplexity: Perplexity = None
    iterations: Iterations = None
    grid: Grid = None
    pick: CellPick = None
    quota: Quota = None
    start: Start = None
    contrast: Contrast = False
    search: SearchOption = None

    def make(self) -> "Method":
        """The method in float64, checked."""
        from nms.sampling import Method  # slow to import

        if self.search is not None:
            raise UserError(f"search {self.search}: float64 has one of its own; name -c with side above 0")
        given = drop_absent(asdict(self))
        if self.grid is not None and self.grid.isdecimal():
            given["grid"] = int(self.grid)
        return Method(**given)

    def make_bit_true(self, config: Config | ReducedConfig, reduction: ReductionOptions) -> "BitTrue":
        """The method of the bit-true model, checked, for images of a single pixel."""
        from nms.sampling import BitTrue  # slow to import

        given = select_given(config, asdict(self) | asdict(reduction))
        return BitTrue(config, smallest_image(reduction), **given)


def report(images: "Images") -> None:
    """Say what was converted or left out of a data set as it was read."""
    for note in images.notes:
        warn(f"{images.name}: {note}")


def warn(sentence: str) -> None:
    """Say something that is no mistake, but may not be what was meant."""
    print("nms: note:", " ".join(sentence.split()), file=sys.stderr)


def make_near_duplicates(distance: float, window: int | None) -> "NearDuplicates":
    """Which images are near-duplicates, from the two options."""
    from nms.sampling.near_duplicates import WINDOW, NearDuplicates  # slow to import

    return NearDuplicates(distance, WINDOW if window is None else window or None)


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with an option for each field of the dataclasses among its parameters."""
    given = inspect.signature(command).parameters
    groups: dict[str, Any] = {
        name: one.annotation for name, one in given.items() if is_dataclass(one.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in given.items():
        if name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=types[field.name],
            )
            for field in fields(groups[name])
        ]

    def expanded(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    expanded.__name__, expanded.__doc__ = command.__name__, command.__doc__
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return expanded


LEFT_OUT = ("output", "force", "as_json")
"""Parameters that change nothing in what a command computes."""


def command_line(context: typer.Context, leave_out: Collection[str] = (), **resolved: Any) -> str:
    """The command line that repeats this run, quoted for a shell.

    It has the options whose values differ from their defaults, with paths as they were given.

    Parameters
    ----------
    context : of the command that runs
    leave_out : more parameters like those of :data:`LEFT_OUT`
    resolved : values found while running, by parameter: an option that was not given has them, too
    """
    words = context.command_path.split()
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in resolved:
            words += _write_option(parameter, resolved[name])
        elif name in context.params and name not in {*LEFT_OUT, *leave_out}:
            option = _write_option(parameter, context.params[name])
            if option != _write_option(parameter, parameter.get_default(context)):
                words += option
    return shlex.join(words)


def _write_option(parameter: Any, value: Any) -> list[str]:
    """The words of one option, or of an argument, with its value."""
    if value is None:
        return []
    if isinstance(value, bool):
        return (parameter.opts if value else parameter.secondary_opts)[:1]
    if isinstance(value, (list, tuple)):
        return [word for one in value for word in _write_option(parameter, one)]
    text = str(value.value if isinstance(value, Enum) else value)
    return [text] if parameter.param_type_name == "argument" else [parameter.opts[0], text]
