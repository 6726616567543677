# SPDX-License-Identifier: Apache-2.0
"""Draw the plots in the style of :mod:`nms.report.svg`, no wider than a phone: text keeps its size."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from nms.report.data import Grid
from nms.report.theme import LIGHT, MARKERS

INCH = 72  # units

WIDTH = 340
"""Units that a figure is wide, about as many as a card on a phone has pixels."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width / INCH, height / INCH), layout="constrained")


def _axes(figure: Figure, x: str, y: str, rows: int = 1) -> list:
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    axes[-1].set_xlabel(x)
    axes[len(axes) // 2].set_ylabel(y)
    for each in axes:
        each.grid(True, linewidth=0.6)
        each.set_axisbelow(True)
    return list(axes)


def _decade(value: float, _: object = None) -> str:
    return "10" + str(round(np.log10(value))).translate(_SUPERSCRIPT)


def _decades(axis: object) -> None:
    axis.set_major_locator(LogLocator(numticks=8))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(_decade))  # type: ignore[attr-defined]
    axis.set_minor_locator(LogLocator(subs=()))  # type: ignore[attr-defined]


def draw_map(
    points: np.ndarray, images: np.ndarray, kept: np.ndarray, classes: np.ndarray, grid: Grid
) -> Figure:
    """Draw the map with its grid: kept points are filled, the others hollow; occupied cells are tinted.

    Parameters
    ----------
    points : (N, 2)
    images : (N,) number of each point's image
    kept : (K,) numbers of the images kept
    classes : (N,) 0 to 9, which choose colour and shape of the points
    """
    figure = _figure(WIDTH, WIDTH)
    (axes,) = _axes(figure, "map x (no unit)", "map y (no unit)")
    axes.grid(False)
    (x, y), side = grid.corner, grid.side
    for cell in np.unique(grid.of):
        corner = (x + cell % side * grid.cell, y + cell // side * grid.cell)
        axes.add_patch(Rectangle(corner, grid.cell, grid.cell, facecolor=LIGHT["tint"], edgecolor="none"))
    ends = grid.cell * side
    edges = np.arange(side + 1) * grid.cell
    axes.hlines(y + edges, x, x + ends, color=LIGHT["rule"], linewidth=0.8, zorder=1)
    axes.vlines(x + edges, y, y + ends, color=LIGHT["rule"], linewidth=0.8, zorder=1)
    is_kept = np.isin(images, kept)
    scale = max(0.6, min(1.0, (64 / len(points)) ** 0.5))
    for index in np.argsort(is_kept, kind="stable"):  # kept points on top
        colour = LIGHT[f"class{classes[index]}"]
        axes.plot(
            *points[index], MARKERS[classes[index]], gid=f"point-{images[index]}", zorder=3,
            markersize=scale * (10 if is_kept[index] else 7), markeredgewidth=1.4 * scale,
            markerfacecolor=colour if is_kept[index] else LIGHT["card"],
            markeredgecolor=LIGHT["text"] if is_kept[index] else colour,
        )  # fmt: skip
    margin = 0.05 * ends
    axes.set(xlim=(x - margin, x + ends + margin), ylim=(y - margin, y + ends + margin), aspect="equal")
    return figure


def draw_convergence(errors: np.ndarray, floor: float, stop: float) -> Figure:
    """Draw the smallest error so far of each row by generation; a row's line ends with its search.

    Parameters
    ----------
    errors : (generations, N), NaN where a row is not searched
    floor : smaller errors are drawn as this one
    stop : the search of a row ends below this error
    """
    figure = _figure(WIDTH, 270)
    (axes,) = _axes(figure, "generation (of 32 candidates)", "perplexity error (no unit)")
    shown = np.maximum(errors, floor)
    generation = np.arange(1, len(errors) + 1)
    for row, line in enumerate(shown.T):
        axes.semilogy(generation, line, color=LIGHT["main"], alpha=0.5, linewidth=0.9, gid=f"row-{row}")
        last = np.flatnonzero(~np.isnan(line))
        if len(last):
            axes.semilogy(generation[last[-1]], line[last[-1]], ".", color=LIGHT["main"], markersize=4)
    axes.axhline(stop, color=LIGHT["second"], linestyle="--", linewidth=1.2)
    axes.annotate(
        f"solved below {stop:.2g}", (0, stop), (6, -4), color=LIGHT["second"], fontsize=10,
        xycoords=("axes fraction", "data"), textcoords="offset points", va="top",
    )  # fmt: skip
    _decades(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_steps(counts: np.ndarray, images: np.ndarray, solved: np.ndarray, steps: str) -> Figure:
    """Draw the steps, as "generations", of each row by its image; a cross marks rows that were not solved."""
    figure = _figure(WIDTH, 270)
    (axes,) = _axes(figure, "row (index of the image)", f"{steps} (number)")
    for image, count in zip(images, counts, strict=True):
        axes.bar(image, count, width=0.8, color=LIGHT["main"], gid=f"bar-{image}")
    axes.plot(images[~solved], counts[~solved], "x", color=LIGHT["bad"])
    middle = float(np.median(counts))
    axes.axhline(middle, color=LIGHT["second"], linestyle="--", linewidth=1.2)
    axes.set_title(f"dashed: median {middle:g}", loc="right", color=LIGHT["second"], fontsize=10, pad=3)
    axes.set_ylim(0, 1.05 * max(1, counts.max()))
    axes.set_xlim(-0.8, images[-1] + 0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_errors(by_method: dict[str, np.ndarray], floor: float, claimed: float | None) -> Figure:
    """Draw histograms of the true perplexity error of rows, one for each method, on one logarithmic axis.

    Parameters
    ----------
    by_method : (rows,) errors by method
    floor : smaller errors are drawn as this one
    claimed : the largest error that the formats allow, if that is claimed
    """
    figure = _figure(WIDTH, 270)
    axes = _axes(figure, "perplexity error (no unit), 80-bit", "rows (number)", len(by_method))
    shown = {name: np.maximum(values, floor) for name, values in by_method.items()}
    together = np.log10(np.concatenate([*shown.values(), [] if claimed is None else [claimed]]))
    low, high = np.floor(together.min()), np.ceil(together.max() + 1e-9)
    bins = np.logspace(low, high, int(high - low) * 4 + 1)
    for each, (name, values), colour in zip(axes, shown.items(), ("main", "second", "third"), strict=False):
        each.hist(values, bins=bins, color=LIGHT[colour])
        each.set_xscale("log")
        if claimed is not None:
            each.axvline(claimed, color=LIGHT["text"], linestyle="--", linewidth=1)
        each.set_title(name, loc="left", pad=2)
        each.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    _decades(axes[-1].xaxis)
    return figure


def draw_divergence(values: np.ndarray, exaggerated: int) -> Figure:
    """Draw the Kullback-Leibler divergence after each iteration; at the dashed line the exaggeration ends."""
    figure = _figure(WIDTH, 270)
    (axes,) = _axes(figure, "iteration (number)", "divergence KL(P‖Q), nats")
    axes.plot(values, color=LIGHT["main"])
    axes.set_ylim(0, 1.08 * values.max())
    if exaggerated:
        axes.axvline(exaggerated, color=LIGHT["second"], linestyle="--", linewidth=1.2)
        axes.annotate(
            f"exaggerated up to {exaggerated}", (exaggerated, 1), (5, -2), color=LIGHT["second"], fontsize=10,
            xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
        )  # fmt: skip
    axes.annotate(
        f"{values[-1]:.3f}", (len(values) - 1, values[-1]), (0, 6), textcoords="offset points", ha="right"
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_herding(errors: np.ndarray, random: np.ndarray) -> Figure:
    """Draw how the mean of the images taken comes near to that of all, beside that of random images."""
    figure = _figure(WIDTH, 270)
    (axes,) = _axes(figure, "images taken (number)", "error of the mean, grey levels")
    taken = np.arange(1, len(errors) + 1)
    axes.plot(taken, random, color=LIGHT["second"], linestyle="--", label="random images, by arithmetic")
    axes.plot(taken, errors, ".-", color=LIGHT["main"], label="herding")
    axes.set_ylim(0, 1.05 * max(errors.max(), random.max(), 1e-9))
    axes.legend(frameon=False, labelcolor=LIGHT["text"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def draw_energy(by_block: dict[str, np.ndarray], by_part: dict[str, np.ndarray], phases: list[str]) -> Figure:
    """Draw stacked bars of the energy of each phase, by block above and by part below.

    Parameters
    ----------
    by_block, by_part : (phases,) joules by name, at most 9 names each
    """
    figure = _figure(WIDTH, 540)
    axes = _axes(figure, "phase", "energy of the batch, µJ", 2)
    for each, layers in zip(axes, (by_block, by_part), strict=True):
        each.grid(False, axis="x")
        base = np.zeros(len(phases))
        for number, (name, joules) in enumerate(layers.items()):
            colour = LIGHT[f"class{number}"]
            each.bar(phases, joules * 1e6, 0.7, base, color=colour, label=name)
            base = base + joules * 1e6
        each.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8.5, frameon=False, handlelength=1,
            columnspacing=1, labelcolor=LIGHT["text"],
        )  # fmt: skip
        each.tick_params(axis="x", length=0)
    return figure


def draw_timeline(cycles: dict[str, int], utilisation: dict[str, float], clock: float) -> Figure:
    """Draw the phases one after another, in cycles; the filled part of a bar's height is its utilisation.

    Phases that ``utilisation`` lacks are only tinted. Above are milliseconds at a ``clock`` in MHz.
    """
    figure = _figure(WIDTH, 330)
    (axes,) = _axes(figure, "thousands of cycles since the start", "phase")
    axes.grid(False, axis="y")
    total = sum(cycles.values()) / 1000
    begin = 0.0
    for place, (phase, taken) in enumerate(cycles.items()):
        width = taken / 1000
        axes.barh(place, width, 0.62, begin, color=LIGHT["tint"], edgecolor=LIGHT["main"], linewidth=0.8)
        words = f"{taken:,}"
        if phase in utilisation:
            busy = utilisation[phase]
            axes.barh(place + 0.31 * (1 - busy), width, 0.62 * busy, begin, color=LIGHT["main"])
            words += f" · {busy:.1%} busy"
        late = begin + width > 0.55 * total
        axes.annotate(
            words, (begin if late else begin + width, place), (-5 if late else 5, 0), fontsize=10,
            textcoords="offset points", ha="right" if late else "left", va="center",
        )  # fmt: skip
        begin += width
    axes.set_yticks(range(len(cycles)), list(cycles), color=LIGHT["text"])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, total)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    above = axes.secondary_xaxis("top", functions=(lambda kilo: kilo / clock, lambda ms: ms * clock))
    above.set_xlabel(f"milliseconds at {clock:g} MHz")
    return figure


def draw_classes(classes: dict[str, tuple[int, int]]) -> Figure:
    """Draw how many images each class has, tinted, and how many of them are kept, filled."""
    figure = _figure(WIDTH, 90 + 20 * len(classes))
    (axes,) = _axes(figure, "images (number)", "class")
    axes.grid(False, axis="y")
    for place, (images, kept) in enumerate(classes.values()):
        axes.barh(place, images, 0.7, color=LIGHT["tint"], edgecolor=LIGHT["main"], linewidth=0.8)
        axes.barh(place, kept, 0.7, color=LIGHT["main"])
    axes.set_yticks(range(len(classes)), list(classes), color=LIGHT["text"])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    return figure


def draw_accuracies(accuracies: dict[str, tuple[float, float]]) -> Figure:
    """Draw the accuracy of each method in percent, with its standard error."""
    figure = _figure(WIDTH, 100 + 28 * len(accuracies))
    (axes,) = _axes(figure, "accuracy, %", "method")
    means, errors = zip(*accuracies.values(), strict=True)
    places = range(len(accuracies))
    axes.errorbar(means, places, xerr=errors, fmt="o", color=LIGHT["main"], capsize=3)
    axes.axvline(means[0], color=LIGHT["second"], linestyle="--", linewidth=1.2)
    axes.set_yticks(places, list(accuracies), color=LIGHT["text"])
    axes.set_ylim(len(accuracies) - 0.5, -0.5)
    return figure
