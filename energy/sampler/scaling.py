# SPDX-License-Identifier: Apache-2.0
"""From one technology node to another: published factors, and a bracket between two libraries."""

from dataclasses import dataclass

ENERGY: dict[int, tuple[float, float, float]] = {
    180: (0.0, 24.64, -17.98),
    130: (7.171, -6.709, 2.904),
    90: (4.762, -4.781, 2.092),
    65: (3.755, -4.398, 1.975),
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.373, -0.1582, 0.04104),
    7: (0.1776, -0.09097, 0.02447),
}
"""a, b and c of the energy of an operation, a V^2 + b V + c, on one scale for all nodes (nm; high-performance
below 65): A. Stillmaker, B. Baas, "Scaling equations for the accurate prediction of CMOS device performance
from 180 nm to 7 nm", Integration 58 (2017), pages 74-81, as transcribed in wromaszkan/nodeScale."""

TARGET = (32, 20)
"""28 nm is not in the table; it lies between these, and is interpolated linearly in the node."""


def operation(node: float, voltage: float) -> float:
    """Energy of an operation at ``node`` nm and ``voltage`` V, on the scale of :data:`ENERGY`.

    Between two nodes of the table it is interpolated linearly in the node.

    Raises
    ------
    ValueError
        A node outside 7 to 180 nm.
    """
    nodes = sorted(ENERGY)
    if not nodes[0] <= node <= nodes[-1]:
        raise ValueError(f"node {node:g} nm: must be {nodes[0]} to {nodes[-1]}")
    low = max(known for known in nodes if known <= node)
    high = min(known for known in nodes if known >= node)

    def at(known: int) -> float:
        a, b, c = ENERGY[known]
        return a * voltage**2 + b * voltage + c

    if low == high:
        return at(low)
    return at(low) + (at(high) - at(low)) * (node - low) / (high - low)


def factor(node: float, voltage: float, to_node: float, to_voltage: float) -> float:
    """What an energy at one node and voltage is to be multiplied by for another."""
    return operation(to_node, to_voltage) / operation(node, voltage)


@dataclass(frozen=True)
class Estimate:
    """A figure at a node without a library: scaled from each end, and so bracketed.

    ``low`` and ``high`` are the two scaled figures; the ends themselves, unscaled, enclose both.
    """

    node: float
    voltage: float
    low: float
    high: float
    ends: tuple[float, float]


def between(
    old: tuple[float, float, float], new: tuple[float, float, float], node: float = 28, voltage: float = 0.9
) -> Estimate:
    """An energy at ``node``, from (node, voltage, joules) of an older and of a newer library."""
    scaled = sorted(joules * factor(n, v, node, voltage) for n, v, joules in (old, new))
    return Estimate(node, voltage, scaled[0], scaled[1], (new[2], old[2]))
