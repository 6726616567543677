# SPDX-License-Identifier: Apache-2.0
"""Tests of the lean search: rows and shares equal the golden model's, under stalls, after resets, in time."""

from typing import Any

import cocotb

from nms.contract.tables import Status
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Stalls, cycles, pulse, reset_mid, start
from nms.sim.testbenches.lean_search.environment import CONFIG, KINDS, Batch, PairMemory, expect, run


@cocotb.test()
@cocotb.parametrize(kind=list(KINDS))
async def batches(dut: Any, kind: str) -> None:
    """Batches of every kind and of any size, with any target and number of evaluations."""
    await start(dut)
    rng = generator(f"sizes of {kind}")
    largest = min(CONFIG.images, 24)
    for number, count in enumerate([4, largest, *rng.integers(4, largest + 1, 6)]):
        name = f"{kind} {number}"
        await run(dut, Batch.draw(kind, name, int(count)), name)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.CONSUMER, Stalls.RANDOM])
async def streams(dut: Any, stalls: Stalls) -> None:
    """Rows that are not taken at once."""
    await start(dut)
    name = f"stalls {stalls.value}"
    await run(dut, Batch.draw("clusters", name, min(CONFIG.images, 16)), name, stalls)


@cocotb.test()
async def ties(dut: Any) -> None:
    """Rows that end by as many ties as the target, by more, and rows between them that are searched."""
    await start(dut)
    count = min(CONFIG.images, 16)
    for target in (1, 257, 258, 513, 600):
        batch = Batch(KINDS["few_values"](generator(f"ties {target}"), count), target)
        await run(dut, batch, f"ties {target}")


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in every stage of a search and of the affinities; then a clean run."""
    await start(dut)
    batch = Batch.draw("clusters", "reset", 5)
    for phase, durations in (("search", (3, 9, 16, 25, 31, 60, 90, 120)), ("affinity", (2, 6, 12, 30))):
        for before in durations:
            task = cocotb.start_soon(PairMemory(dut, batch.distance, lambda share: None).run())
            dut.count.value, dut.target.value, dut.evaluations.value = 5, batch.target, batch.evaluations
            await pulse(dut, phase)
            await cycles(dut, before)
            task.cancel()
            await reset_mid(dut)
            await cycles(dut, 20)
            assert not dut.o_rows__valid.value
            assert not dut.share_valid.value
    await run(dut, batch, "after reset")


@cocotb.test()
async def pace(dut: Any) -> None:
    """A full batch takes the cycles that are documented."""
    await start(dut)
    count = CONFIG.images
    batch = Batch(KINDS["clusters"](generator("pace"), count), 150 * (count - 1).bit_length())
    searching, sharing = await run(dut, batch, "pace")
    items, _ = expect(batch)
    made = [item["evaluations"] for item in items]
    least = 1 + sum(count + 25 + evaluations * (count + 16) for evaluations in made)
    divisions = sum(max(evaluations - 2, 0) for evaluations in made)
    given_up = sum(item["status"] == Status.UNCONVERGED for item in items)
    assert least <= searching <= least + 25 * divisions + given_up * (count + 16), searching
    assert sharing == 1 + count * (count + 8), sharing
