# SPDX-License-Identifier: Apache-2.0
"""The processing element (PE): squared differences of pixels, or the weights of one candidate beta2."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.contract.derived import LOG_BETA_LOW
from nms.rtl.lib.cordic import Decay
from nms.rtl.lib.fixed import half_up, product, product_latency
from nms.rtl.lib.flow import Queue, delay, follow
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.signatures import EXPONENT

FINE = 3
"""Low bits of a shift that are done in the second of its two registered stages."""


def _rounded_shift(m: Module, value: Value, amount: Value, moves: Value) -> Value:
    """``half_up(value, amount)`` before its last register: a coarse shift, a register, a fine shift."""
    coarse = delay(m, value.shift_left(1) >> Cat(Const(0, FINE), amount[FINE:]), 1, moves)
    return ((coarse >> delay(m, amount[:FINE], 1, moves)) + 1).shift_right(1)


class PE(Block):
    """One processing element (PE): a pipeline without stalls, whose results must always find room.

    Distance mode (contract, section 5): a pass is a run of pixel words with ``pixels_valid``, the first and
    the last of them marked. ``distance = sum (own - other)^2`` over the words and lanes of the pass.

    Search mode (contract, section 6): a pass is a run of normalised distances ``dn`` (u0.DW) with
    ``dn_valid``, the first and the last marked. The first takes over the candidate beta2 that was put in by
    ``load`` before. For each:

    * ``z = half_up(M * dn * 2^q)`` in the format ``exponent``; ``w = 1`` where z = 0, ``w = 0`` where
      z >= cutoff, else ``w = half_up(2^-z)`` by CORDIC, in the format ``weight``;
    * ``s = sum w``, ``t = sum half_up(w * z)`` over the pass, in the format ``sums``.

    Where w is 0 or 1, w z is 0: the CORDIC and the multiplier stand still for such a distance.
    With ``ties_only``, w is 1 where dn = 0 and 0 elsewhere, whatever the candidate.
    q must be in LO ... HI - 1 of the search range.

    Parameters
    ----------
    config : ``lanes``, ``unroll``, ``pixels`` and the formats

    Members
    -------
    own, other : ``lanes`` pixels
    pixels_valid, pixels_first, pixels_last : with them
    distance : of the last pass
    mantissa, exponent, load : next candidate, M and q
    dn, dn_valid, dn_first, dn_last, ties_only : one distance
    weight, weight_valid : w of each distance
    s, t : of the last pass
    sums_done : high in the first cycle in which they are valid

    Latency
    -------
    :attr:`distance_latency` cycles from a pass's last word to ``distance``, :attr:`weight_latency` from a
    distance to its ``weight``, :attr:`sums_latency` from a pass's last distance to ``s`` and ``t``.

    Throughput
    ----------
    One word and one distance a cycle. ``distance``, ``s`` and ``t`` change only at the end of a pass, so
    that they can be collected while the next one runs, which may begin in the cycle after the last of
    another.

    Reset
    -----
    No pass is under way.

    Raises
    ------
    In simulation, a sum that does not fit its format fails an assertion.
    """

    def __init__(self, config: Config) -> None:
        self.config, self.profile, self.derived = config, config.profile, config.derived
        profile, width = self.profile, self.derived.distance_width
        self.module = "pe"
        self.parameters = (config.formats, config.lanes, config.unroll, width)
        super().__init__(
            {
                "own": In(8 * config.lanes),
                "other": In(8 * config.lanes),
                "pixels_valid": In(1),
                "pixels_first": In(1),
                "pixels_last": In(1),
                "distance": Out(width),
                "mantissa": In(profile.mantissa.width),
                "exponent": In(EXPONENT),
                "load": In(1),
                "dn": In(width),
                "dn_valid": In(1),
                "dn_first": In(1),
                "dn_last": In(1),
                "ties_only": In(1),
                "weight": Out(profile.weight.width),
                "weight_valid": Out(1),
                "s": Out(profile.sums.width),
                "t": Out(profile.sums.width),
                "sums_done": Out(1),
            }
        )

    @property
    def distance_latency(self) -> int:
        """Differences, squares, the adder tree (two levels a register), the sum."""
        levels = (self.config.lanes - 1).bit_length()
        return 2 + (levels + 1) // 2 + 1

    @property
    def weight_latency(self) -> int:
        """Input, product and shift to z; decay; shift to w."""
        scale = product_latency(self.profile.mantissa.width, self.derived.distance_width) + 2
        return 1 + scale + self.derived.cordic_latency(len(self.derived.weight_indices)) + 3

    @property
    def _term_latency(self) -> int:
        return product_latency(self.profile.weight.width, self.profile.exponent.width)

    @property
    def sums_latency(self) -> int:
        """The weight, its product with z, rounding, the sum."""
        return self.weight_latency + self._term_latency + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._distance(m)
        self._search(m, platform)
        return m

    def _distance(self, m: Module) -> None:
        latency = self.distance_latency - 1
        moves = follow(m, self.pixels_valid, latency)
        squares: list[Value] = []
        for lane in range(self.config.lanes):
            own, other = self.own.word_select(lane, 8), self.other.word_select(lane, 8)
            difference = delay(m, own - other, 1, moves)
            squares.append(delay(m, (difference * difference)[:16], 1, moves[1:]))
        level, to_come = 0, moves[2:]
        while len(squares) > 1:
            squares = [sum(squares[k : k + 2], Const(0)) for k in range(0, len(squares), 2)]
            level += 1
            if level % 2 == 0 or len(squares) == 1:
                squares = [delay(m, value, 1, to_come) for value in squares]
                to_come = to_come[1:]
        ends = delay(m, Cat(self.pixels_first, self.pixels_last), latency, moves)
        total = Signal(len(self.distance), name="distance_sum", reset_less=True)
        self._accumulate(m, moves[-1], ends, squares[0], total, self.distance)

    def _accumulate(
        self, m: Module, valid: Value, ends: Value, term: Value, total: Signal, shadow: Value
    ) -> None:
        """Sum the terms of a pass; the sum goes to ``shadow`` with the last of them.

        ``ends`` are two bits: whether a term is the first, and whether it is the last.
        """
        first, last = ends
        new = Signal(len(total) + 1, name=f"{total.name}_next")
        m.d.comb += new.eq(Mux(first, 0, total) + term)
        with m.If(valid):
            m.d.sync += [total.eq(new), Assert(~new[-1], f"{total.name} overflows")]
            with m.If(last):
                m.d.sync += shadow.eq(new)

    def _search(self, m: Module, platform: object) -> None:
        profile, width = self.profile, self.derived.distance_width
        fz, fw, c = profile.exponent.fraction, profile.weight.fraction, profile.cordic.fraction
        # The product becomes z by a shift right by places - q; room to its right keeps that positive.
        places = profile.mantissa.fraction + width - fz
        room = max(0, self.derived.log_beta_high - 1 - places)
        most = places + room - LOG_BETA_LOW

        candidate = Signal(profile.mantissa.width, reset_less=True)
        exponent = Signal(EXPONENT, reset_less=True)
        with m.If(self.load):
            m.d.sync += [candidate.eq(self.mantissa), exponent.eq(self.exponent)]
        mantissa = Signal(profile.mantissa.width, reset_less=True)
        shift = Signal(range(most + 1), reset_less=True)
        dn = Signal(width, reset_less=True)
        zeroed = Signal(reset_less=True)
        with m.If(self.dn_valid):
            m.d.sync += [dn.eq(self.dn), zeroed.eq(self.ties_only & self.dn.any())]
            with m.If(self.dn_first):
                m.d.sync += [mantissa.eq(candidate), shift.eq(places + room - exponent)]

        wait = product_latency(len(mantissa), len(dn))
        before = follow(m, self.dn_valid, wait + 3)
        moves, shifts = before[1:], before[wait + 1 :]
        exact = product(m, mantissa, dn, moves).shift_left(room)
        scaled = _rounded_shift(m, exact, delay(m, shift, wait, moves), shifts)
        z = delay(m, scaled, 1, shifts[1:])
        ends = delay(m, Cat(self.dn_first, self.dn_last), wait + 3, before)
        zeroed = delay(m, zeroed, wait + 2, moves)
        over, bypass, held = Signal(), Signal(), Signal(profile.exponent.width, name="z_decayed")
        m.d.comb += [over.eq(((z >> fz) >= profile.cutoff) | zeroed), bypass.eq((z == 0) | over)]

        # What bypasses the decay takes no rotation and no product; only its flags travel. A queue carries z,
        # since of a memory one word toggles, and of registers all.
        decay = Decay(self.derived.weight_indices, c, self.config.unroll)
        instantiate(m, "decay", decay, platform)
        m.submodules.exponents = exponents = Queue(profile.exponent.width, decay.latency + 1)
        m.d.comb += [
            decay.i.valid.eq(before[-1] & ~bypass),
            decay.i.payload.angle.eq(z[:fz] << (c - fz)),
            decay.o.ready.eq(1),
            exponents.i.valid.eq(decay.i.valid),
            exponents.i.payload.eq(z),
            exponents.o.ready.eq(decay.o.valid),
            held.eq(exponents.o.payload),
        ]
        wait, shifted = self._term_latency + 1, decay.latency + 3
        items = follow(m, before[-1], shifted + wait)
        over, bypass = (delay(m, flag, shifted, items) for flag in (over, bypass))
        ends = delay(m, ends, shifted + wait, items)
        items = items[shifted:]

        moves = follow(m, decay.o.valid, wait + 2)
        power = delay(m, decay.o.payload.power, 1, moves)
        by = Signal(range(profile.cutoff + c - fw), reset_less=True)
        with m.If(moves[0]):
            m.d.sync += by.eq(held[fz:] + (c - fw))
        fitted = delay(m, _rounded_shift(m, power, by, moves[1:])[: fw + 1], 1, moves[2:])
        weight = Signal(profile.weight.width)
        m.d.comb += [
            weight.eq(Mux(bypass, ~over << fw, fitted)),
            self.weight.eq(weight),
            self.weight_valid.eq(items[0]),
        ]

        exact = product(m, fitted, delay(m, held, 3, moves), moves[3:])
        bypass = delay(m, bypass, wait - 1, items)
        term = delay(m, Mux(bypass, 0, half_up(exact, fz))[: fw + 1], 1, items[wait - 1 :])
        s_sum = Signal(profile.sums.width, reset_less=True)
        t_sum = Signal(profile.sums.width, reset_less=True)
        self._accumulate(m, items[-1], ends, delay(m, weight, wait, items), s_sum, self.s)
        self._accumulate(m, items[-1], ends, term, t_sum, self.t)
        m.d.sync += self.sums_done.eq(items[-1] & ends[1])
