# SPDX-License-Identifier: Apache-2.0
"""What commands that take long show on standard error: what they are doing, how far they are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

doing = ""
"""What was last said to be done."""


@contextmanager
def telling(what: str, console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Say ``what`` is being done and, by the function that this gives, what is done next."""
    with (console or Console(stderr=True)).status(what) as status:

        def tell(text: str) -> None:
            global doing
            doing = text
            status.update(text)

        tell(what)
        yield tell


def progress(what: str) -> Progress:
    """A bar on standard error: ``what`` is counted, how many of how many, the time gone and left."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
