# SPDX-License-Identifier: Apache-2.0
"""One measured value and what is claimed of it."""

import operator
from dataclasses import dataclass

TRUE_ERROR = {"wide": 1e-10, "edge": 2e-4}
"""Largest true perplexity error of a solved row, by profile."""

RELATIONS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "=": operator.eq}


@dataclass(frozen=True)
class Figure:
    """One measured value; ``relation`` and ``bound`` say what is claimed of it, if anything is."""

    subject: str
    name: str
    value: float
    unit: str = ""
    relation: str = ""
    bound: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the claim holds, if there is one."""
        return self.bound is None or bool(RELATIONS[self.relation](self.value, self.bound))
