# SPDX-License-Identifier: Apache-2.0
"""The memories that ``nms show`` states are those of the emitted Verilog."""

import re
from collections import Counter

import pytest

from nms.contract.config import PRESETS, LeanConfig, SamplerConfig, load_published
from nms.rtl.export.emit import system_verilog
from nms.rtl.export.memories import list_memories


def count_memories(text: str, module: str) -> Counter[tuple[int, int]]:
    """Words and bits of a word of each memory in and below a module, from its Verilog."""
    bodies = {body.split("(")[0].strip(): body for body in re.split(r"^module ", text, flags=re.MULTILINE)}
    found: Counter[tuple[int, int]] = Counter(
        (int(top) + 1, int(high) + 1)
        for high, top in re.findall(r"^  reg \[(\d+):0\] \S+\s+\[(\d+):0\];", bodies[module], re.MULTILINE)
    )
    for inner in re.findall(r"^  (\w+)\s+\S+\s+\($", bodies[module], re.MULTILINE):
        found += count_memories(text, inner)
    return found


@pytest.mark.parametrize("preset", ["tiny", pytest.param("edge", marks=pytest.mark.slow)])
def test_memories_are_those_of_the_verilog(preset: str) -> None:
    config = PRESETS[preset]
    stated: Counter[tuple[int, int]] = Counter()
    for memory in list_memories(config):
        stated[memory.depth, memory.width] += memory.copies
    assert stated == count_memories(system_verilog(config), "near_memory_sampler")


def sum_bits(config: SamplerConfig) -> Counter[str]:
    """The bits of each memory, its halves and parts together."""
    bits: Counter[str] = Counter()
    for memory in list_memories(config):
        bits[re.split(r"\.(?:half|part)", memory.name)[0]] += memory.bits
    return bits


@pytest.mark.parametrize("preset", ["herding", "lean", "lean256"])
def test_what_must_be_on_chip_of_reduced_images_is(preset: str) -> None:
    """One batch of images, each distance and each P' once, positions; 300 kbit at 64 images."""
    config = PRESETS[preset]
    bits, n = sum_bits(config), config.images
    pairs = n * (n - 1) // 2
    assert bits["distances.images"] == n * 8 * config.pixels
    assert bits["pair_memory.pairs"] == pairs * config.derived.distance_width
    assert sum(bits.values()) <= 300_000 or n > 64
    if isinstance(config, LeanConfig):
        profile = config.profile
        assert bits["lean_map.affinities.pairs"] >= pairs * profile.affinity.width
        assert bits["lean_map.points"] == 2 * n * profile.position.width


@pytest.mark.parametrize("preset", ["tiny", "edge", "paper", "large"])
def test_what_must_be_on_chip_is(preset: str) -> None:
    """Two batches of images, each distance once, all of P', positions and velocities."""
    config = load_published(preset)
    bits = sum_bits(config)
    n, derived, profile = config.images, config.derived, config.profile
    assert bits["bank"] == 2 * n * derived.words * 8 * config.lanes
    assert bits["pea.distances"] == n * (n - 1) // 2 * derived.distance_width
    assert bits["affinity"] == n * n * profile.affinity.width
    assert bits["te.points"] == 2 * n * profile.position.width
    assert bits["te.row_velocities"] == 2 * n * profile.velocity.width


def list_unconditional_reads(text: str) -> list[str]:
    """Memories, with their modules, that some clocked port reads in every cycle."""
    found = []
    for body in re.split(r"^module ", text, flags=re.MULTILINE)[1:]:
        memories = set(re.findall(r"^  reg \[\d+:0\] (\S+)\s+\[\d+:0\];", body, re.MULTILINE))
        reads = re.findall(r"always @\(posedge \S+\)(?: begin)?\n\s*\S+ <= (\w+)\[", body)
        found += [f"{body.split('(')[0].strip()}.{name}" for name in reads if name in memories]
    return found


@pytest.mark.parametrize("preset", ["tiny", "herding", "lean"])
def test_no_memory_is_read_in_every_cycle(preset: str) -> None:
    """A read costs energy whether or not its word is wanted, and a port without an enable always reads."""
    text = system_verilog(PRESETS[preset])
    assert list_unconditional_reads(text) == []
    always = re.sub(r"if \(\S+\) begin\n(\s*\S+ <= \w+\[.*)\n\s*end", r"\1", text)
    assert len(list_unconditional_reads(always)) > 0
