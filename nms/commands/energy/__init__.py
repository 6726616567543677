# SPDX-License-Identifier: Apache-2.0
"""``nms energy``: energy of the sampler, and of the memory system around it."""

import typer

from nms.commands.energy.sampler import sampler
from nms.commands.energy.system import system

energy = typer.Typer(
    help="Estimate the energy of a sampler, or of a training's memory traffic.", no_args_is_help=True
)
energy.command()(sampler)
energy.command()(system)
