# SPDX-License-Identifier: Apache-2.0
"""Draw the waveforms of a job for ``docs/guide/integration.md``, from the trace of a simulated run.

``nms run -c tiny --count 8 --perplexity 3 --iterations 10 --search window --waves -o out``, then
``python -m nms.waveforms out/near_memory_sampler.vcd docs/images``.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from nms.contract.readout import Phase
from nms.sim.verilator.traces import VCDVCD

PINS, TOP = "$rootio", "near_memory_sampler"
CHANNELS = ("s_axil_aw", "s_axil_ar", "m_axi_ar", "m_axi_r", "m_axi_w", "m_axis_t")
BINS = 400
"""Parts of the job for which the share of cycles with a transfer is drawn, for each channel."""
START = ("s_axil_awvalid", "s_axil_awready", "s_axil_awaddr", "s_axil_wdata", "s_axil_bvalid", "phase",
         "m_axi_arvalid", "m_axi_arready", "m_axi_araddr", "m_axi_arlen",
         "m_axi_rvalid", "m_axi_rready", "m_axi_rlast")  # fmt: skip
END = ("phase", "m_axis_tvalid", "m_axis_tready", "m_axis_tdata", "m_axis_tuser", "m_axis_tlast",
       "m_axi_wvalid", "m_axi_wready", "m_axi_wlast", "m_axi_bvalid", "irq")  # fmt: skip
INK, FILL = "#1f4e79", "#dbe7f3"


@dataclass(frozen=True)
class Net:
    """A net of ``width`` bits and its values just before each rising edge of ``aclk``."""

    width: int
    values: list[int]


def read(path: Path) -> dict[str, Net]:
    """Read the sampler's pins and its phase, by name, sampled as a register would sample them."""
    signals = [name for name in VCDVCD(str(path), only_sigs=True).signals if name.count(".") == 1]
    wanted = [n for n in signals if n.startswith(PINS) or n.partition("[")[0] == f"{TOP}.phase"]
    trace = VCDVCD(str(path), signals=wanted)
    rising = np.array([time for time, value in trace[f"{PINS}.aclk"].tv if value == "1"])
    nets = {}
    for name in wanted:
        times, values = zip(*trace[name].tv, strict=True)
        before = np.searchsorted(np.array(times), rising, side="left") - 1
        raw = [int(value, 2) if set(value) <= {"0", "1"} else 0 for value in values]
        nets[name.rpartition(".")[2].partition("[")[0]] = Net(
            int(trace[name].size), [raw[max(at, 0)] for at in before]
        )
    return nets


def transfers(nets: dict[str, Net], channel: str) -> np.ndarray:
    """Whether a channel transfers in each cycle, (cycles,) bool."""
    return np.array(nets[f"{channel}valid"].values) & np.array(nets[f"{channel}ready"].values)


def spans(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each stretch of equal values."""
    changes = [at for at, (old, new) in enumerate(pairwise(values), 1) if old != new]
    return pairwise([0, *changes, len(values)])


def draw_job(axes: Axes, nets: dict[str, Net], cycles: range) -> None:
    """Draw the phases of the job, the share of cycles in which each channel transfers, and the interrupt."""
    here = slice(cycles.start, cycles.stop)
    phase = np.array(nets["phase"].values[here])
    rows = ["phase", *CHANNELS, "irq"]
    for start, stop in spans(phase.tolist()):
        axes.barh(0, stop - start, 0.8, start, color=FILL, edgecolor=INK)
        if stop - start > len(phase) / 25:
            axes.text((start + stop) / 2, 0, Phase(phase[start]).name, ha="center", va="center", fontsize=7)
    edges = np.linspace(0, len(phase), min(BINS, len(phase)) + 1).astype(int)
    for row, channel in enumerate(CHANNELS, 1):
        share = np.add.reduceat(transfers(nets, channel)[here], edges[:-1]) / np.diff(edges)
        axes.bar(edges[:-1], 0.8 * share, np.diff(edges), row + 0.4 - 0.8 * share, align="edge", color=INK)
    irq = np.array(nets["irq"].values[here])
    axes.step(np.arange(len(irq)), len(rows) - 0.6 - 0.8 * irq, where="post", color=INK)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, len(phase))
    axes.set_xlabel("cycles of aclk")


def draw_nets(axes: Axes, nets: dict[str, Net], names: Sequence[str], cycles: range) -> None:
    """Draw nets as in a data sheet: single bits as levels, others as hexadecimal values."""
    for row, name in enumerate(names):
        net, times = nets[name], np.arange(len(cycles) + 1)
        values = net.values[cycles.start : cycles.stop]
        if net.width == 1:
            levels = row + 0.35 - 0.7 * np.array([*values, values[-1]])
            axes.step(times, levels, where="post", color=INK, linewidth=1)
            continue
        for start, stop in spans(values):
            across = [start, start + 0.15, stop - 0.15, stop, stop - 0.15, start + 0.15]
            down = row + np.array([0, -0.35, -0.35, 0, 0.35, 0.35])
            axes.fill(across, down, FILL, edgecolor=INK, linewidth=0.7)
            text = Phase(values[start]).name if name == "phase" else f"{values[start]:x}"
            if len(text) * len(cycles) / 90 <= stop - start:
                axes.text((start + stop) / 2, row, text, ha="center", va="center", fontsize=6)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, len(cycles))
    axes.set_xlabel(f"cycles of aclk from {cycles.start}")
    axes.grid(axis="x", linewidth=0.3)


def main(trace: Path, folder: Path) -> None:
    """Write ``job.png``, ``job_start.png`` and ``job_end.png``."""
    nets = read(trace)
    phase = np.array(nets["phase"].values)
    first_read = int(np.flatnonzero(transfers(nets, "m_axi_ar"))[0])
    start = int(np.flatnonzero(transfers(nets, "s_axil_aw")[:first_read])[-1])
    first_sent = int(np.flatnonzero(transfers(nets, "m_axis_t"))[0])
    done = int(np.flatnonzero(np.array(nets["irq"].values))[0])
    stop = min(done + 200, len(phase))
    for name, height, draw in (
        ("job", 2.6, lambda axes: draw_job(axes, nets, range(start - 100, stop))),
        ("job_start", 3.2, lambda axes: draw_nets(axes, nets, START, range(start - 4, start + 50))),
        ("job_end", 2.8, lambda axes: draw_nets(axes, nets, END, range(first_sent - 6, done + 6))),
    ):
        figure, axes = plt.subplots(figsize=(10, height), layout="constrained")
        axes.tick_params(labelsize=7, left=False)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        draw(axes)
        figure.savefig(folder / f"{name}.png", dpi=110)
        plt.close(figure)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
