# SPDX-License-Identifier: Apache-2.0
"""``nms show``."""

from typing import Annotated

import typer

from nms import render
from nms.commands.options import Json, Overrides, complete_config
from nms.commands.progress import telling
from nms.contract import config as configuration
from nms.contract.bounds import Bounds
from nms.contract.config import Config, SamplerConfig

Shown = Annotated[
    str,
    typer.Argument(
        metavar="PRESET|FILE",
        help="Preset, or TOML file of a configuration.",
        autocompletion=complete_config,
    ),
]


def show(
    preset: Shown,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show a configuration and what follows from it: widths, latencies, error bounds, memories.

    Latencies and error bounds are those of the published method, memories those of the hardware with its
    buses, as it is generated: words, bits of a word, copies.

    Example: `nms show paper -P lanes=8`
    """
    config = configuration.load(preset, overrides or ())
    given = [("configuration", key, str(value), "") for key, value in config.model_dump().items()]
    given.append(("configuration", "digest", config.digest, ""))
    bounds = Bounds(config).rows() if isinstance(config, Config) else []
    rows = given + config.derived.rows() + bounds + _list_memories(config)
    if as_json:
        render.print_json([dict(zip(("group", "name", "value", "unit"), row, strict=True)) for row in rows])
        return
    render.print_table(["group", "name", "value", "unit"], rows)


def _list_memories(config: SamplerConfig) -> list[tuple[str, str, str, str]]:
    """The memories of the hardware, and the bits of all."""
    from nms.rtl.export.memories import list_memories

    with telling("elaborating") as tell:
        found = list_memories(config, tell)
    held = [
        ("memory", memory.name, str(memory.bits), f"bits, {memory.copies} x {memory.depth} x {memory.width}")
        for memory in found
    ]
    return [*held, ("memory", "all", str(sum(memory.bits for memory in found)), "bits")]
