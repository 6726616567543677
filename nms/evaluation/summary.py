# SPDX-License-Identifier: Apache-2.0
"""Summarise an evaluation as the figures to print and to write."""

from importlib import metadata
from typing import Any

from nms.contract import provenance
from nms.evaluation import scenario
from nms.evaluation.evaluate import Evaluation, Row, compare_pairs
from nms.evaluation.scenario import Source


def summarise(found: Evaluation, source: Source, settings: dict[str, Any]) -> dict[str, Any]:
    """Collect all that ``evaluate.json`` holds: settings, sizes, versions, and a row for each method.

    Data sets are named without the folders above them.
    """
    return {
        "input": {
            "name": source.name,
            "held_out": source.split,
            "stream_images": found.streams,
            "distinct_images": found.distinct,
            "standing_images": found.standing,
            "held_out_images": found.tests,
            "training_images_left_out_as_test_images": source.removed,
        },
        "settings": {key: value for key, value in settings.items() if key not in ("data", "test")},
        "near_duplicates": {
            "brightness": scenario.BRIGHTNESS,
            "noise_bytes": scenario.NOISE,
        },
        "versions": provenance.versions() | {"scikit-learn": metadata.version("scikit-learn")},
        "rows": [_row(row, found.rows[0]) for row in found.rows],
    }


def _row(row: Row, first: Row) -> dict[str, Any]:
    difference = compare_pairs(row, first)
    return {
        "method": row.method,
        "kept": [*row.kept.values()],
        "scenes_kept": [*row.scenes.values()],
        "accuracy_percent": row.mean,
        "standard_error": row.error,
        "difference_points": difference.mean,
        "difference_standard_error": difference.error,
        "below_two_standard_errors": difference.within,
        "accuracies_percent": [*row.accuracy.values()],
    }
