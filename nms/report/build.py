# SPDX-License-Identifier: Apache-2.0
"""From a run's directory to the page."""

from collections.abc import Callable
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib import rc_context

from nms.benchmarks.figure import TRUE_ERROR
from nms.contract import output
from nms.contract.tables import Status
from nms.energy.sampler import plot
from nms.report import data, figures, theme
from nms.report.loader import Run, read
from nms.report.replay import Replay, replay, true_errors
from nms.report.svg import STYLE, inline

SMALLEST = 1e-16
"""A true error of less is drawn as this much: 80-bit arithmetic says no more."""


def report(directory: Path, page: Path, tell: Callable[[str], None]) -> None:
    """Write the page of the run in ``directory`` to the file ``page``, whole or not at all.

    Raises
    ------
    UserError
        See :func:`nms.report.loader.read`.
    """
    run = read(directory)
    text = build(run, tell)
    output.place(page.parent, lambda staging: (staging / page.name).write_text(text, "utf-8"))


def build(run: Run, tell: Callable[[str], None]) -> str:
    """The page of ``run``; the same run gives the same text. ``tell`` is told what is being computed."""
    again = replay(run, tell)
    tell("errors of scikit-learn and openTSNE")
    errors = true_errors(run)
    tell("drawing")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nms.report", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": "{:,}".format, "significant": _significant}
    with rc_context(STYLE):
        drawn = _drawn(run, again, errors)
    return environment.get_template("page.html.j2").render(
        **data.content(run, again, errors),
        figures=drawn,
        light=Markup(theme.css(theme.LIGHT)),
        dark=Markup(theme.css(theme.DARK)),
    )


def _significant(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}g}"


def _drawn(run: Run, again: Replay, errors: dict[str, np.ndarray | None]) -> dict[str, Markup]:
    """The figures by name; those without anything to show are left out."""
    stored, values, profile = run.figures, run.values, run.config.profile
    lsb = profile.perplexity.lsb
    place = data.class_of(run)
    if place is None:
        place = np.zeros(stored.count, np.int64)
    found = {
        "map": inline(
            figures.embedding_map(values["embedding"], values["kept"], place, data.grid_of(run)),
            "map",
            "Map of the images with the grid",
            f"{stored.count} points, {stored.kept} of them kept: {', '.join(map(str, values['kept']))}."
            " The table of all points has their positions and cells.",
        ),
        "generations": inline(
            figures.generations(values["generations"], values["status"] == Status.SOLVED),
            "generations",
            "Generations that the search of each row took",
            f"Between {values['generations'].min()} and {values['generations'].max()}, median"
            f" {np.median(values['generations']):g}. The table of all points has each row's.",
        ),
        "divergence": inline(
            figures.divergence(again.divergence, run.settings.exaggerated),
            "divergence",
            "Kullback-Leibler divergence of the map by iteration",
            f"From {again.divergence[0]:.3f} before the first to {again.divergence[-1]:.3f} nats after"
            f" {stored.iterations} iterations.",
        ),
    }
    if len(again.errors):
        found["convergence"] = inline(
            figures.convergence(again.errors, lsb / 2, profile.stop * lsb),
            "convergence",
            "Smallest error of each row by generation of its search",
            f"{again.errors.shape[1]} rows over up to {len(again.errors)} generations, down to the stop at"
            f" {profile.stop * lsb:.2g}.",
        )
    shown = {name: error for name, error in errors.items() if error is not None and len(error)}
    if shown:
        found["errors"] = inline(
            figures.errors(shown, SMALLEST, TRUE_ERROR[run.config.formats]),
            "errors",
            "Rows by true error of the perplexity, for this run and for software",
            "; ".join(
                f"{name}: median {np.median(error):.2g}, at most {error.max():.2g}"
                for name, error in shown.items()
            ),
        )
    if stored.cycles:
        found["timeline"] = inline(
            figures.timeline(stored.cycles, stored.utilisation),
            "timeline",
            "Cycles by phase, one phase after another",
            "; ".join(
                f"{phase}: {cycles:,} cycles"
                + (f", {stored.utilisation[phase]:.1%} busy" if phase in stored.utilisation else "")
                for phase, cycles in stored.cycles.items()
            ),
        )
    if run.energy:
        by_block, by_part = plot.stack(run.energy.model_dump())
        every = {name: joules.sum() * 1e6 for name, joules in (by_block | by_part).items()}
        found["energy"] = inline(
            figures.energy(by_block, by_part, list(run.energy.cycles)),
            "energy",
            "Energy by phase, stacked by block and by part",
            "; ".join(f"{name}: {joules:.3g} µJ" for name, joules in every.items()),
        )
    return found
