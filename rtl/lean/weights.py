# SPDX-License-Identifier: Apache-2.0
"""Weights of the distances of a row: their sums for the search, their shares for the affinities."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.contract.config import LeanConfig
from nms.rtl.lean.entropy import RECIPROCAL
from nms.rtl.lean.tables import WEIGHT, look_up
from nms.rtl.lib.fixed import half_up, half_up_by

CUTOFF = 640
"""The z from which on a weight is 0."""

LARGEST_PRODUCT = max(z * ((WEIGHT[z % 64] + (1 << z // 64 >> 1)) >> z // 64) for z in range(CUTOFF))
"""Of w and z."""

SHARE_LATENCY = 5
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

    In a search, a distance whose weight is 0 goes no further than its z.

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
    load, sum : S becomes ``sum``, and T 0, a pulse; not while ``busy``
    busy : a distance is under way
    s, t : S and T
    share_valid, share : p_j|i, :data:`SHARE_LATENCY` cycles after D_ij
    """

    def __init__(self, config: LeanConfig) -> None:
        profile = config.profile
        distance = config.derived.distance_width
        self.one = profile.weight.fraction
        self.z_fraction = profile.exponent.fraction
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
        m.d.comb += self.busy.eq(valid.any())

        def register(name: str, stage: int, value: Value) -> Signal:
            """``value`` behind ``stage``, where an item comes through."""
            held = Signal(len(value), name=name, reset_less=True)
            with m.If(self.valid if stage == 0 else valid[stage - 1]):
                m.d.sync += held.eq(value)
            return held

        gap = register("gap", 0, (self.distance - self.minimum)[: len(self.distance)])
        beta = register("beta", 1, Cat(self.mantissa, Const(1, 1)) * gap)

        # z is right where it is below the cutoff; half_up(v, n) = (floor(4v / 2^(n + 1)) + 1) >> 1
        bits = CUTOFF.bit_length()
        halves, above = shift_down(beta << 2, self.shift, bits + 1)
        rounded = half_up(halves, 1)
        light = Signal()
        m.d.comb += light.eq(above | (rounded >= CUTOFF))
        z = register("z", 2, rounded[:bits])
        weightless = register("weightless", 2, light)

        whole = z[self.z_fraction :]
        weight = half_up_by(look_up(WEIGHT, -2, z[: self.z_fraction]), whole)[: self.one + 1]
        w = register("w", 3, Mux(weightless, 0, weight))
        factor = register("factor", 3, Mux(self.sharing, self.reciprocal, z))

        product = register("product", 4, w * factor)
        m.d.sync += valid.eq(Cat(self.valid, valid[:2], valid[2] & (self.sharing | ~weightless), valid[3]))
        with m.If(self.load):
            m.d.sync += [self.s.eq(self.sum), self.t.eq(0)]
        with m.Elif(~self.sharing):
            with m.If(valid[3]):
                m.d.sync += self.s.eq(self.s + w)
            with m.If(valid[4]):
                m.d.sync += self.t.eq(self.t + product[: LARGEST_PRODUCT.bit_length()])
        m.d.sync += Assert(~(self.load & self.busy), "weights: sums begin while a distance is under way")
        m.d.comb += [
            self.share_valid.eq(valid[4] & self.sharing),
            self.share.eq(half_up(product, self.one)),
        ]
        return m
