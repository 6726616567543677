# SPDX-License-Identifier: Apache-2.0
"""The rows that a search has in work, and whose turn it is."""

from collections.abc import Sequence
from enum import IntEnum

from amaranth import Array, Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout

from nms.contract.config import POPULATION, Config
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import EXPONENT, GENERATIONS, STATUS, Payloads
from nms.rtl.search.trials import point_layout


class ContextState(IntEnum):
    """What a context waits for."""

    FREE = 0  # a task
    READY = 1  # its turn to issue a generation
    FLYING = 2  # scores of what it issued, and what follows from them
    CONSTANT = 3  # its turn to hand in the sums of a row without a search
    DONE = 4  # its result to be taken


def find_first(requests: Sequence[Value]) -> Value:
    """The lowest index whose request is high; meaningless if none is."""
    found = Value.cast(len(requests) - 1)
    for index in reversed(range(len(requests) - 1)):
        found = Mux(requests[index], index, found)
    return found


def find_next(m: Module, requests: Sequence[Value], last: Signal) -> Signal:
    """The first index after ``last``, around the end, whose request is high (round robin)."""
    count = len(requests)
    found = Signal(range(count), name="next")
    with m.Switch(last):
        for start in range(count):
            order = [(start + 1 + step) % count for step in range(count)]
            with m.Case(start):
                m.d.comb += found.eq(Array(order)[find_first([requests[index] for index in order])])
    return found


class Contexts:
    """What is known of the rows in work; each field is indexed by the number of a context."""

    def __init__(self, m: Module, config: Config) -> None:
        payloads, derived = Payloads(config), config.derived

        def each(name: str, shape: object) -> Array:
            return Array(Signal(shape, name=f"{name}_{c}") for c in range(config.contexts))

        self.phase = each("phase", range(len(ContextState)))
        self.row = each("row", derived.index_width)
        self.ties = each("ties", derived.count_width)
        self.generations = each("generations", GENERATIONS)
        self.fresh = each("fresh", 1)  # every point of its generation replaces its individual
        self.status = each("status", STATUS)
        self.candidate = StructLayout({"mantissa": config.profile.mantissa.width, "exponent": EXPONENT})
        best = {
            "error": config.profile.perplexity.width,
            "candidate": self.candidate,
            "score": payloads.score,
        }
        self.states = RAM(shape=64, depth=config.contexts)
        self.masks = RAM(shape=POPULATION, depth=config.contexts)
        self.bests = RAM(shape=StructLayout(best), depth=config.contexts)
        self.points = RAM(shape=point_layout(config), depth=config.contexts)
        m.submodules.points = self.points
        m.submodules.states, m.submodules.masks, m.submodules.bests = self.states, self.masks, self.bests

    def waiting(self, phase: ContextState) -> list[Value]:
        """Which contexts are in a phase."""
        return [held == phase for held in self.phase]
