# SPDX-License-Identifier: Apache-2.0
"""Every block documents itself by one template, and names each of its members."""

import inspect
import re

import pytest

from nms.contract.config import load
from nms.rtl.array.pea_distances import DistancePhase
from nms.rtl.array.pea_images import ImageFetcher, ImageLoader
from nms.rtl.array.pea_rows import RowScan
from nms.rtl.array.pea_search import SearchPhase
from nms.rtl.bus.axi import NearMemorySampler
from nms.rtl.bus.register_file import RegisterFile
from nms.rtl.export.emit import Design
from nms.rtl.export.naming import RESERVED
from nms.rtl.lib.hierarchy import Block

SECTIONS = ["Parameters", "Members", "Latency", "Throughput", "Reset"]
BUSES = (NearMemorySampler, RegisterFile)
"""Blocks with the ports of a standard, which are not named one by one."""


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    """One of each class."""
    config = load("tiny", ["picks=1"])
    found = list(Design(NearMemorySampler(config)).blocks.values())
    found += [kind(config) for kind in (DistancePhase, RowScan, SearchPhase, ImageLoader, ImageFetcher)]
    found += Design(NearMemorySampler(load("lean"))).blocks.values()
    return list({type(block): block for block in found}.values())


def test_sections(blocks: list[Block]) -> None:
    assert len(blocks) == 38
    for block in blocks:
        text = inspect.getdoc(type(block)) or ""
        titles = re.findall(r"^(\w+)\n-{3,}$", text, re.MULTILINE)
        assert titles in (SECTIONS, [*SECTIONS, "Raises"]), type(block).__name__


def test_members(blocks: list[Block]) -> None:
    for block in blocks:
        text = inspect.getdoc(type(block)) or ""
        section = re.search(r"^Members\n-+\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
        assert section is not None
        items = re.findall(r"^([\w, ]+?) :", section[1], re.MULTILINE)
        named = {name for item in items for name in item.split(", ")}
        members = set(block.signature.members)
        assert named <= members, type(block).__name__
        if not isinstance(block, BUSES):
            assert named == members, type(block).__name__


def test_no_member_is_a_reserved_word(blocks: list[Block]) -> None:
    """Its port would have to be escaped in Verilog and in whatever binds to it."""
    for block in blocks:
        assert not RESERVED & set(block.signature.members), type(block).__name__


def test_parameters(blocks: list[Block]) -> None:
    for block in blocks:
        text = inspect.getdoc(type(block)) or ""
        section = re.search(r"^Parameters\n-+\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
        assert section is not None
        named = [
            name for item in re.findall(r"^(\S.*?) : ", section[1], re.MULTILINE) for name in item.split(", ")
        ]
        assert named == list(inspect.signature(type(block)).parameters), type(block).__name__
