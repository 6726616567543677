# SPDX-License-Identifier: Apache-2.0
"""``nms energy``: where the energy goes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nms.commands import energy_sampler, energy_system
from nms.commands.options import (
    Count,
    Data,
    Iterations,
    Json,
    Overrides,
    Perplexity,
    SearchOption,
    Seed,
    Size,
)
from nms.errors import UserError


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


SystemOption = Annotated[
    bool, typer.Option("--system", help="Memory traffic of a training, system by system.")
]
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
PresetOption = Annotated[
    str | None,
    typer.Option("-c", "--config", metavar="PRESET", help="Preset whose own energy is estimated, by block."),
]
LibertyFiles = Annotated[
    list[Path] | None, typer.Option("--liberty", metavar="FILE", help="Cell library; all files of one.")
]
Node = Annotated[int | None, typer.Option("--node", metavar="NM", help="Node of a library of another name.")]
Frequency = Annotated[float, typer.Option(metavar="MHZ", help="Clock.")]
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


def energy(
    preset: PresetOption = None,
    overrides: Overrides = None,
    data: Data = "digits",
    count: Count = None,
    size: Size = None,
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
    system: SystemOption = False,
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
    """Energy of a sampler by block and phase (-c), or of the memory traffic of a training (--system)."""
    if system == (preset is not None):
        raise UserError("energy: needs either -c PRESET, the sampler by block, or --system, memory traffic")
    if preset is not None:
        energy_sampler.run(
            preset, overrides, data=data, count=count, size=size,
            ratio=0.3 if ratio is None else ratio, perplexity=perplexity, iterations=iterations, seed=seed,
            search=search, liberty=liberty or [], node=node, frequency=frequency, voltage=voltage,
            wire=wire_capacitance, beside=beside, judging=judging, output=output, as_json=as_json,
        )  # fmt: skip
        return
    energy_system.run(
        runs=run or [], workloads=[data.value for data in workload or ()], images=images,
        image_bytes=image_bytes, activation_bytes=activation_bytes, ratio=ratio, epochs=epochs,
        reselect=reselect, sampler_reselect=sampler_reselect, subset_stays=subset_stays,
        activation_bits=activation_bits, link=link.value, parameters=parameters,
        energies=sampler_energy or [], known=[kind.value for kind in Workload], output=output,
        as_json=as_json,
    )  # fmt: skip
