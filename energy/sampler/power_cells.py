# SPDX-License-Identifier: Apache-2.0
"""What a library says of the power of a cell: capacitances of pins, energies of transitions, leakage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from nms.synth.liberty_functions import BooleanFunction
from nms.synth.liberty_text import Place


@dataclass(frozen=True)
class Table:
    """Joules of one transition by slew of the input (s) and load of the output (F), (slews, loads)."""

    slews: np.ndarray
    loads: np.ndarray
    energy: np.ndarray

    def __call__(self, slew: float, loads: np.ndarray) -> np.ndarray:
        """Joules at one slew and several loads: bilinear, clamped to the edges of the table."""
        if self.energy.size == 1:
            return np.full(len(loads), float(self.energy.reshape(-1)[0]))
        points = np.column_stack(
            [
                np.full(len(loads), np.clip(slew, self.slews[0], self.slews[-1])),
                np.clip(loads, self.loads[0], self.loads[-1]),
            ]
        )
        axes, kept = [], []
        for axis, values in enumerate((self.slews, self.loads)):
            if len(values) > 1:
                axes.append(values)
                kept.append(axis)
        return RegularGridInterpolator(axes, self.energy.squeeze())(points[:, kept])


@dataclass(frozen=True)
class InternalPower:
    """An ``internal_power`` group.

    Members
    -------
    when : in which state of other pins it applies; ``None``: in any
    rail : the supply that it draws on, if the file says so
    """

    when: BooleanFunction | None
    rail: str
    tables: tuple[Table, ...]

    def __call__(self, slew: float, loads: np.ndarray) -> np.ndarray:
        """Mean over rise and fall, in joules."""
        return np.mean([table(slew, loads) for table in self.tables], axis=0)


@dataclass(frozen=True)
class PowerPin:
    """A pin of a cell.

    Members
    -------
    capacitances : (F), as it rises and as it falls; ``None`` if the library gives none
    function : of an output
    energy : of its transitions, by related pin; "" for what the pin's own transition costs
    """

    place: Place
    direction: str
    capacitances: tuple[float, float] | None
    clock: bool
    function: BooleanFunction | None
    energy: dict[str, list[InternalPower]] = field(default_factory=dict)

    @property
    def edges(self) -> tuple[float, float]:
        """Its capacitances as it rises and as it falls, in farads.

        Raises
        ------
        UserError
            The library gives none.
        """
        if self.capacitances is None:
            self.place.fail("has no capacitance, and the library no default_input_pin_cap")
        return self.capacitances

    @property
    def capacitance(self) -> float:
        """The larger of the two capacitances, in farads."""
        return max(self.edges)

    def internal(self, related: str, slew: float, loads: np.ndarray) -> np.ndarray:
        """Joules: mean over rise and fall and over the states of the other pins, sum over the supplies."""
        powers = self.energy[related]
        rails = dict.fromkeys(power.rail for power in powers)
        means = [
            np.mean([power(slew, loads) for power in powers if power.rail == rail], axis=0) for rail in rails
        ]
        return np.sum(means, axis=0)


@dataclass(frozen=True)
class Held:
    """The state of a flip-flop: its name, that of its complement, and its next value."""

    state: str
    complement: str
    following: BooleanFunction | None


@dataclass(frozen=True)
class PowerCell:
    """A cell.

    Members
    -------
    watts : of leakage, mean over the states that the library lists; ``None`` if it gives none
    held : of a flip-flop
    enables : pins that open a clock gate, those for test among them; none for all other cells
    """

    place: Place
    name: str
    watts: float | None
    sequential: bool
    pins: dict[str, PowerPin]
    held: Held | None = None
    enables: tuple[str, ...] = ()

    @property
    def clocked(self) -> bool:
        """Whether it is a flip-flop, a latch or a clock gate."""
        return self.sequential or bool(self.enables)

    @property
    def leakage(self) -> float:
        """Leakage power in watts.

        Raises
        ------
        UserError
            The library gives none.
        """
        if self.watts is None:
            self.place.fail(
                "has no leakage_power or cell_leakage_power, and the library no default_cell_leakage_power"
            )
        return self.watts

    @property
    def clock(self) -> str:
        """The clock pin of a flip-flop or a clock gate.

        Raises
        ------
        UserError
            The library names none.
        """
        for name, pin in self.pins.items():
            if pin.clock:
                return name
        self.place.fail("holds state, but has no pin with clock : true")

    def evaluate(self, function: BooleanFunction, values: Mapping[str, bool]) -> bool:
        """The value of a function of the cell.

        Raises
        ------
        UserError
            It depends on something without a value.
        """
        unknown = sorted(function.names - values.keys())
        if unknown:
            self.place.fail(
                f"{function.text!r} depends on {unknown[0]!r}; must depend on inputs, outputs and the state"
            )
        return function(values)

    def states(self, ties: Mapping[str, bool]) -> Iterator[dict[str, bool]]:
        """Values of a flip-flop's pins wherever it keeps its state, with some inputs tied.

        Of a clock gate, those with its output low.
        """
        inputs = [name for name, pin in self.pins.items() if pin.direction == "input"]
        names = inputs if self.held is None else [*inputs, self.held.state]
        for values in product((False, True), repeat=len(names)):
            found = dict(zip(names, values, strict=True))
            if any(found[name] != value for name, value in ties.items() if name in found):
                continue
            if self.held is None:
                yield {name: found.get(name, False) for name in self.pins}
                continue
            found[self.held.complement] = not found[self.held.state]
            following = self.held.following
            if following is None or self.evaluate(following, found) != found[self.held.state]:
                continue
            shown = {
                name: self.evaluate(pin.function, found) for name, pin in self.pins.items() if pin.function
            }
            yield found | shown
