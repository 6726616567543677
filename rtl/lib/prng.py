# SPDX-License-Identifier: Apache-2.0
"""Random numbers: the row generator's step, and the start values of all rows and points.

64-bit xorshift generators, never zero; a draw advances the state and is the new state
(contract, section 8).
"""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config, LeanConfig
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import make_point

START = 0x9E3779B97F4A7C15
"""The master's state for seed 0, before the draws that are thrown away."""

THROWN = 64
"""Draws of the master that are thrown away."""


def _left(state: Value, n: int) -> Value:
    """``s ^= s << n`` modulo 2^64."""
    return (state ^ state.shift_left(n))[:64]


def _right(state: Value, n: int) -> Value:
    """``s ^= s >> n``."""
    return state ^ state.shift_right(n)


def master_draw(state: Value) -> Value:
    """The master generator's next state. Combinational: three exclusive ors deep."""
    return _right(_left(_right(state, 12), 25), 27)


def row_draw(state: Value) -> Value:
    """A row generator's next state. Combinational: three exclusive ors deep."""
    return _left(_right(_left(state, 13), 7), 17)


class Seeds(Block):
    """Draws and keeps the start state of each row and the start Y0 of each point (contract, section 8).

    The coordinates of Y0 are raw positions, uniform on [-1/4, 1/4).

    Parameters
    ----------
    config : ``images`` and the format ``position`` give the widths

    Members
    -------
    start : begins a run, a pulse; ignored during a run
    count, seed : N and the 32-bit seed, constant during a run
    done : the run is over, a pulse
    i_read : an index below ``count``; not taken during a run
    o_read : the row's start state, of no bits in the lean sampler, and the point, ``{state, point}``

    Latency
    -------
    A run takes 65 + 2 count cycles from ``start`` to ``done``, an answer one cycle.

    Throughput
    ----------
    One answer a cycle.

    Reset
    -----
    No run is under way, no answer is offered; what was kept before is still there.
    """

    module = "seeds"

    def __init__(self, config: Config | LeanConfig) -> None:
        self.images = config.images
        self.bits = config.profile.position.fraction - 1
        self.states = 64 if isinstance(config, Config) else 0
        self.parameters = (self.images, self.bits, config.profile.position, self.states)
        answer = StructLayout({"state": self.states, "point": make_point(config)})
        super().__init__(
            {
                "start": In(1),
                "count": In(config.derived.count_width),
                "seed": In(32),
                "done": Out(1),
                "i_read": In(stream.Signature(config.derived.index_width)),
                "o_read": Out(stream.Signature(answer)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.bits
        kept = StructLayout({"state": self.states, "x": bits, "y": bits})
        m.submodules.memory = memory = RAM(shape=kept, depth=self.images)
        write, read = memory.write_port(), memory.read_port()

        state = Signal(64)
        row_state = Signal(self.states)
        index = Signal(range(self.images))
        thrown = Signal(range(THROWN))
        draw = Signal(64)
        m.d.comb += draw.eq(master_draw(state))

        m.d.sync += self.done.eq(0)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += [state.eq(START ^ Cat(self.seed, self.seed)), index.eq(0)]
                with m.If(self.start):
                    m.next = "THROW"
            with m.State("THROW"):
                m.d.sync += [state.eq(draw), thrown.eq(thrown + 1)]
                with m.If(thrown == THROWN - 1):
                    m.next = "ROW"
            with m.State("ROW"):
                m.d.sync += [state.eq(draw), row_state.eq(draw)]
                m.next = "POINT"
            with m.State("POINT"):
                m.d.sync += [state.eq(draw), index.eq(index + 1)]
                m.d.comb += write.en.eq(1)
                m.next = "ROW"
                with m.If(index + 1 == self.count):
                    m.d.sync += self.done.eq(1)
                    m.next = "IDLE"

        m.d.comb += [
            write.addr.eq(index),
            write.data.state.eq(row_state),
            write.data.x.eq(draw[64 - bits :]),
            write.data.y.eq(draw[32 - bits : 32]),
        ]

        def centre(drawn: Value) -> Value:
            """``drawn - 2^(bits-1)``: the top bit turned over, read as a sign."""
            return Cat(drawn[:-1], ~drawn[-1]).as_signed()

        advance = ~self.o_read.valid | self.o_read.ready
        m.d.comb += [
            self.i_read.ready.eq(advance & fsm.ongoing("IDLE")),
            read.addr.eq(self.i_read.payload),
            read.en.eq(self.i_read.valid & self.i_read.ready),
            self.o_read.payload.state.eq(read.data.state),
            self.o_read.payload.point.x.eq(centre(read.data.x)),
            self.o_read.payload.point.y.eq(centre(read.data.y)),
        ]
        with m.If(advance):
            m.d.sync += self.o_read.valid.eq(read.en)
        return m
