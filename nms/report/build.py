# SPDX-License-Identifier: Apache-2.0
"""Build the page of a run from its directory."""

from collections.abc import Callable
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib import rc_context

from nms.contract import output
from nms.contract.config import Config
from nms.contract.tables import Status
from nms.energy.sampler import plot
from nms.report import data, figures, theme
from nms.report.loader import Run, load
from nms.report.replay import Replay, choose_randomly, compute_true_errors, replay
from nms.report.svg import STYLE, inline

SMALLEST = 1e-16
"""Smaller true errors are drawn as this much, the resolution of 80-bit arithmetic."""


def write_page(directory: Path, page: Path, tell: Callable[[str], None]) -> None:
    """Write the page of the run in ``directory`` to the file ``page``, whole or not at all.

    Raises
    ------
    UserError
        See :func:`nms.report.loader.load`.
    """
    run = load(directory)
    text = build_page(run, tell)
    output.write_file(page, text)


def build_page(run: Run, tell: Callable[[str], None]) -> str:
    """Build the page of ``run``; the same run gives the same text. ``tell`` is told the progress."""
    again = replay(run, tell)
    tell("errors of scikit-learn and openTSNE")
    errors = compute_true_errors(run)
    tell("drawing")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nms.report", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": "{:,}".format, "significant": _significant}
    with rc_context(STYLE):
        drawings = _draw_figures(run, again, errors)
    return environment.get_template("page.html.j2").render(
        **data.collect_content(run, again, errors),
        figures=drawings,
        light=Markup(theme.to_css(theme.LIGHT)),
        dark=Markup(theme.to_css(theme.DARK)),
    )


def _significant(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}g}"


def _draw_figures(run: Run, again: Replay, errors: dict[str, np.ndarray | None]) -> dict[str, Markup]:
    """Draw the figures, by name; those that have nothing to show are left out."""
    stored = run.figures
    drawings = {}
    if stored.rows:
        drawings = _draw_map(run, again, errors) if run.has_map else _draw_herding(run, again)
    if stored.cycles:
        drawings["timeline"] = inline(
            figures.draw_timeline(stored.cycles, stored.utilisation, data.CLOCK),
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
        drawings["energy"] = inline(
            figures.draw_energy(by_block, by_part, list(run.energy.cycles)),
            "energy",
            "Energy by phase, stacked by block and by part",
            "; ".join(f"{name}: {joules:.3g} µJ" for name, joules in every.items()),
        )
    return drawings


def _draw_herding(run: Run, again: Replay) -> dict[str, Markup]:
    """Draw what there is without a map."""
    random = choose_randomly(run)
    return {
        "herding": inline(
            figures.draw_herding(again.herding, random),
            "herding",
            "Error of the mean of the images taken, by their number",
            f"{again.herding[0]:.3g} grey levels after the first image, {again.herding[-1]:.3g} after all"
            f" {len(random)}; {random[-1]:.3g} of random images.",
        )
    }


def _draw_map(run: Run, again: Replay, errors: dict[str, np.ndarray | None]) -> dict[str, Markup]:
    """Draw search and map."""
    stored, values = run.figures, run.values
    place = data.number_classes(run)
    if place is None:
        place = np.zeros(stored.count, np.int64)
    images = run.standing
    taken, solved = values[run.steps], values["status"] == Status.SOLVED
    drawings = {
        "map": inline(
            figures.draw_map(values["embedding"], images, values["kept"], place[images], data.find_grid(run)),
            "map",
            "Map of the images, with the grid",
            f"{stored.rows} points, {stored.kept} of them kept: {', '.join(map(str, values['kept']))}."
            " The table of all points lists their positions and cells.",
        ),
        "steps": inline(
            figures.draw_steps(taken, images, solved, run.steps),
            run.steps,
            f"{run.steps.capitalize()} of the search, by row",
            f"Between {taken.min()} and {taken.max()}, median"
            f" {np.median(taken):g}. The table of all points lists those of each row.",
        ),
        "divergence": inline(
            figures.draw_divergence(again.divergence, run.settings.exaggerated),
            "divergence",
            "Kullback-Leibler divergence of the map by iteration",
            f"{again.divergence[0]:.3f} nats at the start, {again.divergence[-1]:.3f} nats after"
            f" {stored.iterations} iterations.",
        ),
    }
    if len(again.errors):
        assert isinstance(run.config, Config)
        profile = run.config.profile
        lsb = profile.perplexity.lsb
        drawings["convergence"] = inline(
            figures.draw_convergence(again.errors, lsb / 2, profile.stop * lsb),
            "convergence",
            "Smallest perplexity error of each row, by generation of its search",
            f"{again.errors.shape[1]} rows over up to {len(again.errors)} generations, until it is below"
            f" {profile.stop * lsb:.2g}.",
        )
    shown = {name: error for name, error in errors.items() if error is not None and len(error)}
    if shown:
        drawings["errors"] = inline(
            figures.draw_errors(shown, SMALLEST, data.find_claim(run)),
            "errors",
            "Histograms of the true perplexity error of the rows, for this run and for software",
            "; ".join(
                f"{name}: median {np.median(error):.2g}, at most {error.max():.2g}"
                for name, error in shown.items()
            ),
        )
    return drawings
