# SPDX-License-Identifier: Apache-2.0
"""How a signal ends the program: what it has started ends first, and then all that it was doing is undone."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from nms.contract.errors import Interruption

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PATIENCE = 2.0
"""Seconds in which a process may end by itself before it is killed."""


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let a signal end all processes below this one and raise :class:`nms.contract.errors.Interruption`.

    Further signals are ignored, so that the work can be undone; only a second Ctrl-C ends at once. A signal
    that is ignored from the start, as under ``nohup``, stays so.
    """
    before: dict[signal.Signals, Any] = {}

    def interrupt(number: int, frame: FrameType | None) -> None:
        for known in before:
            signal.signal(known, signal.SIG_DFL if known == signal.SIGINT else signal.SIG_IGN)
        end_descendants()
        raise Interruption(signal.Signals(number))

    for number in SIGNALS if threading.current_thread() is threading.main_thread() else ():
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_descendants() -> None:
    """End the processes that this one has started, and those that they have started; wait for them."""
    running = _stop_descendants()
    for number in (signal.SIGTERM, signal.SIGCONT):
        _send(number, running)
    deadline = time.monotonic() + PATIENCE
    while running := {one: born for one, born in running.items() if _read_birth(one) == born}:
        if time.monotonic() > deadline:
            running |= _stop_descendants()
            _send(signal.SIGKILL, running)
        time.sleep(0.01)


def _stop_descendants() -> dict[int, str]:
    """Stop the processes below this one, and tell when each began, as far as the system tells.

    One that stands cannot start another, which would escape whoever ends those that he has listed.
    """
    stopped: dict[int, str] = {}
    while more := {one: born for one, born in _list_descendants().items() if one not in stopped}:
        _send(signal.SIGSTOP, more)
        stopped |= more
        deadline = time.monotonic() + PATIENCE
        while any(_read_birth(one) == more[one] and _read_status(one)[:1] != ["T"] for one in more):
            if time.monotonic() > deadline:
                break
            time.sleep(0.001)
    return stopped


def _send(number: signal.Signals, processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(OSError):
            os.kill(process, number)


def _list_descendants() -> dict[int, str]:
    """The processes below this one, and when each began, as far as the system tells."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if status := _read_status(int(entry.name)):
            parents[int(entry.name)] = int(status[1])
    found = {os.getpid()}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: born for one in found - {os.getpid()} if (born := _read_birth(one))}


def _read_birth(process: int) -> str:
    """When a process began, in ticks; nothing if it has ended."""
    status = _read_status(process)
    return status[19] if status and status[0] != "Z" else ""


def _read_status(process: int) -> list[str]:
    """The state of a process, its parent, and the rest of what Linux tells; nothing if there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
