# SPDX-License-Identifier: Apache-2.0
"""A block in the testbench of its unit."""

from collections.abc import Callable
from typing import Any

import pytest

from nms.contract.config import Config
from nms.rtl.export.emit import verilog
from nms.rtl.lib.hierarchy import Block
from nms.sim.check import simulate_block


@pytest.fixture(scope="session")
def check_block() -> Callable[..., int]:
    """Simulates a block in the testbench of a unit: all tests must pass. Returns the values compared.

    Options are those of :func:`nms.sim.check.simulate_block`.
    """

    def simulate(block: Block, unit: str, config: Config, **options: Any) -> int:
        outcome = simulate_block(block, unit, config, verilog(block), **options)
        assert outcome, outcome.failures
        return outcome.compared

    return simulate
