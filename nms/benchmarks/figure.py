# SPDX-License-Identifier: Apache-2.0
"""A measured figure and the bound that is claimed for it."""

import operator
from dataclasses import dataclass

TRUE_ERROR = {"wide": 1e-10, "edge": 2e-4}
"""Largest true error of the perplexity of a solved row, by profile."""

RELATIONS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "=": operator.eq}


@dataclass(frozen=True)
class Figure:
    """A measured value with its unit; ``relation`` and ``bound`` hold the claim, if there is one.

    ``subject`` is what was measured: a method, a phase, a level.
    """

    subject: str
    name: str
    value: float
    unit: str = ""
    relation: str = ""
    bound: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the claim holds; true without one."""
        return self.bound is None or bool(RELATIONS[self.relation](self.value, self.bound))
