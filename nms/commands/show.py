# SPDX-License-Identifier: Apache-2.0
"""``nms show``."""

from contextlib import suppress
from typing import Annotated

import typer

from nms import render
from nms.commands.completion import complete_config
from nms.commands.options import Json, Overrides
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
    values = config.model_dump() | {"digest": config.digest}
    given = [("configuration", key, value, "") for key, value in values.items()]
    bounds = Bounds(config).rows() if isinstance(config, Config) else []
    follows = config.derived.rows() + bounds + _list_memories(config)
    if as_json:
        rows = given + [(group, name, _parse(value), unit) for group, name, value, unit in follows]
        render.print_json([dict(zip(("group", "name", "value", "unit"), row, strict=True)) for row in rows])
        return
    shown = [(group, name, str(value), unit) for group, name, value, unit in given]
    render.print_table(["group", "name", "value", "unit"], shown + follows)


def _parse(value: str) -> int | float | str:
    """A number as such; a format or a range as its text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(value)
    return value


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
