# SPDX-License-Identifier: Apache-2.0
"""Memories that are emitted without initial contents, so that they map to macros that have none.

Amaranth gives every memory initial contents, zeros unless others are named. The memories here are marked, and
emission leaves their contents out (:mod:`nms.rtl.export.emit`). In simulation they begin with random words.
"""

from typing import Any

from amaranth import Module
from amaranth.hdl import ShapeLike
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.memory import Memory

UNINITIALISED = "nms_uninitialised"
"""The attribute that marks a memory without initial contents."""


class RAM(Memory):
    """A memory of ``depth`` words of ``shape``. A word that was not written may be anything.

    A block that reads a word before it was written must not depend on what it reads.
    """

    def __init__(self, *, shape: ShapeLike, depth: int, attrs: dict[str, int] | None = None) -> None:
        marked = {UNINITIALISED: 1} | (attrs or {})
        super().__init__(shape=shape, depth=depth, init=[], attrs=marked, src_loc_at=1)


class FIFO(SyncFIFO):
    """Amaranth's queue on a :class:`RAM`."""

    def elaborate(self, platform: Any) -> Module:
        m: Module = super().elaborate(platform)
        m.submodules.storage.attrs[UNINITIALISED] = 1
        return m


class BufferedFIFO(SyncFIFOBuffered):
    """Amaranth's queue with a registered output on a :class:`RAM`."""

    def elaborate(self, platform: Any) -> Module:
        m: Module = super().elaborate(platform)
        m.submodules.storage.attrs[UNINITIALISED] = 1
        return m
