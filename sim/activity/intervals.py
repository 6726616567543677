# SPDX-License-Identifier: Apache-2.0
"""Toggles of a whole sampler by phase, in as many counting intervals as their mean needs to be known well."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np

from nms.contract.config import SamplerConfig
from nms.contract.readout import Phase
from nms.contract.settings import LeanSettings, Settings
from nms.rtl.core import make_core
from nms.rtl.export import emit
from nms.sim.activity.instrument import KINDS, InstrumentedDesign, instrument
from nms.sim.activity.toggles import Interval, Mean, Recording, estimate, record, sample_intervals
from nms.sim.models.streams import Stalls

TOLERANCE = 0.05
"""Standard error over mean that is good enough, in each phase."""

AIM = 0.03
"""The same, as planned from the pilot's intervals."""

LENGTH = 32
"""Cycles of a counting interval."""

FIRST = 128
"""Intervals that are drawn in each phase at least. What happens in fewer than one of so many parts of a phase
and nowhere else may stay unseen."""

IDLE = 100
"""Cycles between reset and job. After them pipelines without a reset no longer hold what the simulation began
with, which no netlist has."""


@dataclass(frozen=True)
class Workload:
    """What the sampler is to do; ``images`` (N, D) uint8."""

    config: SamplerConfig
    settings: Settings | LeanSettings
    images: np.ndarray


@dataclass(frozen=True)
class Activity:
    """Toggles of one run.

    Members
    -------
    design : the instrumented sampler; its instances are the keys of the recording
    recording : what was counted
    phase : of each interval
    weights : of each interval; a weighted sum over a phase's intervals stands for all its cycles
    lengths : cycles of each phase, as the sampler's ``phase`` says and its own counters confirm
    means : toggles a cycle of all modules, by phase
    trials : values of beta that the search tried
    """

    design: InstrumentedDesign
    recording: Recording
    phase: np.ndarray
    weights: np.ndarray
    lengths: dict[Phase, int]
    means: dict[Phase, Mean]
    trials: int

    @property
    def phases(self) -> list[Phase]:
        """The phases of a batch, in order."""
        return list(self.lengths)

    def intervals(self, phase: Phase) -> np.ndarray:
        """Numbers of the intervals in a phase."""
        return np.flatnonzero(self.phase == phase)


Count = Callable[[list[Interval], bool], tuple[Recording, dict[str, int]]]
"""Runs a job, counting in the intervals; the second argument asks for the rows of the traced instances.

Returns the recording, and the hardware's own counters.
"""


class InstrumentedSampler:
    """A sampler with counters, built once for a configuration and run on any job."""

    def __init__(self, config: SamplerConfig, tell: Callable[[str], None] | None = None):
        self.tell = tell or (lambda text: None)
        self.tell("emitting Verilog with counters")
        core = make_core(config)
        self.emitted = emit.Design(core)
        self.blocks = list(self.emitted.blocks)
        self.design = instrument(self.emitted.verilog(), core.module, phase="phase", traced=self.blocks)

    def record(
        self, job: Workload, intervals: list[Interval], rows: bool = False
    ) -> tuple[Recording, dict[str, int]]:
        """Run a job, counting in the intervals; the recording, and the hardware's own counters."""
        with tempfile.TemporaryDirectory() as folder:
            given, result = Path(folder) / "images.npy", Path(folder) / "result.npz"
            np.save(given, job.images)
            found = record(
                self.design,
                intervals,
                testbench="nms.sim.testbenches.jobs.native",
                parameters={
                    "config": job.config.model_dump(),
                    "settings": asdict(job.settings),
                    "images": str(given),
                    "result": str(result),
                    "stalls": Stalls.NONE.value,
                    "idle": IDLE,
                },
                rows=rows,
            )
            with np.load(result) as values:
                counters = {
                    name.removeprefix("cycles_"): int(values[name])
                    for name in values
                    if name.startswith("cycles_")
                }
                return found, counters | {"trials": int(values["trials"])}

    def measure(self, job: Workload, seed: int, *, complete: bool = False, rows: bool = False) -> Activity:
        """:func:`measure_activity` of a job."""
        return measure_activity(
            self.design, job.config.phases, partial(self.record, job), seed,
            complete=complete, rows=rows, tell=self.tell,
        )  # fmt: skip


def measure_activity(
    design: InstrumentedDesign,
    phases: Sequence[Phase],
    count: Count,
    seed: int,
    *,
    complete: bool = False,
    rows: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Activity:
    """Count a job's toggles: in intervals drawn from ``seed``, or in all cycles if ``complete``.

    A first run tells when the phases begin and end. Intervals of a second one, the pilot, tell how many
    it takes for a standard error of :data:`AIM`; they themselves are not used, as the mean of intervals
    that are kept because they agree is biased. A phase whose error still exceeds :data:`TOLERANCE` has
    its intervals doubled; short phases are counted whole.

    Raises
    ------
    RuntimeError
        The sampler's counters of cycles differ from the phases that were seen.
    """
    tell("finding the phases")
    plain, counters = count([], False)
    spans = {phase: plain.spans(phase) for phase in phases}
    lengths = {phase: sum(stop - start for start, stop in found) for phase, found in spans.items()}
    for phase, length in lengths.items():
        if counters[phase.name.lower()] != length:
            raise RuntimeError(f"phase {phase.name.lower()}: {length} cycles seen, {counters} counted")
    rng = np.random.default_rng(seed)

    def count_in(wanted: dict[Phase, int], rows: bool) -> Activity:
        placed = sorted(
            (*interval, weight, phase)
            for phase in phases
            for interval, weight in sample_intervals(spans[phase], wanted[phase], LENGTH, rng)
        )
        tell(f"counting in {len(placed)} intervals")
        recording, _ = count([(start, stop) for start, stop, _, _ in placed], rows)
        if recording.phases != plain.phases:
            raise RuntimeError("two runs of one job differ in their phases")
        weights, numbers = (np.array([interval[n] for interval in placed]) for n in (2, 3))
        toggles = np.sum([sums[:, : len(KINDS) - 1].sum(axis=1) for sums in recording.sums.values()], axis=0)
        means = {
            phase: estimate(toggles[at], recording.cycles[at], weights[at])
            for phase in phases
            for at in [numbers == phase]
        }
        return Activity(design, recording, numbers, weights, lengths, means, counters["trials"])

    if complete:
        return count_in(lengths, rows)
    pilot = count_in(dict.fromkeys(phases, FIRST), rows=False)
    wanted = {
        phase: ceil(FIRST * max(1.0, (mean.relative / AIM) ** 2)) for phase, mean in pilot.means.items()
    }
    while True:
        found = count_in(wanted, rows)
        coarse = [phase for phase, mean in found.means.items() if mean.relative > TOLERANCE]
        if not coarse:
            return found
        for phase in coarse:
            wanted[phase] *= 2
