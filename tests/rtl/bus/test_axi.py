# SPDX-License-Identifier: Apache-2.0
"""The AXI system: widths of the bus and of the words, and its regressions."""

from pathlib import Path

import pytest
from amaranth.sim import Simulator, SimulatorContext

from nms.contract.config import PRESETS, load
from nms.contract.registers import COUNTER_BITS
from nms.rtl.bus.axi import NearMemorySampler
from nms.rtl.bus.gearbox import Gearbox
from nms.rtl.export import emit
from nms.sim.check import check, simulate_block
from nms.sim.verilator.lint import lint


@pytest.mark.parametrize(
    ("a", "b"), [(8, 1), (8, 4), (4, 8), (8, 8), (8, 3), (3, 8), (16, 8), (8, 64), (64, 5)]
)
def test_gearbox(a: int, b: int) -> None:
    """Packets of all lengths come out whole, cut into words and marked, whoever pauses."""
    dut = Gearbox(a, b, 9)
    lengths = [1, a, b, a + 1, b + 1, 2 * a, 3 * b, 5 * a + 3, 2 * b + 1]
    packets = [bytes((7 * length + i) % 255 + 1 for i in range(length)) for length in lengths]
    found = []

    async def send(ctx: SimulatorContext) -> None:
        for place, packet in enumerate(packets):
            ctx.set(dut.length, len(packet))
            for start in range(0, len(packet), a):
                word = packet[start : start + a].ljust(a, b"\xff")  # what lies beyond the end is ignored
                ctx.set(dut.i.payload, int.from_bytes(word, "little"))
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
                await ctx.tick().repeat(1 + start % 3)
            while len(found) <= place:
                await ctx.tick()

    async def take(ctx: SimulatorContext) -> None:
        for packet in packets:
            got, last, words = b"", 0, 0
            while not last:
                ctx.set(dut.o.ready, 1)
                word = dut.o.p
                data, keep, last = await ctx.tick().sample(word.data, word.keep, word.last).until(dut.o.valid)
                ctx.set(dut.o.ready, 0)
                count = keep.bit_count()
                assert keep == (1 << count) - 1
                assert data >> 8 * count == 0
                got += data.to_bytes(b, "little")[:count]
                words += 1
                await ctx.tick().repeat(1 + words % 2)
            assert got == packet
            assert words == -(-len(packet) // b)
            found.append(got)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(take)
    simulator.run()
    assert found == packets


@pytest.mark.parametrize(
    ("preset", "quick", "least"),
    [
        ("tiny", True, 1500),
        ("herding", True, 500),
        pytest.param("lean", True, 2000, marks=pytest.mark.slow),
        pytest.param("tiny", False, 3000, marks=pytest.mark.slow),
        pytest.param("herding", False, 1400, marks=pytest.mark.slow),
        pytest.param("lean", False, 4000, marks=pytest.mark.slow),
    ],
)
def test_the_regressions_pass(preset: str, quick: bool, least: int) -> None:
    (result,) = check(PRESETS[preset], ["axi"], quick=quick)
    assert result, result.failures
    assert result.compared > least


@pytest.mark.slow
def test_reduced_images_are_sampled_picked_and_sent() -> None:
    config = load("tiny", ["side=8", "picks=1"])
    block = NearMemorySampler(config)
    outcome = simulate_block(
        block, "axi", config, emit.verilog(block), tests=["jobs", "lists"], parameters={"quick": True}
    )
    assert outcome, outcome.failures
    assert outcome.compared >= 700


def test_addresses_have_32_bits_and_counters_48() -> None:
    config = load("herding", ["address_bits=32"])
    block = NearMemorySampler(config)
    text = emit.verilog(block)
    assert len(block.m_axi_araddr) == len(block.m_axi_awaddr) == 32
    assert f"reg [{COUNTER_BITS - 1}:0] cycles_job = " in text
    outcome = simulate_block(
        block, "axi", config, text, tests=["places", "beyond", "registers"],
        parameters={"quick": True},
    )  # fmt: skip
    assert outcome, outcome.failures
    assert outcome.compared >= 160


@pytest.mark.slow
@pytest.mark.parametrize("outstanding", [1, 64])
def test_reads_overlap(outstanding: int) -> None:
    """Images keep coming from a slow memory, unless it serves one read after the other."""
    config = PRESETS["tiny"]
    block = NearMemorySampler(config)
    outcome = simulate_block(
        block, "axi", config, emit.verilog(block), parameters={"outstanding": outstanding}, tests=["latency"]
    )
    assert bool(outcome) == (outstanding > 1), outcome.failures
    assert outstanding > 1 or "of which 1024 are beats" in "".join(outcome.failures)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("tiny", ["bus_bits=32", "lanes=3"]),
        ("tiny", ["bus_bits=128", "lanes=3"]),
        ("tiny", ["bus_bits=512", "lanes=16"]),
        ("tiny", ["lanes=24"]),
        ("tiny", ["lanes=8", "pixels=2048"]),
        ("tiny", ["side=8"]),
        ("tiny", ["side=32", "picks=1", "lanes=1", "bus_bits=32"]),
        ("tiny", ["side=16", "picks=1", "lanes=24", "bus_bits=512", "formats=edge"]),
        ("herding", ["bus_bits=128", "images=37", "side=4"]),
        ("herding", ["bus_bits=32"]),
        ("herding", ["bus_bits=512"]),
        ("lean", ["bus_bits=32"]),
        ("tiny", ["address_bits=32"]),
        ("herding", ["address_bits=32", "bus_bits=32"]),
        ("lean", ["address_bits=32"]),
    ],
)
def test_the_regressions_pass_at_other_widths(preset: str, overrides: list[str]) -> None:
    (result,) = check(load(preset, overrides), ["axi"])
    assert result, result.failures


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("tiny", ["bus_bits=32", "lanes=3"]),
        ("tiny", ["bus_bits=64", "lanes=3"]),
        ("tiny", ["bus_bits=512", "lanes=3"]),
        ("tiny", ["side=8", "picks=1"]),
        ("herding", []),
        ("herding", ["bus_bits=32"]),
        ("lean", ["bus_bits=32"]),
        ("tiny", ["address_bits=32"]),
        ("lean", ["address_bits=32"]),
    ],
)
def test_lint_is_clean(preset: str, overrides: list[str], tmp_path: Path) -> None:
    path = tmp_path / "system.v"
    path.write_text(emit.system_verilog(load(preset, overrides)))
    assert lint(path, "near_memory_sampler") == []
