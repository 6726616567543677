# SPDX-License-Identifier: Apache-2.0
"""``nms energy system``: what the memory traffic of a training costs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nms import render
from nms.commands.options import Json
from nms.contract.errors import UserError
from nms.contract.output import usable


class Workload(StrEnum):
    """Data sets of the table of parameters."""

    CIFAR10 = "cifar10"
    IMAGENET224 = "imagenet224"


class LinkKind(StrEnum):
    """Links of the table of parameters."""

    UCIE_STANDARD = "ucie_standard"
    UCIE_ADVANCED = "ucie_advanced"
    UCIE_3D = "ucie_3d"
    TSV = "tsv"


Runs = Annotated[
    list[Path] | None,
    typer.Option("--run", metavar="DIR", help="A run's output, one for each search: its bytes count."),
]
Workloads = Annotated[
    list[Workload] | None, typer.Option("--workload", help="Data set trained on; both if none.")
]
Images = Annotated[int | None, typer.Option(min=1, help="Images of a data set of your own.")]
ImageBytes = Annotated[int | None, typer.Option(min=1, help="Bytes of an image of your own data set.")]
ActivationBytes = Annotated[
    int | None, typer.Option(min=0, help="Bytes of activations saved for an image, for your own data set.")
]
RatioOption = Annotated[
    float | None, typer.Option("--ratio", help="Fraction kept; if not given, as counted in the runs.")
]
Epochs = Annotated[int, typer.Option(min=0, help="Epochs of the training.")]
Reselect = Annotated[int, typer.Option(min=1, help="Epochs between two selections of NeSSA.")]
SamplerReselect = Annotated[
    int, typer.Option(min=0, help="Epochs between two selections of the sampler; 0: it selects once.")
]
SubsetStays = Annotated[
    bool, typer.Option("--subset-stays", help="The trainer keeps a subset: it crosses once a selection.")
]
ActivationBits = Annotated[
    int, typer.Option(min=1, max=32, help="Bits of an activation with compression (DAF), beside 32.")
]
LinkOption = Annotated[LinkKind, typer.Option(help="Link between the dies of the package.")]
ParametersFile = Annotated[
    Path | None, typer.Option("--parameters", metavar="FILE", help="TOML whose entries replace the table's.")
]
SamplerEnergy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[METHOD=]J_PER_IMAGE",
        help="The sampler's own energy for an image; if not given, from energy.json of the run, if there.",
    ),
]
OutputDirectory = Annotated[
    Path | None, typer.Option("-o", "--output", help="Directory to write the figures to.")
]


def system(
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
    as_json: Json = False,
) -> None:
    """Estimate the energy of the memory traffic of a training, system by system."""
    if not run:
        raise UserError("--run: missing; give the directory that `nms run --level rtl --bus axi` wrote")
    if ratio is not None and not 0 < ratio <= 1:
        raise UserError(f"--ratio {ratio:g}: must be above 0 and at most 1")
    if image_bytes is None and (images is not None or activation_bytes is not None):
        raise UserError("--images, --activation-bytes: belong to --image-bytes, a data set of your own")
    if image_bytes is not None and (workload or images is None):
        raise UserError("--image-bytes: needs --images, and no --workload")
    if output is not None:
        usable(output)
    from nms.commands.energy import system_tables
    from nms.energy.system import record
    from nms.energy.system.accounting import Training
    from nms.energy.system.parameters import load

    table = load(parameters)
    named = [] if image_bytes is not None else [kind.value for kind in workload or Workload]
    found = record.sources(run, sampler_energy or [])
    training = Training(
        images or 1,
        image_bytes or 1,
        record.counted_ratio([source.run for source in found]) if ratio is None else ratio,
        epochs,
        reselect,
        sampler_reselect,
        subset_stays,
    )
    if image_bytes is not None:
        saved = None if activation_bytes is None else float(activation_bytes)
        jobs = [record.Job("own", training, saved)]
    else:
        jobs = [record.workload(table, name, training) for name in named]
    command = [
        "energy", "system", *(word for path in run for word in ("--run", str(path))),
        *(word for name in named for word in ("--workload", name)),
        *(["--image-bytes", str(image_bytes), "--images", str(images)] if image_bytes is not None else []),
        *(["--activation-bytes", str(activation_bytes)] if activation_bytes is not None else []),
        "--ratio", f"{training.ratio!r}", "--epochs", str(epochs), "--reselect", str(reselect),
        "--sampler-reselect", str(sampler_reselect), *(["--subset-stays"] if subset_stays else []),
        "--activation-bits", str(activation_bits), "--link", link.value,
        *(["--parameters", str(parameters)] if parameters else []),
        *(word for text in sampler_energy or () for word in ("--sampler-energy", text)),
    ]  # fmt: skip
    figures = record.record(table, jobs, found, link.value, activation_bits, command)
    written = record.save(output, figures) if output is not None else []
    if as_json:
        render.print_json(figures)
        return
    system_tables.show(figures)
    if written:
        print("written:", ", ".join(map(str, written)))
