# SPDX-License-Identifier: Apache-2.0
"""Energy of a transfer: against formulas worked out by hand, published figures, and itself."""

from dataclasses import astuple
from pathlib import Path

import pytest

from nms.contract.errors import UserError
from nms.energy.system.dram import Commands, DramSystem, Pattern, TransferEnergy
from nms.energy.system.parameters import load

TABLE = load()
MEMORY = DramSystem(TABLE)
VDD, CLOCK, BITS = 1.2, 0.63, 64
"""Volt, ns, and the bits that one device gives in a burst of four cycles."""

REFRESHED = 4 / 12480
"""The share of bursts, on a bus that never waits, that a refresh precedes."""


def pj_per_bit(energy: TransferEnergy, count: int) -> dict[str, float]:
    return {part: value * 1e12 / (8 * count) for part, value in vars(energy).items()}


class TestCore:
    """mA x V x ns = pJ, of one device; all devices of the rank share the bits."""

    def test_read_and_write(self) -> None:
        read = pj_per_bit(MEMORY.core(1 << 20, 1 << 20), 1 << 20)
        write = pj_per_bit(MEMORY.core(1 << 20, 1 << 20, write=True), 1 << 20)
        assert read["read"] == pytest.approx((168 - 52) * VDD * 4 * CLOCK / BITS)
        assert write["write"] == pytest.approx((150 - 52) * VDD * 4 * CLOCK / BITS)
        assert (round(read["read"], 1), round(write["write"], 1)) == (5.5, 4.6)
        assert read["write"] == write["read"] == 0

    @pytest.mark.parametrize(("chunk", "rows", "figure"), [(64, 1, 8.3), (8192 * 4096, 4096, 0.07)])
    def test_activate(self, chunk: int, rows: float, figure: float) -> None:
        """One burst a row, and whole rows: 57 x (52 + 22) - 52 x 52 - 37 x 22 mA cycles each."""
        found = pj_per_bit(MEMORY.core(chunk, chunk), chunk)["activate"]
        each = (57 * 74 - 52 * 52 - 37 * 22) * VDD * CLOCK
        opened = rows + (chunk / 64 - rows) * REFRESHED
        assert found == pytest.approx(each * 8 * opened / (8 * chunk), rel=1e-3)
        assert found == pytest.approx(figure, abs=0.05)

    def test_an_image_meets_the_rows_that_its_bytes_span(self) -> None:
        """48 bursts that begin anywhere in a row of 128 meet 1 + 47/128 rows, and a refresh in between."""
        opened = 1 + 47 / 128 + (47 - 47 / 128) * REFRESHED
        assert MEMORY.activations(Pattern(3072)) == pytest.approx(opened)
        whole = MEMORY.core(3072, 3072).activate
        assert whole == pytest.approx(MEMORY.core(64, 64).activate * opened)

    def test_images_that_lie_together_share_rows(self) -> None:
        """Eight images of one burst each open one row; one by one, eight."""
        assert MEMORY.activations(Pattern(64, together=8)) == pytest.approx(1 + 7 / 128, rel=0.01)
        apart, together = MEMORY.core(512, 64), MEMORY.core(512, Pattern(64, together=8))
        assert apart.activate / together.activate == pytest.approx(8 / (1 + 7 / 128), rel=0.01)

    def test_a_refresh_closes_the_row_between_slow_requests(self) -> None:
        """As counted behind a controller, LiteDRAM of 64 bits: 2.02 rows an image of 3,072 bytes.

        The sampler took a byte in 10 ns, in requests of 2,048 and 1,024 bytes; eight images of 64 bytes fit
        into what it asks for at once, and opened one row.
        """
        slow = Pattern(3072, together=64, request=2048, rate=1e8, ahead=8192)
        assert MEMORY.activations(slow) / 64 == pytest.approx(2.02, rel=0.06)
        small = Pattern(64, together=8, request=2048, rate=1e8, ahead=8192)
        assert MEMORY.activations(small) == pytest.approx(1, rel=0.06)

    def test_requests_wait_for_refreshes_in_proportion_to_their_distance(self) -> None:
        """Between requests of 256 bytes at 1 GB/s lie 256 ns, a refresh in each 7.86 us."""
        alone = Pattern(2560, request=256, rate=1e9)
        refreshed = 256 / (12480 * 0.63)
        rows = 39 / 128
        assert MEMORY.activations(alone) == pytest.approx(1 + rows + refreshed * (9 - rows))

    def test_standby_and_refresh_last_as_long_as_the_transfer(self) -> None:
        found = pj_per_bit(MEMORY.core(1 << 20, 1 << 20), 1 << 20)
        core, pump = 52 * VDD * 4 * CLOCK / BITS, 3 * 2.5 * 4 * CLOCK / BITS
        assert core == pytest.approx(2.5, abs=0.05)
        assert found["background"] == pytest.approx(core + pump)
        assert found["refresh"] == pytest.approx((250 - 52) * VDD * 560 * CLOCK * 4 / 12480 / BITS)
        idle = DramSystem(TABLE.scaled({"dram.bus_use": 0.25})).core(1 << 20, 1 << 20)
        busy = MEMORY.core(1 << 20, 1 << 20)
        assert idle.background == pytest.approx(4 * busy.background)
        assert idle.refresh == pytest.approx(4 * busy.refresh)
        assert idle.read == busy.read
        opened = [MEMORY.activations(Pattern(1 << 20)), 129 + (16383 - 128) * 4 * REFRESHED]
        assert idle.activate / busy.activate == pytest.approx(opened[1] / opened[0], rel=1e-3)

    def test_counted_commands_cost_what_the_formula_says_of_as_many(self) -> None:
        size = 1 << 20
        bursts = size / MEMORY.burst_bytes
        activations = MEMORY.activations(Pattern(size))
        cycles = bursts * 4 / TABLE.dram.bus_use.value
        seconds = cycles * CLOCK * 1e-9
        read = Commands(activations, bursts, 0, cycles / TABLE.dram.refi.value, seconds)
        assert astuple(MEMORY.counted(read)) == pytest.approx(astuple(MEMORY.core(size, size)))
        write = Commands(activations, 0, bursts, cycles / TABLE.dram.refi.value, seconds)
        assert astuple(MEMORY.counted(write)) == pytest.approx(astuple(MEMORY.core(size, size, write=True)))

    def test_a_rank_that_waits(self) -> None:
        """Eight devices: 37 mA at 1.2 V, 3 mA at 2.5 V, and 198 mA more during 560 of 12,480 cycles."""
        watt = 8 * (37 * VDD + 3 * 2.5 + 198 * VDD * 560 / 12480) * 1e-3
        assert MEMORY.standby(2.0) == pytest.approx(2 * watt)

    def test_pieces_take_whole_bursts(self) -> None:
        assert MEMORY.core(65, 65).read == pytest.approx(2 * MEMORY.core(64, 64).read)
        assert MEMORY.core(650, 65).read == pytest.approx(10 * MEMORY.core(65, 65).read)


class TestInterface:
    def test_by_hand(self) -> None:
        """CACTI-IO's sums for a bit: half of them low, rising 1/4, two strobes rising 1/2 for 8 bits."""
        ohms, rises, pins = 34 + 15 + 60, 0.25 + 2 * 0.5 / 8, 10 / 8
        direct = VDD**2 / ohms * 0.5 * pins * CLOCK / 2 * 1e3
        charge = rises * VDD * VDD * 60 / ohms
        found = pj_per_bit(MEMORY.board(64, 64), 64)
        assert found["device_io"] == pytest.approx(direct * 34 / ohms + charge * 1.0)
        assert found["trace"] == pytest.approx(direct * 15 / ohms + charge * 6.25)
        rate = 8 * 8 * 2 / CLOCK
        assert found["phy"] == pytest.approx(
            direct * 60 / ohms + charge * 2.0 + rises * VDD**2 * 1.5 + 1.76 + 30 / rate
        )

    def test_near_the_published_coefficients_sum(self) -> None:
        """About 7.3 pJ/bit with strobes, derived elsewhere from the same coefficients: within 15 %."""
        for write in (False, True):
            assert MEMORY.interface(write).total * 1e12 == pytest.approx(7.3, rel=0.15)

    def test_a_write_changes_the_ends(self) -> None:
        """The host drives, the device terminates: equal ends swap their losses, the sum stays."""
        read, write = MEMORY.interface(), MEMORY.interface(write=True)
        assert read.total == pytest.approx(write.total)
        assert read.trace == pytest.approx(write.trace)
        assert write.device_io > read.device_io


class TestWays:
    def test_totals_near_the_figures_of_the_literature(self) -> None:
        """15.3 pJ/bit off the package, 8.5 over UCIe: without refresh and V_PP, which add 0.7."""
        large = 1 << 24
        board = sum(pj_per_bit(MEMORY.board(large, large), large).values())
        package = sum(pj_per_bit(MEMORY.package(large, large), large).values())
        assert board == pytest.approx(15.3 + 0.7, rel=0.06)
        assert package == pytest.approx(8.5 + 0.7, rel=0.02)
        assert 1.1 < board / package < 1.9

    def test_parts_make_the_total(self) -> None:
        found = MEMORY.board(10_000, 100) + MEMORY.package(7777, 11, write=True) * 2.5
        assert found.total == sum(astuple(found))
        assert min(astuple(found)) > 0
        core = MEMORY.core(640, 64)
        assert MEMORY.package(640, 64).total - core.total == pytest.approx(0.5e-12 * 8 * 640)
        assert MEMORY.board(640, 64).total - core.total == pytest.approx(MEMORY.interface().total * 8 * 640)

    def test_nothing_costs_nothing(self) -> None:
        for found in (
            MEMORY.board(0, 64),
            MEMORY.package(0, 64),
            MEMORY.core(0, 1),
            MEMORY.board(0, 1, True),
        ):
            assert found == TransferEnergy()

    @pytest.mark.parametrize("link", ["ucie_standard", "ucie_advanced", "ucie_3d", "tsv"])
    def test_the_link_is_the_one_asked_for(self, link: str) -> None:
        value = getattr(TABLE.link, link).value
        assert pj_per_bit(DramSystem(TABLE, link).package(64, 64), 64)["link"] == pytest.approx(value)


class TestDoubling:
    """A parameter that is doubled moves its own part, as it must, and no other."""

    @pytest.mark.parametrize(
        ("entry", "part", "added"),
        [
            ("trace.capacitance", "trace", 0.375 * VDD * VDD * 60 / 109 * 6.25),
            ("io.pad_device", "device_io", 0.375 * VDD * VDD * 60 / 109 * 1.0),
            ("io.pad_host", "phy", 0.375 * VDD * VDD * 60 / 109 * 2.0),
            ("phy.dynamic", "phy", 1.76),
        ],
    )
    def test_of_the_board(self, entry: str, part: str, added: float) -> None:
        once = pj_per_bit(MEMORY.board(64, 64), 64)
        twice = pj_per_bit(DramSystem(TABLE.scaled({entry: 2})).board(64, 64), 64)
        assert twice[part] - once[part] == pytest.approx(added)
        assert {name: v for name, v in twice.items() if name != part} == pytest.approx(
            {name: v for name, v in once.items() if name != part}
        )

    def test_of_the_core(self) -> None:
        once = MEMORY.board(6400, 64)
        twice = DramSystem(TABLE.scaled({"dram.correction": 2})).board(6400, 64)
        for part in ("activate", "read", "refresh", "background"):
            assert getattr(twice, part) == pytest.approx(2 * getattr(once, part))
        for part in ("device_io", "phy", "trace"):
            assert getattr(twice, part) == getattr(once, part)


def test_contradicting_currents_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[currents]\nidd3n = { value = 20, unit = "mA", source = "a slip of the pen" }\n')
    with pytest.raises(UserError, match=r"parameters of the DRAM: IDDs: IDD3N < IDD3P"):
        DramSystem(load(file))


def test_other_supplies_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[dram]\nvdd = { value = 1.5, unit = "V", source = "a DDR3 device" }\n')
    with pytest.raises(UserError, match=r"should be 1\.2 V and 2\.5 V for DDR4"):
        DramSystem(load(file))
