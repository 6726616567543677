# SPDX-License-Identifier: Apache-2.0
"""Read what Liberty files say of power: pin capacitances, internal energy of transitions, leakage."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

from nms.contract.errors import UserError
from nms.energy.sampler.power_cells import InternalPower, PowerCell
from nms.energy.sampler.power_reader import PowerReader
from nms.synth import liberty_file
from nms.synth.liberty_text import Group
from nms.synth.liberty_units import read_voltage

NEEDED = ("capacitive_load_unit", "leakage_power_unit", "time_unit")
PLAIN = re.compile(r"[^\w.+ -]")


class PowerLibrary:
    """The cells of one or more Liberty files at one voltage.

    Internal energies are in the files' unit of capacitance times that of voltage squared, as Liberty defines
    it. Where a file has a table for each supply rail, those of ground are left out: they describe the same
    charge. Where a table has the load of the opposite output as well, that output is taken to drive nothing.

    Parameters
    ----------
    files : Liberty files, also packed by gzip

    Members
    -------
    name : what the libraries' names have in common
    voltage : nominal, in volts
    slew : of the inputs, in seconds, at which tables are read: the median of the tables' second points
    files, texts : of the library

    Raises
    ------
    UserError
        A file is not readable, lacks a unit or says something that cannot be told from its text; their
        voltages differ, or none has ``internal_power``.
    """

    def __init__(self, files: Sequence[Path]):
        self.files = tuple(files)
        self.cells: dict[str, PowerCell] = {}
        self.texts: list[str] = []
        self._input_energy: dict[tuple[str, str, frozenset[tuple[str, bool]]], float] = {}
        names: list[str] = []
        voltages: set[float] = set()
        slews: list[float] = []
        for library in liberty_file.load_all(files):
            self.texts.append(library.source.text)
            names.append(PLAIN.sub("_", " ".join(library.names)))
            voltages.add(self._read(library, slews))
        given = ", ".join(map(str, files))
        if len(voltages) != 1:
            raise UserError(f"liberty {given}: nominal voltages {sorted(voltages)}; must be one voltage")
        shared = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
        self.name = "".join(letters[0] for letters in shared).rstrip("_") or names[0]
        self.voltage = voltages.pop()
        if not slews:
            raise UserError(f"liberty {given}: has no internal_power; must have power tables")
        self.slew = float(np.median(slews))

    def _read(self, library: Group, slews: list[float]) -> float:
        """Read the cells of a library and the second points of its tables; its voltage."""
        for name in NEEDED:
            if library.find(name) is None:
                library.fail(f"has no {name}; must have {', '.join(NEEDED)}")
        reader = PowerReader(library)
        for group in library.inner("cell"):
            cell = reader.cell(group)
            self.cells[cell.name] = cell
            for pin in cell.pins.values():
                tables = (t for powers in pin.energy.values() for power in powers for t in power.tables)
                slews += [table.slews[1] for table in tables if len(table.slews) > 1]
        return read_voltage(library, reader.units)

    def input_energy(self, cell: str, pin: str, ties: Mapping[str, bool] | None = None) -> float:
        """Joules of a transition of an input that no output follows, mean over rise and fall.

        For a flip-flop, the mean over the states in which it keeps its state, with the inputs of ``ties``
        tied, and for a clock gate, over those with a low output; for other cells, over the states that the
        library lists.
        """
        key = (cell, pin, frozenset((ties or {}).items()))
        if key not in self._input_energy:
            known, no_load = self.cells[cell], np.zeros(1)
            powers = known.pins[pin].energy[""]
            if (known.held is None or known.held.following is None) and not known.enables:
                self._input_energy[key] = float(known.pins[pin].internal("", self.slew, no_load)[0])
            else:
                self._input_energy[key] = float(
                    np.mean([self._in_state(known, powers, state) for state in known.states(ties or {})])
                )
        return self._input_energy[key]

    def _in_state(self, cell: PowerCell, powers: Sequence[InternalPower], state: Mapping[str, bool]) -> float:
        """Joules in one state: the groups for this state or, if there are none, those for any state."""
        special = [power for power in powers if power.when and cell.evaluate(power.when, state)]
        chosen = special or [power for power in powers if not power.when]
        return float(sum(power(self.slew, np.zeros(1))[0] for power in chosen))
