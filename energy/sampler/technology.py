# SPDX-License-Identifier: Apache-2.0
"""Technology nodes: of which node a library is, and energies scaled from one node to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nms.contract.errors import UserError

LIBRARY_NODES = {"sky130": 130, "sg13g2": 130, "asap7": 7, "osu018": 180}
"""Nodes (nm) of known libraries, by a part of the file's name."""

ENERGY_COEFFICIENTS: dict[int, tuple[float, float, float]] = {
    180: (0.0, 24.64, -17.98),
    130: (7.171, -6.709, 2.904),
    90: (4.762, -4.781, 2.092),
    65: (3.755, -4.398, 1.975),
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.373, -0.1582, 0.04104),
    7: (0.1776, -0.09097, 0.02447),
}
"""a, b and c of the energy of an operation, a V^2 + b V + c, by node (nm), on one scale for all nodes;
high-performance devices below 65 nm. A. Stillmaker, B. Baas, "Scaling equations for the accurate prediction
of CMOS device performance from 180 nm to 7 nm", Integration 58 (2017), pages 74-81, as transcribed in
wromaszkan/nodeScale."""


def infer_node(files: Sequence[Path], given: int | None) -> int:
    """The node of a library in nm: as given, or inferred from the names of its files.

    Raises
    ------
    UserError
        It is not given, and not every name contains the same key of :data:`LIBRARY_NODES`.
    """
    if given is not None:
        return given
    for part, node in LIBRARY_NODES.items():
        if all(part in file.name.lower() for file in files):
            return node
    raise UserError(f"liberty {files[0].name!r}: cannot infer the technology node; pass --node NM")


def operation_energy(node: float, voltage: float) -> float:
    """Energy of an operation at ``node`` nm and ``voltage`` V, on the scale of :data:`ENERGY_COEFFICIENTS`.

    Between two nodes of the table (28 nm lies between 32 and 20) it is interpolated linearly in the node.

    Raises
    ------
    ValueError
        A node outside 7 to 180 nm.
    """
    nodes = sorted(ENERGY_COEFFICIENTS)
    if not nodes[0] <= node <= nodes[-1]:
        raise ValueError(f"node {node:g} nm: must be {nodes[0]} to {nodes[-1]}")
    low = max(known for known in nodes if known <= node)
    high = min(known for known in nodes if known >= node)

    def at(known: int) -> float:
        a, b, c = ENERGY_COEFFICIENTS[known]
        return a * voltage**2 + b * voltage + c

    if low == high:
        return at(low)
    return at(low) + (at(high) - at(low)) * (node - low) / (high - low)


def scale_factor(node: float, voltage: float, to_node: float, to_voltage: float) -> float:
    """The factor from an energy at one node (nm) and voltage (V) to that at another."""
    return operation_energy(to_node, to_voltage) / operation_energy(node, voltage)


@dataclass(frozen=True)
class Bracket:
    """An energy at a node without a library, in joules: scaled from an older and from a newer library.

    ``low`` and ``high`` are the two scaled figures; ``ends`` are the figures of the libraries, unscaled.
    """

    node: float
    voltage: float
    low: float
    high: float
    ends: tuple[float, float]


def bracket(
    old: tuple[float, float, float], new: tuple[float, float, float], node: float = 28, voltage: float = 0.9
) -> Bracket:
    """An energy at ``node`` nm and ``voltage`` V, from (nm, V, joules) of an older and of a newer library."""
    scaled = sorted(joules * scale_factor(n, v, node, voltage) for n, v, joules in (old, new))
    return Bracket(node, voltage, scaled[0], scaled[1], (new[2], old[2]))
