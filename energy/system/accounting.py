# SPDX-License-Identifier: Apache-2.0
"""What each system moves, over the board and inside the memory's package, and what it costs.

A pass is one read of the whole data set of N images with b bytes.
"""

import math
from dataclasses import dataclass

from nms.energy.system.dram import Energy, Memory
from nms.energy.system.parameters import Parameters


@dataclass(frozen=True)
class Training:
    """A training: what is the same for every system.

    Parameters
    ----------
    images, image_bytes : N and b
    ratio : f, the fraction kept
    epochs : E
    reselect : R, epochs after which NeSSA selects anew
    sampler_reselect : the same for a sampler beside the memory; 0 = it samples once
    subset_stays : a subset is fetched once a selection, not once an epoch, since the trainer keeps it
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
        """Bytes of the data set."""
        return float(self.images * self.image_bytes)

    def fetches(self, selections: int) -> int:
        """How often the subset crosses the board."""
        return min(selections, self.epochs) if self.subset_stays else self.epochs


@dataclass(frozen=True)
class Sampler:
    """The sampler beside the memory, by its counts: sweeps and bytes written for an image as counted.

    ``energy`` is its own, in joule for each image of the data set; ``None`` if unknown.
    """

    name: str
    sweeps: float
    written: float
    batch: int
    energy: float | None = None


@dataclass(frozen=True)
class Moved:
    """Bytes that one system moves in a training; ``samplings``: images that went through the sampler."""

    name: str
    board_read: float
    board_written: float = 0.0
    package_read: float = 0.0
    package_written: float = 0.0
    samplings: float = 0.0
    sampler: Sampler | None = None

    @property
    def board(self) -> float:
        """Bytes over the board."""
        return self.board_read + self.board_written

    @property
    def package(self) -> float:
        """Bytes inside the package."""
        return self.package_read + self.package_written


def dq_passes(parameters: Parameters, selection_epochs: int) -> float:
    """Passes of dataset quantization before training: bin k is chosen from what the bins before left.

    With n bins these are 1, (n-1)/n, ... 2/n of the set (the last bin is what is left), read once for
    features and once for each epoch of selection; pixel quantization comes on top.
    """
    bins = int(parameters.dq.bins.value)
    left = sum(range(2, bins + 1)) / bins if bins > 1 else 0.0
    return left * (1 + selection_epochs) + parameters.dq.pixel_passes.value


def systems(parameters: Parameters, training: Training, samplers: list[Sampler]) -> list[Moved]:
    """What each system moves in the whole training."""
    t, size = training, training.size
    subset = t.ratio * size
    once = t.fetches(1) * subset
    default = int(parameters.dq.default_epochs.value)
    scans = math.ceil(t.epochs / t.reselect)
    found = [
        Moved("whole data set", t.epochs * size),
        Moved("class-balanced random", once),
        *(
            Moved(f"DQ, {epochs} selection epochs", once + dq_passes(parameters, epochs) * size)
            for epochs in (0, default)
        ),
        Moved(
            "NeSSA",
            t.fetches(scans) * subset,
            board_written=scans * parameters.nessa.feedback_bytes.value,
            package_read=scans * size,
        ),
    ]
    samplings = math.ceil(t.epochs / t.sampler_reselect) if t.sampler_reselect else 1
    for sampler in samplers:
        found.append(
            Moved(
                sampler.name,
                t.fetches(samplings) * subset,
                package_read=samplings * sampler.sweeps * size,
                package_written=samplings * sampler.written * t.images,
                samplings=float(samplings * t.images),
                sampler=sampler,
            )
        )
    return found


def board_energy(memory: Memory, training: Training, moved: Moved) -> Energy:
    """Energy of what crosses the board: images one by one, what is written (weights) in one piece."""
    written = memory.board(moved.board_written, max(moved.board_written, 1.0), write=True)
    return memory.board(moved.board_read, training.image_bytes) + written


def package_energy(memory: Memory, training: Training, moved: Moved) -> Energy:
    """Energy of what moves inside the package: a batch, or the data set, lies together."""
    batch = moved.sampler.batch if moved.sampler else training.images
    read = memory.package(moved.package_read, batch * training.image_bytes)
    if not moved.sampler or not moved.package_written:
        return read
    return read + memory.package(moved.package_written, batch * moved.sampler.written, write=True)
