# SPDX-License-Identifier: Apache-2.0
"""Steps of the lean search: from the entropy at a u to the next u, in a bracket (contract, section 19)."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import LeanConfig
from nms.contract.tables import Status
from nms.rtl.lean.division import DIGITS, divide_on
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


def u_shape(config: LeanConfig) -> signed:
    """u, with room for a step beyond the bracket."""
    fraction = config.profile.log_beta.fraction
    highest = ((config.derived.distance_width + HEADROOM) << fraction) + (1 << STEP_BITS)
    return signed(highest.bit_length() + 1)


class Secant(wiring.Component):
    """Judges the entropy at u, and moves u or ends the row.

    A step is |H - target| * |du| / |dH|: a product, a bit of |H - target| a cycle, then a division in the
    same two registers.

    Parameters
    ----------
    config : ``pixels`` and the formats
    sums : bits of S

    Members
    -------
    target, evaluations : of the batch
    batch : begins a batch, a pulse
    row : begins a row, a pulse; the first entropy is that of its ties
    scale : L of the row
    judge : entropy and sum are there, a pulse; both are constant until ``proceed`` or ``ended``
    entropy, sum : H and S at ``u``, or of the ties
    proceed : ``u`` is the next to evaluate, a pulse
    ended : the row has ended, a pulse; what follows is then that of the result, and ``u`` the reported
    u : see above
    number : evaluations made; 0 if the ties ended the row
    status : a :class:`nms.contract.tables.Status`
    best : ``entropy`` and ``sum`` of the result
    """

    def __init__(self, config: LeanConfig, sums: int) -> None:
        self.fraction = config.profile.log_beta.fraction
        entropy = config.profile.entropy.width
        self.u_shape = u_shape(config)
        super().__init__(
            {
                "target": In(entropy),
                "evaluations": In(4),
                "batch": In(1),
                "row": In(1),
                "scale": In(config.derived.scale_width),
                "judge": In(1),
                "entropy": In(entropy),
                "sum": In(sums),
                "proceed": Out(1),
                "ended": Out(1),
                "u": Out(self.u_shape),
                "number": Out(4),
                "status": Out(2),
                "best": Out(StructLayout({"entropy": entropy, "sum": sums})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lo, hi, last_u, best_u = (
            Signal(self.u_shape, name=name, reset_less=True) for name in ("lo", "hi", "last_u", "best_u")
        )
        last_entropy, best_error = (
            Signal.like(self.entropy, name=name, reset_less=True) for name in ("last_entropy", "best_error")
        )
        above = Signal(reset_less=True)  # H > target
        # |H - target|, then the low half of the product, then the step
        low = Signal.like(self.entropy, reset_less=True)

        du, fall = self.u - last_u, last_entropy - self.entropy
        u_size, size = _magnitude(du), _magnitude(fall)
        slopes = u_size.any() & size.any() & (du[-1] == fall[-1])
        high = Signal(max(len(u_size), len(size)), reset_less=True)
        total = high + Mux(low[0], u_size, 0)
        rest, quotient = divide_on(high, low, size)
        steps = Signal(range(len(low)))

        limit = low[STEP_BITS:].any()
        step = Mux(limit, 1 << STEP_BITS, Cat(low[0] | ~low.any(), low[1:STEP_BITS]))
        bound = Mux(above, hi, lo)
        stepped = add_or_subtract(self.u, step, above).as_signed()
        inside = Mux(above, stepped < bound, stepped > bound)
        middle = (self.u + bound).shift_right(1)

        ties, first = self.number == 0, self.number == 1
        better = ties | first | (low < best_error)
        m.d.sync += [self.proceed.eq(0), self.ended.eq(0)]
        with m.If(self.batch):
            m.d.sync += self.u.eq(START)
        with m.If(self.row):
            m.d.sync += self.number.eq(0)
        with m.FSM():
            with m.State("WAIT"), m.If(self.judge):
                m.d.sync += [
                    low.eq(_magnitude(self.entropy - self.target)),
                    above.eq(self.entropy > self.target),
                ]
                m.next = "JUDGE"
            with m.State("JUDGE"):
                m.next = "WAIT"
                with m.If(better):
                    m.d.sync += [
                        best_u.eq(self.u),
                        best_error.eq(low),
                        self.best.entropy.eq(self.entropy),
                        self.best.sum.eq(self.sum),
                    ]
                with m.If(ties):
                    m.d.sync += self.status.eq(Mux(above, Status.INFEASIBLE, Status.SATURATED))
                    with m.If(above | ~low.any()):
                        m.d.sync += self.ended.eq(1)
                    with m.Else():
                        m.next = "ENTER"
                with m.Else():
                    solved = low <= TOLERANCE
                    m.d.sync += self.status.eq(Mux(solved, Status.SOLVED, Status.UNCONVERGED))
                    with m.If(solved | (self.number == self.evaluations)):
                        m.d.sync += self.ended.eq(1)
                        with m.If(~better):
                            m.d.sync += self.u.eq(best_u)
                    with m.Elif(first | ~slopes):
                        m.next = "MOVE"
                    with m.Else():
                        m.d.sync += [high.eq(0), steps.eq(len(low) - 1)]
                        m.next = "MULTIPLY"
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
            with m.State("MULTIPLY"):
                m.d.sync += [high.eq(total[1:]), low.eq(Cat(low[1:], total[0])), steps.eq(steps - 1)]
                with m.If(~steps.any()):
                    m.next = "LIMIT"
            with m.State("LIMIT"):
                m.d.sync += steps.eq(len(low) // DIGITS - 1)
                m.next = "DIVIDE"
                with m.If(Cat(low[STEP_BITS:], high) >= size):
                    m.d.sync += low[-1].eq(1)
                    m.next = "MOVE"
            with m.State("DIVIDE"):
                m.d.sync += [high.eq(rest), low.eq(quotient), steps.eq(steps - 1)]
                with m.If(~steps.any()):
                    m.next = "MOVE"
            with m.State("MOVE"):
                m.d.sync += [
                    last_u.eq(self.u),
                    last_entropy.eq(self.entropy),
                    self.u.eq(Mux(inside, stepped, middle)),
                    self.number.eq(self.number + 1),
                    self.proceed.eq(1),
                ]
                with m.If(above):
                    m.d.sync += lo.eq(self.u)
                with m.Else():
                    m.d.sync += hi.eq(self.u)
                m.next = "WAIT"
        return m


def _magnitude(value: Value) -> Value:
    """The size of a signed value, of one bit less: the smallest value does not occur."""
    return Mux(value[-1], -value, value)[: len(value) - 1]
