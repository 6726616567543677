# SPDX-License-Identifier: Apache-2.0
"""Technology nodes: inferred from names of files, and scaled as published."""

from pathlib import Path

import pytest

from nms.contract.errors import UserError
from nms.energy.sampler import technology


def test_the_node_is_given_or_inferred_from_the_names_of_all_files():
    assert technology.infer_node([Path("sky130hd_tt.lib.gz")], None) == 130
    assert technology.infer_node([Path("ASAP7_seq.lib"), Path("asap7_simple.lib")], None) == 7
    assert technology.infer_node([Path("sky130hd_tt.lib.gz")], 90) == 90
    with pytest.raises(UserError, match=r"'mine\.lib': cannot infer the technology node; pass --node NM"):
        technology.infer_node([Path("mine.lib"), Path("sky130.lib")], None)


def test_scaling_gives_the_published_factor_and_stays_within_the_table():
    assert technology.scale_factor(45, 0.9, 28, 0.9) == pytest.approx(
        0.51, abs=0.03
    )  # Stillmaker and Baas, table
    assert (
        technology.operation_energy(32, 0.9)
        > technology.operation_energy(28, 0.9)
        > technology.operation_energy(20, 0.9)
    )
    with pytest.raises(ValueError, match="7 to 180"):
        technology.operation_energy(5, 0.9)
    between = technology.bracket((130, 1.2, 5e-6), (7, 0.7, 5e-8))
    assert between.low <= between.high
    assert between.ends == (5e-8, 5e-6)
