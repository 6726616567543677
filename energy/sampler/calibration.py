# SPDX-License-Identifier: Apache-2.0
"""Calibrate the blocks of a configuration: fit coefficients at gate level, and judge them on unseen runs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nms.contract.config import SamplerConfig
from nms.contract.provenance import digest
from nms.energy.sampler.cache import load_or_run
from nms.energy.sampler.fit import Coefficients, Judgement, fit, judge
from nms.energy.sampler.gate_reference import GateReference, measure_blocks
from nms.energy.sampler.netlist_energy import OperatingPoint
from nms.energy.sampler.netlists import map_blocks
from nms.energy.sampler.power_library import PowerLibrary
from nms.energy.sampler.small_jobs import list_jobs
from nms.sim.activity.intervals import InstrumentedSampler, Workload

UNSEEN = ("vectors", "configuration")
"""What is new to the fit where it is judged."""


@dataclass(frozen=True)
class Calibration:
    """Coefficients of every block, and how good they are.

    Members
    -------
    coefficients : by block; none for blocks in which nothing toggles
    judgements : by :data:`UNSEEN`, and by block: on the second and third of
        :func:`nms.energy.sampler.small_jobs.list_jobs`
    coverage : share of the pin capacitance of each block's netlist whose toggles are known; the least of all
        runs
    compared : registers of netlists whose next values were compared with the RTL's, and match
    """

    coefficients: dict[str, Coefficients]
    judgements: dict[str, dict[str, Judgement]]
    coverage: dict[str, float]
    compared: int


def calibrate(
    job: Workload,
    seed: int,
    files: Sequence[Path],
    library: PowerLibrary,
    point: OperatingPoint,
    build: Callable[[SamplerConfig], InstrumentedSampler],
    tell: Callable[[str], None],
    judging: bool = True,
    clock_gating: bool | None = None,
) -> Calibration:
    """Fit every block of the configuration of ``job``, shrunk to a small one, on the images of ``job``.

    Parameters
    ----------
    files : Liberty files of ``library``
    build : builds a configuration's sampler with counters
    tell : is told what is being done
    judging : whether to judge the fit as well, which takes two more runs and another sampler
    clock_gating : that of :class:`nms.synth.targets.Target`

    Raises
    ------
    ToolError
        A tool failed.
    RuntimeError
        A netlist does not match the RTL.
    """
    texts = [hashlib.sha256(text.encode()).hexdigest() for text in library.texts]

    def measure(small: Workload) -> GateReference:
        counted = build(small.config)

        def run() -> GateReference:
            activity = counted.measure(small, small.settings.seed, rows=True)
            netlists = map_blocks(counted.emitted, files, tell, clock_gating=clock_gating)
            return measure_blocks(activity, netlists, library, point, tell)

        key = [
            counted.design.verilog, small.settings, digest(small.images), texts, point.wire, point.voltage,
            clock_gating,
        ]  # fmt: skip
        return load_or_run(key, run)

    jobs = list_jobs(job, seed)
    learned, *unseen = map(measure, jobs if judging else jobs[:1])
    coefficients = {module: fit(sample) for module, sample in learned.samples.items() if sample.toggles.any()}

    judgements = {
        name: {
            module: judge(fitted, learned.samples[module], run.samples[module])
            for module, fitted in coefficients.items()
            if run.samples[module].energy.any()
        }
        for name, run in zip(UNSEEN, unseen, strict=False)
    }
    runs = (learned, *unseen)
    return Calibration(
        coefficients,
        judgements,
        {m: min(run.coverage[m] for run in runs) for m in learned.coverage},
        sum(run.compared for run in runs),
    )
