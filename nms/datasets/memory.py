# SPDX-License-Identifier: Apache-2.0
"""How much memory is free, and a refusal before more than that is allocated."""

import resource
from pathlib import Path

from nms.contract.errors import UserError

SHARE = 0.8
"""Of what is free, the part that images may take."""

GROUP = Path("/sys/fs/cgroup")
"""Where the limits of a container are."""


def find_free() -> int | None:
    """Bytes that this process may still allocate, by the machine, its container and its own limit."""
    free = [bound for bound in (_free_on_machine(), _free_in_container(), _free_of_process()) if bound]
    return min(free) if free else None


def require(wanted: int, count: int, subject: str, advice: str = "") -> None:
    """Refuse to hold ``count`` images that take ``wanted`` bytes if there is no room for them.

    Raises
    ------
    UserError
        The message says how many fit, and ``advice``.
    """
    fit = count_fitting(wanted, count)
    if fit < count:
        raise UserError(f"{subject}: {count:,} images {describe(wanted)}; --count {fit} fits{advice}")


def count_fitting(wanted: int, count: int) -> int:
    """How many of ``count`` things that take ``wanted`` bytes fit into what is free."""
    free = find_free()
    return count if free is None else min(count, int(SHARE * free) * count // max(wanted, 1))


def describe(wanted: int) -> str:
    """The bytes that something takes, and those that are free, in words."""
    return f"take {_gibibytes(wanted)} of memory, and {_gibibytes(find_free() or 0)} is free"


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"


def _free_on_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), None)


def _free_in_container() -> int | None:
    """Below the container's limit; what it holds of files that were read is given back when needed."""
    try:
        limit, used, kinds = ((GROUP / f"memory.{name}").read_text() for name in ("max", "current", "stat"))
        values = dict(line.split() for line in kinds.splitlines())
        cached = int(values.get("active_file", 0)) + int(values.get("inactive_file", 0))
        return max(1, int(limit) - int(used) + cached)
    except (OSError, ValueError):  # no such files, or "max", which is no limit
        return None


def _free_of_process() -> int | None:
    """Below a limit of address space, such as ``ulimit -v`` sets."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return limit
    return max(1, limit - pages * resource.getpagesize())
