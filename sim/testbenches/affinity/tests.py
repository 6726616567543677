# SPDX-License-Identifier: Apache-2.0
"""Tests of the affinities: every element equals the golden model's under stalls, after resets, in time."""

from typing import Any

import cocotb

from nms.sim.models.streams import Source, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.affinity.environment import BLOCK, CONFIG, Batch, begin, compare, fill


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """A full batch, a smaller and the smallest after each other."""
    await start(dut)
    for count in (CONFIG.images, max(CONFIG.images - 3, 4), 4):
        name = f"affinity {stalls.value} {count}"
        batch = Batch.draw(name, count)
        await fill(dut, batch, stalls)
        await compare(dut, batch, name, stalls)


@cocotb.test()
async def searched(dut: Any) -> None:
    """A batch as the search leaves it, with rows that have no solution."""
    await start(dut)
    batch = Batch.search("affinity searched", min(CONFIG.images, 16))
    await fill(dut, batch)
    await compare(dut, batch, "affinity searched")


@cocotb.test()
async def reset(dut: Any) -> None:
    """Reset within a row, between rows, in the drain, after it and in reads; then a clean run."""
    await start(dut)
    batch = Batch.draw("affinity reset", min(CONFIG.images, 7))
    for before in (2, 9, 23, 60, 74):
        begin(dut, batch)
        await cycles(dut, before)
        await reset_mid(dut)
        await cycles(dut, 20)
        assert not dut.done.value
    for before in (1, 2, 3, 4):
        await fill(dut, batch)
        Source(dut, "i_read").start(range(8))
        await cycles(dut, before)
        await reset_mid(dut)
        await cycles(dut, 20)
        assert not dut.o_read__valid.value
    await fill(dut, batch)
    await compare(dut, batch, "affinity after reset")


@cocotb.test()
async def pace(dut: Any) -> None:
    """Without pauses a batch takes as many cycles as documented."""
    await start(dut)
    batch = Batch.draw("affinity pace", CONFIG.images)
    begin(dut, batch)
    count, taken = batch.count, 0
    while not dut.done.value:
        await cycles(dut, 1)
        taken += 1
        assert taken < 10 * count * count
    assert taken == count * (3 * count - 1) // 2 + BLOCK.latency + 1, taken
