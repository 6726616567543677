# SPDX-License-Identifier: Apache-2.0
"""The work of a program: images of several classes, jobs on groups of each class, and what they shall give.

The program has all of it as constants, in ``work.h``; what it shall find is the bit-true model's.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nms.contract.config import Config, ReducedConfig, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.registers import has_map, result_offsets
from nms.contract.settings import PERPLEXITY, LeanSettings, Settings
from nms.contract.tables import LeanTables, SamplerTables, Tables
from nms.datasets import Images
from nms.golden import sampler as golden
from nms.sim.models.driver import PAGE, make_lists, round_up

RAM, ROM = 0x4000_0000, 0x4_0000
"""Address of the DRAM, and bytes of the program with its constants, as in ``examples/litex``."""

PROGRAM = 0x6000
"""Bytes of the program without the work, at most."""


@dataclass(frozen=True)
class Job:
    """Groups of one size, which are the batches of a job, and the tables that each shall give."""

    settings: Settings | LeanSettings
    groups: np.ndarray  # (B, N) numbers of images
    tables: list[SamplerTables]


@dataclass(frozen=True)
class Work:
    """Images and the jobs on them; no group is above ``most``, ``target`` is the perplexity."""

    config: SamplerConfig
    images: Images
    most: int
    target: float
    jobs: list[Job]

    @property
    def kept(self) -> int:
        """Images that are kept in all jobs."""
        return sum(len(job.groups) * job.settings.keep for job in self.jobs)

    @property
    def stride(self) -> int:
        """Bytes from an image to the next."""
        return round_up(self.images.images.shape[1], self.config.bus_bits // 8)


def make(config: SamplerConfig, images: Images, most: int, **given: Any) -> Work:
    """Form groups of one class and compute what they give.

    Parameters
    ----------
    most : images of a group
    given : settings of each group, by the names of ``Settings.make`` or ``LeanSettings.make``

    Raises
    ------
    UserError
        A setting is out of range, or no class has four images.
    """
    if not 4 <= most <= config.images:
        raise UserError(
            f"most {most}: configuration {config.name} takes groups of 4 to {config.images} images"
        )
    if images.labels.min() < 0:
        raise UserError(f"{images.name}: has no labels; groups are formed of images of one class")
    lists = {size: groups for size, groups in make_lists(images.labels, most).items() if size >= 4}
    if not lists:
        raise UserError(f"count {len(images.images)}: no class has the four images of the smallest group")
    jobs = []
    for size, groups in lists.items():
        settings = _make_settings(config, images, size, given)
        tables = [golden.run(config, settings, images.images[group]) for group in groups]
        jobs.append(Job(settings, groups, tables))
    return Work(config, images, most, given.get("perplexity", PERPLEXITY), jobs)


def _make_settings(
    config: SamplerConfig, images: Images, count: int, given: dict[str, Any]
) -> Settings | LeanSettings:
    if isinstance(config, ReducedConfig):
        return LeanSettings.make(config, count, images.stored_shape, planes=images.planar, **given)
    assert isinstance(config, Config)
    return Settings.make(config, count, math.prod(images.stored_shape), **given)


def _array(kind: str, name: str, values: Iterable[object]) -> str:
    return f"static const {kind} {name}[] = {{{', '.join(map(str, values))}}};"


def _wanted(name: str, tables: SamplerTables, group: np.ndarray) -> list[str]:
    """The arrays of one group; kept images by their numbers."""
    lines = [
        _array("uint32_t", f"{name}_kept", group[tables.kept]),
        _array("uint32_t", f"{name}_distances", (value & 0xFFFFFFFF for value in tables.distance.ravel())),
    ]
    if isinstance(tables, Tables | LeanTables):
        steps = tables.generations if isinstance(tables, Tables) else tables.evaluations
        rows = zip(tables.mantissa, tables.exponent, tables.scale, tables.status, steps, strict=True)
        lines.append(
            _array("struct nms_point", f"{name}_points", (f"{{{x}, {y}}}" for x, y in tables.embedding))
        )
        lines.append(
            _array(
                "struct nms_row",
                f"{name}_rows",
                (f"{{{m}u, {q}, {s}, {how}, {n}, 0}}" for m, q, s, how, n in rows),
            )
        )
    return lines


def write_header(work: Work, size: int) -> str:
    """``work.h``, for a DRAM of ``size`` bytes.

    Raises
    ------
    UserError
        The images or the results do not fit the DRAM, or the constants the ROM.
    """
    images, config = work.images.images, work.config
    beat, mapped = config.bus_bits // 8, has_map(work.jobs[0].settings)
    padded = np.zeros((len(images), work.stride), np.uint8)
    padded[:, : images.shape[1]] = images
    base = RAM + PAGE
    free = base + round_up(padded.nbytes, PAGE)
    arrays: list[str] = []
    jobs: list[str] = []
    wanted: list[str] = []
    for job in work.jobs:
        settings, batches = job.settings, len(job.groups)
        list_stride = round_up(4 * settings.count, beat)
        result_stride = round_up(result_offsets(settings.count, settings.keep, mapped)[2], beat)
        lists, free = free, free + round_up(batches * list_stride, PAGE)
        results, free = free, free + round_up(batches * result_stride, PAGE)
        values = {
            "count": settings.count, "pixels": settings.pixels, "keep": settings.keep,
            "perplexity": work.target, "iterations": settings.iterations, "seed": settings.seed,
            "batches": batches, "image_stride": work.stride, "result_stride": result_stride,
            "image_base": f"{base:#x}", "result_base": f"{results:#x}", "send_images": 1, "use_lists": 1,
            "list_stride": list_stride, "list_base": f"{lists:#x}",
        }  # fmt: skip
        names = ["search"]
        if isinstance(settings, LeanSettings):
            names = ["height", "width", "channels", "side", "planes", "grey", "pick", "evaluations"]
        values |= {name: int(getattr(settings, name)) for name in names}
        jobs.append("{" + ", ".join(f".{name} = {value}" for name, value in values.items()) + "}")
        for group, tables in zip(job.groups, job.tables, strict=True):
            name = f"wanted{len(wanted)}"
            arrays += _wanted(name, tables, group)
            rest = f"{name}_points, {name}_rows" if mapped else "0, 0"
            wanted.append(f"{{{name}_kept, {name}_distances, {rest}}}")
    # Of software: distances and affinities of 4 bytes, reduced images, and 20 bytes an image.
    scratch, free = free, free + work.most * (8 * work.most + config.pixels + 20) + PAGE
    if free > RAM + size:
        raise UserError(
            f"count {len(images)}: needs {free - RAM} bytes of DRAM, of {size}; take fewer or more rows"
        )
    constants = padded.nbytes + sum(len(group.ravel()) * 40 for job in work.jobs for group in job.groups)
    constants += sum(4 * tables.distance.size for job in work.jobs for tables in job.tables)
    if constants > ROM - PROGRAM:
        raise UserError(
            f"count {len(images)}: needs {constants} bytes of ROM, of {ROM - PROGRAM}; take fewer"
        )
    lines = [
        "#define IMAGES " + str(len(images)),
        f"#define CLASSES {work.images.labels.max() + 1}",
        f"#define MOST {work.most}",
        f"#define JOBS {len(jobs)}",
        f"#define HAS_MAP {int(mapped)}",
        f"#define HAS_SOFTWARE {int(isinstance(config, ReducedConfig))}",
        f"#define IMAGE_BASE {base:#x}",
        f"#define IMAGE_STRIDE {work.stride}",
        f"#define SCRATCH_BASE {scratch:#x}",
        "struct wanted {",
        "    const uint32_t *kept, *distances;",
        "    const struct nms_point *points;",
        "    const struct nms_row *rows;",
        "};",
        _array("uint32_t", "labels", work.images.labels),
        _array("uint32_t", "images", padded.view("<u4").ravel()),
        *arrays,
        _array("struct nms_job", "jobs", jobs),
        _array("struct wanted", "wanted", wanted),
    ]
    return "\n".join(lines) + "\n"
