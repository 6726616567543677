# SPDX-License-Identifier: Apache-2.0
"""How a user's mistake ends, and how a tool that failed does."""

import errno
import signal
from pathlib import Path

SHELL = 128
"""What a shell, and make, add to the number of the signal that killed a program."""

REFUSALS = (
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP,
    errno.EMFILE, errno.ENAMETOOLONG,
    errno.ENFILE, errno.ENODEV, errno.ENOMEM, errno.ENOSPC, errno.ENOTDIR, errno.ENXIO, errno.EPERM,
    errno.EPIPE, errno.EROFS, errno.ESTALE, errno.ETXTBSY,
)  # fmt: skip
"""What the system refuses for reasons that lie outside the program."""


class UserError(Exception):
    """Bad input: one line that names the value and what would be right.

    The command line prints the message alone on standard error and exits with status 2; nothing
    half-written is left behind.
    """


def is_refusal(error: OSError) -> bool:
    """Whether the machine, not a defect, is the reason: the disk is full, there is no permission.

    numpy reports a full disk without a number.
    """
    return error.errno is None or error.errno in REFUSALS


class ToolError(Exception):
    """A tool failed or was killed, and the input is not known to be at fault.

    The command line prints the message alone, one line, on standard error and exits with status 1.

    Parameters
    ----------
    tool : its name
    ended : how: "ended with status 3", "was killed by SIGKILL"
    complaint : the first line in which it reports an error; empty if it ended without one
    last : the last line of its log; empty if it printed nothing
    log : where all that it printed is kept
    """

    def __init__(self, tool: str, ended: str, complaint: str, last: str, log: Path) -> None:
        super().__init__(tool, ended, complaint, last, log)
        self.tool, self.ended, self.complaint, self.last, self.log = tool, ended, complaint, last, log

    def __str__(self) -> str:
        words = self.complaint or self.last or "it printed nothing"
        return f"{self.tool} {self.ended}: {words}; its whole log: {self.log}"


class Interruption(BaseException):
    """A signal asks the program to end, such as Ctrl-C.

    The command line prints one line on standard error, and exits with the status that a shell gives to a
    program that the signal killed.

    Parameters
    ----------
    signal : which one
    note : what is worth knowing, such as how to go on
    """

    def __init__(self, signal: signal.Signals, note: str = "") -> None:
        super().__init__(signal, note)
        self.signal, self.note = signal, note

    def __str__(self) -> str:
        what = "interrupted" if self.signal == signal.SIGINT else f"ended by {self.signal.name}"
        return f"{what}; {self.note}" if self.note else what


def describe_end(status: int) -> str:
    """How a process ended, from the status that ``subprocess`` gives it."""
    number = -status if status < 0 else status - SHELL
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"ended with status {status}"
    memory = " (out of memory?)" if number == signal.SIGKILL else ""
    return f"was killed by {name}{memory}"
