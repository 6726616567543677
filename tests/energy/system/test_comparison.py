# SPDX-License-Identifier: Apache-2.0
"""Systems, published ratios, break-even and the sweep: identities that hold whatever the parameters are."""

from dataclasses import astuple, replace
from itertools import pairwise

import pytest

from nms.energy.system import sensitivity
from nms.energy.system.comparison import (
    compare_activations,
    compare_systems,
    energy_per_bit,
    find_break_even,
    reproduce_published,
)
from nms.energy.system.dram import DramSystem
from nms.energy.system.parameters import load
from nms.energy.system.training_traffic import SamplerProfile, Traffic, Training, count_traffic, dq_passes

TABLE = load()
MEMORY = DramSystem(TABLE)
CIFAR = Training(images=50_000, image_bytes=3072, ratio=0.3)
SAMPLER = SamplerProfile("NMS", sweeps=1.0, written=25.5, batch=64, energy=2e-6)
SIZE = 50_000 * 3072


def traffic_of(training: Training, sampler: SamplerProfile = SAMPLER) -> dict[str, Traffic]:
    return {row.name: row for row in count_traffic(TABLE, training, [sampler])}


class TestBytes:
    @pytest.mark.parametrize("ratio", [0.1, 0.3, 19 / 64, 1.0])
    def test_whole_to_nms_over_the_board_is_one_over_f(self, ratio: float) -> None:
        table = {
            row.traffic.name: row for row in compare_systems(MEMORY, replace(CIFAR, ratio=ratio), [SAMPLER])
        }
        assert table["whole data set"].traffic.board / table["NMS"].traffic.board == pytest.approx(1 / ratio)
        for one, other in zip(
            astuple(table["whole data set"].board), astuple(table["NMS"].board), strict=True
        ):
            assert one * ratio == pytest.approx(other)

    def test_random_moves_what_nms_moves_on_the_board_and_nothing_inside(self) -> None:
        table = traffic_of(CIFAR)
        assert table["class-balanced random"].board == table["NMS"].board == pytest.approx(200 * 0.3 * SIZE)
        assert table["class-balanced random"].package == 0

    def test_the_package_carries_what_was_counted(self) -> None:
        nms = traffic_of(CIFAR, replace(SAMPLER, sweeps=1.25))["NMS"]
        assert nms.package_read == 1.25 * SIZE
        assert nms.package_written == 25.5 * 50_000
        assert nms.samplings == 50_000

    def test_dq(self) -> None:
        """1 + 0.9 + ... + 0.2 passes for features, so many more for each epoch of selection, and 3."""
        assert dq_passes(TABLE, 0) == pytest.approx(5.4 + 3)
        assert dq_passes(TABLE, 40) == pytest.approx(41 * 5.4 + 3)
        table = traffic_of(CIFAR)
        over = {name: row.board / table["NMS"].board for name, row in table.items()}
        assert over["DQ, 0 selection epochs"] == pytest.approx(68.4 / 60)
        assert round(over["DQ, 0 selection epochs"], 1) == 1.1
        assert round(over["DQ, 40 selection epochs"], 1) == 4.7

    def test_nessa_scans_inside_and_sends_weights_back(self) -> None:
        nessa = traffic_of(replace(CIFAR, reselect=7))["NeSSA"]
        assert nessa.package_read == 29 * SIZE
        assert nessa.board_read == 200 * 0.3 * SIZE
        assert nessa.board_written == 29 * TABLE.nessa.feedback_bytes.value

    def test_a_sampler_that_selects_again(self) -> None:
        nms = traffic_of(replace(CIFAR, sampler_reselect=30))["NMS"]
        assert nms.package_read == 7 * SIZE
        assert nms.samplings == 7 * 50_000

    def test_a_subset_that_stays_crosses_once_a_selection(self) -> None:
        table = traffic_of(replace(CIFAR, subset_stays=True, reselect=50))
        assert table["NMS"].board == table["class-balanced random"].board == pytest.approx(0.3 * SIZE)
        assert table["NeSSA"].board_read == pytest.approx(4 * 0.3 * SIZE)
        assert table["whole data set"].board == 200 * SIZE

    def test_no_epochs(self) -> None:
        """Nothing is trained; but DQ has selected over the board, and the sampler has sampled."""
        table = {
            row.traffic.name: row for row in compare_systems(MEMORY, replace(CIFAR, epochs=0), [SAMPLER])
        }
        for name in ("whole data set", "class-balanced random", "NeSSA"):
            assert table[name].total == 0
        assert table["NMS"].board.total == 0
        assert table["NMS"].package.total > 0
        assert table["NMS"].sampler == pytest.approx(0.1)
        assert table["DQ, 0 selection epochs"].traffic.board == pytest.approx(8.4 * SIZE)


class TestTotals:
    def test_parts_and_sampler_make_the_total(self) -> None:
        for row in compare_systems(MEMORY, CIFAR, [SAMPLER]):
            parts = sum(astuple(row.board)) + sum(astuple(row.package)) + (row.sampler or 0)
            assert row.total == pytest.approx(parts)

    def test_an_unknown_sampler_is_unknown_not_free(self) -> None:
        (row,) = [
            row
            for row in compare_systems(MEMORY, CIFAR, [replace(SAMPLER, energy=None)])
            if row.traffic.sampler
        ]
        assert row.sampler is None
        (point,) = find_break_even(MEMORY, CIFAR, [replace(SAMPLER, energy=None)])
        assert point.own is None

    def test_energy_is_linear_in_epochs_and_images(self) -> None:
        one, ten = (
            {row.traffic.name: row.total for row in compare_systems(MEMORY, training, [SAMPLER])}
            for training in (CIFAR, replace(CIFAR, images=500_000))
        )
        for name in set(one) - {"NeSSA"}:  # its weights do not grow with the images
            assert ten[name] == pytest.approx(10 * one[name])


LINES = {line.system: line for line in reproduce_published(MEMORY, 3072)}


class TestPublished:
    def test_nessa(self) -> None:
        """One scan and one round trip of the subset an epoch, charged to the board: (1 + 2f)/f."""
        assert LINES["NeSSA"].passes_ratio == pytest.approx(1.6 / 0.3)
        assert round(LINES["NeSSA"].passes_ratio, 1) == 5.3
        assert LINES["NeSSA"].energy_ratio == pytest.approx(5.3, abs=0.05)

    def test_dq(self) -> None:
        """About 15 passes give 50.4; what its code does gives 29 or 749."""
        line = LINES["DQ, published 50.4"]
        assert line.passes_ratio == pytest.approx(50.4)
        assert line.passes == pytest.approx(15, abs=0.2)
        assert "needs 14.8 passes" in line.assumption
        assert "not predicted" in line.assumption
        assert LINES["DQ, 0 selection epochs"].passes_ratio == pytest.approx(29)
        assert LINES["DQ, 40 selection epochs"].passes_ratio == pytest.approx(749)

    def test_the_others(self) -> None:
        assert LINES["whole data set"].passes_ratio == pytest.approx(1 / 0.3)
        assert LINES["NMS"].passes_ratio == LINES["class-balanced random"].passes_ratio == 1


class TestBreakEven:
    POINT = find_break_even(MEMORY, CIFAR, [SAMPLER])[0]

    def test_by_hand(self) -> None:
        bit = energy_per_bit(MEMORY, 3072, SAMPLER)
        saved = 0.7 * 8 * 3072 * bit["read over the board"].total
        read = 8 * 3072 * bit["read inside the package"].total
        assert self.POINT.saved == pytest.approx(saved)
        assert self.POINT.moved == pytest.approx(read, rel=0.02)  # the results on top
        assert self.POINT.moved > read
        assert self.POINT.epochs(2e-6) == pytest.approx((self.POINT.moved + 2e-6) / saved)

    def test_the_budget_breaks_even_in_one_epoch(self) -> None:
        assert self.POINT.epochs(self.POINT.budget) == pytest.approx(1)
        stays = find_break_even(MEMORY, replace(CIFAR, subset_stays=True), [SAMPLER])[0]
        assert stays.epochs(stays.budget) == pytest.approx(1)

    @pytest.mark.parametrize("stays", [False, True])
    def test_is_where_the_totals_meet(self, stays: bool) -> None:
        """Before it the whole data set is cheaper, after it the sampler is."""
        training = replace(CIFAR, subset_stays=stays)
        crossing = find_break_even(MEMORY, training, [SAMPLER])[0].epochs(2e-6)
        assert crossing is not None
        for epochs in (int(crossing), int(crossing) + 1):
            table = {
                r.traffic.name: r.total
                for r in compare_systems(MEMORY, replace(training, epochs=epochs), [SAMPLER])
            }
            assert (table["NMS"] < table["whole data set"]) == (epochs > crossing)

    def test_keeping_all_never_pays(self) -> None:
        assert find_break_even(MEMORY, replace(CIFAR, ratio=1.0), [SAMPLER])[0].epochs(0.0) is None

    def test_a_large_image_pays_for_the_same_sampler_sooner(self) -> None:
        large = find_break_even(MEMORY, replace(CIFAR, image_bytes=150_528), [SAMPLER])[0]
        small = self.POINT
        assert large.saved / small.saved == pytest.approx(49, rel=0.02)
        assert large.epochs(2e-6) < small.epochs(2e-6)  # type: ignore[operator]


class TestActivations:
    @pytest.mark.parametrize(
        ("image_bytes", "saved", "percent"), [(3072, 4915200, 0.03), (150528, 19869696, 0.4)]
    )
    def test_share_of_the_images(self, image_bytes: int, saved: float, percent: float) -> None:
        found = compare_activations(MEMORY, image_bytes, saved, 32)
        assert found.activation_bytes == 2 * saved
        assert found.share_bytes == image_bytes / (image_bytes + 2 * saved)
        assert 100 * found.share_bytes == pytest.approx(percent, rel=0.1)
        assert found.share_energy == pytest.approx(found.share_bytes, rel=0.05)

    def test_fewer_bits_cost_less_in_proportion(self) -> None:
        full, few = (compare_activations(MEMORY, 3072, 4915200, bits) for bits in (32, 2))
        assert few.activation_bytes == full.activation_bytes / 16
        assert few.activation_energy == pytest.approx(full.activation_energy / 16, rel=1e-3)

    def test_layers_of_the_network(self) -> None:
        """ResNet-18: a stem, stages of four convolutions, shortcuts from the second on; 2 x 4 bytes each."""
        for side, stem_side, saved in ((32, 32, TABLE.cifar10), (56, 112, TABLE.imagenet224)):
            outputs = 64 * stem_side**2
            for stage in range(4):
                outputs += (64 << stage) * (side >> stage) ** 2 * (5 if stage else 4)
            assert saved.activation_bytes.value == 8 * outputs


class TestSensitivity:
    def test_corners_are_all_combinations(self) -> None:
        cases = list(sensitivity.vary_all(TABLE, "tsv"))
        assert len({case.name for case in cases}) == len(cases) == 3 * 3 * 3 * 3 * 2
        assert sum(case.name == "as given" for case in cases) == 1
        most = next(case for case in cases if case.name.startswith("DRAM core x 1.3, trace capacitance x 2"))
        assert most.parameters.trace.capacitance.value == 12.5

    def test_verdicts(self) -> None:
        found = sensitivity.check_all_combinations(TABLE, "ucie_standard", CIFAR, [SAMPLER], 4915200)
        by = {line.conclusion: line for line in found}
        assert len(by) == 9
        for line in found:
            assert line.least <= line.given <= line.most
            assert line.of == 162
            assert (line.holds == line.of) == (not line.fails)
        location = by["a bit costs less inside the package (board : package)"]
        assert 1 < location.least < location.given < location.most < 3
        own = by["NMS: package traffic and sampler paid back within one epoch (epochs)"]
        assert (own.holds, own.fails) == (0, "as given")  # 2 uJ are seven epochs of an image of 3 KB
        alone = by["NMS: its package traffic alone paid back within one epoch (epochs)"]
        assert 0 < alone.holds < alone.of
        assert alone.fails == "use of the bus x 0.25"

    def test_one_by_one_moves_as_it_must(self) -> None:
        """A dearer core or link makes the package less attractive, a dearer board more."""
        found = {
            case.name: sensitivity.check_conclusions(
                case.parameters, "ucie_standard", CIFAR, [SAMPLER], None
            )[0].value
            for case in sensitivity.vary_one_by_one(TABLE, "ucie_standard")
        }
        for less, more in pairwise(("DRAM core x 1.3", "as given", "DRAM core x 0.7")):
            assert found[less] < found[more]
        for less, more in pairwise(("trace capacitance x 0", "as given", "trace capacitance x 2")):
            assert found[less] < found[more]
        assert found["link in the package x 4"] < found["as given"] < found["link in the package x 0.1"]
