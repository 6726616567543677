# SPDX-License-Identifier: Apache-2.0
"""The system on a board: what Yosys and nextpnr need to make a bitstream of it.

``python board.py --core DIR --board ulx3s-85f --output DIR`` writes Verilog, pins and scripts into the second
folder. Processor, DRAM controller and pins are those of the board's system in ``litex_boards``.
"""

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import Any

from soc import SRAM, add_sampler, write_headers

ROM = 0x1_0000
"""Bytes of program and constants."""

BOARDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ulx3s-85f": ("radiona_ulx3s", {"device": "LFE5U-85F"}),
    "ulx3s-45f": ("radiona_ulx3s", {"device": "LFE5U-45F"}),
    "icesugar-pro": ("muselab_icesugar_pro", {}),
}
"""Module of ``litex_boards.targets``, and what its system is made with. Their DRAM needs no training."""


def make(options: argparse.Namespace) -> Any:
    """The board's system with the sampler."""
    target, given = BOARDS[options.board]
    data = options.rom.read_bytes() if options.rom else bytes(4)
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    system = import_module(f"litex_boards.targets.{target}").BaseSoC(
        **given, toolchain="trellis", sys_clk_freq=options.clock, with_led_chaser=False,
        cpu_type="vexriscv", timer_uptime=True, l2_size=0, ident_version=False,
        integrated_rom_size=ROM, integrated_rom_init=words, integrated_sram_size=SRAM,
    )  # fmt: skip
    add_sampler(system, options.core, options.sink, options.buffer)
    return system


def main() -> None:
    """Write the files of the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", type=Path, required=True, help="folder that nms generate wrote")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--board", choices=BOARDS, required=True)
    parser.add_argument("--rom", type=Path, help="contents of the ROM")
    parser.add_argument("--clock", type=int, default=40_000_000, help="hertz")
    parser.add_argument("--sink", type=int, default=512, help="beats of the sink's memory, a power of two")
    parser.add_argument(
        "--buffer", type=int, default=16, help="beats of read data that the DRAM port buffers"
    )
    options = parser.parse_args()
    system = make(options)
    system.finalize()
    system.build(build_dir=str(options.output), build_name="system", run=False)
    write_headers(system, options.output)
    platform = system.platform
    described = {"device": platform.device, "clock": options.clock}
    (options.output / "board.json").write_text(json.dumps(described) + "\n")


if __name__ == "__main__":
    main()
