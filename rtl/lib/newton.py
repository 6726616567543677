# SPDX-License-Identifier: Apache-2.0
"""Newton's reciprocal of a mantissa."""

from typing import Any

from amaranth import Array, Const, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.fixed import half_up, product, product_latency
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block

LOOK_UP = 2
"""Cycles of the table: an FPGA's block memory is slow, and what follows is a product."""


def seeds(bits: int) -> list[int]:
    """``floor(2^(s+3) / (1 + (index + 1/2)/2^s) + 1/2)`` for each of the 2^s indices, s = ``bits``.

    Multiplied by 2^(s+1), the divisor is the odd integer d = 2^(s+1) + 2 index + 1, so that the seed is
    floor((2^(2s+5) + d) / 2d).
    """
    seeds = []
    for index in range(1 << bits):
        divisor = (2 << bits) + 2 * index + 1
        seeds.append(((1 << 2 * bits + 5) + divisor) // (2 * divisor))
    return seeds


class Newton(Block):
    """``y``, about 1/m, of a mantissa m, 1 <= m < 2 (contract, section 4).

    ``y_0`` is looked up by the top ``seed`` fraction bits of m; each step is ``p = half_up(m*y, a)``,
    ``y' = half_up(y * (2^(b+1) - p), b)``.

    Parameters
    ----------
    a : fraction bits of m
    b : fraction bits of y
    seed : index bits of the seed table
    steps : Newton steps
    tag : bits that travel with each item

    Members
    -------
    i : stream of ``{m: u1.a, tag}``
    o : stream of ``{y: u1.b, tag}``, in order

    Latency
    -------
    :attr:`latency` cycles.

    Throughput
    ----------
    One item a cycle. All stages advance together: an item is taken in each cycle in which the output is
    empty or taken.

    Reset
    -----
    The pipeline is empty.
    """

    def __init__(self, a: int, b: int, seed: int, steps: int, tag: int = 0) -> None:
        self.a, self.b, self.seed, self.steps, self.tag = a, b, seed, steps, tag
        self.module = f"newton_{b}" + (f"_t{tag}" if tag else "")
        self.parameters = (a, b, seed, steps, tag)
        super().__init__(
            {
                "i": In(stream.Signature(StructLayout({"m": a + 1, "tag": tag}))),
                "o": Out(stream.Signature(StructLayout({"y": b + 1, "tag": tag}))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from input to output: the table, and for each step two products, each with its rounding."""
        first = product_latency(self.a + 1, self.seed + 4) + 1 + product_latency(self.b + 1, self.b + 2) + 1
        other = product_latency(self.a + 1, self.b + 1) + 1 + product_latency(self.b + 1, self.b + 2) + 1
        return LOOK_UP + first + (self.steps - 1) * other

    def testbench_parameters(self) -> dict[str, Any]:
        return {"kernel": self.a == self.b}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [advance.eq(self.o.ready | ~self.o.valid), self.i.ready.eq(advance)]

        valid = follow(m, self.i.valid, self.latency, advance)
        moves = valid & advance.replicate(len(valid))
        tag = delay(m, Value.cast(self.i.payload.tag), self.latency, moves)
        mantissa = self.i.payload.m
        table = Array(Const(value, self.seed + 4) for value in seeds(self.seed))
        # The seed has few bits; it stays unshifted through the first product.
        y, missing = table[mantissa[self.a - self.seed : self.a]], self.b - self.seed - 3
        y, mantissa = delay(m, y, LOOK_UP, moves), delay(m, mantissa, LOOK_UP, moves)
        moves = moves[LOOK_UP:]
        for _ in range(self.steps):
            exact = product(m, mantissa, y, moves).shift_left(missing)
            wait = product_latency(len(mantissa), len(y)) + 1
            # 2^(b+1) - half_up(v, a) as one difference: -half_up(v, a) = floor((2^(a-1) - 1 - v) / 2^a).
            above = (2 << self.b + self.a) + (1 << self.a - 1) - 1
            correction = delay(m, (above - exact).shift_right(self.a)[: self.b + 2], 1, moves[wait - 1 :])
            y, mantissa = delay(m, y, wait, moves).shift_left(missing), delay(m, mantissa, wait, moves)
            moves = moves[wait:]
            exact = product(m, y, correction, moves)
            wait = product_latency(len(y), len(correction)) + 1
            y = delay(m, half_up(exact, self.b)[: self.b + 1], 1, moves[wait - 1 :])
            mantissa, moves, missing = delay(m, mantissa, wait, moves), moves[wait:], 0
        m.d.comb += [
            self.o.valid.eq(valid[-1]),
            self.o.payload.y.eq(y),
            self.o.payload.tag.eq(tag),
        ]
        return m
