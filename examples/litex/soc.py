# SPDX-License-Identifier: Apache-2.0
"""A system on chip around the sampler, as Verilog: processor or bridge, LiteDRAM, a sink of kept images.

``python soc.py --core DIR --output DIR`` reads what ``nms generate`` wrote into the first folder.
The registers (``s_axil``) are a region of the system's bus, ``m_axi`` is a port of the DRAM controller of its
own, ``m_axis`` goes into a memory that software reads, and ``irq`` is an interrupt of the processor.
The DRAM is LiteDRAM's model of its physical interface; ``simulate.cpp`` runs the whole.
"""

import argparse
import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

from litedram import modules
from litedram.core.controller import ControllerSettings
from litedram.frontend.axi import LiteDRAMAXI2Native
from litedram.init import get_sdram_phy_c_header
from litedram.phy.model import SDRAMPHYModel, sdram_module_nphases
from litex.build.generic_platform import Pins, Subsignal
from litex.build.sim import SimPlatform
from litex.soc.cores.uart import RS232PHYModel, UARTBone
from litex.soc.integration import export
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import axi, wishbone
from litex.soc.interconnect.csr import AutoCSR, CSRStorage
from migen import Cat, ClockSignal, If, Instance, Memory, Module, ResetSignal, Signal
from migen.genlib.io import CRG

REGISTERS, SINK = 0x9000_0000, 0x9100_0000
"""Addresses of the sampler's registers and of the memory of the sink."""

INTERRUPT = 3
"""Number of the sampler's interrupt."""

ROM, SRAM = 0x4_0000, 0x4000
"""Bytes of program and constants, and of variables."""

COMMANDS = {"activate": 0b011, "read": 0b101, "write": 0b100, "precharge": 0b010, "refresh": 0b001}
"""RAS, CAS and WE, low, of the commands that are watched."""

PHASES = 4
"""Most phases of a DRAM interface: commands in a cycle of the system."""


def list_pins(bits: int) -> list[Any]:
    """The pins of the simulated system; those of DRAM commands have a place for each of :data:`PHASES`."""
    stream = [("source_valid", 1), ("source_ready", 1), ("source_data", 8)]
    stream += [("sink_valid", 1), ("sink_ready", 1), ("sink_data", 8)]
    groups = {
        "serial": stream,
        "dram": [*((name, PHASES) for name in COMMANDS), ("bank", 8 * PHASES), ("all_banks", PHASES)],
        "kept": [("valid", 1), ("ready", 1), ("last", 1), ("data", bits)],
        "job": [("busy", 1), ("phase", 4)],
    }
    pins: list[Any] = [(name, 0, Pins(1)) for name in ("sys_clk", "sys_rst")] + [("finish", 0, Pins(8))]
    for group, signals in groups.items():
        pins.append((group, 0, *(Subsignal(name, Pins(width)) for name, width in signals)))
    return pins


class Sink(Module):
    """A stream into a memory that software reads; it pauses at random and begins again when it is full."""

    def __init__(self, bits: int, beats: int) -> None:
        self.valid, self.ready, self.last, self.data = Signal(), Signal(), Signal(), Signal(bits)
        memory = Memory(bits, beats)
        port = memory.get_port(write_capable=True)
        self.specials += memory, port
        self.bus = wishbone.Interface(data_width=bits, address_width=32, addressing="word")
        self.submodules.sram = wishbone.SRAM(memory, read_only=True, bus=self.bus)
        place, random = Signal(max=beats), Signal(16, reset=0xACE1)
        taken = self.valid & self.ready
        self.comb += [
            self.ready.eq(random[0] | random[1]),
            port.adr.eq(place), port.dat_w.eq(self.data), port.we.eq(taken),
        ]  # fmt: skip
        self.sync += [
            random.eq(Cat(random[1:], random[0] ^ random[2] ^ random[3] ^ random[5])),
            If(taken, place.eq(place + 1)),
        ]


class Finish(Module, AutoCSR):
    """A register that ends the simulation: 1 says that all was right, 2 that it was not."""

    def __init__(self) -> None:
        self.code = CSRStorage(8)


class Events:
    """The one interrupt of a module, high as long as it is wanted."""

    def __init__(self, irq: Signal) -> None:
        self.irq = irq


class Sampler(Module):
    """The generated core, whose buses are LiteX's; ``ports`` is its ``ports.json``.

    ``memory`` is its AXI port, ``registers`` its AXI-Lite port; ``sink`` takes its stream.
    """

    def __init__(self, ports: dict[str, Any], sink: Sink) -> None:
        bits = ports["parameters"]["bus_bits"]
        self.memory = axi.AXIInterface(data_width=bits, address_width=32, id_width=1)
        self.registers = axi.AXILiteInterface(data_width=32, address_width=32, addressing="byte")
        self.ports = {port["name"]: port for port in ports["ports"]}
        irq = Signal()
        self.ev = Events(irq)
        self.connections: dict[str, Any] = {
            "i_aclk": ClockSignal(), "i_aresetn": ~ResetSignal(), "o_irq": irq,
        }  # fmt: skip
        for bus in ports["buses"]:
            for name, port in bus["signals"].items():
                self._connect(port, self._find(bus["name"], name.lower(), sink))
        self.specials += Instance(ports["module"], name="near_memory_sampler", **self.connections)

    def _find(self, bus: str, name: str, sink: Sink) -> Any:
        """LiteX's signal for a signal of a bus; ``None`` if it has none."""
        if bus == "m_axis":
            return getattr(sink, name.removeprefix("t"), None)
        channels = self.memory if bus == "m_axi" else self.registers
        channel = name[: 2 if name.startswith("a") else 1]
        return getattr(getattr(channels, channel), name.removeprefix(channel), None)

    def _connect(self, port: str, other: Any) -> None:
        """Connect a port of the core to a signal that may have more or fewer bits."""
        described = self.ports[port]
        signal = Signal(described["width"], name=port)
        driven = described["direction"] == "input"
        self.connections[("i_" if driven else "o_") + port] = signal
        if other is not None:
            self.comb += signal.eq(other) if driven else other.eq(signal)


def add_sampler(system: Any, core: Path, sink: int, buffer: int) -> None:
    """Add what ``nms generate`` wrote into the folder ``core`` to a system with DRAM.

    ``sink`` are the beats of the sink's memory, ``buffer`` those of read data that the DRAM port buffers.
    """
    ports = json.loads((core / "ports.json").read_text())
    bits = ports["parameters"]["bus_bits"]
    system.submodules.sink = Sink(bits, sink)
    system.submodules.nms = sampler = Sampler(ports, system.sink)
    system.submodules.nms_memory = LiteDRAMAXI2Native(
        sampler.memory, system.sdram.crossbar.get_port(data_width=bits),
        w_buffer_depth=32, r_buffer_depth=buffer, base_address=system.bus.regions["main_ram"].origin,
    )  # fmt: skip
    registers = SoCRegion(origin=REGISTERS, size=0x1000, cached=False)
    system.bus.add_slave("nms", sampler.registers, registers)
    system.bus.add_slave("sink", system.sink.bus, SoCRegion(origin=SINK, size=bits // 8 * sink, cached=False))
    if system.cpu_type is not None:
        system.irq.add("nms", n=INTERRUPT)
    system.platform.add_source(str(core / "sampler.v"))
    system.submodules.finish = Finish()


class System(SoCCore):
    """The system; the options are those of the command line."""

    def __init__(self, options: argparse.Namespace) -> None:
        ports = json.loads((options.core / "ports.json").read_text())
        bits = ports["parameters"]["bus_bits"]
        platform = SimPlatform("SIM", list_pins(bits))
        processor = options.cpu != "none"
        self.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
        SoCCore.__init__(
            self, platform, clk_freq=options.clock, ident="", ident_version=False,
            cpu_type=options.cpu if processor else None, timer_uptime=processor, with_timer=processor,
            with_uart=processor, uart_name="sim",
            # Some contents, so that the Verilog reads those of the run from a file.
            integrated_rom_size=ROM if processor else 0, integrated_rom_init=[0], integrated_sram_size=SRAM,
        )  # fmt: skip
        pads = platform.request
        if not processor:
            self.submodules.bridge_phy = RS232PHYModel(pads("serial"))
            self.submodules.bridge = UARTBone(self.bridge_phy, options.clock)
            self.bus.add_master("bridge", self.bridge.wishbone)
        self.add_dram(options, bits)
        add_sampler(self, options.core, options.sink, options.buffer)
        sink = self.sink
        self.comb += pads("finish").eq(self.finish.code.storage)
        job, kept = pads("job"), pads("kept")
        self.specials += Instance("nms_watch", o_busy=job.busy, o_phase=job.phase)
        for name in ("valid", "ready", "last", "data"):
            self.comb += getattr(kept, name).eq(getattr(sink, name))
        self.watch_dram(pads("dram"))

    def add_dram(self, options: argparse.Namespace, bits: int) -> None:
        """The controller, and the model of module and physical interface."""
        kind: Any = type(options.module, (getattr(modules, options.module),), {"nrows": options.rows})
        phases = sdram_module_nphases[kind.memtype]
        module = kind(options.clock, f"1:{phases}")
        rate = 1 if kind.memtype == "SDR" else 2
        width = options.width or bits // (rate * phases)
        row = module.geom_settings.colbits
        banks = 1 << module.geom_settings.bankbits
        self.submodules.sdrphy = SDRAMPHYModel(
            module=module, data_width=width, clk_freq=options.clock, address_mapping="ROW_BANK_COL",
            # Some contents of each bank, so that the Verilog reads those of the run from files.
            init=[0] * (banks * (width << row) // 32),
        )  # fmt: skip
        self.add_sdram(
            "sdram", phy=self.sdrphy, module=module, l2_cache_size=0,
            controller_settings=ControllerSettings(address_mapping="ROW_BANK_COL"),
        )  # fmt: skip

    def watch_dram(self, pads: Any) -> None:
        """Show the commands at the interface between controller and physical interface."""
        for index, phase in enumerate(self.sdrphy.dfi.phases):
            code = Cat(phase.we_n, phase.cas_n, phase.ras_n)
            for name, value in COMMANDS.items():
                self.comb += getattr(pads, name)[index].eq(~phase.cs_n & (code == value))
            self.comb += [
                pads.bank[8 * index : 8 * index + 8].eq(phase.bank),
                pads.all_banks[index].eq(phase.address[10]),
            ]


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", type=Path, required=True, help="folder that nms generate wrote")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--cpu", default="vexriscv", help="processor; none: a bridge instead")
    parser.add_argument("--module", default="MT41K256M8", help="DRAM module of litedram.modules")
    parser.add_argument("--width", type=int, default=0, help="data pins of the DRAM; 0: the bus's width fits")
    parser.add_argument("--rows", type=int, default=2048, help="rows of a bank that the model has")
    parser.add_argument("--clock", type=int, default=100_000_000, help="hertz")
    parser.add_argument("--sink", type=int, default=4096, help="beats of the sink's memory, a power of two")
    parser.add_argument(
        "--buffer", type=int, default=16, help="beats of read data that the DRAM port buffers"
    )
    return parser.parse_args()


WATCH = """
// What the sampler does, for the figures of a simulation.
module nms_watch(output busy, output [3:0] phase);
  assign busy = near_memory_sampler.busy;
  assign phase = near_memory_sampler.phase;
endmodule
"""


def write_headers(system: Any, folder: Path) -> None:
    """Write the C headers and the table of registers of a finished system.

    LiteX's own builder would ask for the software of its boot loader, which is not used.
    """
    settings = system.sdram.controller.settings
    regions, constants = system.csr_regions, system.constants
    texts = {
        "csr.csv": export.get_csr_csv(regions, constants, system.mem_regions),
        "generated/csr.h": export.get_csr_header(regions, constants, system.mem_regions["csr"].origin),
        "generated/mem.h": export.get_mem_header(system.mem_regions),
        "generated/soc.h": export.get_soc_header(constants),
        "generated/sdram_phy.h": get_sdram_phy_c_header(settings.phy, settings.timing, settings.geom),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def write(system: System, folder: Path) -> None:
    """Write the Verilog, the contents of its memories, the C headers and the table of registers."""
    system.finalize()
    fragment = system.get_fragment()
    system.platform.finalize(fragment)
    write_headers(system, folder)
    with chdir(folder):  # LiteX writes the contents of memories here
        system.platform.get_verilog(fragment, name="system").write("system.v")
    (folder / "watch.v").write_text(WATCH.lstrip())
    for source, *_ in system.platform.sources:
        shutil.copy(source, folder)


def main() -> None:
    """Write the system of the options."""
    options = parse()
    write(System(options), options.output)


if __name__ == "__main__":
    main()
