# SPDX-License-Identifier: Apache-2.0
"""Collect what the page says and shows of a run, ready for the template."""

import base64
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from PIL import Image

from nms.benchmarks.figure import TRUE_ERROR
from nms.contract.config import Config, LeanConfig
from nms.contract.registers import BYTES, COUNTED
from nms.contract.settings import LeanSettings, Pick, Search
from nms.contract.tables import Status
from nms.golden import grid
from nms.report.loader import Energy, Run
from nms.report.replay import Replay, choose_randomly
from nms.report.theme import MARKERS

THUMBNAIL = 96
"""Longest side of an image on the page, in pixels."""

SHAPES = "●■▲◆▼✚✖◀▶⬟"
"""The markers of the map as characters."""

PAGE_TOOLS = ("matplotlib", "scikit-learn", "openTSNE")
"""Distributions that compute the page, besides those that the run names."""

MEANING = dict(COUNTED)

CLOCK = 100.0
"""Megahertz at which cycles are given as time, those of the energy estimates."""

PICKS = {
    Pick.CENTRE: "nearest to its centre",
    Pick.MEDOID: "whose image has the least sum of distances to the others of the cell",
    Pick.HUB: "with the largest sum of affinities",
    Pick.NEIGHBOUR: "whose fifth neighbour is nearest",
}
"""Which point of a cell is kept first, in words."""


def collect_content(run: Run, replay: Replay, errors: dict[str, np.ndarray | None]) -> dict[str, Any]:
    """Collect everything that the template needs, except figures and colours."""
    stored = run.figures
    shown = {name: error for name, error in errors.items() if error is not None and len(error)}
    cells = find_grid(run) if run.has_map else None
    return {
        "title": f"{stored.kept} of {stored.count} images of {stored.input.name} kept",
        "run": stored,
        "date": run.date,
        "steps": run.steps,
        "way": ", ".join(
            f"{what} {name}" for what, name in (("search", stored.search), ("pick", stored.pick)) if name
        ),
        "hardware": bool(stored.tables),
        "differences": {name: count for name, count in replay.differences.items() if count},
        "tiles": list(_tiles(run, replay, shown)),
        "mapped": _map(run, cells, shown, errors) if cells else None,
        "boxes": _boxes(run),
        "near_duplicates": stored.count - stored.standing if stored.threshold else None,
        "classes": _classes(run),
        "images": list(_images(run, cells)),
        "columns": [column for column, *_ in _columns(run, cells)],
        "origin": _origin(run, replay),
        "total": sum(stored.cycles.values()),
        "clock": CLOCK,
        "published": isinstance(run.config, Config),
        "traffic": _traffic(run),
        "energy": list(_energy(run.energy)) if run.energy else None,
        "settings": _settings(run),
        "configuration": [*run.config.model_dump().items(), ("digest", stored.digest)],
        "versions": {**stored.versions, **_installed(run)},
    }


def _map(
    run: Run, cells: "Grid", shown: dict[str, np.ndarray], errors: dict[str, np.ndarray | None]
) -> dict[str, Any]:
    """What the page says of the search and the map."""
    return {
        "grid": cells,
        "occupied": len(np.unique(cells.of)),
        "first": PICKS[Pick.parse(run.figures.pick or str(Pick.CENTRE))],
        "statuses": ", ".join(f"{count} {name}" for name, count in count_statuses(run).items() if count),
        "unsolved": not count_statuses(run)["solved"],
        "target": run.target,
        "largest": {name: float(error.max()) for name, error in shown.items()},
        "formats": run.config.formats if isinstance(run.config, Config) else "",
        "claimed": find_claim(run),
        "absent": [name for name, error in errors.items() if error is None],
    }


def find_claim(run: Run) -> float | None:
    """The largest true error that the formats allow; ``None`` where none is claimed."""
    return TRUE_ERROR[run.config.formats] if isinstance(run.config, Config) else None


def _boxes(run: Run) -> tuple[int, int, int] | None:
    """Rows, columns and channels of reduced images; ``None`` of images that were compared as they are."""
    settings = run.settings
    if not settings.side:
        return None
    return (*settings.grid, 1 if settings.grey else settings.channels)


def count_statuses(run: Run) -> dict[str, int]:
    """Count the rows by how their search ended."""
    return {status.name.lower(): int(np.sum(run.values["status"] == status)) for status in Status}


def number_classes(run: Run) -> np.ndarray | None:
    """Number the classes of the batch from 0: the number of each image's class, (N,).

    None without labels, or with more classes than colours and shapes can distinguish.
    """
    known, place = np.unique(run.values["labels"], return_inverse=True)
    return None if known[0] < 0 or len(known) > len(MARKERS) else place


def _tiles(run: Run, replay: Replay, errors: dict[str, np.ndarray]) -> Iterator[tuple[str, str, str]]:
    stored = run.figures
    yield "kept", f"{stored.kept / stored.count:.1%}", f"{stored.kept} of {stored.count} images"
    if stored.threshold:
        rule = f"threshold {stored.threshold}, window {stored.window}"
        yield "standing", f"{stored.standing} of {stored.count}", f"no near-duplicates; {rule}"
    if run.has_map:
        found = count_statuses(run)
        searched = run.values[run.steps][run.values[run.steps] > 0]
        yield "rows solved", f"{found['solved']} of {stored.rows}", f"perplexity {run.target:g}"
        if "this run" in errors:
            own = errors["this run"]
            yield "largest perplexity error", f"{own.max():.2g}", f"true error; median {np.median(own):.2g}"
        if len(searched):
            yield f"{run.steps} per row", f"{np.median(searched):g}", f"median; at most {searched.max()}"
        yield "divergence of the map", f"{replay.divergence[-1]:.3f}", "Kullback-Leibler, nats"
    elif stored.rows:
        random = choose_randomly(run)[-1]
        yield "error of the mean", f"{replay.herding[-1]:.3g}", f"grey levels; {random:.3g} of random images"
    if stored.cycles:
        longest = max(stored.cycles, key=lambda phase: stored.cycles[phase])
        total = sum(stored.cycles.values())
        share = f"{stored.cycles[longest] / total:.0%} in phase {longest}"
        yield "cycles", f"{total:,}", f"{total / CLOCK / 1000:.3g} ms at {CLOCK:g} MHz; {share}"


def _classes(run: Run) -> list[dict[str, Any]] | None:
    place = number_classes(run)
    if place is None:
        return None
    labels = run.values["labels"]
    all_, kept = Counter(labels.tolist()), Counter(labels[run.values["kept"]].tolist())
    return [
        {
            "label": run.figures.input.name_class(label),
            "count": all_[label],
            "kept": kept[label],
            "colour": f"class{index}",
            "shape": SHAPES[index] + "\N{VARIATION SELECTOR-15}",  # as text, not as an emoji
        }
        for index, label in enumerate(sorted(all_))
    ]


Column = tuple[str, Callable[[int], str]]
"""A column of the table of all points: its title, and what it says of a point."""


def _columns(run: Run, cells: "Grid | None") -> list[Column]:
    """The columns between fate and search of an image that has a point, of a run with a map."""
    if cells is None:
        return []
    values = run.values
    return [
        ("map x", lambda i: f"{values['embedding'][i, 0]:.6f}"),
        ("map y", lambda i: f"{values['embedding'][i, 1]:.6f}"),
        ("cell", lambda i: str(cells.of[i])),
        ("beta, 1/pixel²", lambda i: f"{values['beta'][i]:.6e}"),
        ("perplexity", lambda i: f"{values['perplexity'][i]:.12g}"),
        (run.steps, lambda i: str(values[run.steps][i])),
    ]


def _images(run: Run, cells: "Grid | None") -> Iterator[dict[str, Any]]:
    values, kept = run.values, set(run.values["kept"].tolist())
    columns, rows = _columns(run, cells), {image: row for row, image in enumerate(run.standing.tolist())}
    small = make_reduced_thumbnails(run)
    for index, source in enumerate(make_thumbnails(run)):
        label = int(values["labels"][index])
        name = run.figures.input.name_class(label) if label >= 0 else ""
        what = f"image {index}" + (f", class {name}" if name else "")
        row = rows.get(index)
        fate = ("" if row is not None else "near-duplicate, ") + ("kept" if index in kept else "left out")
        about = [what, fate]
        if cells and row is not None:
            about += [f"cell {cells.of[row]}", f"{values[run.steps][row]} {run.steps}"]
        yield {
            "index": index,
            "label": name,
            "kept": index in kept,
            "near_duplicate": row is None,
            "source": source,
            "reduced": small[index] if small else None,
            "alt": f"{what}, {fate}",
            "about": "\n".join(about),
            "cells": ["" if row is None else say(row) for _, say in columns],
            "status": Status(values["status"][row]).name.lower() if cells and row is not None else "",
        }


def _origin(run: Run, replay: Replay) -> str:
    """Say where the curves of search and map, or of herding, come from, and how far they are this run's."""
    stored = run.figures
    curves, also = "The curve comes", ""
    if run.has_map:
        curves, also = "The curve by iteration comes", f", including {run.steps} and positions"
    if len(replay.errors):
        curves = "The curves by generation and by iteration come"
    own = "they are" if len(replay.errors) else "it is"
    again = (
        f"A run stores its results, not the steps to them. {curves} from the bit-true model, which repeated"
        f" the run from its images, settings and seed {stored.seed}"
    )
    if any(replay.differences.values()):
        return f"{again}; its results differ from those stored, so {own} not this run's."
    if stored.mismatches:
        return f"{again}; the hardware differed from it, so {own} not the hardware's."
    if stored.tables:
        return (
            f"{again}. The hardware matched this model bit for bit in all {stored.compared:,} values"
            f" compared{also}, and so do the stored results."
        )
    return f"{again}. It gave exactly the results that are stored."


def _traffic(run: Run) -> dict[str, Any]:
    """Bytes by who counted them and by counter; beside them, what follows from the sizes alone."""
    stored = run.figures
    sources = list(stored.traffic)
    counted = {name for counts in stored.traffic.values() for name in counts}
    names = [name for name in BYTES if name in counted]
    return {
        "sources": sources,
        "rows": [
            (name, MEANING[name], [stored.traffic[source].get(name) for source in sources]) for name in names
        ],
        "agree": all(counts == stored.traffic[sources[0]] for counts in stored.traffic.values()),
        "batch": stored.count * stored.pixels,
        "kept": stored.kept * stored.pixels,
    }


def _energy(found: Energy) -> Iterator[tuple[str, str]]:
    """Names and values of the totals, with their units."""
    sampler = found.sampler
    yield "library", f"{found.library.name}, {found.library.node_nm:g} nm"
    wire = f"{found.wire_F_per_input * 1e15:g} fF of wire per input"
    yield "operating point", f"{found.voltage_V:g} V, {found.frequency_Hz / 1e6:g} MHz, {wire}"
    yield "batch", f"{sampler.joule * 1e6:.4g} µJ"
    yield "image", f"{sampler.joule_per_image * 1e6:.4g} µJ"
    yield "kept image", f"{sampler.joule_per_kept_image * 1e6:.4g} µJ"
    for name, joules in found.per_operation.items():
        if joules is not None:
            yield name.replace("_", " "), f"{joules * 1e12:.4g} pJ"
    yield "power", f"{sampler.watt * 1e3:.4g} mW"
    yield "efficiency", f"{sampler.gops_per_watt:.4g} GOPS/W"


def _settings(run: Run) -> list[tuple[str, object]]:
    settings, given = run.settings, run.figures.input
    found: list[tuple[str, object]] = [
        ("input", given.name),
        ("images N", settings.count),
        ("bytes per image D", f"{settings.pixels} ({' x '.join(map(str, given.shape))})"),
        ("kept K", settings.keep),
    ]
    if settings.side or isinstance(settings, LeanSettings):
        found += [
            ("side", settings.side or "as they are"),
            ("grey", "yes" if settings.grey else "no"),
            ("bytes compared", settings.reduced),
        ]
    found.append(("pick", str(Pick(settings.pick))))
    if isinstance(settings, LeanSettings) and settings.threshold:
        across = ", across batches" if settings.across else ""
        found.append(("near-duplicates", f"threshold {settings.threshold}, window {settings.window}{across}"))
    if run.has_map:
        found.append(("perplexity", f"{run.target:g} ({settings.target} raw)"))
        if isinstance(settings, LeanSettings):
            found.append(("evaluations at most", settings.evaluations))
        else:
            found.append(("search", str(Search(settings.search))))
        found += [("iterations", settings.iterations), ("exaggerated iterations", settings.exaggerated)]
    return [*found, ("seed", settings.seed), ("SHA-256 of the images", given.sha256)]


def _installed(run: Run) -> dict[str, str]:
    found = {}
    for name in PAGE_TOOLS if run.has_map else PAGE_TOOLS[:1]:
        try:
            found[f"{name} (this page)"] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[f"{name} (this page)"] = "not installed"
    return found


@dataclass(frozen=True)
class Grid:
    """The grid of a map: its corner, the side of a cell, the cells on each side, and each point's cell."""

    corner: tuple[float, float]
    cell: float
    side: int
    of: np.ndarray  # (N,) cell id, by row from the corner


def find_grid(run: Run) -> Grid:
    """Find the grid of the stored map."""
    assert isinstance(run.config, Config | LeanConfig)
    embedding, kept, position = run.values["embedding"], run.figures.kept, run.config.profile.position
    raw = np.ldexp(embedding, position.fraction).astype(np.int64)
    cells, _ = grid.assign_cells(raw, kept)
    side = math.isqrt(2 * kept - 1) + 1
    low = embedding.min(axis=0)
    span = float(np.ptp(embedding, axis=0).max()) + position.lsb
    return Grid((float(low[0]), float(low[1])), span / side, side, cells)


def make_thumbnails(run: Run) -> list[str]:
    """Make a PNG of each image, at most 96 pixels on a side, as a ``data:`` address.

    Of images with other than 1 or 3 channels, the first 3 are shown, or the first one if there are fewer.
    """
    given = run.figures.input
    return _pictures(run.values["images"], given.shape, given.planar)


def make_reduced_thumbnails(run: Run) -> list[str]:
    """Make a PNG of each reduced image; none of images that were compared as they are."""
    boxes = _boxes(run)
    return _pictures(run.values["reduced"], boxes, run.figures.input.planar) if boxes else []


def _pictures(images: np.ndarray, shape: tuple[int, int, int], planar: bool) -> list[str]:
    height, width, channels = shape
    if planar:
        images = images.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = images.reshape(-1, height, width, channels)
    return [_png(image[..., :3] if channels >= 3 else image[..., 0]) for image in images]


def _png(pixels: np.ndarray) -> str:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
