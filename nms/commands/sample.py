# SPDX-License-Identifier: Apache-2.0
"""``nms sample``: whole data sets."""

import sys
import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nms import render
from nms.commands.options import (
    CONFIG,
    ApartWindow,
    Contrast,
    Data,
    Grid,
    Iterations,
    Json,
    Level,
    Output,
    Overrides,
    Perplexity,
    Pick,
    Quota,
    Ratio,
    Resize,
    Seed,
    Start,
    chosen,
    complete_config,
    near,
)
from nms.commands.progress import progress
from nms.contract import config as configuration
from nms.contract import output as outputs
from nms.contract.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from nms.datasets import Images
    from nms.sampling.journal import Journal
    from nms.sampling.near_duplicates import NearDuplicates


class Grouping(StrEnum):
    """What is sampled together."""

    CLASS = "class"
    BATCH = "batch"


class Form(StrEnum):
    """In which form the kept images are written."""

    NPY = "npy"
    CSV = "csv"
    SUBSET = "subset"


AllImages = Annotated[int | None, typer.Option("--count", help="Images, from the first; if not given, all.")]
GroupOption = Annotated[
    Grouping | None,
    typer.Option("--group", help="Within each class, or consecutive batches; class if there are labels."),
]
GroupSize = Annotated[int, typer.Option("--size", help="Images of the largest group, or of a batch.")]
Distance = Annotated[
    float | None,
    typer.Option(
        "--apart",
        help="First remove images within this distance, 0 to 2, of an earlier one, as 0.2; software only.",
    ),
]
Write = Annotated[
    list[Form] | None,
    typer.Option("--write", help="Indices as npy (if none is named) or csv, or the subset; may be repeated."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; if not given, one for each core.")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:PORT", help="Run on the workers of this Dask scheduler.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run in --output.")]
VerifyLevel = Annotated[
    Level | None,
    typer.Option("--level", help="Send the first groups through the bit-true model, or hardware, too."),
]
Verify = Annotated[int | None, typer.Option(min=1, metavar="M", help="Groups that --level sends; else 1.")]
VerifyPreset = Annotated[
    str,
    typer.Option(
        "-c",
        "--config",
        metavar=CONFIG,
        help="Hardware of --level: preset, or TOML file of a configuration.",
        autocompletion=complete_config,
    ),
]


def sample(
    data: Data = "digits",
    count: AllImages = None,
    resize: Resize = None,
    ratio: Ratio = 0.3,
    group: GroupOption = None,
    size: GroupSize = 512,
    perplexity: Perplexity = 15.0,
    iterations: Iterations = 300,
    grid: Grid = "adaptive",
    pick: Pick = "centre",
    quota: Quota = "rounds",
    start: Start = "random",
    contrast: Contrast = False,
    apart: Distance = None,
    apart_window: ApartWindow = None,
    seed: Seed = 1,
    write: Write = None,
    output: Output = Path("out"),
    resume: Resume = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    level: VerifyLevel = None,
    verify: Verify = None,
    preset: VerifyPreset = "paper",
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Sample a whole data set, group by group, in float64; at a level, compare the first groups with it."""
    from nms import datasets
    from nms.contract import provenance
    from nms.sampling import Method, count_to_keep, outcome, pool, whole
    from nms.sampling import verify as verification
    from nms.sampling.journal import Journal
    from nms.sampling.near_duplicates import fill_up

    began = time.monotonic()
    forms = list(dict.fromkeys(write or [Form.NPY]))
    method = Method(
        perplexity, iterations, int(grid) if grid.isdecimal() else grid, pick, quota, start, contrast
    )
    removal = None if apart is None else near(apart, apart_window)
    config = configuration.load(preset, overrides or ())
    _refuse(ratio, size, seed, workers, scheduler, level, verify)
    if apart_window is not None and apart is None:
        raise UserError(f"apart-window {apart_window}: needs --apart, the distance of near-duplicates")
    outputs.usable(output)
    if Form.SUBSET in forms and (output / "subset").exists():
        raise UserError(f"output {str(output / 'subset')!r}: exists; remove it, or name another --output")

    images = datasets.stream(data, count, resize)
    labelled = bool((images.labels >= 0).all())
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
    with Journal(output / "sample.journal", identity, resume) as journal:
        stands = _standing(journal, images, removal)
        groups = whole.form_groups(images.labels if grouping is Grouping.CLASS else None, stands, size)
        quotas = groups.quotas(min(keep, int(stands.sum())))
        compared = (
            verification.select_groups(config, images, groups, quotas, method, seed, verify or 1)
            if level
            else {}
        )
        if removal and journal.distinct is None:
            journal.record_distinct(stands, whole.digest_probes(images))
        whole.check_unchanged(journal, images, groups)
        tasks = whole.make_tasks(images.images, groups, quotas, method, seed, set(journal.finished))
        results = (
            pool.run_on_dask(tasks, scheduler)
            if scheduler
            else pool.run_locally(tasks, workers or pool.count_cores())
        )
        try:
            with progress("groups") as bar:
                shown = bar.add_task("groups", total=len(groups.members), completed=len(journal.finished))
                whole.record_results(journal, results, lambda finished: bar.update(shown, completed=finished))
        except (KeyboardInterrupt, UserError) as error:
            done = f"{len(journal.finished)} of {len(groups.members)} groups are in {journal.path}"
            if isinstance(error, UserError):
                raise UserError(
                    f"{error}; {done}: go on with --resume" if journal.has_entries else error
                ) from None
            print(f"nms: interrupted; {done}: go on with --resume", file=sys.stderr)
            raise typer.Exit(130) from None
    chosen_of_groups = whole.merge_kept(journal, groups)
    kept = fill_up(chosen_of_groups, ~stands, keep, seed)
    figures = {
        "command": " ".join([
            "nms", "sample", "--data", data, *(["--count", str(count)] if count else []),
            *(["--resize", str(resize)] if resize else []), "--ratio", f"{ratio!r}",
            "--group", grouping.value, "--size", str(size), "--perplexity", f"{perplexity!r}",
            "--iterations", str(iterations), "--grid", grid, "--pick", pick, "--quota", quota,
            "--start", start, *(["--contrast"] if contrast else []),
            *(["--apart", f"{apart!r}", "--apart-window", str(removal.window or 0)] if removal else []),
            "--seed", str(seed),
            *(word for form in forms for word in ("--write", form.value)),
            *(["--level", level.value, "--verify", str(verify or 1)] if level else []),
            *(chosen(preset, overrides) if level else []),
        ]),
        "seed": seed,
        "versions": versions,
        "input": source | {"sha256_of_groups": whole.digest_groups(journal)},
        "settings": settings,
        "software_only": [*method.software_only, *(["near_duplicates"] if removal else [])],
        "groups": outcome.summarise_groups(groups, method),
        "rows_without_solution": sum(entry["unsolved"] for entry in journal.finished.values()),
        "kept": len(kept),
        "classes": outcome.count_by_class(images.labels, kept) if labelled else {},
    }  # fmt: skip
    if removal:
        figures["near_duplicates"] = {
            "distinct": int(stands.sum()),
            "removed": int((~stands).sum()),
            "kept_to_fill_up": len(kept) - len(chosen_of_groups),
        }
    mismatches = 0
    if level:
        with Console(stderr=True).status("verifying") as status:
            verified = verification.verify(
                config, images, groups, compared, method, kept, level.value, status.update
            )
        mismatches = sum(group.mismatches for group in verified)
        figures["verified"] = {
            "level": level.value,
            "configuration": config.model_dump(),
            "groups": [asdict(group) for group in verified],
        }
    written = outcome.save(output, forms, data, images, kept, figures)
    journal.remove()
    if as_json:
        render.print_json(figures)
    else:
        render.print_sample(figures)
        print(f"{time.monotonic() - began:.1f} seconds; written:", _named(output, written))
    if mismatches:
        raise typer.Exit(1)


def _refuse(
    ratio: float,
    size: int,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    level: Level | None,
    verify: int | None,
) -> None:
    """Refuse what can be refused before any file is read."""
    from nms.sampling import count_to_keep, group_by_batch

    count_to_keep(ratio, sys.maxsize)
    group_by_batch(1, size)
    if not 0 <= seed < 1 << 32:
        raise UserError(f"seed {seed}: must be 0 to {(1 << 32) - 1}")
    if scheduler is not None and workers is not None:
        raise UserError(f"workers {workers}: the scheduler {scheduler!r} has workers of its own")
    if verify is not None and level is None:
        raise UserError(f"verify {verify}: needs --level golden or --level rtl")
    if level is Level.RTL:
        from nms.sim.verilator import tools

        tools.require()


def _standing(journal: "Journal", images: "Images", removal: "NearDuplicates | None") -> "np.ndarray":
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


def _named(output: Path, written: list[Path]) -> str:
    """The files written; of a subset the folder only."""
    return ", ".join(dict.fromkeys(str(output / path.relative_to(output).parts[0]) for path in written))
