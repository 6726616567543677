# SPDX-License-Identifier: Apache-2.0
"""Send groups through the bit-true model and the simulated hardware, and compare them with float64."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nms import run as job
from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.contract.settings import Settings
from nms.datasets import Images
from nms.sampling.groups import Groups
from nms.sampling.select import Method, equalise_contrast, select
from nms.sampling.whole import take


@dataclass(frozen=True)
class Verification:
    """One group of which the hardware (or the bit-true model) and float64 kept ``keep`` images each.

    Of ``compared`` values in all tables, ``mismatches`` differ between hardware and bit-true model; both are
    0 without hardware. ``as_float64`` of the images are also kept in float64 with the hardware's options,
    ``as_run`` of them with the options of the run.
    """

    group: int
    images: int
    keep: int
    compared: int
    mismatches: int
    as_float64: int
    as_run: int


def select_groups(
    config: Config, data: Images, groups: Groups, quotas: np.ndarray, method: Method, seed: int, wanted: int
) -> dict[int, Settings]:
    """Select the first ``wanted`` groups that fit ``config``: the hardware's settings by group number.

    Raises
    ------
    UserError
        Fewer groups fit; the message says why the first did not.
    """
    found: dict[int, Settings] = {}
    refusal = ""
    for number, (members, keep, own) in enumerate(
        zip(groups.members, quotas.tolist(), groups.seeds(seed), strict=True)
    ):
        if len(found) == wanted:
            break
        count = len(members)
        target = method.perplexity_for(count)
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
) -> list[Verification]:
    """Run the groups of ``settings`` at ``level``, golden or rtl, and compare them.

    Parameters
    ----------
    settings : by group, from :func:`nms.sampling.verify.select_groups`
    kept : the images that the run keeps
    """
    hardware = replace(method, grid="hardware", pick="centre", quota="rounds", start="random", contrast=False)
    found = []
    for number, own in settings.items():
        members = groups.members[number]
        images = np.asarray(take(data.images, members))
        if method.contrast:
            images = equalise_contrast(images)
        sent = Images(images, data.labels[members], data.shape, data.name, data.planar)
        outcome = job.run(config, own, sent, level, progress)
        theirs = outcome.tables.kept
        ours = select(images, own.keep, hardware, own.seed)
        found.append(
            Verification(
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
