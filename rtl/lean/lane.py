# SPDX-License-Identifier: Apache-2.0
"""One lane of the lean map: the pairs of one row, and the force on it (contract, section 21)."""

from functools import cache
from math import isqrt

from amaranth import Array, Cat, Const, Module, Mux, Shape, Signal, Value, ValueLike, signed, unsigned
from amaranth.hdl import Assert
from amaranth.lib.data import StructLayout, View
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import LeanConfig
from nms.contract.formats import LeanProfile
from nms.rtl.lib.fixed import bit_length, half_up_by, square
from nms.rtl.lib.hierarchy import Block

AXES = ("x", "y")

COARSE = 6
"""Fraction bits of a difference that are left out of its square."""

MANTISSA = 8
"""Bits of the mantissas of the kernel and of a force."""

KERNEL = [((2 << 16) + 257 + 2 * k) // (2 * (257 + 2 * k)) for k in range(1 << MANTISSA - 1)]
"""floor(2^15 / (128 + k + 1/2) + 1/2), 128 to 255."""

SCALE = 10
"""Bits of zm of N/Z = zm * 2^-ze."""

LEAST = 6
"""The smallest ze: N/Z is below 2^4, and zm not below 2^9."""


def _round(value: int, places: int) -> int:
    """``half_up(value, places)`` of an integer."""
    return (value + (1 << places >> 1)) >> places


@cache
def largest_force(profile: LeanProfile) -> int:
    """The largest magnitude of the force of a pair on one axis.

    A kernel t and its exponent n bound the difference from above, and with it the force: the kernel falls as
    the difference grows.
    """
    b, fp = profile.position.fraction, profile.affinity.fraction
    widest = profile.position.max - profile.position.min
    farthest = (1 << b) + 2 * (widest >> COARSE) ** 2
    found = 0
    for n in range(farthest.bit_length() - b):
        for k, kernel in enumerate(KERNEL):
            above = ((1 << MANTISSA - 1) + k + 1) << n + b + 1 - MANTISSA
            gap = min(widest, (isqrt(above - 1 - (1 << b)) + 1 << COARSE) - 1)
            repel = _round(kernel * ((1 << SCALE) - 1) << fp - MANTISSA - LEAST, n)
            force = _round(max(repel, 2 << fp) * kernel, n + MANTISSA)
            places = max(force.bit_length() - MANTISSA, 0)
            found = max(found, _round((_round(force, places) << places) * gap, b))
    return found


def force_shape(config: LeanConfig, pairs: int) -> Shape:
    """The sum of the forces of so many pairs on one axis, with the fraction bits of an affinity."""
    return signed(bits_for(pairs * largest_force(config.profile)) + 1)


def point_layout(config: LeanConfig) -> StructLayout:
    """A position: its raw coordinates."""
    return StructLayout({axis: signed(config.profile.position.width) for axis in AXES})


def scale_shift(config: LeanConfig) -> int:
    """The largest ze - ``LEAST``: Z is at most N(N-1), so that N/Z is at least 1/(N-1)."""
    return SCALE - 1 - LEAST + config.derived.index_width


class MapLane(Block):
    """One lane of the lean map: the pairs of one row, and the force on it (contract, section 21).

    The positions of the points come by one after the other. The lane takes one of them, that of its row, and
    then makes a pair of it and each that is named a pair. They come twice: for the kernel, and again for the
    force, which costs less than to keep their differences in each lane.

    Parameters
    ----------
    config : ``images`` and the formats

    Members
    -------
    point : a position
    take : it is that of the row
    pair : it is that of the other end of a pair
    late_point, late_take : the same, :attr:`late` cycles later
    affinity : P' of the pair, :attr:`affinity_latency` cycles after ``pair``
    early : P' counts twice; constant while pairs are under way
    scale, shift : zm and ze - 6 of N/Z; constant while pairs are between ``kernel`` and ``pair_force``
    kernel : w of the pair, or 0
    pair_force : on the row of the pair, or 0
    load, sum_before : the sum of the forces of the rows before, when the force of the point that was taken is
        due
    total : the sum of all forces on the row so far

    Latency
    -------
    :attr:`kernel_latency` cycles from ``pair`` to ``kernel``, :attr:`force_latency` to ``pair_force``, one
    more to ``total``.

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

    module = "map_lane"
    kernel_latency = 3
    """Cycles: differences, squares, mantissa and table."""

    affinity_latency = kernel_latency + 1
    """Cycles: those of the kernel, and the table's product with N/Z."""

    force_latency = affinity_latency + 6
    """Cycles: coefficient, its product with the kernel, size, mantissa, product with the difference, force.
    Each multiplier has a register of its own, since in an FPGA it is far from what follows."""

    late = force_latency - 3
    """Cycles until the difference is needed again, with which the mantissa is multiplied."""

    def __init__(self, config: LeanConfig) -> None:
        self.profile = config.profile
        self.parameters = (config.images, config.profile)
        pair, total = force_shape(config, 1), force_shape(config, config.images - 1)
        sums = StructLayout({axis: total for axis in AXES})
        super().__init__(
            {
                "point": In(point_layout(config)),
                "take": In(1),
                "pair": In(1),
                "late_point": In(point_layout(config)),
                "late_take": In(1),
                "affinity": In(self.profile.affinity.width),
                "early": In(1),
                "scale": In(SCALE),
                "shift": In(range(scale_shift(config) + 1)),
                "kernel": Out(self.profile.kernel.fraction),
                "pair_force": Out(StructLayout({axis: pair for axis in AXES})),
                "load": In(1),
                "sum_before": In(sums),
                "total": Out(sums),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        b, fp = self.profile.position.fraction, self.profile.affinity.fraction
        valid = Signal(self.force_latency)
        m.d.sync += valid.eq(Cat(self.pair, valid))
        stages = [self.pair, *valid]

        def register(stage: int, value: Value, name: str, shape: Shape | None = None) -> Signal:
            """``value`` of the pair in ``stage``, held where there is none."""
            held = Signal(value.shape() if shape is None else shape, name=name, reset_less=True)
            with m.If(stages[stage]):
                m.d.sync += held.eq(value)
            return held

        def subtract(take: Signal, point: View, name: str) -> dict[str, Value]:
            """The differences of the row, which is taken here, and a point."""
            row = Signal(point.shape(), name=f"row_{name}", reset_less=True)
            with m.If(take):
                m.d.sync += row.eq(point)
            return {axis: row[axis] - point[axis] for axis in AXES}

        gaps = subtract(self.take, self.point, "gap")
        sizes = {axis: register(0, _magnitude(gaps[axis])[COARSE:], f"size_{axis}") for axis in AXES}
        gaps = subtract(self.late_take, self.late_point, "late_gap")
        late_gaps = {axis: register(self.late, gaps[axis], f"late_gap_{axis}") for axis in AXES}

        # a = 1 + d^2: its leading one is n places above that of 1, and is followed by the index of t
        squares = [square(sizes[axis]) for axis in AXES]
        farther = register(1, (1 << b) + squares[0] + squares[1], "farther", unsigned(len(squares[0]) + 1))
        n = bit_length(farther[b + 1 :])
        index = (farther[b + 1 - MANTISSA :] >> n)[: MANTISSA - 1]
        t = register(2, Array(Const(value, MANTISSA) for value in KERNEL)[index], "t_3")
        n = register(2, n, "n_3")
        weight = t.shift_left(self.profile.kernel.fraction - MANTISSA) >> n
        m.d.comb += self.kernel.eq(Mux(stages[self.kernel_latency], weight, 0))

        # c = (P' << X) - wz, at most 2 and above -16; with y = floor(2 v), P' - half_up(v) = (2 P' - y) >> 1
        places = fp - MANTISSA - LEAST
        size = MANTISSA + SCALE + places
        product = register(3, t * self.scale, "scaled")
        t, n = register(3, t, "t_4"), register(3, n, "n_4")
        y = (product.shift_left(places + 1) >> n + self.shift)[: size + 1]
        attract = Mux(self.early, self.affinity << 1, self.affinity)
        coefficient = register(4, ((attract << 1) - y).shift_right(1), "coefficient", signed(size + 1))
        t, n = register(4, t, "t_5"), register(4, n, "n_5")

        # |g| of g = half_up(c t, 8 + n); with y = floor(2 v) below 0, -half_up(v) = (not y + 1) >> 1
        product, n = register(5, coefficient * t, "weighted"), register(5, n, "n_6")
        y = product.shift_right(MANTISSA - 1) >> n
        rounded = (y.as_unsigned() ^ y[-1].replicate(len(y))) + 1
        magnitude = register(6, rounded[1 : len(coefficient)], "magnitude")
        minus = register(6, y[-1], "minus_7")

        # Its mantissa; one rounded up to 256 is 128, a place further left
        e = bit_length(magnitude[MANTISSA:])
        rounded = half_up_by(magnitude, e)
        full = rounded[MANTISSA]
        mantissa = register(7, rounded[:MANTISSA] | full << MANTISSA - 1, "mantissa", unsigned(MANTISSA))
        left, minus = register(7, e + full, "left_8"), register(7, minus, "minus_8")
        products = {axis: register(8, mantissa * late_gaps[axis], f"product_{axis}") for axis in AXES}
        left, minus = register(8, left, "left_9"), register(8, minus, "minus_9")

        valid_force = stages[self.force_latency]
        for axis in AXES:
            # -half_up(v, n) = (not floor(v / 2^(n-1)) + 1) >> 1
            twice = (products[axis] << left).shift_right(b - 1)
            exact = ((twice.as_unsigned() ^ minus.replicate(len(twice))).as_signed() + 1).shift_right(1)
            force = register(9, exact, f"force_{axis}", self.pair_force[axis].shape())
            m.d.comb += self.pair_force[axis].eq(Mux(valid_force, force, 0))
            with m.If(stages[9]):
                fits = exact == exact[: len(force)].as_signed()
                m.d.sync += Assert(fits, "the force of a pair is out of range")
            total = Signal(self.total[axis].shape(), name=f"total_{axis}", reset_less=True)
            with m.If(self.load):
                m.d.sync += total.eq(self.sum_before[axis])
            with m.Elif(valid_force):
                m.d.sync += total.eq(total + force)
            m.d.comb += self.total[axis].eq(total)
        return m


def _magnitude(value: ValueLike) -> Value:
    """|value|, one bit fewer; ``value`` is never the most negative one."""
    value = Value.cast(value)
    return Mux(value[-1], -value, value)[: len(value) - 1]
