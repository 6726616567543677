# SPDX-License-Identifier: Apache-2.0
"""``nms sample``: whole data sets."""

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nms import extras, render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.option_groups import (
    PartOptions,
    ReductionOptions,
    SamplingOptions,
    make_near_duplicates,
    report,
    select_given,
    warn,
)
from nms.commands.options import (
    Data,
    Force,
    Json,
    Level,
    NearDuplicatesWindow,
    Output,
    Overrides,
    Ratio,
    Resize,
    Seed,
    config_option,
)
from nms.commands.progress import progress, telling
from nms.contract import config as configuration
from nms.contract import output as outputs
from nms.contract.config import reduces
from nms.contract.errors import Interruption, UserError

if TYPE_CHECKING:
    import numpy as np

    from nms.datasets import Images
    from nms.sampling import BitTrue, Groups, Method
    from nms.sampling.journal import Journal
    from nms.sampling.near_duplicates import NearDuplicates
    from nms.sampling.pool import Task


class Grouping(StrEnum):
    """What is sampled together."""

    CLASS = "class"
    BATCH = "batch"


class Form(StrEnum):
    """In which form the kept images are written."""

    NPY = "npy"
    CSV = "csv"
    SUBSET = "subset"


AllImages = Annotated[
    int | None,
    typer.Option("--count", help="Images, from the first, of class folders in turn; all by default."),
]
GroupOption = Annotated[
    Grouping | None,
    typer.Option(
        "--group",
        help="Sample within each class, or consecutive batches; by class by default, if there are labels.",
    ),
]
GroupSize = Annotated[
    int | None,
    typer.Option(
        "--size",
        help="Images of the largest group, or of a batch; 512 by default, with -c as many as it holds.",
    ),
]
Distance = Annotated[
    float | None,
    typer.Option(
        "--near-duplicates",
        metavar="DISTANCE",
        help="First remove images within this distance, 0 to 2, of an earlier one, as 0.2; software only.",
    ),
]
Write = Annotated[
    list[Form] | None,
    typer.Option("--write", help="Indices as npy or csv, or the subset itself; repeatable; npy by default."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes that sample; one for each core by default.")
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:PORT", help="Run on the workers of this Dask scheduler.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --output.")]
VerifyLevel = Annotated[
    Level | None,
    typer.Option("--level", help="Send the first groups through the bit-true model, or the hardware, too."),
]
Verify = Annotated[
    int | None, typer.Option(min=1, metavar="M", help="Groups that --level sends; 1 by default.")
]
SamplePreset = Annotated[
    str,
    config_option(
        "Preset, or TOML file of a configuration: of herding, a lean map or with side above 0, whose model"
        " samples, or of the hardware of --level."
    ),
]


@dataclass(frozen=True)
class ExecutionOptions:
    """Where groups are sampled, and what they are compared with."""

    resume: Resume = False
    workers: Workers = None
    scheduler: Scheduler = None
    level: VerifyLevel = None
    verify: Verify = None

    def check(self) -> None:
        """Refuse what can be refused before any file is read."""
        if self.scheduler is not None and self.workers is not None:
            raise UserError(
                f"workers {self.workers}: the scheduler {self.scheduler!r} has workers of its own"
            )
        if self.verify is not None and self.level is None:
            raise UserError(f"verify {self.verify}: needs --level golden or --level rtl")
        if self.level is Level.RTL:
            extras.require("hardware", "simulation")
            from nms.sim.verilator import tools

            tools.require()

    def check_memory(self, largest: int, pixels: int) -> None:
        """Refuse groups of ``largest`` images, of so many bytes each, that do not fit in memory together.

        Each process holds the images of its group, and a copy where they are changed first.
        """
        if self.scheduler:
            return
        from nms.datasets import memory
        from nms.sampling import pool

        workers = self.workers or pool.count_cores()
        wanted = 2 * workers * largest * pixels
        if (fit := memory.count_fitting(wanted, largest)) < largest:
            raise UserError(
                f"size {largest}: groups of so many images in {workers} processes {memory.describe(wanted)}; "
                f"--size {fit} fits, or fewer --workers, or --resize"
            )

    def sample(self, journal: "Journal", tasks: "Iterator[Task]", groups: int) -> None:
        """Sample the ``tasks`` into the journal; interrupted, say how to go on."""
        from nms.sampling import pool, whole

        results = (
            pool.run_on_dask(tasks, self.scheduler)
            if self.scheduler
            else pool.run_locally(tasks, self.workers or pool.count_cores())
        )
        try:
            with progress("groups") as bar:
                shown = bar.add_task("groups", total=groups, completed=len(journal.finished))
                whole.record_results(journal, results, lambda finished: bar.update(shown, completed=finished))
        except (KeyboardInterrupt, Interruption, UserError) as error:
            if not journal.has_entries:
                raise
            done = f"{len(journal.finished)} of {groups} groups are in {journal.path}: go on with --resume"
            if isinstance(error, UserError):
                raise UserError(f"{error}; {done}") from None
            number = error.signal if isinstance(error, Interruption) else signal.SIGINT
            raise Interruption(number, done) from None


@expand_groups
def sample(
    context: typer.Context,
    data: Data = "digits",
    count: AllImages = None,
    resize: Resize = None,
    ratio: Ratio = 0.3,
    group: GroupOption = None,
    size: GroupSize = None,
    *,
    parts: PartOptions,
    sampling: SamplingOptions,
    reduction: ReductionOptions,
    near_duplicates: Distance = None,
    near_duplicates_window: NearDuplicatesWindow = None,
    seed: Seed = 1,
    write: Write = None,
    output: Output = Path("out"),
    force: Force = False,
    execution: ExecutionOptions,
    preset: SamplePreset = "paper",
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Sample a whole data set, group by group; at a level, send the first groups there and compare.

    Sampling is in float64 or, with -c of a sampler that reduces images, bit for bit as in hardware.

    Example: `nms sample --data cifar-10-batches-py --ratio 0.1 --write subset -o kept`

    Example: `nms sample -c herding --data cifar-10-batches-py --ratio 0.2 -o kept`
    """
    from nms import datasets
    from nms.contract import provenance
    from nms.sampling import BitTrue, count_to_keep, group_by_batch, outcome, whole
    from nms.sampling import verify as verification
    from nms.sampling.groups import SIZE
    from nms.sampling.journal import Journal
    from nms.sampling.near_duplicates import fill_up

    began = time.monotonic()
    forms = list(dict.fromkeys(write or [Form.NPY]))
    config = configuration.load(preset, overrides or ())
    method: Method | BitTrue
    if reduces(config):
        method = sampling.make_bit_true(config, reduction)
        size = config.images if size is None else size
        if size > config.images:
            raise UserError(f"size {size}: configuration {config.name} holds at most {config.images} images")
    else:
        select_given(config, asdict(reduction))
        method = sampling.make()
        size = SIZE if size is None else size
    removal = (
        None if near_duplicates is None else make_near_duplicates(near_duplicates, near_duplicates_window)
    )
    count_to_keep(ratio, sys.maxsize)  # refuses what can be refused before any file is read
    group_by_batch(1, size)
    if not 0 <= seed < 1 << 32:
        raise UserError(f"seed {seed}: must be 0 to {(1 << 32) - 1}")
    execution.check()
    level, verify = execution.level, execution.verify or 1
    if near_duplicates_window is not None and near_duplicates is None:
        raise UserError(f"near-duplicates-window {near_duplicates_window}: needs --near-duplicates DISTANCE")
    if removal and reduction.threshold:
        raise UserError(f"threshold {reduction.threshold}: --near-duplicates removes them already; give one")
    context.with_resource(outputs.reserve(output, outcome.list_files(forms), [data]))
    command = command_line(context, leave_out=["resume", "workers", "scheduler"])
    outputs.check_earlier(output / outcome.RECORD, command, force)
    if Form.SUBSET in forms and (output / "subset").exists():
        raise UserError(f"output {str(output / 'subset')!r}: exists; remove it, or name another --output")

    if not reduces(config) and not level and (preset != "paper" or overrides):
        warn(f"configuration {config.name} decides nothing here; --level golden or rtl sends groups to it")
    images = datasets.stream(data, count, resize, parts.make())
    report(images)
    if isinstance(method, BitTrue):
        method = replace(method, shape=images.stored_shape, planes=images.planar)
    labelled = images.labelled
    if group is Grouping.CLASS and not labelled:
        raise UserError(f"group class: {data!r} has no labels; take --group batch")
    grouping = group or (Grouping.CLASS if labelled else Grouping.BATCH)
    found = len(images.labels)
    keep = count_to_keep(ratio, found)

    source = {"name": images.name, "count": found, "shape": list(images.shape)}
    settings = outcome.describe_settings(ratio, grouping.value, size, method, removal)
    versions = provenance.versions()
    identity = {
        "input": source,
        "labels": provenance.digest(images.labels),
        "seed": seed,
        **settings,
        "versions": {name: versions[name] for name in ("nms", "numpy")},
    }
    with Journal(output / "sample.journal", identity, execution.resume) as journal:
        if execution.resume and not journal.has_entries:
            warn(f"nothing to resume in {str(output)!r}; the run begins anew")
        stands = _find_distinct(journal, images, removal)
        groups = whole.form_groups(images.labels if grouping is Grouping.CLASS else None, stands, size)
        quotas = groups.quotas(min(keep, int(stands.sum())))
        compared = (
            verification.select_groups(config, images, groups, quotas, method, seed, verify) if level else {}
        )
        standing = None
        if isinstance(method, BitTrue) and method.threshold:
            stands = standing = _find_standing(journal, images, groups, method)
        if (removal or standing is not None) and journal.distinct is None:
            journal.record_distinct(stands, whole.digest_probes(images))
        whole.check_unchanged(journal, images, groups)
        execution.check_memory(int(groups.sizes.max()), images.images.shape[1])
        tasks = whole.make_tasks(images.images, groups, quotas, method, seed, set(journal.finished), standing)
        execution.sample(journal, tasks, len(groups.members))
    kept_of_groups = whole.merge_kept(journal, groups)
    kept = fill_up(kept_of_groups, ~stands, keep, seed)
    figures = {
        "command": command,
        "seed": seed,
        "versions": versions,
        "input": source | {"sha256_of_groups": whole.digest_groups(journal)},
        "settings": settings,
        "software_only": [*method.software_only, *(["near_duplicates"] if removal else [])],
        "groups": outcome.summarise_groups(groups, method),
        "rows_without_solution": sum(entry["unsolved"] for entry in journal.finished.values()),
        "kept": len(kept),
        "classes": outcome.count_by_class(images, kept) if labelled else {},
    }
    if removal or standing is not None:
        figures["near_duplicates"] = {
            "distinct": int(stands.sum()),
            "removed": int((~stands).sum()),
            "kept_to_fill_up": int((~stands[kept]).sum()),
        }
    mapped = sum(size for size in groups.sizes.tolist() if method.perplexity_for(size) is not None)
    if mapped and figures["rows_without_solution"] == mapped:
        warn("no row has its perplexity: the maps say nothing of these images")
    mismatches = 0
    if level:
        with telling("verifying") as tell:
            verified = verification.verify(config, images, groups, compared, method, kept, level.value, tell)
        mismatches = sum(group.mismatches for group in verified)
        figures["verified"] = {
            "level": level.value,
            "configuration": config.model_dump(),
            "groups": [asdict(group) for group in verified],
        }
    try:
        written = outcome.save(output, forms, images, kept, figures)
    except UserError as error:
        raise UserError(f"{error}; all groups are in {journal.path}: go on with --resume") from None
    journal.remove()
    if as_json:
        render.print_json(figures)
    else:
        render.print_sample(figures)
        print(f"{time.monotonic() - began:.1f} seconds; written:", _list_written(output, written))
    if mismatches:
        raise typer.Exit(1)


def _find_distinct(journal: "Journal", images: "Images", removal: "NearDuplicates | None") -> "np.ndarray":
    """(N,) whether an image is no near-duplicate: as the journal has it, or compared now."""
    import numpy as np

    from nms.sampling.near_duplicates import find_distinct, iterate_images

    count = len(images.labels)
    if removal is None:
        return np.ones(count, bool)
    if journal.distinct is not None:
        return journal.distinct
    with progress("images compared") as bar:
        shown = bar.add_task("images", total=count)
        return find_distinct(iterate_images(images), count, removal, lambda: bar.advance(shown))


def _find_standing(journal: "Journal", images: "Images", groups: "Groups", method: "BitTrue") -> "np.ndarray":
    """The same by the rule of the hardware, within groups that are formed of all images."""
    from nms.sampling.bit_true import find_standing

    if journal.distinct is not None:
        return journal.distinct
    with progress("images compared") as bar:
        shown = bar.add_task("images", total=len(images.labels))
        return find_standing(images.images, groups, method, lambda count: bar.advance(shown, count))


def _list_written(output: Path, written: list[Path]) -> str:
    """The files written; of a subset the folder only."""
    return ", ".join(dict.fromkeys(str(output / path.relative_to(output).parts[0]) for path in written))
