# SPDX-License-Identifier: Apache-2.0
"""``nms bench sampler``: one batch in every arithmetic, from scikit-learn's t-SNE to the hardware."""

import time

import numpy as np

from nms import results
from nms import run as job
from nms.benchmarks.figure import TRUE_ERROR, Figure
from nms.contract.config import Config
from nms.contract.settings import Settings
from nms.contract.tables import Status
from nms.datasets import Images


def measure(config: Config, settings: Settings, data: Images, perplexity: float, level: str) -> list[Figure]:
    """Measure one batch: scikit-learn's t-SNE, float64, the bit-true model and, at level rtl, the hardware.

    Times are in seconds, phases in cycles, divergences in nats. The float64 model starts from the hardware's
    own Y0, so that only the arithmetic makes its map and its kept images differ. All maps are judged by their
    Kullback-Leibler divergence from the exact affinities.
    """
    from nms.golden import exact
    from nms.golden.metrics import kl_divergence

    started = time.perf_counter()
    outcome = job.run(config, settings, data, "golden")
    figures = [Figure("bit-true model", "time", time.perf_counter() - started, "s")]
    if level != "golden":
        outcome = job.run(config, settings, data, level)
        figures += [
            Figure("hardware", f"{name} time", seconds, "s") for name, seconds in outcome.seconds.items()
        ]
        figures.append(Figure("hardware", "values compared", outcome.compared, "", ">=", 1))
        figures.append(Figure("hardware", "mismatches", outcome.mismatches, "", "=", 0))
        figures += [Figure("hardware", f"{phase} phase", n, "cycles") for phase, n in outcome.cycles.items()]
        figures += [
            Figure("hardware", f"{name} busy", 100 * part, "%") for name, part in outcome.utilisation.items()
        ]

    values = results.make_arrays(outcome.tables, config, data)
    solved = values["status"] == Status.SOLVED
    if solved.any():
        errors = np.abs(exact.perplexity(values["beta"], values["distance"]) - perplexity)[solved]
        generations = values["generations"][solved]
        figures += [
            Figure("search", "rows solved", int(solved.sum()), f"of {settings.count}"),
            Figure("search", "largest true error", float(errors.max()), "", "<=", TRUE_ERROR[config.formats]),
            Figure("search", "median generations", float(np.median(generations)), "", "<=", 60),
            Figure("search", "most generations", int(generations.max()), "", "<=", 128),
        ]

    started = time.perf_counter()
    model = exact.run(
        data.images, settings.keep, perplexity, settings.iterations, y0=values["embedding_init"]
    )
    figures.append(Figure("float64 model", "time", time.perf_counter() - started, "s"))
    divergence = kl_divergence(model.affinity, values["embedding"])
    common = len(np.intersect1d(model.kept, values["kept"]))
    wide = config.formats == "wide"
    figures += [
        Figure(
            "map", "kept as by float64", 100 * common / settings.keep, "%", *((">=", 100) if wide else ())
        ),
        Figure("map", "Kullback-Leibler divergence", divergence, "nat"),
        Figure(
            "map",
            "difference from float64's",
            abs(divergence - model.kl_divergence),
            "nat",
            *(("<=", 1e-3) if wide else ()),
        ),
    ]
    reference = _scikit_learn_divergence(data.images, model.affinity, perplexity)
    if reference is not None:
        claim = ("<=", 1.05) if wide and settings.count == 64 else ()
        name = "divergence over scikit-learn's best of three"
        figures.append(Figure("map", name, divergence / reference, "", *claim))
    return figures


def _scikit_learn_divergence(images: np.ndarray, joint: np.ndarray, perplexity: float) -> float | None:
    """Divergence of scikit-learn's exact t-SNE, the best of three seeds; None where it refuses the data."""
    from sklearn.manifold import TSNE

    from nms.golden.metrics import kl_divergence

    if len(np.unique(images, axis=0)) < 4:
        return None
    maps = (
        TSNE(perplexity=perplexity, method="exact", init="random", random_state=seed)
        .fit_transform(images.astype(np.float64))
        .astype(np.float64)
        for seed in range(3)
    )
    return min(kl_divergence(joint, found) for found in maps)
