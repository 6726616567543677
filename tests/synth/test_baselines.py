# SPDX-License-Identifier: Apache-2.0
"""What synthesis gives today, against the committed figures."""

import pytest

from nms.spec.config import load
from synth import flow, metrics, targets

UNITS = {"tiny": ["axi"], "edge": ["pe", "fitness", "grid"], "paper": ["pe", "newton"]}
"""Of the larger configurations, blocks whose formats or lanes ``tiny`` does not have."""

BASELINES = sorted(path.stem for path in metrics.BASELINES.glob("*.json"))


def test_each_configuration_has_baselines() -> None:
    assert BASELINES == sorted(f"{name}-{target}" for name in UNITS for target in ("generic", "osu018"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "unit"), [(name, unit) for name in BASELINES for unit in UNITS[name.split("-")[0]]]
)
def test_a_unit_is_as_it_was(name: str, unit: str, tmp_path) -> None:
    preset, target = name.split("-")
    if target == "osu018" and not targets.OSU018.is_file():
        pytest.skip("needs the cells of Debian's qflow-tech-osu018")
    results = flow.synthesise(load(preset), unit, targets.target(target), tmp_path)
    changes = metrics.compare([result.metrics for result in results], metrics.baseline(preset, target))
    assert len(changes) >= 5 * len(results)
    assert [change for change in changes if not change.within] == []
