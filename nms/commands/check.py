# SPDX-License-Identifier: Apache-2.0
"""``nms check``: the regressions."""

import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nms import render
from nms.commands.completion import complete_unit
from nms.commands.options import CellTarget, Json, Overrides, Preset, Seed
from nms.commands.progress import telling
from nms.contract import config as configuration
from nms.contract.errors import UserError
from nms.contract.output import reserve

if TYPE_CHECKING:
    from nms.sim.random_regression import Draw

Verilog = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Check this file, which nms generate wrote.")
]
Units = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[UNIT]...", help="Blocks to check; all if none is named.", autocompletion=complete_unit
    ),
]
RandomDraws = Annotated[
    int, typer.Option("--random", min=0, metavar="N", help="Check N whole samplers, drawn from the seed.")
]
Netlist = Annotated[
    bool,
    typer.Option("--netlist", help="Check the synthesised netlist in place of the Verilog."),
]
Liberty = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Liberty file of the cells of --netlist; repeat for a library of several files.",
    ),
]
Waves = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Leave a VCD trace and a GTKWave view of each block there.")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Run parametrised tests with fewer values: minutes, not a proof.")
]
FirstDraw = Annotated[int, typer.Option("--first", min=0, help="Number of the first draw of --random.")]


def check(
    context: typer.Context,
    units: Units = None,
    preset: Preset = "tiny",
    overrides: Overrides = None,
    verilog: Verilog = None,
    netlist: Netlist = False,
    target: CellTarget = None,
    liberty: Liberty = None,
    waves: Waves = None,
    seed: Seed = 1,
    random: RandomDraws = 0,
    first: FirstDraw = 0,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Run the blocks' regressions in simulation or, with --random, whole samplers drawn from the seed.

    Example: `nms check pe fitness -c tiny`

    Example: `nms check --random 20 --seed 7`
    """
    if random:
        if units or verilog is not None or netlist or waves is not None:
            raise UserError(f"--random {random}: draws whole samplers; it takes --seed and --first alone")
        _check_random(random, first, seed, as_json)
        return
    config = configuration.load(preset, overrides or ())
    if verilog is not None and not verilog.is_file():
        raise UserError(f"verilog {str(verilog)!r}: no such file")
    if netlist and verilog is not None:
        raise UserError(f"verilog {str(verilog)!r}: --netlist makes its own; leave out one of them")
    if target is not None and not netlist:
        raise UserError(f"target {target!r}: for --netlist only")
    if liberty and not netlist:
        raise UserError(f"liberty {str(liberty[0])!r}: for --netlist only")
    if waves is not None:
        context.with_resource(reserve(waves))
    from nms.sim import check as regressions

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, telling("elaborating", console) as tell:
        text = regressions.emit_block
        if netlist:
            from nms.synth import flow, targets

            cells = targets.select_target(target, liberty or ())
            text = partial(flow.simulation_model, config, cells)
            if not units and not cells.fpga:  # all: the whole has every block, but on an FPGA
                [whole] = flow.synthesise(config, "axi", cells, Path(folder), tell)
                verilog = Path(folder) / "netlist.v"
                verilog.write_text(whole.simulation_model())

        def print_verdict(unit: regressions.UnitResult) -> None:
            verdict = "passed" if unit else "FAILED"
            console.print(f"{unit.unit}: {verdict}, {unit.seconds:.0f} s", highlight=False)

        found = regressions.check(
            config,
            units or (),
            verilog,
            seed,
            text,
            waves,
            quick,
            began=lambda unit: tell(f"{unit}: building and simulating"),
            ended=print_verdict,
        )
    if as_json:
        render.print_json([asdict(unit) for unit in found])
    else:
        render.print_table(
            ["unit", "passed", "failed", "compared", "seconds"],
            [[u.unit, u.passed, u.failed, u.compared, f"{u.seconds:.1f}"] for u in found],
        )
        for failure in (f"{unit.unit}: {line}" for unit in found for line in unit.failures):
            print(failure, file=sys.stderr)
    if not all(found):
        raise typer.Exit(1)


def _check_random(draws: int, first: int, seed: int, as_json: bool) -> None:
    from nms.sim import random_regression as randomised

    found = []
    with telling(f"seed {seed} draw {first}") as tell:
        for draw in randomised.regress(seed, draws, first):
            found.append(draw)
            tell(f"seed {seed} draw {draw.number + 1}")
            if not as_json:
                verdict = f"{draw.compared} values, {_verdict(draw)}"
                print(f"seed {seed} draw {draw.number}: {draw.description}: {verdict}")
    if as_json:
        render.print_json([asdict(draw) for draw in found])
    if not all(found):
        raise typer.Exit(1)


def _verdict(draw: "Draw") -> str:
    if draw:
        return "equal"
    return f"{draw.failure or f'{draw.mismatches} mismatches'}\nrepeat it by: {draw.command}"
