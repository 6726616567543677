# SPDX-License-Identifier: Apache-2.0
"""The memories that ``nms show`` states are those of the emitted Verilog."""

import re
from collections import Counter

import pytest

from nms.contract.config import PRESETS
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


@pytest.mark.parametrize("config", PRESETS.values(), ids=lambda config: config.name)
def test_what_must_be_on_chip_is(config) -> None:
    """Two batches of images, each distance once, all of P', positions and velocities."""
    bits: Counter[str] = Counter()
    for memory in list_memories(config):
        bits[memory.name.split(".half")[0]] += memory.bits
    n, derived, profile = config.images, config.derived, config.profile
    assert bits["bank"] == 2 * n * derived.words * 8 * config.lanes
    assert bits["pea.distances"] == n * (n - 1) // 2 * derived.distance_width
    assert bits["affinity"] == n * n * profile.affinity.width
    assert bits["te.points"] == 2 * n * profile.position.width
    assert bits["te.row_velocities"] == 2 * n * profile.velocity.width
