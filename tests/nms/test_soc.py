# SPDX-License-Identifier: Apache-2.0
"""The sampler in a system with processor and DRAM controller."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from nms import datasets
from nms.cli import main
from nms.contract.config import load
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings
from nms.datasets import Images
from nms.golden import sampler as golden
from nms.soc import board, bridge, dram_run, processor, program, remote, run, system, tools, work
from nms.soc.system import Dram, Options

needs_litex = pytest.mark.skipif(
    any(tool.version is None for tool in tools.find()[: len(tools.PACKAGES)]),
    reason="the extra soc is missing",
)
needs_compiler = pytest.mark.skipif(
    any(tool.version is None for tool in tools.find()),
    reason="the extra soc or a compiler for RISC-V is missing",
)
TINY = load("tiny")


def test_contents_of_a_memory_are_words_with_the_first_byte_lowest(tmp_path):
    program.write_contents(bytes([1, 2, 3, 4, 5]), tmp_path / "rom.init")
    assert (tmp_path / "rom.init").read_text() == "04030201\n00000005\n"


def test_phases_are_named():
    named = run.name_phases({"-1": {"read": 1}, "0": {"read": 2}, "8": {"read": 3}})
    assert named == {"idle": {"read": 1}, "other": {"read": 2}, "pick": {"read": 3}}


def test_groups_are_of_one_class_and_no_smaller_than_four():
    made = work.make(TINY, datasets.load("digits", 64), 5, perplexity=2.0, iterations=0)
    images = made.images
    for job in made.jobs:
        assert 4 <= job.settings.count <= 5
        for group in job.groups:
            assert len(set(images.labels[group].tolist())) == 1
    assert sum(job.groups.size for job in made.jobs) > 30


def test_header_names_kept_images_by_their_numbers():
    images = datasets.load("digits", 64)
    made = work.make(load("herding"), images, 16)
    text = work.write_header(made, 1 << 24)
    job = made.jobs[0]
    kept = ", ".join(map(str, job.groups[0][job.tables[0].kept]))
    assert f"wanted0_kept[] = {{{kept}}};" in text
    assert f"#define JOBS {len(made.jobs)}\n" in text


@needs_litex
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(module="MT41"), "module 'MT41': must be one of .*MT41K256M8"),
        (Options(rows=1024), "rows 1024: must be a power of two from 2048 to the 32768 of MT41K256M8"),
        (Options(width=16), "width 16: must be a power of two, up to the 8 pins that the bus needs"),
        (Options(width=6), "width 6: must be"),
        (Options(rows=65536), "rows 65536: must be"),
    ],
)
def test_a_dram_that_cannot_be_is_refused(options: Options, message: str):
    with pytest.raises(UserError, match=message):
        system.measure(TINY, options)


@needs_litex
def test_the_dram_is_as_wide_as_the_bus():
    assert system.measure(TINY, Options()).pins == 8
    wide = load("tiny", ["bus_bits=128"])
    assert system.measure(wide, Options(module="MT40A512M16")).row_bytes == 2048


UNLABELLED = Images(np.zeros((8, 64), np.uint8), np.full(8, -1), (8, 8, 1), "plain")
SCATTERED = Images(np.zeros((8, 64), np.uint8), np.arange(8), (8, 8, 1), "scattered")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: work.make(TINY, datasets.load("digits", 8), 3),
            "most 3: configuration tiny takes groups of 4",
        ),
        (lambda: work.make(TINY, UNLABELLED, 16), "plain: has no labels"),
        (lambda: work.make(TINY, SCATTERED, 16), "count 8: no class has the four images"),
        (
            lambda: work.write_header(work.make(load("herding"), datasets.load("digits", 64), 16), 4096),
            "count 64: needs .* bytes of DRAM, of 4096",
        ),
    ],
)
def test_work_that_cannot_be_is_refused(make: Callable[[], object], message: str):
    with pytest.raises(UserError, match=message):
        make()


def test_rows_of_the_banks_take_turns():
    dram = Dram("DDR3", pins=8, banks=2, access=8, row_bytes=4, size=32)
    memory = np.arange(14, dtype=np.uint8)
    first, second = bridge.lay_in_dram(memory, dram, rows=4)
    assert list(first) == [0, 1, 2, 3, 8, 9, 10, 11]
    assert list(second) == [4, 5, 6, 7, 12, 13, 0, 0]


def test_a_masked_beat_counts_by_its_bytes():
    settings = LeanSettings.make(load("herding"), 64, (8, 8, 1))  # 19 kept: 80 bytes of results
    load_phase = {"read": 64, "write": 0}
    commands = {"idle": {"read": 9, "write": 9}, "load": load_phase, "emit": {"read": 19, "write": 2}}
    found = bridge.watch(commands, 64, 64, settings, 64, bytes(19 * 64))
    assert found == {"bytes_read": 83 * 64, "bytes_written": 80, "bytes_sent": 19 * 64}


def test_jobs_are_read_from_what_the_program_prints():
    console = "groups 3\njob batches 2 images 5 cycles 100\nsoftware 900 from 800\n"
    console += "job batches 1 images 6 cycles 70\n"
    first, second = run.read_jobs(console)
    assert first == {"batches": 2, "images": 5, "cycles": 100, "software": 900, "began": 800}
    assert second == {"batches": 1, "images": 6, "cycles": 70}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-c tiny --liberty cells.lib", "configuration tiny has no software whose energy could be told"),
        ("-c herding --node 130", "--node 130: for --liberty only"),
    ],
)
def test_energy_is_that_of_software(
    words: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["nms", "soc", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_board_that_is_not_known_is_refused():
    with pytest.raises(UserError, match="board 'arty': must be one of ulx3s-85f, ulx3s-45f, icesugar-pro"):
        board.check("arty")


def test_a_system_that_is_too_large_for_a_board_is_refused():
    made = work.make(load("herding"), datasets.load("digits", 64), 16)
    with pytest.raises(UserError, match="herding: the system needs 24300 LUTs, LFE5U-25F has 24288; take"):
        board.check_fit(made, "LFE5U-25F", {"LUT4": 24000, "CCU2C": 150})
    board.check_fit(made, "LFE5U-85F", {"LUT4": 24000, "CCU2C": 150})


def test_metrics_are_those_of_nextpnr():
    report = {
        "utilization": {"DP16KD": {"used": 3, "available": 208}, "EHXPLLL": {"used": 0, "available": 4}},
        "fmax": {"clk": {"achieved": 51.234, "constraint": 40.0}},
    }
    found = board.collect("ulx3s-85f", {"device": "LFE5U-85F"}, report)
    assert found["utilisation"] == {"DP16KD": {"used": 3, "available": 208}}
    assert found["fmax_mhz"] == {"clk": 51.2}


@pytest.mark.slow
@needs_compiler
def test_a_bitstream_of_a_whole_system_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nine minutes of synthesis, placement and routing; the system keeps the pace that the board gives it."""
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["nms", *f"build -c herding --board ulx3s-45f -o {out}".split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    metrics = json.loads((out / board.RECORD).read_text())
    assert metrics["device"].startswith("LFE5U-45F")
    assert metrics["fmax_mhz"].keys() == metrics["constraint_mhz"].keys()
    assert all(metrics["fmax_mhz"][clock] >= least for clock, least in metrics["constraint_mhz"].items())
    assert (
        1000
        < metrics["utilisation"]["TRELLIS_FF"]["used"]
        < metrics["utilisation"]["TRELLIS_FF"]["available"]
    )
    assert (out / "system.bit").stat().st_size > 100_000


@pytest.mark.slow
@needs_litex
def test_a_batch_from_a_simulated_dram_is_right():
    """Tables equal the model; the sampler's counters equal the bytes of the commands at the DRAM."""
    config, images = load("herding"), datasets.load("digits", 20)
    settings = LeanSettings.make(config, 20, images.stored_shape)
    model = golden.run(config, settings, images.images)
    outcome = dram_run.run(config, settings, images.images, model, Options(cpu="none"))
    assert outcome.mismatches == 0
    assert outcome.compared > 400
    assert outcome.traffic["counters"] == outcome.traffic["monitors"]
    assert outcome.dram["commands"]["load"]["activate"] >= 2


def connect(connected: ExitStack, port: int) -> remote.RemoteBus:
    """The bus behind a server, which tells its port a moment before it listens there."""
    for _ in range(200):
        try:
            return connected.enter_context(remote.connect("localhost", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


@pytest.mark.slow
@needs_litex
def test_a_batch_by_the_remote_bridge_is_right(tmp_path: Path):
    """A driver, LiteX's server on the loopback address, the simulated system."""
    config, images = load("herding"), datasets.load("digits", 12)
    settings = LeanSettings.make(config, 12, images.stored_shape)
    model = golden.run(config, settings, images.images)
    options = Options(cpu="none")
    built = system.build(config, options)
    dram = system.measure(config, options)
    bridge.write_dram(bridge.lay_in_dram(np.zeros(4, np.uint8), dram, options.rows), tmp_path, 8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with bridge.running(built, tmp_path) as behind:
        words = ["--uart", f"--uart-port=socket://127.0.0.1:{behind}", f"--bind-port={port}"]
        server = subprocess.Popen(
            [sys.executable, "-um", "litex.tools.litex_server", *words], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            assert "tcp port" in server.stdout.readline()
            with ExitStack() as connected:
                bus = connect(connected, port)
                answer = remote.sample(bus, built / "csr.csv", config, settings, images.images)
        finally:
            server.terminate()
            server.wait()
    assert answer.tables.kept.tolist() == model.kept.tolist()
    assert np.array_equal(answer.tables.distance, model.distance)


@pytest.mark.slow
@needs_compiler
def test_a_program_samples_by_classes():
    """Jobs by lists, interrupts, caches and all that comes back, on the simulated processor."""
    made = work.make(TINY, datasets.load("digits", 48), 6, perplexity=2.0, iterations=20)
    outcome = run.run(made, Options())
    assert outcome.console.count("job batches") == outcome.interrupts == len(made.jobs)
    assert outcome.differences == 0
    assert outcome.compared > 500
    read = sum(counts["read"] for phase, counts in outcome.commands.items() if phase != "idle")
    assert 8 * read == sum(job["bytes_read"] for job in outcome.jobs)


@pytest.mark.slow
@needs_compiler
def test_software_gives_what_the_sampler_gives():
    """Kept images, maps and rows of both are those of the model; the sampler takes a fraction of the time."""
    made = work.make(load("lean"), datasets.load("digits", 32), 8, pick="hub", perplexity=2.0, iterations=6)
    outcome = run.run(made, Options())
    assert outcome.differences == 0
    values = sum(len(job.groups) * (2 * job.settings.keep + 14 * job.settings.count) for job in made.jobs)
    assert outcome.compared > values
    for job in outcome.jobs:
        assert job["software"] > 50 * job["cycles"]


@pytest.mark.slow
@needs_compiler
def test_the_processor_has_energy(shared_liberty: Path):
    """Its netlist does what its description does while the software runs; more cycles take more energy."""
    cells = [shared_liberty / "sg13g2_typ_1p20V_25C.lib.gz"]
    made = work.make(load("herding"), datasets.load("digits", 48), 8)
    jobs = run.run(made, Options()).jobs
    found = processor.measure(made, Options(), jobs, cells, 130, seed=1)
    assert found.cycles == sum(job["software"] for job in jobs)
    assert all(found.parts.values())
    assert found.compared > 1000
    assert found.coverage > 0.9
    assert found.error < 0.1


@pytest.mark.slow
@needs_compiler
def test_a_wrong_expectation_is_seen():
    """What the program compares is what the work says: of distances, those of a job's last batch."""
    made = work.make(TINY, datasets.load("digits", 48), 6, perplexity=2.0, iterations=20)
    made.jobs[0].tables[-1].distance[0, 1] += 1
    assert run.run(made, Options()).differences == 1
