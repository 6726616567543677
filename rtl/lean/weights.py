# SPDX-License-Identifier: Apache-2.0
"""Weights of the distances of a row: their sums for the search, their shares for the affinities."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.contract.config import LeanConfig
from nms.rtl.lean.entropy import RECIPROCAL
from nms.rtl.lean.tables import WEIGHT
from nms.rtl.lib.booth import booth_product
from nms.rtl.lib.fixed import half_up, half_up_by

CUTOFF = 640
"""The z from which on a weight is 0; rounding says so of itself."""

LARGEST_PRODUCT = max(z * ((WEIGHT[z % 64] + (1 << z // 64 >> 1)) >> z // 64) for z in range(CUTOFF))
"""Of w and z."""

SHARE_LATENCY = 4
"""Cycles from a distance to its share."""


def shift_down(value: Value, places: Value, width: int) -> tuple[Value, Value]:
    """The lowest ``width`` bits of ``value >> places``, and whether there is one above them.

    A bit that no later stage can bring down into these is only noted, not shifted.
    """
    above: Value = Const(0, 1)
    for stage in reversed(range(len(places))):
        kept = width + (1 << stage) - 1
        shifted = Mux(places[stage], value >> (1 << stage), value)
        value, above = shifted[:kept], above | shifted[kept:].any()
    return value, above


class Weights(wiring.Component):
    """z and w, and S and T or the shares of a row, one distance a cycle (contract, sections 19 and 20).

    In a search, a distance whose weight is 0 goes no further than its z. A weight of 256 has no part in T,
    since its z is 0, and its share is r: products need eight bits of w, and those of r below 65536.

    Parameters
    ----------
    config : ``images``, ``pixels`` and the formats

    Members
    -------
    valid, distance : D_ij
    minimum : min_i
    mantissa, shift : M - 256 and 3 + L - q; with 255 and 0, only distances at the minimum have a weight
    reciprocal : r
    sharing : whether shares are wanted, not sums; constant, as are the four above, while ``busy``
    measure, gap : D_ij - min_i alone is wanted, a pulse with ``distance``, and it a cycle later
    load, sum : S becomes ``sum``, and T 0, a pulse; not while ``busy``
    busy : a distance is under way
    s, t : S and T
    share_valid, share : p_j|i, :data:`SHARE_LATENCY` cycles after D_ij
    """

    def __init__(self, config: LeanConfig) -> None:
        profile = config.profile
        distance = config.derived.distance_width
        self.one = profile.weight.fraction
        self.z_shape = profile.exponent
        s = ((config.images - 1) << self.one).bit_length()
        super().__init__(
            {
                "valid": In(1),
                "distance": In(distance),
                "minimum": In(distance),
                "mantissa": In(profile.mantissa.fraction),
                "shift": In(range(distance + 13)),
                "reciprocal": In(RECIPROCAL - self.one + 1),
                "sharing": In(1),
                "measure": In(1),
                "gap": Out(distance),
                "load": In(1),
                "sum": In(s),
                "busy": Out(1),
                "s": Out(s),
                "t": Out(((config.images - 1) * LARGEST_PRODUCT).bit_length()),
                "share_valid": Out(1),
                "share": Out(profile.affinity.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        valid = Signal(SHARE_LATENCY)
        halves = Signal(self.z_shape.width + 1, reset_less=True)  # floor(2z), where z is in range
        above = Signal(reset_less=True)
        z, last_z = Signal(self.z_shape.width), Signal(self.z_shape.width, reset_less=True)
        w = Signal(self.one + 1, reset_less=True)
        total = Signal(max(len(self.t), self.one + len(self.reciprocal)), reset_less=True)
        whole = z[self.z_shape.fraction :]
        heavy = whole < CUTOFF >> self.z_shape.fraction
        m.d.sync += valid.eq(Cat(self.valid, valid[0], valid[1] & (self.sharing | heavy), valid[2]))

        with m.If(self.valid | self.measure):
            m.d.sync += self.gap.eq(self.distance - self.minimum)

        # z = half_up(v, n) = (floor(4v / 2^(n + 1)) + 1) >> 1
        beta = Signal(len(self.mantissa) + 1 + len(self.gap))
        m.d.comb += beta.eq(booth_product(Cat(self.mantissa, Const(1, 1)), self.gap))
        with m.If(valid[0]):
            m.d.sync += Cat(halves, above).eq(Cat(*shift_down(beta << 2, self.shift, len(halves))))
        rounded = half_up(halves, 1)
        m.d.comb += z.eq(rounded | (above | rounded[-1]).replicate(len(z)))

        table = Array(Const(weight, self.one + 1) for weight in WEIGHT)
        with m.If(valid[1]):
            m.d.sync += [w.eq(half_up_by(table[z[: self.z_shape.fraction]], whole)), last_z.eq(z)]

        # One adder: T, or the half of a share's rounding, with the product
        full = w[self.one]
        factor = Signal(len(self.reciprocal) - 1)
        m.d.comb += factor.eq(Mux(self.sharing, self.reciprocal, last_z))
        before = Mux(self.sharing, 1 << self.one - 1, total)
        after = (booth_product(w[: self.one], factor) + before)[: len(total)]
        with m.If(valid[2]):
            m.d.sync += total.eq(after | Mux(self.sharing & full, self.reciprocal << self.one, 0))
            m.d.sync += self.s.eq(self.s + w)
        with m.If(self.load):
            m.d.sync += [self.s.eq(self.sum), total.eq(0)]
        m.d.sync += Assert(~(self.load & self.busy), "weights: sums begin while a distance is under way")
        m.d.comb += [
            self.busy.eq(valid.any()),
            self.t.eq(total),
            self.share_valid.eq(valid[3] & self.sharing),
            self.share.eq(total[self.one :]),
        ]
        return m
