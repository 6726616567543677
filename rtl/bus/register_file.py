# SPDX-License-Identifier: Apache-2.0
"""The register file: AXI4-Lite on one side, one port a register on the other (``contract/registers.py``)."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import SamplerConfig
from nms.contract.readout import Readout
from nms.contract.registers import ADDRESS_BITS, BY_NAME, REGISTERS, Access, Register, constants
from nms.rtl.lib.hierarchy import Block

OKAY, SLVERR = 0, 2
"""Responses."""

REQUEST = StructLayout({"table": 4, "row": 16, "column": 16})
"""A value of a table."""

OWN = ("irq_enable", "irq_status", "table", "row", "column", "data_lo", "data_hi")
"""Registers that only this block uses."""


def select_settings(config: SamplerConfig) -> list[Register]:
    """The registers that software writes and a job reads."""
    return [r for r in REGISTERS if r.access is Access.RW and r.exists(config)]


def select_observed(config: SamplerConfig) -> list[Register]:
    """The registers whose values come from the rest of the system."""
    fixed = constants(config)
    observed = [r for r in REGISTERS if r.access is Access.RO and r.exists(config)]
    return [r for r in observed if r.name not in fixed and r.name not in OWN]


class RegisterFile(Block):
    """The registers of ``contract/registers.py`` behind an AXI4-Lite subordinate.

    The ports of the bus are named as in AXI. There is an output for each setting and an input for each
    observed register, with the register's name. A refused access, one without a register and a write to a
    read-only register are answered by SLVERR and change nothing.

    Parameters
    ----------
    config : what the constant registers say

    Members
    -------
    control : the commands, for one cycle
    events : set bits of ``irq_status``
    irq : an enabled event is pending
    locked : writes of settings and reads of ``data_lo`` are refused
    o_request : a value of a table, for ``data_lo``, whose answer waits for it
    i_value : this value
    fetching : a value is being fetched

    Latency
    -------
    Two cycles from address and data to the answer of a write, two from the address to that of a read, more
    for ``data_lo``. Every output depends on registers alone.

    Throughput
    ----------
    One write and one read at a time.

    Reset
    -----
    All registers have their reset values, and no access is under way.
    """

    module = "register_file"

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        super().__init__(
            {register.name: Out(32) for register in select_settings(config)}
            | {register.name: In(32) for register in select_observed(config)}
            | {
                "control": Out(count_bits("control")),
                "events": In(count_bits("irq_status")),
                "irq": Out(1),
                "locked": In(1),
                "fetching": Out(1),
                "o_request": Out(stream.Signature(REQUEST)),
                "i_value": In(stream.Signature(unsigned(64))),
                "awaddr": In(ADDRESS_BITS),
                "awvalid": In(1),
                "awready": Out(1),
                "wdata": In(32),
                "wstrb": In(4),
                "wvalid": In(1),
                "wready": Out(1),
                "bresp": Out(2),
                "bvalid": Out(1),
                "bready": In(1),
                "araddr": In(ADDRESS_BITS),
                "arvalid": In(1),
                "arready": Out(1),
                "rdata": Out(32),
                "rresp": Out(2),
                "rvalid": Out(1),
                "rready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.irq_enable = Signal(len(self.events))
        self.irq_status = Signal(len(self.events))
        self.table, self.row, self.column = Signal(4), Signal(16), Signal(16)
        self.data_hi = Signal(32)
        m.d.sync += [
            self.irq.eq((self.irq_enable & self.irq_status).any()),
            self.irq_status.eq(self.irq_status | self.events),
        ]
        self._write(m)
        self._read(m)
        return m

    def _held(self, register: Register) -> Value:
        """The storage or port behind a register, or its constant: 0 if the configuration has none."""
        found = getattr(self, register.name, None)
        return Const(constants(self.config).get(register.name, 0), 32) if found is None else found

    def _write(self, m: Module) -> None:
        """Address and data are taken on their own; with both the write is done and answered."""
        addressed, filled = Signal(), Signal()
        address, written, strobe = (Signal(width, reset_less=True) for width in (ADDRESS_BITS, 32, 4))
        m.d.comb += [self.awready.eq(~addressed), self.wready.eq(~filled)]
        with m.If(self.awvalid & self.awready):
            m.d.sync += [addressed.eq(1), address.eq(self.awaddr)]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [filled.eq(1), written.eq(self.wdata), strobe.eq(self.wstrb)]
        mask = Cat(bit.replicate(8) for bit in strobe)
        m.d.sync += self.control.eq(0)
        with m.If(self.bvalid & self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.If(addressed & filled & ~self.bvalid):
            m.d.sync += [addressed.eq(0), filled.eq(0), self.bvalid.eq(1), self.bresp.eq(SLVERR)]
            with m.Switch(address[2:]):
                for register in REGISTERS:
                    if register.access is Access.RO:
                        continue
                    with m.Case(register.offset >> 2):
                        held = self._held(register)
                        if register.access is Access.RW:
                            with m.If(~self.locked):
                                m.d.sync += self.bresp.eq(OKAY)
                                if register.exists(self.config):
                                    for low in range(0, len(held), 8):
                                        with m.If(strobe[low // 8]):
                                            byte = (written & register.mask)[low : low + 8]
                                            m.d.sync += held[low : low + 8].eq(byte)
                        else:
                            m.d.sync += self.bresp.eq(OKAY)
                            if register.access is Access.WO:
                                m.d.sync += held.eq(written & mask)
                            elif register.access is Access.W1C:
                                m.d.sync += held.eq((held & ~(written & mask)) | self.events)
                            else:
                                m.d.sync += held.eq((held & ~mask) | (written & mask))

    def _read(self, m: Module) -> None:
        """One read at a time; ``data_lo`` waits for the value, then moves on."""
        address = Signal(ADDRESS_BITS)
        m.d.comb += [
            self.o_request.p.table.eq(self.table),
            self.o_request.p.row.eq(self.row),
            self.o_request.p.column.eq(self.column),
        ]
        with m.FSM() as machine:
            with m.State("IDLE"):
                m.d.comb += self.arready.eq(1)
                m.d.sync += address.eq(self.araddr)
                with m.If(self.arvalid):
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += [self.rvalid.eq(1), self.rresp.eq(SLVERR), self.rdata.eq(0)]
                m.next = "ANSWER"
                with m.Switch(address[2:]):
                    for register in REGISTERS:
                        with m.Case(register.offset >> 2):
                            if register.name == "data_lo":
                                with m.If(~self.locked):
                                    m.d.sync += self.rvalid.eq(0)
                                    m.next = "REQUEST"
                            else:
                                m.d.sync += self.rresp.eq(OKAY)
                                if register.access is not Access.WO:
                                    m.d.sync += self.rdata.eq(self._held(register) & register.mask)
            with m.State("REQUEST"):
                m.d.comb += self.o_request.valid.eq(1)
                with m.If(self.o_request.ready):
                    m.next = "VALUE"
            with m.State("VALUE"):
                m.d.comb += self.i_value.ready.eq(1)
                m.d.sync += [
                    self.rdata.eq(self.i_value.payload[:32]),
                    self.data_hi.eq(self.i_value.payload[32:]),
                ]
                with m.If(self.i_value.valid):
                    self._move_on(m)
                    m.d.sync += [self.rvalid.eq(1), self.rresp.eq(OKAY)]
                    m.next = "ANSWER"
            with m.State("ANSWER"), m.If(self.rready):
                m.d.sync += self.rvalid.eq(0)
                m.next = "IDLE"
        m.d.comb += self.fetching.eq(machine.ongoing("REQUEST") | machine.ongoing("VALUE"))

    def _move_on(self, m: Module) -> None:
        matrix = (self.table == Readout.DISTANCE) | (self.table == Readout.AFFINITY)
        points = (self.table == Readout.EMBEDDING_INIT) | (self.table == Readout.EMBEDDING)
        last = Mux(matrix, self.count - 1, Mux(points, 1, 0))
        with m.If(self.column >= last):
            m.d.sync += [self.column.eq(0), self.row.eq(self.row + 1)]
        with m.Else():
            m.d.sync += self.column.eq(self.column + 1)


def count_bits(name: str) -> int:
    """Bits of a register up to its highest field."""
    return BY_NAME[name].mask.bit_length()
