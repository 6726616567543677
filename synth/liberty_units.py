# SPDX-License-Identifier: Apache-2.0
"""Units and the supply voltage that a Liberty file declares."""

import math
import re
from dataclasses import dataclass

from nms.synth import liberty_numbers
from nms.synth.liberty_text import Group

PREFIXES = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
UNIT = re.compile(r"([\d.]*(?:e[+-]?\d+)?)\s*([a-zµ]*)", re.IGNORECASE)

SYMBOLS = {
    "time_unit": "s",
    "voltage_unit": "V",
    "capacitive_load_unit": "F",
    "leakage_power_unit": "W",
    "current_unit": "A",
    "pulling_resistance_unit": "ohm",
    "resistance_unit": "ohm",
    "inductance_unit": "H",
    "distance_unit": "m",
}
"""What each attribute is a unit of. No figure follows from currents, resistances and distances."""


@dataclass(frozen=True)
class Units:
    """What a 1 in a library stands for.

    Where the file does not say, a time is in nanoseconds, a voltage in volts, a capacitance in picofarads and
    a leakage power in nanowatts.
    """

    second: float
    volt: float
    farad: float
    watt: float

    @property
    def joule(self) -> float:
        """Of internal energies, as Liberty defines it: a farad times a volt squared, in these units."""
        return self.farad * self.volt**2


def read_units(library: Group) -> Units:
    """The units of a library.

    Raises
    ------
    UserError
        One is not understood, or is a unit of something unknown.
    """
    found = dict(zip(SYMBOLS, (1e-9, 1.0, 1e-12, 1e-9), strict=False))
    for attribute in library.attributes:
        if attribute.name.endswith("_unit"):
            if attribute.name not in SYMBOLS:
                library.fail(
                    f"{attribute.name}: is no unit of Liberty; must be one of {', '.join(SYMBOLS)}", attribute
                )
            found[attribute.name] = _read_unit(library, attribute.name)
    return Units(*(found[name] for name in list(SYMBOLS)[:4]))


def _read_unit(library: Group, name: str) -> float:
    """A unit: ``1pW``, ``"1 pW"`` and ``(1, pW)`` are 1e-12."""
    symbol, text = SYMBOLS[name], " ".join(library.words(name))
    found = UNIT.fullmatch(text)
    number, letters = (found[1], found[2]) if found is not None else ("", "")
    prefix = letters[: len(letters) - len(symbol)]
    if (
        found is None
        or not letters.lower().endswith(symbol.lower())
        or (prefix != "M" and prefix.lower()) not in PREFIXES
        or (number and not (liberty_numbers.is_number(number) and float(number) > 0))
    ):
        library.fail(
            f"{name} {text!r}: is not understood; must be a number above 0 and {symbol}, "
            f"with {', '.join(filter(None, PREFIXES))} or nothing before it",
            library.find(name),
        )
    return float(number or 1) * PREFIXES[prefix.lower()]


def read_voltage(library: Group, units: Units) -> float:
    """The supply voltage, in volts: the nominal one or, without it, that of the operating conditions.

    Raises
    ------
    UserError
        There is none, or it is not above 0.
    """
    group, name = library, "nom_voltage"
    if library.find(name) is None:
        conditions = list(library.inner("operating_conditions"))
        chosen = library.word("default_operating_conditions")
        named = [each for each in conditions if each.name == chosen] if chosen else conditions
        if len(named) == 1 and named[0].find("voltage") is not None:
            group, name = named[0], "voltage"
    number = group.number(name)
    if number is None:
        library.fail("has no nom_voltage; must have it, or operating_conditions with a voltage")
    if not number > 0:
        group.fail(f"{name} {number:g}: must be above 0", group.find(name))
    return round(number * units.volt, 12)


def spell(library: Group, name: str) -> str:
    """A unit of a library as tools read it: 1, 10 or 100, a prefix and the unit's symbol.

    Raises
    ------
    UserError
        It is no such number.
    """
    value = _read_unit(library, name)
    for prefix, size in PREFIXES.items():
        for number in (1, 10, 100):
            if math.isclose(value, number * size, rel_tol=1e-9):
                return f"{number}{prefix}{SYMBOLS[name]}"
    library.fail(f"{name} {library.word(name)!r}: must be 1, 10 or 100 of a unit", library.find(name))
