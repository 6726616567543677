# SPDX-License-Identifier: Apache-2.0
"""Which conclusions hold if the constants are wrong: varied one by one, and in all combinations."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from nms.energy.system.comparison import compare_activations, compare_systems, energy_per_bit, find_break_even
from nms.energy.system.dram import DramSystem
from nms.energy.system.parameters import Parameters
from nms.energy.system.training_traffic import SamplerProfile, Training


@dataclass(frozen=True)
class Factor:
    """Entries of the table that are multiplied together, and the multipliers; 1 is the table itself."""

    name: str
    entries: tuple[str, ...]
    values: tuple[float, ...]


def factors(link: str) -> list[Factor]:
    """The factors that are varied."""
    return [
        Factor("DRAM core", ("dram.correction",), (0.7, 1.0, 1.3)),
        Factor("trace capacitance", ("trace.capacitance",), (0.0, 1.0, 2.0)),
        Factor(
            "pads and PHY",
            ("io.pad_device", "io.pad_host", "io.internal_host", "phy.dynamic", "phy.static"),
            (0.7, 1.0, 1.3),
        ),
        Factor("link in the package", (f"link.{link}",), (0.1, 1.0, 4.0)),
        Factor("use of the bus", ("dram.bus_use",), (0.25, 1.0)),
    ]


@dataclass(frozen=True)
class Case:
    """One setting of all factors; ``changes``: how many of them differ from the table."""

    name: str
    parameters: Parameters
    changes: int


def vary_one_by_one(parameters: Parameters, link: str) -> list[Case]:
    """The table as given, then each factor alone at each of its other multipliers."""
    found = [Case("as given", parameters, 0)]
    for factor in factors(link):
        for value in factor.values:
            if value != 1:
                found.append(
                    Case(
                        f"{factor.name} x {value:g}",
                        parameters.scaled(dict.fromkeys(factor.entries, value)),
                        1,
                    )
                )
    return found


def vary_all(parameters: Parameters, link: str) -> Iterator[Case]:
    """Every combination of the multipliers of all factors."""
    varied = factors(link)
    for values in product(*(factor.values for factor in varied)):
        pairs = list(zip(varied, values, strict=True))
        scale = {entry: value for factor, value in pairs for entry in factor.entries}
        changed = [f"{factor.name} x {value:g}" for factor, value in pairs if value != 1]
        yield Case(", ".join(changed) or "as given", parameters.scaled(scale), len(changed))


@dataclass(frozen=True)
class CheckedConclusion:
    """A conclusion, the figure that it rests on, and whether it holds."""

    conclusion: str
    value: float
    holds: bool


def check_conclusions(
    parameters: Parameters, link: str, training: Training, samplers: list[SamplerProfile], saved: float | None
) -> list[CheckedConclusion]:
    """Check all conclusions with one table.

    ``saved``: bytes of activations of an image, ``None`` if unknown. Ratios compare the energy of a whole
    training: board, package and, where known, the sampler's own.
    """
    memory = DramSystem(parameters, link)
    bit = energy_per_bit(memory, training.image_bytes, samplers[0])
    ratio = bit["read over the board"].total / bit["read inside the package"].total
    found = [CheckedConclusion("a bit costs less inside the package (board : package)", ratio, ratio > 1)]
    table = {row.traffic.name: row for row in compare_systems(memory, training, samplers)}
    for sampler in samplers:
        mine = table[sampler.name]
        for name, row in table.items():
            if row.traffic.sampler or not mine.total:
                continue
            value, less = row.total / mine.total, name == "class-balanced random"
            found.append(
                CheckedConclusion(
                    f"{name} : {sampler.name} is {'at most' if less else 'above'} 1",
                    value,
                    value <= 1 if less else value > 1,
                )
            )
    for point in find_break_even(memory, training, samplers):
        for text, own in (("its package traffic alone", 0.0), ("package traffic and sampler", point.own)):
            epochs = None if own is None else point.epochs(own)
            if epochs is not None:
                claim = f"{point.system}: {text} paid back within one epoch (epochs)"
                found.append(CheckedConclusion(claim, epochs, epochs < 1))
    if saved:
        share = compare_activations(memory, training.image_bytes, saved, 32).share_energy
        found.append(CheckedConclusion("images are below 1 % beside fp32 activations", share, share < 0.01))
    return found


@dataclass(frozen=True)
class ConclusionSummary:
    """A conclusion over all combinations.

    Members
    -------
    given, least, most : its figure with the table as given, and over all combinations
    holds, of : combinations in which it holds, of how many
    fails : the combination with the fewest changes in which it does not hold; empty if there is none
    """

    conclusion: str
    given: float
    least: float
    most: float
    holds: int
    of: int
    fails: str = ""


def check_all_combinations(
    parameters: Parameters, link: str, training: Training, samplers: list[SamplerProfile], saved: float | None
) -> list[ConclusionSummary]:
    """Check each conclusion in every combination of :func:`vary_all`."""
    found: dict[str, ConclusionSummary] = {}
    fewest: dict[str, int] = {}
    for finding in check_conclusions(parameters, link, training, samplers, saved):
        found[finding.conclusion] = ConclusionSummary(
            finding.conclusion, finding.value, finding.value, finding.value, 0, 0
        )
    for case in vary_all(parameters, link):
        for finding in check_conclusions(case.parameters, link, training, samplers, saved):
            old = found[finding.conclusion]
            fails = old.fails
            if not finding.holds and (not fails or case.changes < fewest[finding.conclusion]):
                fails, fewest[finding.conclusion] = case.name, case.changes
            found[finding.conclusion] = replace(
                old,
                least=min(old.least, finding.value),
                most=max(old.most, finding.value),
                holds=old.holds + finding.holds,
                of=old.of + 1,
                fails=fails,
            )
    return list(found.values())
