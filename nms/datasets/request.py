# SPDX-License-Identifier: Apache-2.0
"""What is asked of a loader, whatever the kind of data set."""

from dataclasses import dataclass

from nms.datasets import memory
from nms.datasets.buffers import Hold, hold_in_file, hold_in_memory
from nms.datasets.parts import Choice


@dataclass(frozen=True)
class Request:
    """What to load of a part, and where to put it.

    Parameters
    ----------
    limit : images at most; ``None`` takes all
    resize : side in pixels to which pictures are resized
    in_memory : whether all images are held in memory
    choice : the part and the labels
    """

    limit: int | None
    resize: int | None
    in_memory: bool
    choice: Choice

    @property
    def hold(self) -> Hold:
        """Where to put bytes."""
        return hold_in_memory if self.in_memory else hold_in_file

    def count(self, total: int) -> int:
        """How many images are taken of ``total``."""
        return total if self.limit is None else min(self.limit, total)

    def check_room(self, count: int, item: int, subject: str, advice: str = "") -> None:
        """Refuse to hold ``count`` images of ``item`` bytes in memory if they do not fit there."""
        if self.in_memory:
            memory.require(count * item, count, subject, advice)
