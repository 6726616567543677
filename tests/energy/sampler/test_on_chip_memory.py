# SPDX-License-Identifier: Apache-2.0
"""Energy of memories: through the macros that it is fitted to, and near a published figure."""

import numpy as np
import pytest

from nms.energy.sampler import on_chip_memory, technology


def test_memories_cost_what_their_macros_do():
    for macro in on_chip_memory.MACROS:
        shape = np.array([1, macro.width, macro.width * macro.depth])
        assert on_chip_memory.READ @ shape == pytest.approx(macro.read)
        assert on_chip_memory.WRITE @ shape == pytest.approx(macro.write)
    # 8 KB by 64 bits scaled to 45 nm, 0.9 V, beside 10 pJ of Horowitz, ISSCC 2014
    scaled = on_chip_memory.READ @ np.array([1, 64, 64 * 1024]) * technology.scale_factor(130, 1.2, 45, 0.9)
    assert 10 / 1.5 < scaled < 10 * 1.5
