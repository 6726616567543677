# SPDX-License-Identifier: Apache-2.0
"""The finished groups of a run, on disk as they finish: what an interruption leaves, and a resumed run reads.

A text file: one line of JSON that names the run; where near-duplicates are removed, one of which images
stand; then one a group. A line counts once it is whole and on the disk; one cut short by a crash does not.
"""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nms.contract.errors import UserError


class Journal:
    """The journal at ``path`` of the run that ``header`` names.

    Parameters
    ----------
    path : of the file; its folder is made if need be
    header : all that decides the result; a journal of another header is refused
    resume : whether to go on with the run in the journal. If there is none, a new one begins

    Raises
    ------
    UserError
        There is a journal and ``resume`` is not set, or it is of another run (what differs is named).
    """

    def __init__(self, path: Path, header: dict[str, Any], resume: bool) -> None:
        self.path = path
        self.finished: dict[int, dict[str, Any]] = {}
        self.standing: np.ndarray | None = None
        self.looked_at = ""
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
            if "standing" in whole[1]:
                bits = np.frombuffer(bytes.fromhex(whole[1]["standing"]), np.uint8)
                self.standing = np.unpackbits(bits, count=whole[1]["images"]).astype(bool)
                self.looked_at = whole[1]["sha256"]
        self.file = path.open("ab")
        if self.begun:
            self.file.truncate(sum(len(line) for line in lines if line.endswith(b"\n")))
        else:
            self.file.truncate(0)
            self._write(header)

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on with."""
        return bool(self.finished) or self.standing is not None

    def stand(self, standing: np.ndarray, digest: str) -> None:
        """Put on the disk which images, (N,) of bool, are no near-duplicates; ``digest`` of some of them.

        Before any group.
        """
        bits = np.packbits(standing).tobytes().hex()
        self._write({"images": len(standing), "standing": bits, "sha256": digest})
        self.standing, self.looked_at = standing, digest

    def add(self, entry: dict[str, Any]) -> None:
        """Put a finished group on the disk; ``entry`` has its number as ``group``."""
        self._write(entry)
        self.finished[entry["group"]] = entry

    def _write(self, value: dict[str, Any]) -> None:
        self.file.write(json.dumps(value).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        if not self.begun:
            self.remove()

    def remove(self) -> None:
        """Remove the file, and its folder if there is nothing else in it."""
        self.path.unlink()
        if not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()
