# SPDX-License-Identifier: Apache-2.0
"""Groups sent through the bit-true model and the simulated hardware, and compared with float64."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nms import run as job
from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.contract.settings import Settings
from nms.datasets import Images
from nms.sampling.groups import Groups
from nms.sampling.select import Method, equal_contrast, select
from nms.sampling.whole import part


@dataclass(frozen=True)
class Verified:
    """One group, of which hardware (or bit-true model) and float64 kept ``keep`` images each.

    ``compared`` values of all tables, of which ``mismatches`` differ between hardware and bit-true model (0
    and 0 without hardware); ``as_float64`` images are also kept by float64 with the hardware's options,
    ``as_run`` also by the run's own.
    """

    group: int
    images: int
    keep: int
    compared: int
    mismatches: int
    as_float64: int
    as_run: int


def fitting(
    config: Config, data: Images, groups: Groups, quotas: np.ndarray, method: Method, seed: int, wanted: int
) -> dict[int, Settings]:
    """The hardware's settings for the first ``wanted`` groups that ``config`` can hold, by their numbers.

    Raises
    ------
    UserError
        There are fewer; the reason of the first that does not fit is named.
    """
    found: dict[int, Settings] = {}
    refusal = ""
    for number, (members, keep, own) in enumerate(
        zip(groups.members, quotas.tolist(), groups.seeds(seed), strict=True)
    ):
        if len(found) == wanted:
            break
        count = len(members)
        target = method.perplexity_of(count)
        if target is None or keep == 0:
            continue
        try:
            found[number] = Settings.make(
                config, count, data.images.shape[1], keep / count, target, method.iterations, own
            )
        except UserError as error:
            refusal = refusal or f"; group {number}: {error}"
    if len(found) < wanted:
        of_all = f"{len(found)} of {len(groups.members)} groups"
        raise UserError(f"verify {wanted}: {of_all} fit the preset {config.name}{refusal}")
    return found


def verify(
    config: Config,
    data: Images,
    groups: Groups,
    settings: dict[int, Settings],
    method: Method,
    kept: np.ndarray,
    level: str,
    progress: Callable[[str], None],
) -> list[Verified]:
    """Compare the groups of :func:`fitting` at ``level`` (golden or rtl); ``kept`` is what the run keeps."""
    hardware = replace(method, grid="hardware", pick="centre", quota="rounds", start="random", contrast=False)
    found = []
    for number, own in settings.items():
        members = groups.members[number]
        images = np.asarray(part(data.images, members))
        if method.contrast:
            images = equal_contrast(images)
        sent = Images(images, data.labels[members], data.shape, data.name, data.planar)
        outcome = job.run(config, own, sent, level, progress)
        theirs = outcome.tables.kept
        ours = select(images, own.keep, hardware, own.seed)
        found.append(
            Verified(
                number,
                len(members),
                own.keep,
                outcome.compared,
                outcome.mismatches,
                len(np.intersect1d(theirs, ours)),
                len(np.intersect1d(members[theirs], kept)),
            )
        )
    return found
