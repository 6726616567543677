# SPDX-License-Identifier: Apache-2.0
"""The journal of a run: each group is written to disk as it finishes, and a resumed run reads it back.

A text file of JSON lines: the first names the run; where near-duplicates are removed, the second says which
images are distinct; then one line a group. A line that a crash cut short does not count.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nms.contract import output
from nms.contract.errors import UserError


class Journal:
    """The journal at ``path`` of the run that ``header`` names.

    Parameters
    ----------
    path : the file; its folder is created if missing
    header : everything that decides the result; a journal with another header is refused
    resume : continue the run in the journal; if there is none, a new one starts

    Raises
    ------
    UserError
        There is a journal and ``resume`` is not set, or it belongs to another run (the message names the
        difference). Or the disk is full, now or later.
    """

    def __init__(self, path: Path, header: dict[str, Any], resume: bool) -> None:
        self.path = path
        self.finished: dict[int, dict[str, Any]] = {}
        self.distinct: np.ndarray | None = None
        self.probes = ""
        with output.refusing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        try:
            whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
        except ValueError:
            raise UserError(f"{path}: damaged, or no journal of a run; remove this file") from None
        if len(whole) > 1 and not resume:
            groups = sum("group" in entry for entry in whole[1:])
            raise UserError(
                f"{path}: an interrupted run with {groups} finished groups; "
                "go on with it by --resume, or remove this file"
            )
        if len(whole) > 1:
            for key, value in header.items():
                if whole[0].get(key) != value:
                    raise UserError(
                        f"{path}: the interrupted run has {key} {whole[0].get(key)!r}, this one {value!r}"
                    )
            self.finished = {entry["group"]: entry for entry in whole[1:] if "group" in entry}
            if "distinct" in whole[1]:
                bits = np.frombuffer(bytes.fromhex(whole[1]["distinct"]), np.uint8)
                self.distinct = np.unpackbits(bits, count=whole[1]["images"]).astype(bool)
                self.probes = whole[1]["sha256"]
        with output.refusing(path):
            self.file = path.open("ab")
            whole_lines = [line for line in lines if line.endswith(b"\n")] if self.has_entries else []
            self.file.truncate(sum(map(len, whole_lines)))
        if not self.has_entries:
            self._write(header)

    @property
    def has_entries(self) -> bool:
        """Whether there is anything to resume."""
        return bool(self.finished) or self.distinct is not None

    def record_distinct(self, distinct: np.ndarray, digest: str) -> None:
        """Write which images are no near-duplicates, (N,) bool, before any group.

        ``digest`` is that of some of the images (:func:`nms.sampling.whole.digest_probes`).
        """
        bits = np.packbits(distinct).tobytes().hex()
        self._write({"images": len(distinct), "distinct": bits, "sha256": digest})
        self.distinct, self.probes = distinct, digest

    def add(self, entry: dict[str, Any]) -> None:
        """Write a finished group; ``entry["group"]`` is its number."""
        self._write(entry)
        self.finished[entry["group"]] = entry

    def _write(self, value: dict[str, Any]) -> None:
        with output.refusing(self.path):
            self.file.write(json.dumps(value).encode() + b"\n")
            self.file.flush()
            os.fsync(self.file.fileno())

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # of what could not be written before
            self.file.close()
        if not self.has_entries:
            self.remove()

    def remove(self) -> None:
        """Remove the file, and its folder if that is empty then."""
        self.path.unlink()
        if not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()
