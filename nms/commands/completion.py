# SPDX-License-Identifier: Apache-2.0
"""What a shell offers for the values of options: each function takes what is typed so far."""

from collections.abc import Callable, Iterable
from glob import escape, glob
from typing import Any

import typer

from nms.contract import config as configuration
from nms.contract.config import METHODS, PRESETS, SamplerConfig
from nms.contract.errors import UserError


def offer(*values: str) -> Callable[[str], list[str]]:
    """Offers those of ``values`` that begin with what is typed."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


def complete_config(incomplete: str) -> list[str]:
    """Presets and configuration files that begin with ``incomplete``; directories are left to the shell."""
    presets = [name for name in PRESETS if name.startswith(incomplete)]
    return presets + sorted(glob(f"{escape(incomplete)}*.toml"))


def list_keys(kinds: Iterable[type[SamplerConfig]]) -> list[str]:
    """The parameters of configurations of these kinds that ``-P`` can change."""
    keys = dict.fromkeys(key for kind in kinds for key in kind.model_fields)
    return [key for key in keys if key not in ("name", "method")]


def complete_override(context: typer.Context, incomplete: str) -> list[str]:
    """Keys of the configuration, each with its sign of equality; of all where none is named."""
    config = _find_config(context.params)
    keys = list_keys([type(config)] if config else METHODS.values())
    return [f"{key}=" for key in keys if key.startswith(incomplete)]


def complete_unit(context: typer.Context, incomplete: str) -> list[str]:
    """Units of the configuration; all where none is named."""
    from nms.rtl import units

    config = _find_config(context.params)
    known = units.list_units(config) if config else list(units.UNITS)
    return [name for name in known if name.startswith(incomplete)]


def complete_methods(incomplete: str) -> list[str]:
    """Methods of an evaluation, after the last comma."""
    from nms.evaluation.methods import TITLES

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in TITLES if name.startswith(last)]


def _find_config(given: dict[str, Any]) -> SamplerConfig | None:
    """The configuration that the words so far name, if they name one."""
    try:
        return configuration.load(str(given["preset"])) if given.get("preset") else None
    except UserError:
        return None
