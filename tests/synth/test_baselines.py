# SPDX-License-Identifier: Apache-2.0
"""What synthesis gives today, against the committed figures and the clocks that are promised."""

import json

import pytest

from nms.contract.config import load
from nms.synth import flow, metrics, targets

RECORDS = [
    (path.stem, block["unit"])
    for path in sorted(metrics.BASELINES.glob("*.json"))
    for block in json.loads(path.read_text())["blocks"]
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "unit"), list(dict.fromkeys(RECORDS)))
def test_a_unit_is_as_it_was(name: str, unit: str, tmp_path) -> None:
    preset, target = name.split("-")
    if target == "osu018" and not targets.OSU018.is_file():
        pytest.skip("needs the cells of Debian's qflow-tech-osu018")
    results = flow.synthesise(load(preset), unit, targets.select_target(target), tmp_path)
    changes = metrics.compare([result.metrics for result in results], metrics.load_baseline(preset, target))
    assert len(changes) >= 5 * len(results)
    assert [change for change in changes if not change.within] == []


@pytest.mark.parametrize("preset", ["herding", "lean"])
def test_a_whole_sampler_of_reduced_images_reaches_150_mhz(preset: str) -> None:
    """Without wires, at 180 nm; that the committed figure is today's, the test above shows."""
    (record,) = metrics.load_baseline(preset, "osu018")
    assert record["module"] == "near_memory_sampler"
    assert record["timing"]["fmax_mhz"] >= 150.0


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "device"), [("herding", "LFE5U-25F-6"), ("lean", "LFE5U-45F-6")])
def test_a_whole_sampler_of_reduced_images_reaches_60_mhz_on_ecp5(preset: str, device: str, tmp_path) -> None:
    """Placed and routed with one seed, in memories of one part, as an FPGA wants them."""
    config = load(preset).model_copy(update={"memory_parts": 1})
    (whole,) = flow.synthesise(config, "axi", targets.select_target("ecp5"), tmp_path)
    assert (whole.metrics["module"], whole.metrics["device"]) == ("near_memory_sampler", device)
    assert whole.metrics["timing"]["fmax_mhz"] >= 60.0
