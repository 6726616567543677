# SPDX-License-Identifier: Apache-2.0
"""Builds the simulated system once for each configuration and set of options; the cache keeps it.

What the ROM and the DRAM hold is read when the simulation starts, so one build serves every program.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from nms.contract.cache import load_or_build
from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.rtl.export import core
from nms.rtl.export.emit import system_verilog
from nms.sim import process
from nms.sim.verilator import tools as simulation
from nms.soc import tools

LITEX = Path(__file__).with_name("litex")
"""Sources of system and program, the examples for LiteX."""

# LiteX's text and the processor's are not lint-free; that of the sampler is checked by itself
VERILATED = (
    "-O3",
    "--no-timing",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
)
OBJECTS = ("Vsystem__ALL.a", "verilated.o", "verilated_threads.o")
COMPILED = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")

COMMENT = re.compile(r"//.*")
"""Comments of Verilog, which tell the time of its making."""

FAMILIES = {"SDR": (1, 1), "DDR3": (2, 4), "DDR4": (2, 4)}
"""Words of a DRAM data pin in a memory cycle, and memory cycles in a cycle of the system, by kind of DRAM."""

MODULE = "MT41K256M8"
"""The DRAM module, unless said otherwise: DDR3, 8 bits."""

ROWS = 2048
"""Rows of a bank that are simulated, unless said otherwise; LiteDRAM's controller needs as many."""

CLOCK = 100_000_000
"""Hertz of the system."""

LIMIT = 100_000_000
"""Cycles after which a simulation is stopped."""


@dataclass(frozen=True)
class Options:
    """Of the system, as of ``examples/litex/soc.py``.

    Parameters
    ----------
    cpu : the processor, or ``none`` for a bridge in its place
    module : DRAM module of ``litedram.modules``
    rows : of a bank
    sink : beats of the sink's memory, a power of two
    width : data pins of the DRAM; 0 for as many as the bus needs to move a beat in a cycle
    """

    cpu: str = "vexriscv"
    module: str = MODULE
    rows: int = ROWS
    sink: int = 4096
    width: int = 0


@dataclass(frozen=True)
class Dram:
    """The simulated DRAM: its kind, data pins, banks, and bytes of a read or write, of a row and of all."""

    kind: str
    pins: int
    banks: int
    access: int
    row_bytes: int
    size: int


def measure(config: SamplerConfig, options: Options) -> Dram:
    """The DRAM of a system.

    Raises
    ------
    UserError
        There is no such module, or it cannot be simulated.
    """
    from litedram import modules

    known = sorted(
        name
        for name, kind in vars(modules).items()
        if getattr(kind, "memtype", None) in FAMILIES and hasattr(kind, "nrows")
    )
    if options.module not in known:
        raise UserError(f"module {options.module!r}: must be one of {', '.join(known)}")
    kind = getattr(modules, options.module)
    rate, phases = FAMILIES[kind.memtype]
    most = config.bus_bits // (rate * phases)
    pins = options.width or most
    if pins > most or pins & (pins - 1):
        raise UserError(f"width {pins}: must be a power of two, up to the {most} pins that the bus needs")
    if pins < 8:
        raise UserError(
            f"bus_bits {config.bus_bits}: {options.module} would have {pins} pins; take 64 or more"
        )
    row = kind.ncols * pins // 8
    if options.rows < ROWS or options.rows > kind.nrows or options.rows & (options.rows - 1):
        raise UserError(
            f"rows {options.rows}: must be a power of two from {ROWS} to the {kind.nrows} of {options.module}"
        )
    size = row * options.rows * kind.nbanks
    return Dram(kind.memtype, pins, kind.nbanks, pins * rate * phases // 8, row, size)


def build(
    config: SamplerConfig,
    options: Options,
    progress: Callable[[str], None] = lambda text: None,
    replaced: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """The folder of the generated system, with ``simulate``, the program that runs it.

    ``replaced`` are texts in place of some of its Verilog, by names of files.

    Raises
    ------
    UserError
        A tool is missing, or the options are wrong.
    ToolError
        LiteX, Verilator or the compiler failed.
    """
    tools.require(compiler=False)
    measure(config, options)
    progress("generating the system")
    versions = [metadata.version(name) for name in tools.PACKAGES]
    key = [system_verilog(config), str(asdict(options)), (LITEX / "soc.py").read_text(), *versions]
    key += [text for item in sorted(replaced.items()) for text in item]
    system = load_or_build("systems", key, lambda folder: _generate(config, options, folder, replaced))
    progress("building its simulation")
    files = sorted(system.glob("*.v"))
    texts = [COMMENT.sub("", file.read_text()) for file in files]
    recipe = [*VERILATED, *COMPILED, metadata.version("verilator")]
    model = load_or_build("models", [*texts, *recipe], lambda folder: _verilate(files, folder))
    loop = (LITEX / "simulate.cpp").read_text()
    program = load_or_build("programs", [str(model), loop], lambda folder: _link(model, folder))
    (system / "simulate").unlink(missing_ok=True)
    (system / "simulate").symlink_to(program / "simulate")
    return system


def _generate(config: SamplerConfig, options: Options, folder: Path, replaced: Mapping[str, str]) -> None:
    core.generate(config, folder / "core")
    words = [f"--{name}={value}" for name, value in asdict(options).items()]
    command: list[str | Path] = [
        sys.executable,
        LITEX / "soc.py",
        "--core",
        folder / "core",
        "--output",
        folder,
        *words,
    ]
    process.run("LiteX", command, folder)
    for name, text in replaced.items():
        (folder / name).write_text(text)


def _verilate(files: list[Path], folder: Path) -> None:
    """Leave the compiled model of the system, and Verilator's own objects."""
    env = simulation.environment()
    verilator = Path(env["VERILATOR_ROOT"]) / "bin" / "verilator"
    names = ["--top-module", "system", "--prefix", "Vsystem", "-Mdir", "."]
    process.run("Verilator", [verilator, "-cc", *VERILATED, *names, *files], folder, env)
    process.run("the C++ compiler", ["make", "-j2", "-f", "Vsystem.mk", *OBJECTS, *COMPILED], folder, env)
    for file in folder.iterdir():
        if file.name not in OBJECTS and file.suffix != ".h":
            file.unlink()


def _link(model: Path, folder: Path) -> None:
    """Leave the program ``simulate`` around a model."""
    include = Path(simulation.environment()["VERILATOR_ROOT"]) / "include"
    words = ["c++", "-std=gnu++20", "-O2", f"-I{model}", f"-I{include}", f"-I{include / 'vltstd'}"]
    objects = [str(model / name) for name in OBJECTS]
    loop = str(LITEX / "simulate.cpp")
    process.run("the C++ compiler", [*words, "-o", "simulate", loop, *objects, "-pthread"], folder)
