# SPDX-License-Identifier: Apache-2.0
"""Count the bytes that each system moves in a training, over the board and inside the memory's package.

A pass is one read of the whole data set: N images of b bytes.
"""

import math
from dataclasses import dataclass

from nms.energy.system.dram import DramSystem, Pattern, TransferEnergy
from nms.energy.system.parameters import Parameters


@dataclass(frozen=True)
class Training:
    """What is the same for every system.

    Parameters
    ----------
    images, image_bytes : N and b
    ratio : f, the fraction kept
    epochs : E
    reselect : R, epochs between two selections of NeSSA
    sampler_reselect : the same for a sampler beside the memory; 0: it selects once
    subset_stays : the trainer keeps a subset, which is therefore fetched once a selection, not once an epoch
    """

    images: int
    image_bytes: int
    ratio: float
    epochs: int = 200
    reselect: int = 1
    sampler_reselect: int = 0
    subset_stays: bool = False

    @property
    def size(self) -> float:
        """Bytes of the data set, N b."""
        return float(self.images * self.image_bytes)

    def fetches(self, selections: int) -> int:
        """How often a subset that is selected so many times crosses the board."""
        return min(selections, self.epochs) if self.subset_stays else self.epochs


@dataclass(frozen=True)
class SamplerProfile:
    """What a sampler beside the memory needs, as counted in a run.

    Parameters
    ----------
    name : of the system, for tables
    sweeps : bytes read to be sampled over the bytes of the batch; what it reads again to send images is not
        among them, for that is the fetch of the kept images over the board
    written : bytes of results written, for each image
    batch : images that lie together in memory
    energy : the sampler's own, in joules for each image of the data set; ``None`` if unknown
    request, rate, ahead : how it reads (:class:`nms.energy.system.dram.Pattern`)
    core : inside the DRAM's devices, for each image, by counted commands; ``None``: by the formula
    """

    name: str
    sweeps: float
    written: float
    batch: int
    energy: float | None = None
    request: float | None = None
    rate: float | None = None
    ahead: float = 0.0
    core: TransferEnergy | None = None

    def pattern(self, image_bytes: int) -> Pattern:
        """How it reads a batch of images of that size."""
        return Pattern(image_bytes, self.batch, self.request, self.rate, self.ahead)


@dataclass(frozen=True)
class Traffic:
    """Bytes that one system moves in a training; ``samplings``: images that went through the sampler."""

    name: str
    board_read: float
    board_written: float = 0.0
    package_read: float = 0.0
    package_written: float = 0.0
    samplings: float = 0.0
    sampler: SamplerProfile | None = None

    @property
    def board(self) -> float:
        """Bytes over the board."""
        return self.board_read + self.board_written

    @property
    def package(self) -> float:
        """Bytes inside the package."""
        return self.package_read + self.package_written


def dq_passes(parameters: Parameters, selection_epochs: int) -> float:
    """Passes of dataset quantization (DQ) over the board before the training starts.

    Each of n bins is chosen from the images that earlier bins left: 1, (n-1)/n, ... 2/n of the set, for the
    last bin takes what remains. Each choice reads these images once for features and once in each epoch of
    selection. Pixel quantization adds its own passes. Source: the published code, see ``[dq]`` in
    ``parameters.toml``.
    """
    bins = int(parameters.dq.bins.value)
    left = sum(range(2, bins + 1)) / bins if bins > 1 else 0.0
    return left * (1 + selection_epochs) + parameters.dq.pixel_passes.value


def count_traffic(
    parameters: Parameters, training: Training, samplers: list[SamplerProfile]
) -> list[Traffic]:
    """Bytes that each system moves in the whole training; the whole data set comes first.

    Over the board: the whole data set E N b; a subset f N b, once an epoch or, if it stays, once a selection;
    DQ also reads :func:`dq_passes` N b, and NeSSA also writes its feedback once a selection. Inside the
    package: NeSSA N b a selection; a sampler its sweeps times N b, and its results.
    """
    t, size = training, training.size
    subset = t.ratio * size
    once = t.fetches(1) * subset
    default = int(parameters.dq.default_epochs.value)
    scans = math.ceil(t.epochs / t.reselect)
    systems = [
        Traffic("whole data set", t.epochs * size),
        Traffic("class-balanced random", once),
        *(
            Traffic(f"DQ, {epochs} selection epochs", once + dq_passes(parameters, epochs) * size)
            for epochs in (0, default)
        ),
        Traffic(
            "NeSSA",
            t.fetches(scans) * subset,
            board_written=scans * parameters.nessa.feedback_bytes.value,
            package_read=scans * size,
        ),
    ]
    samplings = math.ceil(t.epochs / t.sampler_reselect) if t.sampler_reselect else 1
    for sampler in samplers:
        systems.append(
            Traffic(
                sampler.name,
                t.fetches(samplings) * subset,
                package_read=samplings * sampler.sweeps * size,
                package_written=samplings * sampler.written * t.images,
                samplings=float(samplings * t.images),
                sampler=sampler,
            )
        )
    return systems


def board_energy(memory: DramSystem, training: Training, traffic: Traffic) -> TransferEnergy:
    """Energy of what crosses the board: images one by one, what is written (weights) in one piece."""
    written = memory.board(traffic.board_written, max(traffic.board_written, 1.0), write=True)
    return memory.board(traffic.board_read, training.image_bytes) + written


def package_energy(memory: DramSystem, training: Training, traffic: Traffic) -> TransferEnergy:
    """Energy of what moves inside the package: a batch, or else the data set, lies together.

    Where DRAM commands were counted, they are charged, and not those of the formula.
    """
    sampler = traffic.sampler
    if not sampler:
        return memory.package(traffic.package_read, Pattern(training.image_bytes, training.images))
    if sampler.core:
        moved = traffic.package_read + traffic.package_written
        return sampler.core * traffic.samplings + TransferEnergy(link=memory.link * 8 * moved)
    read = memory.package(traffic.package_read, sampler.pattern(training.image_bytes))
    return read + memory.package(traffic.package_written, sampler.batch * sampler.written, write=True)
