# SPDX-License-Identifier: Apache-2.0
"""Steps of the lean search: from the entropy at a u to the next u, in a bracket (contract, section 19)."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.contract.config import LeanConfig
from nms.contract.tables import Status
from nms.rtl.lean.division import divide_on
from nms.rtl.lib.fixed import add_or_subtract

START = 1024
"""The u with which the first row of a batch begins."""

LOWEST = -2049
"""The lower end of every bracket at first."""

HEADROOM = 4
"""Octaves above L at which the bracket ends."""

TOLERANCE = 4
"""The largest |H - target| of a solved row."""

STEP_BITS = 9
"""A step is at most 2^9."""


class Secant(wiring.Component):
    """Judges the entropy at u, and moves u or ends the row.

    A step is |H - target| * |du| / |dH|: a product, a bit of |H - target| a cycle, then a division in the
    same two registers. The u before is always an end of the bracket, the lower one if u rose from it. Where
    the best u of a row that is given up is not the last, it is evaluated again.

    Parameters
    ----------
    config : ``pixels`` and the formats

    Members
    -------
    target, evaluations : of the batch
    batch : begins a batch, a pulse
    row : begins a row, a pulse; the first entropy is that of its ties
    scale : L of the row
    judge : the entropy is there, a pulse
    entropy : H at ``u``, or of the ties; constant from ``judge`` until ``proceed`` or ``ended``
    proceed : ``u`` is the next to evaluate, a pulse
    ended : the row has ended, a pulse; ``u`` and ``last_entropy`` are then its result
    u : see above
    last_entropy : the entropy of the evaluation before and, from ``ended`` on, that of the result
    number : evaluations made; 0 if the ties ended the row
    status : a :class:`nms.contract.tables.Status`, from ``ended`` on
    """

    def __init__(self, config: LeanConfig) -> None:
        self.fraction = config.profile.log_beta.fraction
        entropy = config.profile.entropy.width
        highest = (config.derived.distance_width + HEADROOM) << self.fraction
        self.room_bits = (highest - LOWEST).bit_length()
        self.u_shape = signed((highest + (1 << STEP_BITS)).bit_length() + 1)  # a step may leave the bracket
        super().__init__(
            {
                "target": In(entropy),
                "evaluations": In(4),
                "batch": In(1),
                "row": In(1),
                "scale": In(config.derived.scale_width),
                "judge": In(1),
                "entropy": In(entropy),
                "proceed": Out(1),
                "ended": Out(1),
                "u": Out(self.u_shape),
                "last_entropy": Out(entropy),
                "number": Out(4),
                "status": Out(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lo, hi, best_u = (Signal(self.u_shape, name=name, reset_less=True) for name in ("lo", "hi", "best_u"))
        best_error = Signal.like(self.entropy, reset_less=True)
        above, rose = Signal(reset_less=True), Signal(reset_less=True)  # H > target, now and before
        again = Signal()  # the best u is evaluated again
        # |H - target|, then the low half of the product, then the step
        low = Signal.like(self.entropy, reset_less=True)

        excess = self.entropy - self.target
        lower, moving = Signal(), Signal()  # which end of the bracket is meant
        m.d.comb += lower.eq(Mux(moving, ~above, rose))
        room = (Mux(lower, self.u, hi) - Mux(lower, lo, self.u))[: self.room_bits]
        fall = Mux(rose, self.last_entropy, self.entropy) - Mux(rose, self.entropy, self.last_entropy)
        slopes = room.any() & fall.any() & ~fall[-1]
        fall = fall[:-1]
        high = Signal(max(len(room), len(fall)), reset_less=True)
        total = high + Mux(low[0], room, 0)
        rest, quotient = divide_on(high, low, fall, 1)
        steps = Signal(range(len(low)))

        limit = low[STEP_BITS:].any()
        step = Mux(limit, 1 << STEP_BITS, Cat(low[0] | ~low.any(), low[1:STEP_BITS]))
        # u +- step or, half way to the end of the bracket, floor(u +- room/2)
        halves = Mux(step < room, step << 1, room)
        moved = add_or_subtract(self.u << 1, halves, above).as_signed().shift_right(1)

        tied, solved = self.number == 0, low <= TOLERANCE
        m.d.comb += self.status.eq(
            Mux(
                tied,
                Mux(above, Status.INFEASIBLE, Status.SATURATED),
                Mux(solved, Status.SOLVED, Status.UNCONVERGED),
            )
        )
        m.d.sync += [self.proceed.eq(0), self.ended.eq(0)]
        with m.If(self.batch):
            m.d.sync += self.u.eq(START)
        with m.If(self.row):
            m.d.sync += [self.number.eq(0), again.eq(0)]
        with m.FSM():
            with m.State("WAIT"), m.If(self.judge):
                m.d.sync += [low.eq(Mux(excess[-1], -excess, excess)), above.eq(~excess[-1] & excess.any())]
                m.next = "JUDGE"
                with m.If(tied):
                    m.next = "JUDGE TIES"
            with m.State("JUDGE TIES"):
                m.next = "ENTER"
                with m.If(above | ~low.any()):
                    m.next = "END"
            with m.State("ENTER"):
                top = self.scale + HEADROOM
                m.d.sync += [
                    lo.eq(LOWEST),
                    hi.eq(top << self.fraction),
                    self.number.eq(1),
                    self.proceed.eq(1),
                ]
                with m.If(self.u[self.fraction :].as_signed() >= top):
                    m.d.sync += self.u.eq((top << self.fraction) - 1)
                m.next = "WAIT"
            with m.State("JUDGE"):
                first = self.number == 1
                better = first | (low < best_error)
                with m.If(better):
                    m.d.sync += [best_u.eq(self.u), best_error.eq(low)]
                with m.If(solved | again):
                    m.next = "END"
                with m.Elif(self.number == self.evaluations):
                    m.next = "END"
                    with m.If(~better):
                        m.d.sync += [self.u.eq(best_u), self.proceed.eq(1), again.eq(1)]
                        m.next = "WAIT"
                with m.Elif(first | ~slopes):
                    m.next = "MOVE"
                with m.Else():
                    m.d.sync += [high.eq(0), steps.eq(len(low) - 1)]
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += [high.eq(total[1:]), low.eq(Cat(low[1:], total[0])), steps.eq(steps - 1)]
                with m.If(~steps.any()):
                    m.next = "LIMIT"
            with m.State("LIMIT"):
                m.d.sync += steps.eq(len(low) - 1)
                m.next = "DIVIDE"
                with m.If(Cat(low[STEP_BITS:], high) >= fall):
                    m.d.sync += low[-1].eq(1)
                    m.next = "MOVE"
            with m.State("DIVIDE"):
                m.d.sync += [high.eq(rest), low.eq(quotient), steps.eq(steps - 1)]
                with m.If(~steps.any()):
                    m.next = "MOVE"
            with m.State("MOVE"):
                m.d.comb += moving.eq(1)
                m.d.sync += [
                    rose.eq(above),
                    self.last_entropy.eq(self.entropy),
                    self.u.eq(moved),
                    self.number.eq(self.number + 1),
                    self.proceed.eq(1),
                ]
                with m.If(above):
                    m.d.sync += lo.eq(self.u)
                with m.Else():
                    m.d.sync += hi.eq(self.u)
                m.next = "WAIT"
            with m.State("END"):
                m.d.sync += [self.last_entropy.eq(self.entropy), self.ended.eq(1)]
                m.next = "WAIT"
        return m
