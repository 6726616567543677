# SPDX-License-Identifier: Apache-2.0
"""Which tests a testbench has, written down by itself, so that the runner misses those that did not run."""

import json
import os
import re
import sys
from pathlib import Path

from cocotb.regression import Test, TestGenerator

from nms.sim.verilator.context import context


def list_tests() -> None:
    """Write the names of the tests that have to run; called by cocotb when it has loaded the testbench."""
    found: list[Test] = []
    for value in vars(sys.modules[os.environ["COCOTB_TEST_MODULES"]]).values():
        if isinstance(value, TestGenerator):
            found += value.generate_tests()
        elif isinstance(value, Test):
            found.append(value)
    names = [test.name for test in found if re.search(context().pattern, test.fullname)]
    Path(context().wanted).write_text(json.dumps(names))
