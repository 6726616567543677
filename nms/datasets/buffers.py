# SPDX-License-Identifier: Apache-2.0
"""Where a loader puts the bytes of all images: in memory, or in a temporary file that is mapped."""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BufferedIOBase
from typing import IO

import numpy as np

from nms.contract.errors import UserError

PIECE = 1 << 24
"""Bytes read at once."""

ROWS = 4096
"""Images written at once."""

Hold = Callable[[Iterable[bytes | memoryview], int], np.ndarray]
"""Takes bytes piece by piece, and how many at most; returns those that came as one array of uint8."""


def hold_in_memory(parts: Iterable[bytes | memoryview], wanted: int) -> np.ndarray:
    """Hold all bytes in memory, each once."""
    held = np.empty(wanted, np.uint8)
    filled = 0
    for part in parts:
        held[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)
    return held[:filled]


def hold_in_file(parts: Iterable[bytes | memoryview], wanted: int) -> np.ndarray:
    """Hold all bytes in a temporary file without a name that is mapped: memory has only what is accessed.

    The file is deleted together with the array, and with the process, however that ends.
    """
    file = tempfile.TemporaryFile(prefix="nms-")  # noqa: SIM115  closed below, whatever that raises
    written = 0
    try:
        for part in parts:
            try:
                written += file.write(part)
                file.flush()
            except OSError as error:
                raise UserError(
                    f"temporary folder {tempfile.gettempdir()!r}: {error.strerror}; name another in TMPDIR"
                ) from None
        return np.memmap(file, np.uint8, "r") if written else np.empty(0, np.uint8)
    finally:
        with suppress(OSError):  # closing writes once more what found no room
            file.close()


def read_pieces(file: BufferedIOBase | IO[bytes], wanted: int) -> Iterable[bytes]:
    """Yield ``wanted`` bytes, or what there is, in pieces: a damaged header may promise too many."""
    while wanted and (part := file.read(min(wanted, PIECE))):
        yield part
        wanted -= len(part)
