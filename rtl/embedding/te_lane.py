# SPDX-License-Identifier: Apache-2.0
"""One lane of the update array (TE): kernel and forces of one pair a cycle (contract, section 11)."""

from amaranth import Module, Mux, Value, signed
from amaranth.hdl import Assert
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.contract.formats import Fixed
from nms.rtl.lib.fixed import bit_length, half_up, product, product_latency
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.newton import Newton
from nms.rtl.lib.signatures import Payloads

AXES = ("x", "y")

EXPONENT = 4
"""Bits of e, the exponent of 1 + d^2: two points are less than 2^7.5 apart, so e <= 15."""


def top(value: Value, bits: int) -> Value:
    """The top ``bits`` bits of ``value``; zeros follow if it has fewer."""
    return value[-bits:] if len(value) >= bits else value.shift_left(bits - len(value))


def reciprocal(config: Config) -> Newton:
    """The reciprocal unit of the lanes and of Z."""
    profile = config.profile
    fraction = profile.kernel_reciprocal.fraction
    return Newton(fraction, fraction, profile.kernel_seed, profile.kernel_steps, tag=EXPONENT)


class TELane(Block):
    """One lane of the update array (TE): kernel and forces of one pair a cycle (contract, section 11).

    The kernel is ``w = 1 / (1 + |i - j|^2)``, the forces are P'w * (i - j) and w^2 * (i - j), exact
    products of the rounded P'w and w^2.

    Parameters
    ----------
    config : the formats

    Members
    -------
    i, j, valid : a pair of points, for its kernel
    due : high one cycle before w is in the lane
    affinity, present : one cycle after ``due``, P' of the pair; ``present`` = 0 makes w and the forces 0
        whatever the others are
    late_i, late_j : a cycle after that, the same pair of points
    kernel : w, in the same cycle as ``present``, format ``kernel``
    attract_x, attract_y, repel_x, repel_y : the forces, formats ``attract`` and ``repel``; they hold while
        there is no pair

    Latency
    -------
    :attr:`kernel_latency` cycles from ``valid`` to ``due``, :attr:`force_latency` from ``kernel`` to the
    forces.

    Throughput
    ----------
    One pair a cycle.

    Reset
    -----
    No pair is under way.

    Raises
    ------
    In simulation, a force that does not fit its format fails an assertion.
    """

    def __init__(self, config: Config) -> None:
        self.config, profile = config, config.profile
        self.module = "te_lane"
        self.parameters = (profile,)
        payloads = Payloads(config)
        self.newton = reciprocal(config)
        # |w d| <= 1/2, so that a force is at most P' / 2 <= 1 but for rounding
        self.attract = Fixed(True, 2, profile.affinity.fraction + profile.position.fraction)
        self.repel = Fixed(True, 2, profile.kernel.fraction + profile.position.fraction)
        super().__init__(
            {
                "i": In(payloads.point),
                "j": In(payloads.point),
                "valid": In(1),
                "due": Out(1),
                "late_i": In(payloads.point),
                "late_j": In(payloads.point),
                "affinity": In(profile.affinity.width),
                "present": In(1),
                "kernel": Out(profile.kernel.width),
                "attract_x": Out(signed(self.attract.width)),
                "attract_y": Out(signed(self.attract.width)),
                "repel_x": Out(signed(self.repel.width)),
                "repel_y": Out(signed(self.repel.width)),
            }
        )

    @property
    def difference(self) -> int:
        """Bits of the difference of two coordinates."""
        return self.config.profile.position.width + 1

    @property
    def kernel_latency(self) -> int:
        """Cycles from ``valid`` to ``due``: difference, squares, sum, exponent, mantissa, reciprocal."""
        return 1 + product_latency(self.difference, self.difference) + 3 + self.newton.latency

    @property
    def _weight_latency(self) -> int:
        """Cycles from w and P' to the rounded P'w and w^2: a register, products, rounding."""
        profile = self.config.profile
        return product_latency(max(profile.affinity.width, profile.kernel.width), profile.kernel.width) + 2

    @property
    def force_latency(self) -> int:
        """Cycles from ``kernel`` to the forces."""
        profile = self.config.profile
        weight = max(profile.affinity.width, profile.kernel.width) + 1
        return self._weight_latency + product_latency(weight, self.difference)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        profile = self.config.profile
        b, k = profile.position.fraction, profile.kernel_reciprocal.fraction
        fk = profile.kernel.fraction

        newton = instantiate(m, "newton", self.newton, platform)
        before = follow(m, self.valid, self.kernel_latency - newton.latency)
        moves = before[1:]

        # a = 1 + d^2, then its mantissa with k fraction bits and its exponent e
        squares = []
        for axis in AXES:
            gap = delay(m, self.i[axis] - self.j[axis], 1, before)
            squares.append(product(m, gap, gap, moves).as_unsigned())
        moves = moves[product_latency(self.difference, self.difference) :]
        sum_of_squares = squares[0] + squares[1] + (1 << 2 * b)
        one_more = delay(m, half_up(sum_of_squares, b)[: b + (1 << EXPONENT)], 1, moves)
        exponent = delay(m, (bit_length(one_more[b:]) - 1)[:EXPONENT], 1, moves[1:])
        shifted = delay(m, one_more, 1, moves[1:]) << ~exponent  # by 15 - e
        m.d.comb += [
            newton.i.valid.eq(before[-1]),
            newton.i.payload.m.eq(delay(m, top(shifted[: len(one_more)], k + 1), 1, moves[2:])),
            newton.i.payload.tag.eq(delay(m, exponent, 1, moves[2:])),
            newton.o.ready.eq(1),
            self.due.eq(newton.o.valid),
        ]
        behind = follow(m, self.due, self.force_latency)
        near = newton.o.payload.y.shift_right(k - fk - 1) >> newton.o.payload.tag
        kernel = delay(m, ((near + 1) >> 1)[: profile.kernel.width], 1, behind)  # half_up(y, e + k - fk)

        m.d.comb += self.kernel.eq(Mux(self.present, kernel, 0))
        weights, moves = {}, behind[2:]
        affinity, repeated = delay(m, self.affinity, 1, behind[1:]), delay(m, self.kernel, 1, behind[1:])
        for name, other in (("attract", affinity), ("repel", repeated)):
            weight = half_up(product(m, other, repeated, moves), fk)[: len(other) + 1]
            wait = product_latency(len(other), len(kernel))
            weights[name] = delay(m, weight, self._weight_latency - 1 - wait, moves[wait:])
        for axis in AXES:
            gap = self.late_i[axis] - self.late_j[axis]
            late = delay(m, gap, self._weight_latency - 1, moves)
            for name, weight in weights.items():
                wait = product_latency(len(weight), len(late))
                last = moves[self._weight_latency - 1 :]
                spare = self.force_latency - self._weight_latency - wait
                force = delay(m, product(m, weight, late, last), spare, last[wait:])
                port = getattr(self, f"{name}_{axis}")
                m.d.comb += port.eq(force)
                m.d.sync += Assert(port == force, "the force of a pair is out of range")
        return m
