# SPDX-License-Identifier: Apache-2.0
"""The blocks and testbenches of these tests, which are no package, loaded by their paths."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nms.rtl.export.emit import verilog
from nms.rtl.lib.hierarchy import Block
from nms.sim.verilator.runner import Outcome, simulate

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def blocks() -> ModuleType:
    """The module ``blocks.py``."""
    spec = importlib.util.spec_from_file_location("blocks", HERE / "blocks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def run() -> Callable[..., Outcome]:
    """Simulates a block with a testbench of ``tests/sim/testbenches``."""

    def simulate_block(block: Block, testbench: str, **options: Any) -> Outcome:
        text = options.pop("verilog", None) or verilog(block)
        search = [HERE / "testbenches"]
        return simulate(module=block.module, verilog=text, testbench=testbench, search=search, **options)

    return simulate_block
