# SPDX-License-Identifier: Apache-2.0
"""The energy of a training's memory traffic, system by system: totals, break-even, published ratios."""

from dataclasses import dataclass

from nms.energy.system.accounting import (
    Moved,
    Sampler,
    Training,
    board_energy,
    dq_passes,
    package_energy,
    systems,
)
from nms.energy.system.dram import Energy, Memory


@dataclass(frozen=True)
class Row:
    """One system over a whole training: bytes, and energy by part, in joule.

    ``sampler`` is the sampler's own energy: 0 where there is none, ``None`` where it is not known.
    """

    moved: Moved
    board: Energy
    package: Energy
    sampler: float | None

    @property
    def memory(self) -> Energy:
        """All energy of the memory system."""
        return self.board + self.package

    @property
    def total(self) -> float:
        """Memory and, where known, sampler."""
        return self.memory.total + (self.sampler or 0.0)


def rows(memory: Memory, training: Training, samplers: list[Sampler]) -> list[Row]:
    """All systems."""
    found = []
    for moved in systems(memory.parameters, training, samplers):
        own: float | None = 0.0
        if moved.sampler:
            each = moved.sampler.energy
            own = None if each is None else each * moved.samplings
        board, package = board_energy(memory, training, moved), package_energy(memory, training, moved)
        found.append(Row(moved, board, package, own))
    return found


@dataclass(frozen=True)
class BreakEven:
    """When a sampler has paid for itself, against training on the whole data set.

    All energies in joule for each image of the data set: ``saved`` on the board in an epoch, ``moved``
    inside the package by one selection, ``own`` by the sampler itself in one selection.
    """

    system: str
    ratio: float
    whole: float
    moved: float
    own: float | None
    subset_stays: bool = False

    @property
    def saved(self) -> float:
        """(1 - f) of the energy that reading an image over the board costs."""
        return (1 - self.ratio) * self.whole

    @property
    def budget(self) -> float:
        """The sampler's own energy that is paid back in exactly one epoch; below 0: none is so soon."""
        return self.saved - self.moved

    def epochs(self, own: float) -> float | None:
        """Epochs after which the board has saved what the sampler cost; ``None``: never.

        With the subset fetched each epoch ``cost / saved``; with a subset that stays with the trainer it is
        fetched once: ``cost / whole + f``.
        """
        cost = self.moved + own
        if self.subset_stays:
            return cost / self.whole + self.ratio
        return cost / self.saved if self.saved > 0 else None


def break_even(memory: Memory, training: Training, samplers: list[Sampler]) -> list[BreakEven]:
    """One for each sampler."""
    one = Training(training.images, training.image_bytes, training.ratio, epochs=1)
    found = []
    for row in rows(memory, one, samplers):
        if row.moved.sampler:
            found.append(
                BreakEven(
                    row.moved.name,
                    training.ratio,
                    memory.board(training.image_bytes, training.image_bytes).total,
                    row.package.total / training.images,
                    row.moved.sampler.energy,
                    training.subset_stays,
                )
            )
    return found


@dataclass(frozen=True)
class OneEpoch:
    """One system in the accounting of a single epoch: passes over the board, and ratios to NMS.

    ``passes_ratio`` counts accesses; ``energy_ratio`` weighs them with this model's energies, on the board.
    """

    system: str
    assumption: str
    passes: float
    passes_ratio: float
    energy_ratio: float


def published(memory: Memory, image_bytes: int) -> list[OneEpoch]:
    """The accounting that yields the published ratios: everything charged to one epoch, and to the board."""
    p = memory.parameters.published
    f = p.ratio.value
    read, written = (memory.board(image_bytes, image_bytes, write).total for write in (False, True))
    default = int(memory.parameters.dq.default_epochs.value)
    code = {epochs: dq_passes(memory.parameters, epochs) for epochs in (0, default)}
    needed = p.dq.value * f
    counted = [
        ("NMS", "kept images cross once", f, 0.0),
        ("class-balanced random", "kept images cross once", f, 0.0),
        ("whole data set", "every image crosses once", 1.0, 0.0),
        (
            "NeSSA",
            f"its scan of all images is charged to the board, and the subset goes there and back: "
            f"(1 + 2f)/f; published {p.nessa.value:g}",
            1 + f,
            f,
        ),
        (
            f"DQ, published {p.dq.value:g}",
            f"solved for, not predicted: needs {needed - f:.1f} passes to select, and the subset once",
            needed,
            0.0,
        ),
        *(
            (
                f"DQ, {epochs} selection epochs",
                f"as its code does it: {passes:.1f} passes to select, and the subset once",
                passes + f,
                0.0,
            )
            for epochs, passes in code.items()
        ),
    ]
    return [
        OneEpoch(
            system,
            assumption,
            reads + writes,
            (reads + writes) / f,
            (reads * read + writes * written) / (f * read),
        )
        for system, assumption, reads, writes in counted
    ]


@dataclass(frozen=True)
class Activations:
    """The data set beside the activations that the training accelerator keeps off chip, for one image.

    ``share_bytes`` and ``share_energy``: what the image is of image and activations. Energies in joule.
    """

    bits: int
    image_bytes: int
    activation_bytes: float
    image_energy: float
    activation_energy: float

    @property
    def share_bytes(self) -> float:
        """Of the bytes."""
        return self.image_bytes / (self.image_bytes + self.activation_bytes)

    @property
    def share_energy(self) -> float:
        """Of the energy."""
        return self.image_energy / (self.image_energy + self.activation_energy)


def activations(memory: Memory, image_bytes: int, saved: float, bits: int) -> Activations:
    """``saved`` bytes of activations, kept in ``bits`` bits each, cross as often as the table says."""
    training = memory.parameters.training
    count = saved * bits / training.activation_bits.value
    crossings = training.activation_crossings.value
    there_and_back = memory.board(count, max(count, 1.0), write=True) + memory.board(count, max(count, 1.0))
    return Activations(
        bits,
        image_bytes,
        crossings * count,
        memory.board(image_bytes, image_bytes).total,
        there_and_back.total * crossings / 2,
    )


def parts_per_bit(memory: Memory, image_bytes: int, batch: int) -> dict[str, Energy]:
    """Energy of one bit, by way: an image over the board, to or from it, and a batch inside the package."""
    bits = 8 * image_bytes
    return {
        "read over the board": memory.board(image_bytes, image_bytes) * (1 / bits),
        "write over the board": memory.board(image_bytes, image_bytes, write=True) * (1 / bits),
        "read inside the package": memory.package(batch * image_bytes, batch * image_bytes)
        * (1 / (batch * bits)),
    }
