# SPDX-License-Identifier: Apache-2.0
"""Energy to move bytes between a DRAM and the host on the board, or another die of its package, by part.

``energydram`` turns the devices' currents into energies (Micron TN-40-07), and computes the direct current of
driver and termination. The charging of pads and lines follows CACTI-IO (Jouppi et al., TVLSI 2015). Every
coefficient and its source is in ``parameters.toml``. Energies are in joules.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass, fields

import energydram

from nms.contract.errors import UserError
from nms.energy.system.parameters import Currents, Parameters

PICO = 1e-12


@dataclass(frozen=True)
class TransferEnergy:
    """Energy by part, in joules.

    ``device_io`` is dissipated in the DRAM's pins, ``trace`` on the board, ``phy`` in the host's pins and
    PHY, ``link`` between the dies of one package; the other parts in the DRAM's core.
    """

    activate: float = 0.0
    read: float = 0.0
    write: float = 0.0
    refresh: float = 0.0
    background: float = 0.0
    device_io: float = 0.0
    phy: float = 0.0
    trace: float = 0.0
    link: float = 0.0

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return sum(self._parts())

    def __add__(self, other: "TransferEnergy") -> "TransferEnergy":
        return TransferEnergy(*map(operator.add, self._parts(), other._parts()))

    def __mul__(self, factor: float) -> "TransferEnergy":
        return TransferEnergy(*(factor * part for part in self._parts()))

    def _parts(self) -> Iterable[float]:
        return vars(self).values()  # as astuple, which copies deeply and is slow


TRANSFER_PARTS = tuple(field.name for field in fields(TransferEnergy))
"""The parts of :class:`TransferEnergy`, in the order in which they are shown."""


@dataclass(frozen=True)
class Pattern:
    """How bytes lie in memory, and how they are asked for.

    Parameters
    ----------
    piece : bytes that lie together, such as an image
    together : pieces that lie one behind the other and are moved in that order, such as the images of a
        batch; the first begins anywhere in a row
    request : bytes that are asked for at once, with nothing in between; by default those of an access
    rate : bytes that are asked for in a second; by default as many as the bus moves
    ahead : bytes of the first requests, which follow one another at once, since there is room for them
    """

    piece: float
    together: float = 1.0
    request: float | None = None
    rate: float | None = None
    ahead: float = 0.0

    @property
    def size(self) -> float:
        """Bytes of all pieces that lie together."""
        return self.piece * self.together


@dataclass(frozen=True)
class Commands:
    """Commands to a rank of DRAM, and the time in which they were given."""

    activate: float
    read: float
    write: float
    refresh: float
    seconds: float


class DramSystem:
    """A rank of DDR4 devices, its interface over the board and its link inside the package.

    Parameters
    ----------
    parameters : the table of constants
    link : the kind of link inside the package, an entry of the table's section ``link``

    Raises
    ------
    UserError
        The currents contradict each other, or the supplies are not those of DDR4.
    """

    def __init__(self, parameters: Parameters, link: str = "ucie_standard"):
        self.parameters = parameters
        dram, io, trace = parameters.dram, parameters.io, parameters.trace
        self.chips, self.width = int(dram.chips.value), int(dram.width.value)
        self.link = getattr(parameters.link, link).value * PICO
        timing = energydram.Timing(
            RAS=dram.ras.value, REFI=dram.refi.value, RFC=dram.rfc.value, RP=dram.rp.value, RRD=dram.rrd.value
        )
        try:
            self.rank = energydram.EnergyDDR(
                dram.clock.value, timing, dram.vdd.value, _currents(parameters.currents), self.chips,
                ddr=4, vpp=dram.vpp.value, ipps=_currents(parameters.pump),
            )  # fmt: skip
            self.pins = energydram.Termination(
                dram.vdd.value,
                1,
                energydram.TermResistance(
                    rz_dev=io.driver_device.value, rz_mc=io.driver_host.value,
                    rtt_nom=io.termination_device.value, rtt_wr=io.termination_device.value,
                    rtt_mc=io.termination_host.value, rs=trace.resistance.value,
                ),
                width=self.width,
                level="high",
                with_dm=False,
            )  # fmt: skip
        except ValueError as error:
            raise UserError(f"parameters of the DRAM: {error}") from None

    @property
    def burst_bytes(self) -> int:
        """Bytes of one access of the whole rank."""
        return int(self.chips * self.width * self.parameters.dram.burst.value) // 8

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of the whole rank."""
        return int(self.chips * self.parameters.dram.row.value)

    @property
    def rate(self) -> float:
        """Bytes that the bus moves in a second."""
        dram = self.parameters.dram
        return self.chips * self.width / 8 / (dram.clock.value / 2 * 1e-9) * dram.bus_use.value

    def activations(self, pattern: Pattern) -> float:
        """Rows that are opened, on average, to move what lies together once.

        A row stays open until the next one is needed or a refresh closes all. Of the bytes behind the first
        access, each row's worth meets another row. Between two requests a refresh falls with the
        probability of their distance over that of refreshes, or surely; where no other row is met, the row
        is then opened again.
        """
        size, request = pattern.size, min(pattern.request or self.burst_bytes, pattern.piece)
        rows = (-(-size // self.burst_bytes) - 1) * self.burst_bytes / self.row_bytes
        requests = pattern.together * -(-pattern.piece // request)
        waits = max(0.0, (requests - 1) * (1 - pattern.ahead / size))
        dram = self.parameters.dram
        distance = size / requests / (pattern.rate or self.rate)
        refreshed = min(1.0, distance / (dram.refi.value * dram.clock.value * 1e-9))
        return 1 + rows + refreshed * max(0.0, waits - rows)

    def core(self, count: float, pattern: Pattern | float, write: bool = False) -> TransferEnergy:
        """Energy inside the devices to move ``count`` bytes by a pattern, or in pieces of so many bytes.

        What lies together takes whole bursts. Standby and refresh last as long as the transfer at the
        table's utilisation of the bus (``bus_use``).
        """
        if not count:
            return TransferEnergy()
        pattern = _as_pattern(pattern)
        dram = self.parameters.dram
        bursts = self._bursts(count, pattern)
        cycles = bursts * dram.burst.value / 2 / dram.bus_use.value
        access = self.rank.readwrite_energy(num_rd=0 if write else bursts, num_wr=bursts if write else 0)
        return TransferEnergy(
            activate=self.rank.activate_energy(count / pattern.size * self.activations(pattern)),
            read=0.0 if write else access,
            write=access if write else 0.0,
            refresh=self.rank.refresh_energy(cycles / dram.refi.value),
            background=self.rank.background_energy(cycles_bankact_ckehi=cycles),
        ) * (dram.correction.value * PICO)

    def counted(self, commands: Commands) -> TransferEnergy:
        """Energy inside the devices of commands that were counted, with standby while they were given."""
        dram = self.parameters.dram
        cycles = commands.seconds / (dram.clock.value * 1e-9)
        return TransferEnergy(
            activate=self.rank.activate_energy(commands.activate),
            read=self.rank.readwrite_energy(num_rd=commands.read, num_wr=0),
            write=self.rank.readwrite_energy(num_rd=0, num_wr=commands.write),
            refresh=self.rank.refresh_energy(commands.refresh),
            background=self.rank.background_energy(cycles_bankact_ckehi=cycles),
        ) * (dram.correction.value * PICO)

    def standby(self, seconds: float) -> float:
        """Joules of the rank while it waits with all banks precharged, refresh included."""
        dram = self.parameters.dram
        cycles = seconds / (dram.clock.value * 1e-9)
        waiting = self.rank.background_energy(cycles_bankpre_ckehi=cycles)
        refresh = self.rank.refresh_energy(cycles / dram.refi.value)
        return (waiting + refresh) * dram.correction.value * PICO

    def board(self, count: float, pattern: Pattern | float, write: bool = False) -> TransferEnergy:
        """Energy to move ``count`` bytes over the board, from the DRAM or (``write``) to it."""
        bits = 8 * self._bursts(count, _as_pattern(pattern)) * self.burst_bytes
        return self.core(count, pattern, write) + self.interface(write) * bits

    def package(self, count: float, pattern: Pattern | float, write: bool = False) -> TransferEnergy:
        """Energy to move ``count`` bytes between the DRAM and another die of its package."""
        bits = 8 * self._bursts(count, _as_pattern(pattern)) * self.burst_bytes
        return self.core(count, pattern, write) + TransferEnergy(link=self.link * bits)

    def interface(self, write: bool = False) -> TransferEnergy:
        """Energy of one bit between the pins of DRAM and host: direct current, charging, and the PHY.

        Direct current flows while a line is low: V_DD^2 / (driver + line + termination), split by resistance.
        Charging costs V_DD times the swing times the capacitance for each rising edge, of the strobes too.
        The PHY costs a dynamic energy a bit, and its static power over the bit rate of the channel.
        """
        dram, io, trace = self.parameters.dram, self.parameters.io, self.parameters.trace
        bit_time = dram.clock.value / 2
        low = io.low_share.value * bit_time / self.width * 1e3  # W to pJ/bit
        host = float(self.pins.write_power_memctlr() if write else self.pins.read_power_memctlr()) * low
        device = float(self.pins.write_power_devices() if write else self.pins.read_power_devices()) * low
        source = io.driver_host if write else io.driver_device
        end = io.termination_device if write else io.termination_host
        line = host * trace.resistance.value / (source if write else end).value  # one current through all
        device -= line  # energydram counts the line's loss among the devices'
        ohms = source.value + trace.resistance.value + end.value
        swing = dram.vdd.value * end.value / ohms
        rises = io.rises_data.value + io.strobes.value * io.rises_strobe.value / self.width
        charge = rises * dram.vdd.value * swing  # pJ/bit for each pF
        internal = rises * dram.vdd.value**2 * io.internal_host.value
        phy = self.parameters.phy.dynamic.value + self.parameters.phy.static.value / (8e-9 * self.rate)
        return (
            TransferEnergy(
                device_io=device + charge * io.pad_device.value,
                phy=host + charge * io.pad_host.value + internal + phy,
                trace=line + charge * trace.capacitance.value,
            )
            * PICO
        )

    def _bursts(self, count: float, pattern: Pattern) -> float:
        """Bursts to move ``count`` bytes; what lies together is rounded up to whole bursts."""
        return count / pattern.size * -(-pattern.size // self.burst_bytes) if count else 0.0


def _as_pattern(given: Pattern | float) -> Pattern:
    return given if isinstance(given, Pattern) else Pattern(given)


def _currents(given: Currents) -> energydram.IDDs:
    return energydram.IDDs(**{name: quantity["value"] for name, quantity in given.model_dump().items()})
