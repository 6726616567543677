# SPDX-License-Identifier: Apache-2.0
"""An evaluation as the figures that are printed and written."""

from importlib import metadata
from typing import Any

from nms.contract import provenance
from nms.evaluation import scenario
from nms.evaluation.evaluate import Evaluation, Row, paired
from nms.evaluation.scenario import Source


def summary(found: Evaluation, source: Source, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings, sizes, versions and a row a method: all that ``evaluate.json`` holds.

    Data sets are named without the folders above them.
    """
    return {
        "input": {
            "name": source.name,
            "held_out": source.split,
            "stream_images": found.streams,
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
    difference = paired(row, first)
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
