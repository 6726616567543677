# SPDX-License-Identifier: Apache-2.0
"""From the sums of a candidate to its perplexity: log2, reciprocal and 2^H, one candidate a cycle."""

from amaranth import Module, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.lib.cordic import Rotate, Vector
from nms.rtl.lib.fixed import bit_length, half_up, product, product_latency, saturate
from nms.rtl.lib.flow import Queue, delay, follow
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.newton import Newton
from nms.rtl.lib.signatures import SHIFT, Payloads


class Fitness(Block):
    """``S, T -> Perp, y, e`` with ``Perp = 2^(log2 S + T/S)`` and ``1/S = y * 2^-e`` (contract, section 7).

    log2 S by CORDIC and 1/S by Newton run beside each other, then 2^H2 by CORDIC. Queues hold
    what waits for them: T, e, y and the tag.

    Parameters
    ----------
    config : ``unroll`` and the formats
    tag : bits that travel with each candidate

    Members
    -------
    i : stream of ``{sums, tag}`` with 1 <= S, always ready
    o : stream of ``{score, tag}``, in order; its taker is always ready

    Latency
    -------
    :attr:`latency` cycles, without stalls.

    Throughput
    ----------
    One candidate a cycle.

    Reset
    -----
    The pipeline is empty.

    Raises
    ------
    In simulation, S below 1, H2 of 16 or more and a queue that overflows fail assertions.
    """

    module = "fitness"

    def __init__(self, config: Config, tag: int = 8) -> None:
        payloads, profile = Payloads(config), config.profile
        self.config, self.tag = config, tag
        self.parameters = (config.formats, config.unroll, tag)
        cordic = profile.cordic.fraction
        indices = config.derived.post_indices
        self.vector = Vector(indices, cordic, config.unroll)
        self.rotate = Rotate(indices, cordic, config.unroll)
        self.newton = Newton(
            cordic, profile.reciprocal.fraction, profile.reciprocal_seed, profile.reciprocal_steps
        )
        super().__init__(
            {
                "i": In(
                    stream.Signature(StructLayout({"sums": payloads.sums, "tag": tag}), always_ready=True)
                ),
                "o": Out(
                    stream.Signature(StructLayout({"score": payloads.score, "tag": tag}), always_ready=True)
                ),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``: six registers around the longer of log2 S and T/S, and 2^H2.

        log2 S has one register behind its CORDIC, T/S one before its product and one behind.
        """
        profile = self.config.profile
        division = self.newton.latency + 2 + product_latency(profile.sums.width, profile.reciprocal.width)
        return 6 + max(self.vector.latency + 1, division) + self.rotate.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        profile = self.config.profile
        sums, y = profile.sums, profile.reciprocal
        cordic, entropy = profile.cordic.fraction, profile.entropy
        vector = instantiate(m, "vector", self.vector, platform)
        newton = instantiate(m, "newton", self.newton, platform)
        rotate = instantiate(m, "rotate", self.rotate, platform)
        m.d.comb += [unit.o.ready.eq(1) for unit in (vector, newton, rotate)]

        def waiting(name: str, valid: Value, payload: dict[str, Value], taken: Value, depth: int) -> Queue:
            """A queue that takes ``payload`` when ``valid`` and gives it when ``taken``."""
            queue = Queue(StructLayout({field: value.shape() for field, value in payload.items()}), depth)
            m.submodules[name] = queue
            m.d.comb += [queue.i.valid.eq(valid), queue.o.ready.eq(taken)]
            m.d.comb += [queue.i.payload[field].eq(value) for field, value in payload.items()]
            m.d.sync += Assert(~valid | queue.i.ready, f"fitness: no room in the queue {name}")
            m.d.sync += Assert(~taken | queue.o.valid, f"fitness: nothing in the queue {name}")
            return queue

        # S = mantissa * 2^shift
        given = self.i.payload
        m.d.sync += Assert(~self.i.valid | given.sums.s[sums.fraction :].any(), "fitness: S below 1")
        moves = follow(m, self.i.valid, 2)
        shift = delay(m, (bit_length(given.sums.s[sums.fraction :]) - 1)[: SHIFT.width], 1, moves)
        s = delay(m, given.sums.s, 1, moves).shift_left(cordic - sums.fraction)
        mantissa, normal = delay(m, s >> shift, 1, moves[1:]), moves[-1]

        # log2 and reciprocal of the mantissa
        m.d.comb += [
            vector.i.valid.eq(normal),
            vector.i.payload.mantissa.eq(mantissa),
            newton.i.valid.eq(normal),
            newton.i.payload.m.eq(mantissa),
        ]
        beside = {
            "t": delay(m, given.sums.t, 2, moves),
            "shift": delay(m, shift, 1, moves[1:]),
            "tag": delay(m, given.tag, 2, moves),
        }
        divided = waiting("beside_newton", normal, beside, newton.o.valid, newton.latency + 1)

        # T * y, then T/S in log2 S + T/S
        wait = product_latency(sums.width, y.width)
        moves = follow(m, newton.o.valid, wait + 2)
        t, reciprocal = delay(m, divided.o.payload.t, 1, moves), delay(m, newton.o.payload.y, 1, moves)
        shift = delay(m, divided.o.payload.shift, 1 + wait, moves)
        # half_up(v, n + shift) = (floor(v / 2^(n - 1 + shift)) + 1) >> 1, n = fw + B - h
        exact = product(m, t, reciprocal, moves[1:])
        halves = exact.shift_right(sums.fraction + y.fraction - entropy.fraction - 1)
        halves = delay(m, halves >> shift, 1, moves[1 + wait :])
        known = {
            "reciprocal": delay(m, reciprocal, wait + 1, moves[1:]),
            "shift": delay(m, shift, 1, moves[1 + wait :]),
            "tag": delay(m, divided.o.payload.tag, wait + 2, moves),
        }
        quotient = moves[-1]
        exponent = half_up(halves, 1) + known["shift"].shift_left(entropy.fraction)

        # H2 = shift + log2 of the mantissa + T/S
        both = Signal()
        moves = follow(m, vector.o.valid, 1)
        exact_log, has_log = delay(m, vector.o.payload.log, 1, moves), moves[-1]
        log = half_up(exact_log, cordic - entropy.fraction)
        apart = self.latency - 6 - self.rotate.latency  # cycles from the mantissa to the later of both
        logs = waiting("logs", has_log, {"log": log}, both, apart - vector.latency + 1)
        quotients = waiting(
            "quotients",
            quotient,
            {"exponent": exponent[: entropy.width], **known},
            both,
            apart - (newton.latency + wait + 2) + 2,
        )
        exact = logs.o.payload.log + quotients.o.payload.exponent
        moves = follow(m, both, 1)
        h2 = delay(m, exact[: entropy.width], 1, moves)
        kept = {name: delay(m, Value.cast(quotients.o.payload[name]), 1, moves) for name in known}
        m.d.comb += both.eq(logs.o.valid & quotients.o.valid)
        limit = 1 << entropy.width
        m.d.sync += Assert(~quotient | (exponent < limit), "fitness: T/S of 16 or more")
        m.d.sync += Assert(~both | (exact < limit), "fitness: H2 of 16 or more")

        # Perp = 2^H2
        m.d.comb += [
            rotate.i.valid.eq(moves[-1]),
            rotate.i.payload.angle.eq(h2[: entropy.fraction].shift_left(cordic - entropy.fraction)),
        ]
        raised = waiting(
            "beside_rotate",
            rotate.i.valid,
            {"whole": h2[entropy.fraction :], **kept},
            rotate.o.valid,
            rotate.latency + 1,
        )
        power = (rotate.o.payload.x - rotate.o.payload.y) << raised.o.payload.whole
        moves = follow(m, rotate.o.valid, 2)
        halves = delay(m, power.shift_right(cordic - profile.perplexity.fraction - 1), 1, moves)
        perplexity = saturate(half_up(halves, 1), profile.perplexity)
        score = self.o.payload.score
        m.d.comb += [
            self.o.valid.eq(moves[-1]),
            score.perplexity.eq(delay(m, perplexity, 1, moves[1:])),
            *(
                field.eq(delay(m, Value.cast(raised.o.payload[name]), 2, moves))
                for field, name in (
                    (score.reciprocal, "reciprocal"),
                    (score.shift, "shift"),
                    (self.o.payload.tag, "tag"),
                )
            ),
        ]
        return m
