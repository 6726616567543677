# SPDX-License-Identifier: Apache-2.0
"""Plot ``energy.svg``: energy of a batch by phase, once by block and once by part."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nms.energy.sampler.parts import SAMPLER_PARTS

FILE = "energy.svg"

SHOWN = 8
"""Blocks with a colour of their own: those with the most energy. The others share one."""


def stack(figures: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Joules by phase of an ``energy.json``, stacked by block and by part; both stacks have the same sum."""
    phases, blocks = list(figures["cycles"]), figures["blocks"]
    values = {
        name: np.array([[block["phases"][phase][part] for part in SAMPLER_PARTS] for phase in phases])
        for name, block in blocks.items()
    }
    names = sorted(values, key=lambda name: -values[name].sum())
    by_block = {name: values[name].sum(axis=1) for name in names[:SHOWN]}
    if names[SHOWN:]:
        by_block["others"] = np.sum([values[name].sum(axis=1) for name in names[SHOWN:]], axis=0)
    every = np.sum(list(values.values()), axis=0)
    return by_block, {part: every[:, number] for number, part in enumerate(SAMPLER_PARTS)}


def draw(figures: dict[str, Any], path: Path) -> None:
    """Draw the stacked bars of :func:`stack` into the file ``path``."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    phases = list(figures["cycles"])
    with rc_context({"svg.hashsalt": "nms", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 4.2), layout="constrained")
        axes: Sequence[Any] = figure.subplots(1, 2, sharey=True)
        for axis, title, stacked in zip(axes, ("by block", "by part"), stack(figures), strict=True):
            base = np.zeros(len(phases))
            for label, values in stacked.items():
                axis.bar(phases, values * 1e6, bottom=base * 1e6, label=label)
                base = base + values
            axis.set_title(title)
            axis.tick_params(axis="x", rotation=45)
            axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
        axes[0].set_ylabel("energy of a batch (uJ)")
        library = figures["library"]["name"]
        figure.suptitle(f"{library}, {figures['voltage_V']:g} V, {figures['frequency_Hz'] / 1e6:g} MHz")
        figure.savefig(path, metadata={"Date": None})
