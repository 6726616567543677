# SPDX-License-Identifier: Apache-2.0
"""From the sums of a candidate to its perplexity: log2, reciprocal and 2^H, one candidate a cycle."""

from amaranth import Module
from amaranth.hdl import Assert
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.spec.config import Config
from nms.spec.derived import Derived
from rtl.cordic import Rotate, Vector
from rtl.fixed import bit_length, half_up, product_latency, saturate
from rtl.flow import Multiply, Queue, Register, Skid, together
from rtl.hierarchy import Block, place
from rtl.newton import Newton
from rtl.signatures import SHIFT, Payloads


class Fitness(Block):
    """``S, T -> Perp, y, e`` with ``Perp = 2^(log2 S + T/S)`` and ``1/S = y * 2^-e`` (contract, section 7).

    ``i`` is a stream of ``{sums, tag}`` with 1 <= S, ``o`` of ``{score, tag}``, in order, one a cycle,
    ``latency`` cycles later when nothing stalls. ``tag`` bits travel with each candidate.

    log2 S by CORDIC and 1/S by Newton run beside each other, then 2^H2 by CORDIC. What waits for
    them (T, e, y, tag) lies in queues.
    """

    module = "fitness"

    def __init__(self, config: Config, tag: int = 8) -> None:
        payloads, profile = Payloads(config), config.profile
        self.config, self.tag = config, tag
        self.parameters = (config.formats, config.unroll, tag)
        cordic = profile.cordic.fraction
        indices = Derived(config).post_indices
        self.vector = Vector(indices, cordic, config.unroll)
        self.rotate = Rotate(indices, cordic, config.unroll)
        self.newton = Newton(
            cordic, profile.reciprocal.fraction, profile.reciprocal_seed, profile.reciprocal_steps
        )
        super().__init__(
            {
                "i": In(stream.Signature(StructLayout({"sums": payloads.sums, "tag": tag}))),
                "o": Out(stream.Signature(StructLayout({"score": payloads.score, "tag": tag}))),
            }
        )

    @property
    def _division_latency(self) -> int:
        """Cycles of 1/S, the register of the factors, T/S and its shift."""
        profile = self.config.profile
        return self.newton.latency + 2 + product_latency(profile.sums.width, profile.reciprocal.width)

    @property
    def _log_latency(self) -> int:
        """Cycles of log2 S and the register before its rounding."""
        return self.vector.latency + 1

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``: six registers around the longer of log2 S and T/S, and 2^H2."""
        return 6 + max(self._log_latency, self._division_latency) + self.rotate.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        profile, tag = self.config.profile, self.tag
        sums, y = profile.sums, profile.reciprocal
        cordic, entropy = profile.cordic.fraction, profile.entropy
        vector = place(m, "vector", self.vector, platform)
        newton = place(m, "newton", self.newton, platform)
        rotate = place(m, "rotate", self.rotate, platform)
        ahead = self._division_latency - self._log_latency  # cycles that log2 S waits for T/S

        # S = mantissa * 2^shift; a skid buffer cuts the way of a stall from here to the input
        m.submodules.normal = normal = Skid(
            StructLayout({"mantissa": cordic + 1, "shift": SHIFT, "t": sums.width, "tag": tag})
        )
        m.submodules.measured = measured = Register(
            StructLayout({"s": sums.width, "shift": SHIFT, "t": sums.width, "tag": tag})
        )
        together(m, [measured.o], [normal.i])
        s, found = self.i.payload.sums.s, measured.o.payload
        m.d.comb += [
            measured.i.valid.eq(self.i.valid),
            self.i.ready.eq(measured.i.ready),
            measured.i.payload.s.eq(s),
            measured.i.payload.shift.eq(bit_length(s[sums.fraction :]) - 1),
            measured.i.payload.t.eq(self.i.payload.sums.t),
            measured.i.payload.tag.eq(self.i.payload.tag),
            normal.i.payload.mantissa.eq(found.s.shift_left(cordic - sums.fraction) >> found.shift),
            normal.i.payload.shift.eq(found.shift),
            normal.i.payload.t.eq(found.t),
            normal.i.payload.tag.eq(found.tag),
        ]
        m.d.sync += Assert(~self.i.valid | s[sums.fraction :].any(), "fitness: S below 1")

        # log2 and reciprocal of the mantissa
        m.submodules.beside_newton = beside_newton = Queue(
            StructLayout({"t": sums.width, "shift": SHIFT, "tag": tag}), newton.latency + 1
        )
        together(m, [normal.o], [vector.i, newton.i, beside_newton.i])
        m.d.comb += [
            vector.i.payload.mantissa.eq(normal.o.payload.mantissa),
            newton.i.payload.m.eq(normal.o.payload.mantissa),
            beside_newton.i.payload.t.eq(normal.o.payload.t),
            beside_newton.i.payload.shift.eq(normal.o.payload.shift),
            beside_newton.i.payload.tag.eq(normal.o.payload.tag),
        ]

        # T * y, then T/S in log2 S + T/S
        kept = StructLayout({"reciprocal": y.width, "shift": SHIFT, "tag": tag})
        m.submodules.factors = factors = Skid(StructLayout({"t": sums.width, "kept": kept}))
        # what is beside came in with it: to ask whether it is there would lengthen the stall's way
        m.d.sync += Assert(~newton.o.valid | beside_newton.o.valid, "fitness: a reciprocal without its sums")
        m.d.comb += [
            factors.i.valid.eq(newton.o.valid),
            newton.o.ready.eq(factors.i.ready),
            beside_newton.o.ready.eq(newton.o.valid & factors.i.ready),
            factors.i.payload.t.eq(beside_newton.o.payload.t),
            factors.i.payload.kept.reciprocal.eq(newton.o.payload.y),
            factors.i.payload.kept.shift.eq(beside_newton.o.payload.shift),
            factors.i.payload.kept.tag.eq(beside_newton.o.payload.tag),
        ]
        m.submodules.times = times = Multiply(sums.width, y.width, kept)
        together(m, [factors.o], [times.i])
        m.d.comb += [
            times.i.payload.a.eq(factors.o.payload.t),
            times.i.payload.b.eq(factors.o.payload.kept.reciprocal),
            times.i.payload.beside.eq(factors.o.payload.kept),
        ]
        # half_up(v, n + shift) = (floor(v / 2^(n - 1 + shift)) + 1) >> 1, n = fw + B - h
        halves = times.o.payload.product.shift_right(sums.fraction + y.fraction - entropy.fraction - 1)
        m.submodules.halved = halved = Register(StructLayout({"halves": len(halves), "kept": kept}))
        together(m, [times.o], [halved.i])
        m.d.comb += [
            halved.i.payload.halves.eq(halves >> times.o.payload.beside.shift),
            halved.i.payload.kept.eq(times.o.payload.beside),
        ]
        m.submodules.quotients = quotients = Queue(
            StructLayout({"exponent": entropy.width, "kept": kept}), max(-ahead, 0) + 2
        )
        together(m, [halved.o], [quotients.i])
        exponent = half_up(halved.o.payload.halves, 1) + halved.o.payload.kept.shift.shift_left(
            entropy.fraction
        )
        m.d.comb += [
            quotients.i.payload.exponent.eq(exponent),
            quotients.i.payload.kept.eq(halved.o.payload.kept),
        ]
        m.submodules.logs = logs = Queue(entropy.fraction + 1, max(ahead, 0) + 2)
        m.submodules.exact_logs = exact_logs = Skid(cordic + 1)  # cuts the way of a stall
        together(m, [vector.o], [exact_logs.i])
        together(m, [exact_logs.o], [logs.i])
        m.d.comb += [
            exact_logs.i.payload.eq(vector.o.payload.log),
            logs.i.payload.eq(half_up(exact_logs.o.payload, cordic - entropy.fraction)),
        ]

        # H2 = shift + log2 of the mantissa + T/S
        m.submodules.entropy = h2 = Register(StructLayout({"h2": entropy.width, "kept": kept}))
        together(m, [logs.o, quotients.o], [h2.i])
        exact = logs.o.payload + quotients.o.payload.exponent
        m.d.comb += [h2.i.payload.h2.eq(exact), h2.i.payload.kept.eq(quotients.o.payload.kept)]
        limit = 1 << entropy.width
        m.d.sync += Assert(~halved.o.valid | (exponent < limit), "fitness: T/S of 16 or more")
        m.d.sync += Assert(~(logs.o.valid & quotients.o.valid) | (exact < limit), "fitness: H2 of 16 or more")

        # Perp = 2^H2
        m.submodules.beside_rotate = beside_rotate = Queue(
            StructLayout({"whole": entropy.integer, "kept": kept}), rotate.latency + 1
        )
        together(m, [h2.o], [rotate.i, beside_rotate.i])
        m.d.comb += [
            rotate.i.payload.angle.eq(
                h2.o.payload.h2[: entropy.fraction].shift_left(cordic - entropy.fraction)
            ),
            beside_rotate.i.payload.whole.eq(h2.o.payload.h2[entropy.fraction :]),
            beside_rotate.i.payload.kept.eq(h2.o.payload.kept),
        ]
        power = (rotate.o.payload.x - rotate.o.payload.y) << beside_rotate.o.payload.whole
        halves = power.shift_right(cordic - profile.perplexity.fraction - 1)
        m.submodules.scaled = scaled = Register(StructLayout({"halves": len(halves) - 1, "kept": kept}))
        m.d.sync += Assert(~rotate.o.valid | beside_rotate.o.valid, "fitness: 2^H2 without what is beside it")
        m.d.comb += [
            scaled.i.valid.eq(rotate.o.valid),
            rotate.o.ready.eq(scaled.i.ready),
            beside_rotate.o.ready.eq(rotate.o.valid & scaled.i.ready),
            scaled.i.payload.halves.eq(halves),
            scaled.i.payload.kept.eq(beside_rotate.o.payload.kept),
        ]
        m.submodules.last = last = Register(self.o.payload.shape())
        together(m, [scaled.o], [last.i])
        kept = scaled.o.payload.kept
        m.d.comb += [
            last.i.payload.score.perplexity.eq(
                saturate(half_up(scaled.o.payload.halves, 1), profile.perplexity)
            ),
            last.i.payload.score.reciprocal.eq(kept.reciprocal),
            last.i.payload.score.shift.eq(kept.shift),
            last.i.payload.tag.eq(kept.tag),
        ]
        wiring.connect(m, last.o, wiring.flipped(self.o))
        return m
