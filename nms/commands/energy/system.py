# SPDX-License-Identifier: Apache-2.0
"""``nms energy system``: energy of a training's memory traffic."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nms import render
from nms.commands.command_line import command_line
from nms.commands.options import Force, Json
from nms.contract.errors import UserError
from nms.contract.output import check_earlier, reserve


class Workload(StrEnum):
    """Data sets in the table of constants."""

    CIFAR10 = "cifar10"
    IMAGENET224 = "imagenet224"


class LinkKind(StrEnum):
    """Links in the table of constants."""

    UCIE_STANDARD = "ucie_standard"
    UCIE_ADVANCED = "ucie_advanced"
    UCIE_3D = "ucie_3d"
    TSV = "tsv"


SAMPLER = "Sampler"
DATA_SET = "Data set"
TRAINING = "Training"
MEMORY = "Memory system"

Runs = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        metavar="DIR",
        help="Output of `nms run --level rtl --bus axi`, whose bytes are used; repeat for other searches.",
        rich_help_panel=SAMPLER,
    ),
]
Workloads = Annotated[
    list[Workload] | None,
    typer.Option(
        "--workload", help="Data set to train on; repeatable; all by default.", rich_help_panel=DATA_SET
    ),
]
Images = Annotated[
    int | None, typer.Option(min=1, help="Images in your own data set.", rich_help_panel=DATA_SET)
]
ImageBytes = Annotated[
    int | None,
    typer.Option(min=1, help="Bytes of an image of your own data set.", rich_help_panel=DATA_SET),
]
ActivationBytes = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Bytes of activations saved for each image of your own data set.",
        rich_help_panel=DATA_SET,
    ),
]
RatioOption = Annotated[
    float | None,
    typer.Option(
        "--ratio",
        help="Fraction of the images that is kept; by default, as counted in the runs.",
        rich_help_panel=TRAINING,
    ),
]
Epochs = Annotated[int, typer.Option(min=0, help="Epochs of the training.", rich_help_panel=TRAINING)]
Reselect = Annotated[
    int, typer.Option(min=1, help="Epochs between two selections of NeSSA.", rich_help_panel=TRAINING)
]
SamplerReselect = Annotated[
    int,
    typer.Option(
        min=0,
        help="Epochs between two selections of the sampler; 0: it selects once.",
        rich_help_panel=TRAINING,
    ),
]
SubsetStays = Annotated[
    bool,
    typer.Option(
        "--subset-stays",
        help="The trainer keeps the subset, which crosses the board once a selection, not once an epoch.",
        rich_help_panel=TRAINING,
    ),
]
ActivationBits = Annotated[
    int,
    typer.Option(
        min=1,
        max=32,
        help="Bits of a compressed activation (DAF), shown beside fp32.",
        rich_help_panel=TRAINING,
    ),
]
LinkOption = Annotated[
    LinkKind, typer.Option(help="Link between the dies of the package.", rich_help_panel=MEMORY)
]
ParametersFile = Annotated[
    Path | None,
    typer.Option(
        "--parameters",
        metavar="FILE",
        help="TOML file whose entries replace those of the table of constants.",
        rich_help_panel=MEMORY,
    ),
]
SamplerEnergy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[METHOD=]J_PER_IMAGE",
        help="The sampler's own energy in J for each image; default: from the run's energy.json, if present.",
        rich_help_panel=SAMPLER,
    ),
]
OutputDirectory = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="DIR", help="Directory for energy-system.json.")
]


def system(
    context: typer.Context,
    run: Runs = None,
    workload: Workloads = None,
    images: Images = None,
    image_bytes: ImageBytes = None,
    activation_bytes: ActivationBytes = None,
    ratio: RatioOption = None,
    epochs: Epochs = 200,
    reselect: Reselect = 1,
    sampler_reselect: SamplerReselect = 0,
    subset_stays: SubsetStays = False,
    activation_bits: ActivationBits = 2,
    link: LinkOption = LinkKind.UCIE_STANDARD,
    parameters: ParametersFile = None,
    sampler_energy: SamplerEnergy = None,
    output: OutputDirectory = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Estimate the energy of a training's memory traffic, system by system.

    Example: `nms energy system --run out --workload cifar10 --epochs 100`
    """
    if not run:
        raise UserError("--run: missing; pass the directory that `nms run --level rtl --bus axi` wrote")
    if ratio is not None and not 0 < ratio <= 1:
        raise UserError(f"--ratio {ratio:g}: must be above 0 and at most 1")
    if image_bytes is None and (images is not None or activation_bytes is not None):
        raise UserError(
            "--images, --activation-bytes: belong to --image-bytes, your own data set; pass it as well"
        )
    if image_bytes is not None and (workload or images is None):
        raise UserError(f"--image-bytes {image_bytes}: needs --images, and no --workload")
    from nms.energy.system import results

    if output is not None:
        context.with_resource(reserve(output, [results.FILE]))
    from nms.commands.energy import system_tables
    from nms.energy.system.parameters import load
    from nms.energy.system.training_traffic import Training

    table = load(parameters)
    named = [] if image_bytes is not None else [kind.value for kind in workload or Workload]
    found = results.read_samplers(run, sampler_energy or [])
    training = Training(
        images or 1,
        image_bytes or 1,
        results.counted_ratio([source.run for source in found]) if ratio is None else ratio,
        epochs,
        reselect,
        sampler_reselect,
        subset_stays,
    )
    if image_bytes is not None:
        saved = None if activation_bytes is None else float(activation_bytes)
        jobs = [results.TrainingJob("own", training, saved)]
    else:
        jobs = [results.make_job(table, name, training) for name in named]
    command = command_line(context, ratio=training.ratio)
    if output is not None:
        check_earlier(output / results.FILE, command, force)
    figures = results.collect(table, jobs, found, link.value, activation_bits, command)
    written = results.save(output, figures) if output is not None else []
    if as_json:
        render.print_json(figures)
        return
    system_tables.show(figures)
    if written:
        print("written:", ", ".join(map(str, written)))
