# SPDX-License-Identifier: Apache-2.0
"""The cache of energies at gate level: the same job runs once, another one does not take its place."""

import numpy as np
import pytest

from nms.energy.sampler import cache, gate_sim
from nms.energy.sampler.fit import BlockSample
from nms.energy.sampler.gate_reference import GateReference


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Calls of the job so far; the cache is empty."""
    monkeypatch.setenv("NMS_CACHE", str(tmp_path))
    return []


def measure(runs):
    def run() -> GateReference:
        runs.append(len(runs))
        toggles, energy = np.full((2, 1, 4), len(runs)), np.full((2, 2), 1e-12)
        return GateReference({"pe": BlockSample(toggles, energy, np.array([32, 31]))}, {"pe": 0.5}, 7)

    return run


def test_a_job_runs_once(runs):
    first, again = (cache.load_or_run(["netlist", 1.2], measure(runs)) for _ in range(2))
    assert runs == [0]
    assert (again.coverage, again.compared) == ({"pe": 0.5}, 7)
    for name in ("toggles", "energy", "cycles"):
        one, other = (getattr(reference.samples["pe"], name) for reference in (first, again))
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_another_key_and_another_source_run_again(runs, tmp_path, monkeypatch):
    cache.load_or_run(["netlist", 1.2], measure(runs))
    other = cache.load_or_run(["netlist", 1.1], measure(runs))
    assert runs == [0, 1]
    assert other.samples["pe"].toggles[0, 0, 0] == 2
    changed = tmp_path / "gate_sim.py"
    changed.write_text("# changed\n")
    monkeypatch.setattr(gate_sim, "__file__", str(changed))
    cache.load_or_run(["netlist", 1.2], measure(runs))
    assert runs == [0, 1, 2]


def test_a_job_that_fails_leaves_nothing(runs, tmp_path):
    def fail() -> GateReference:
        raise RuntimeError("the netlist does not match")

    with pytest.raises(RuntimeError, match="does not match"):
        cache.load_or_run(["netlist", 1.2], fail)
    assert list(tmp_path.iterdir()) == []
    cache.load_or_run(["netlist", 1.2], measure(runs))
    assert runs == [0]
