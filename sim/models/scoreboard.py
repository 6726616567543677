# SPDX-License-Identifier: Apache-2.0
"""Scoreboards: what came out of the hardware against what should have, counted."""

from collections import deque
from collections.abc import Iterable

from nms.sim.verilator.context import context, count

SHOWN = 5
"""Mismatches that are printed; all are counted."""


class Scoreboard:
    """Compares two sequences in order.

    ``minimum`` is the least number of values that must have been compared when it finishes: a
    scoreboard that nothing reaches fails. Values are compared with ``==``; integers as such.
    """

    def __init__(self, name: str, minimum: int = 1):
        self.name = name
        self.minimum = minimum
        self.compared = 0
        self.mismatches: list[str] = []
        self._queue: deque = deque()

    def expect(self, values: Iterable) -> None:
        """Append expected values."""
        self._queue.extend(values)

    def got(self, value: object) -> None:
        """Compare the next value that came out; one that nobody expected is a mismatch."""
        if not self._queue:
            self.mismatches.append(f"[{self.compared}] unexpected {value!r}")
        else:
            expected = self._queue.popleft()
            if value != expected:
                self.mismatches.append(f"[{self.compared}] expected {expected!r}, got {value!r}")
        self.compared += 1

    def finish(self) -> None:
        """Assert that all was equal, nothing is missing and enough was compared; add to the tally."""
        problems = self.mismatches[:SHOWN]
        if len(self.mismatches) > SHOWN:
            problems.append(f"and {len(self.mismatches) - SHOWN} more")
        if self._queue:
            problems.append(f"{len(self._queue)} expected values never came, the first {self._queue[0]!r}")
        if self.compared < self.minimum:
            problems.append(f"compared {self.compared}, at least {self.minimum} required")
        count(self.name, self.compared)
        assert not problems, f"{self.name} (seed {context().seed}): " + "; ".join(problems)
