# SPDX-License-Identifier: Apache-2.0
"""Send groups through the bit-true model and the simulated hardware, and compare them with float64."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nms import run as job
from nms.contract.config import Config, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings, Settings
from nms.datasets import Images
from nms.sampling.bit_true import BitTrue
from nms.sampling.groups import Groups
from nms.sampling.select import Method, equalise_contrast
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
    config: SamplerConfig,
    data: Images,
    groups: Groups,
    quotas: np.ndarray,
    method: Method | BitTrue,
    seed: int,
    wanted: int,
) -> dict[int, Settings | LeanSettings]:
    """Select the first ``wanted`` groups that fit ``config``: the hardware's settings by group number.

    Raises
    ------
    UserError
        Fewer groups fit; the message says why the first did not.
    """
    found: dict[int, Settings | LeanSettings] = {}
    refusal = ""
    for number, (members, keep, own) in enumerate(
        zip(groups.members, quotas.tolist(), groups.seeds(seed), strict=True)
    ):
        if len(found) == wanted:
            break
        if keep == 0:
            continue
        try:
            settings = _make_settings(config, len(members), data.images.shape[1], keep, method, own)
        except UserError as error:
            refusal = refusal or f"; group {number}: {error}"
            continue
        if settings is not None:
            found[number] = settings
    if len(found) < wanted:
        of_all = f"{len(found)} of {len(groups.members)} groups"
        raise UserError(f"verify {wanted}: {of_all} fit the preset {config.name}{refusal}")
    return found


def _make_settings(
    config: SamplerConfig, count: int, pixels: int, keep: int, method: Method | BitTrue, seed: int
) -> Settings | LeanSettings | None:
    """The hardware's settings for a group; ``None`` if it is too small for a map."""
    if isinstance(method, BitTrue):
        return method.settings(count, keep, seed)
    assert isinstance(config, Config)
    target = method.perplexity_for(count)
    if target is None:
        return None
    return Settings.make(config, count, pixels, keep / count, target, method.iterations, seed)


def verify(
    config: SamplerConfig,
    data: Images,
    groups: Groups,
    settings: dict[int, Settings | LeanSettings],
    method: Method | BitTrue,
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
    found = []
    for number, own in settings.items():
        members = groups.members[number]
        images = np.asarray(take(data.images, members))
        if isinstance(method, Method) and method.contrast:
            images = equalise_contrast(images)
        sent = Images(images, data.labels[members], data.shape, data.name, data.planar)
        outcome = job.run(config, own, sent, level, progress)
        theirs = outcome.tables.kept
        ours = method.sample_exactly(images, own.keep, own.seed)
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
