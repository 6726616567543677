# SPDX-License-Identifier: Apache-2.0
"""Compare the energy of a training's memory traffic between systems: totals, break-even, published ratios."""

from dataclasses import dataclass

from nms.energy.system.dram import DramSystem, TransferEnergy
from nms.energy.system.training_traffic import (
    SamplerProfile,
    Traffic,
    Training,
    board_energy,
    count_traffic,
    dq_passes,
    package_energy,
)


@dataclass(frozen=True)
class SystemEnergy:
    """One system over a whole training: its traffic, and energy by part in joules.

    ``sampler`` is the sampler's own energy: 0 if there is none, ``None`` if it is unknown.
    """

    traffic: Traffic
    board: TransferEnergy
    package: TransferEnergy
    sampler: float | None

    @property
    def memory(self) -> TransferEnergy:
        """Energy of the memory system, board and package, by part."""
        return self.board + self.package

    @property
    def total(self) -> float:
        """Energy of the memory system and, where known, of the sampler, in joules."""
        return self.memory.total + (self.sampler or 0.0)


def compare_systems(
    memory: DramSystem, training: Training, samplers: list[SamplerProfile]
) -> list[SystemEnergy]:
    """Energy of every system over a whole training, in the order of :func:`count_traffic`."""
    systems = []
    for traffic in count_traffic(memory.parameters, training, samplers):
        own: float | None = 0.0
        if traffic.sampler:
            each = traffic.sampler.energy
            own = None if each is None else each * traffic.samplings
        board, package = board_energy(memory, training, traffic), package_energy(memory, training, traffic)
        systems.append(SystemEnergy(traffic, board, package, own))
    return systems


@dataclass(frozen=True)
class BreakEven:
    """When a sampler has paid for itself, against training on the whole data set.

    All energies are in joules for each image of the data set.

    Members
    -------
    whole : to read an image over the board
    moved : traffic of one selection inside the package
    own : the sampler itself in one selection; ``None`` if unknown
    """

    system: str
    ratio: float
    whole: float
    moved: float
    own: float | None
    subset_stays: bool = False

    @property
    def saved(self) -> float:
        """What the board saves in an epoch: (1 - f) of the energy to read an image."""
        return (1 - self.ratio) * self.whole

    @property
    def budget(self) -> float:
        """The sampler's own energy that one epoch pays back, saved - moved; below 0: not even none."""
        return self.saved - self.moved

    def epochs(self, own: float) -> float | None:
        """Epochs after which the board has saved what the sampler cost, moved + own; ``None`` if never.

        If the subset is fetched in each epoch: cost / saved. If it stays with the trainer, it is fetched
        once: cost / whole + f.
        """
        cost = self.moved + own
        if self.subset_stays:
            return cost / self.whole + self.ratio
        return cost / self.saved if self.saved > 0 else None


def find_break_even(
    memory: DramSystem, training: Training, samplers: list[SamplerProfile]
) -> list[BreakEven]:
    """The break-even of each sampler; it does not depend on the length of the training."""
    one = Training(training.images, training.image_bytes, training.ratio, epochs=1)
    points = []
    for row in compare_systems(memory, one, samplers):
        if row.traffic.sampler:
            points.append(
                BreakEven(
                    row.traffic.name,
                    training.ratio,
                    memory.board(training.image_bytes, training.image_bytes).total,
                    row.package.total / training.images,
                    row.traffic.sampler.energy,
                    training.subset_stays,
                )
            )
    return points


@dataclass(frozen=True)
class OneEpoch:
    """One system, accounted for in a single epoch: passes over the board, and ratios to NMS.

    ``passes_ratio`` counts accesses; ``energy_ratio`` weighs reads and writes with this model's energies.
    """

    system: str
    assumption: str
    passes: float
    passes_ratio: float
    energy_ratio: float


def reproduce_published(memory: DramSystem, image_bytes: int) -> list[OneEpoch]:
    """The accounting that yields the published ratios: everything is charged to one epoch, and to the board.

    The published ratios and the fraction kept are those of ``[published]`` in ``parameters.toml``.
    """
    p = memory.parameters.published
    f = p.ratio.value
    read, written = (memory.board(image_bytes, image_bytes, write).total for write in (False, True))
    default = int(memory.parameters.dq.default_epochs.value)
    code = {epochs: dq_passes(memory.parameters, epochs) for epochs in (0, default)}
    needed = p.dq.value * f
    systems = [
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
        for system, assumption, reads, writes in systems
    ]


@dataclass(frozen=True)
class Activations:
    """One image beside the activations that the training accelerator saves off chip; energies in joules."""

    bits: int
    image_bytes: int
    activation_bytes: float
    image_energy: float
    activation_energy: float

    @property
    def share_bytes(self) -> float:
        """The image's share of the bytes of image and activations."""
        return self.image_bytes / (self.image_bytes + self.activation_bytes)

    @property
    def share_energy(self) -> float:
        """The image's share of the energy of image and activations."""
        return self.image_energy / (self.image_energy + self.activation_energy)


def compare_activations(memory: DramSystem, image_bytes: int, saved: float, bits: int) -> Activations:
    """An image beside its activations.

    ``saved`` is their size in bytes at the table's ``activation_bits``. They are stored in ``bits`` bits each
    and cross the board ``activation_crossings`` times.
    """
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


def energy_per_bit(
    memory: DramSystem, image_bytes: int, sampler: SamplerProfile
) -> dict[str, TransferEnergy]:
    """Joules of one bit by way: an image read or written over the board, a batch read inside the package."""
    bits = 8 * image_bytes
    return {
        "read over the board": memory.board(image_bytes, image_bytes) * (1 / bits),
        "write over the board": memory.board(image_bytes, image_bytes, write=True) * (1 / bits),
        "read inside the package": memory.package(image_bytes, sampler.pattern(image_bytes)) * (1 / bits),
    }
