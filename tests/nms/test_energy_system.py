# SPDX-License-Identifier: Apache-2.0
"""``nms energy system`` as a user runs it, on results of runs made up for the purpose."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nms import cli
from nms.commands.energy.system_tables import si
from nms.energy.system.run_traffic import read_run

BYTES = {"bytes_read": 196608, "bytes_written": 1616, "bytes_sent": 19 * 3072}


def results(directory: Path, search: str = "de-rand1", **changes: Any) -> Path:
    """The results.json of a run of 64 images of 3072 bytes, of which 19 were kept."""
    figures = {
        "command": "nms run", "digest": "0123456789ab", "configuration": {"name": "paper", "pixels": 3072},
        "level": "rtl", "search": search, "count": 64, "pixels": 3072, "kept": 19, "mismatches": 0,
        "cycles": {"load": 49152, "distance": 50000}, "traffic": {"counters": BYTES, "monitors": BYTES},
    } | changes  # fmt: skip
    directory.mkdir(exist_ok=True)
    (directory / "results.json").write_text(json.dumps(figures))
    return directory


@pytest.mark.parametrize("kind", [{"method": "herding"}, {"method": "desne", "side": 8}])
def test_a_second_read_of_kept_images_is_their_fetch(kind: dict[str, Any], tmp_path: Path) -> None:
    """A sampler that keeps no images reads 19 of 64 again to send them: one sweep is for sampling."""
    again = BYTES | {"bytes_read": (64 + 19) * 3072}
    changes = {"configuration": {"name": "mine", "pixels": 3072, "bus_bits": 128, **kind}}
    run = read_run(results(tmp_path, **changes, traffic={"counters": again, "monitors": again}))
    assert run.sweeps == 1
    assert run.beat == 16
    assert run.rate(1e8) == 64 * 3072 / 49152 * 1e8


def energy(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """The exit status of ``nms energy`` with these words."""
    monkeypatch.setattr(sys, "argv", ["nms", "energy", *map(str, words)])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return int(exited.value.code or 0)


def test_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [results(tmp_path / "de"), results(tmp_path / "window", "window")]
    words = ["system", "--run", runs[0], "--run", runs[1], "--sampler-energy", "de-rand1=2e-6"]
    assert energy(monkeypatch, *words, "--json", "-o", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "out" / "energy-system.json").read_text() == printed
    figures = json.loads(printed)
    assert list(figures["workloads"]) == ["cifar10", "imagenet224"]
    for job in figures["workloads"].values():
        systems = {line["name"]: line for line in job["systems"]}
        assert systems["NMS, window"]["sampler"] is None
        whole, nms = systems["whole data set"], systems["NMS, de-rand1"]
        assert whole["bytes"]["board_read"] / nms["bytes"]["board_read"] == pytest.approx(64 / 19)
        assert whole["board"]["total"] / nms["board"]["total"] == pytest.approx(64 / 19)
        for line in systems.values():
            where = [line["board"], line["package"]]
            parts = sum(value for each in where for part, value in each.items() if part != "total")
            assert parts == pytest.approx(sum(each["total"] for each in where))
            assert line["total"] == pytest.approx(parts + (line["sampler"] or 0))
        point = job["break_even"][0]
        assert point["net"] == pytest.approx(whole["total"] - nms["total"])
        assert point["epochs"][0] == pytest.approx((point["moved"] + 2e-6) / point["saved_per_epoch"])
        assert job["break_even"][1]["epochs"] is None
    small, large = figures["workloads"].values()
    assert small["break_even"][0]["own"] == [2e-6, 2e-6]
    assert large["break_even"][0]["own"] == pytest.approx([2e-6, 49 * 2e-6])
    assert large["break_even"][0]["epochs"][0] < 1 < small["break_even"][0]["epochs"][0]
    assert (small["fits"], large["fits"]) == (True, False)
    table = figures["parameters"]
    assert all(entry["source"] for section in table.values() for entry in section.values())
    assert figures["versions"]["energydram"] == "0.4.0"


def count_dram(pins: int = 64, activate: int = 100) -> dict[str, Any]:
    """The DRAM in a results.json."""
    load = {"cycles": 5000, "activate": activate, "read": 3072, "write": 0, "precharge": 9, "refresh": 9}
    commands = {"idle": load | {"read": 10**6}, "load": load, "grid": load | {"read": 0}}
    return {"module": "MT40A1G8", "kind": "DDR4", "pins": pins, "clock_hz": 1e8, "commands": commands}


def test_counted_commands_take_the_place_of_the_formula(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def moved(activate: int) -> tuple[dict[str, Any], dict[str, float]]:
        run = results(tmp_path / "run", dram=count_dram(activate=activate))
        assert energy(monkeypatch, "system", "--run", run, "--json", "-o", tmp_path / "out") == 0
        figures = json.loads(capsys.readouterr().out)
        small, large = (
            next(line for line in job["systems"] if line["name"] == "NMS, de-rand1")["package"]["activate"]
            for job in figures["workloads"].values()
        )
        return figures["runs"][0]["dram_energy"], {"cifar10": small, "imagenet224": large}

    few, charged_few = moved(100)
    many, charged_many = moved(200)
    assert many["counted"]["activate"] == pytest.approx(2 * few["counted"]["activate"])
    assert many["counted"]["read"] == few["counted"]["read"]
    assert many["formula"] == few["formula"]
    assert charged_many["cifar10"] == pytest.approx(2 * charged_few["cifar10"])
    assert charged_many["imagenet224"] == charged_few["imagenet224"]


def test_counts_of_another_rank_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = results(tmp_path / "run", dram=count_dram(pins=8))
    assert energy(monkeypatch, "system", "--run", run) == 2
    assert "DDR4 of 8 pins; must be the rank of the parameters, DDR4 of 64" in capsys.readouterr().err


def test_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert energy(monkeypatch, "system", "--run", results(tmp_path / "run"), "--workload", "cifar10") == 0
    printed = capsys.readouterr().out
    for text in (
        "fraction kept 0.2969", "1 sweeps", "class-balanced random", "unknown", "solved for",
        "a sampler is always behind it", "bytes_sent 58,368", "162 of 162",
    ):  # fmt: skip
        assert text in " ".join(printed.split()), text
    assert "imagenet224" not in printed


def test_energy_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The run's energy.json is taken if nothing is given, and must be of that run."""
    run = results(tmp_path / "run")
    words = ["system", "--run", run, "--json"]
    own: dict[str, Any] = {"joule": 64 * 5e-6, "joule_per_image": 5e-6}
    own["phases"] = {"load": 8e-6, "distance": 20e-6, "search": 288e-6, "emit": 4e-6}
    own["growing"] = ["load", "distance", "emit"]
    found = json.loads((run / "results.json").read_text())
    about = {key: found[key] for key in ("digest", "search", "pixels")}
    (run / "energy.json").write_text(json.dumps(about | {"sampler": own}))
    assert energy(monkeypatch, *words) == 0
    jobs = json.loads(capsys.readouterr().out)["workloads"]
    assert jobs["cifar10"]["break_even"][0]["own"] == pytest.approx([5e-6] * 2)
    # a tenth of it grows with the image, of 49 times the size
    assert jobs["imagenet224"]["break_even"][0]["own"] == pytest.approx([5e-6 * (0.9 + 0.1 * 49)] * 2)
    for changes, told in (
        ({"sampler": {}}, "sampler.joule is missing"),
        ({"search": "window"}, "search is window; must be that of the run, de-rand1"),
        ({"pixels": 784}, "pixels is 784; must be that of the run, 3072"),
    ):
        (run / "energy.json").write_text(json.dumps(about | {"sampler": own} | changes))
        assert energy(monkeypatch, *words) == 2
        assert told in capsys.readouterr().err


def test_a_sampler_of_reduced_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """It goes by its pick, takes images of any size, and only their load grows with them."""
    about: dict[str, Any] = {
        "pick": "herding",
        "side": 8,
        "configuration": {"name": "herding", "pixels": 192},
    }
    run = results(tmp_path / "run", "", **about)
    own = {
        "joule": 64 * 5e-8, "joule_per_image": 5e-8, "growing": ["load"],
        "phases": {"load": 8e-7, "distance": 24e-7},
    }  # fmt: skip
    energies = {"digest": "0123456789ab", "pixels": 3072, "sampler": own, "pick": "herding", "side": 8}
    (run / "energy.json").write_text(json.dumps(energies))
    assert energy(monkeypatch, "system", "--run", run, "--json") == 0
    jobs = json.loads(capsys.readouterr().out)["workloads"]
    assert jobs["imagenet224"]["fits"]
    assert jobs["imagenet224"]["break_even"][0]["own"] == pytest.approx([5e-8 * (0.75 + 0.25 * 49)] * 2)
    assert "NMS, herding" in [line["name"] for line in jobs["cifar10"]["systems"]]
    (run / "energy.json").write_text(json.dumps(energies | {"side": 4}))
    assert energy(monkeypatch, "system", "--run", run) == 2
    assert "side is 4; must be that of the run, 8" in capsys.readouterr().err


def test_a_data_set_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words = ["system", "--run", results(tmp_path / "run"), "--json", "--ratio", 0.5, "--epochs", 3]
    assert energy(monkeypatch, *words, "--image-bytes", 784, "--images", 60000) == 0
    job = json.loads(capsys.readouterr().out)["workloads"]["own"]
    assert job["systems"][0]["bytes"]["board_read"] == 3 * 784 * 60000
    assert job["systems"][1]["bytes"]["board_read"] == 3 * 784 * 60000 / 2
    assert job["activations"] == []
    more = ["--image-bytes", 784, "--images", 60000, "--activation-bytes", 78400, "--activation-bits", 4]
    assert energy(monkeypatch, *words, *more) == 0
    shares = [
        line["share_bytes"] for line in json.loads(capsys.readouterr().out)["workloads"]["own"]["activations"]
    ]
    assert shares == pytest.approx([784 / (784 + 2 * 78400), 784 / (784 + 2 * 9800)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["system"], "--run: missing"),
        (["system", "--run", "absent"], "run 'absent': results.json: No such file"),
        (["system", "--run", "RUN", "--ratio", "1.5"], "--ratio 1.5: must be above 0 and at most 1"),
        (["system", "--run", "RUN", "--images", "5"], "belong to --image-bytes"),
        (["system", "--run", "RUN", "--image-bytes", "5"], "--image-bytes 5: needs --images"),
        (["system", "--run", "RUN", "--sampler-energy", "-1"], "--sampler-energy '-1': must be"),
        (["system", "--run", "RUN", "--sampler-energy", "nan"], "--sampler-energy 'nan': must be"),
        (["system", "--run", "RUN", "--sampler-energy", "windo=1"], "no run by 'windo'"),
        (["system", "--run", "RUN", "--run", "RUN"], "two runs by de-rand1"),
        (["system", "--run", "RUN", "--parameters", "no.toml"], "parameters 'no.toml': No such file"),
        (["system", "--run", "RUN", "--epochs", "-1"], "-1"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run = results(tmp_path / "run")
    given = [str(run) if word == "RUN" else word for word in words]
    assert energy(monkeypatch, *given, "-o", tmp_path / "out") == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert message in streams.err
    assert streams.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": "golden"}, "level is 'golden'; must be written by `nms run --level rtl --bus axi`"),
        ({"mismatches": 3}, "mismatches is 3"),
        ({"traffic": None}, "traffic is None"),
        (
            {"traffic": {"counters": BYTES, "monitors": BYTES | {"bytes_sent": 58000}}},
            "bytes_sent: the counter has 58368, the monitor 58000; must be equal",
        ),
        ({"traffic": {"counters": {}, "monitors": {}}}, "bytes_read: the counter has None"),
    ],
)
def test_an_unfit_run_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert energy(monkeypatch, "system", "--run", results(tmp_path / "run", **changes)) == 2
    assert message in capsys.readouterr().err


def test_runs_that_kept_different_fractions_need_a_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    other = BYTES | {"bytes_sent": 20 * 3072}
    few, many = (
        results(tmp_path / "few"),
        results(tmp_path / "many", "window", traffic={"counters": other, "monitors": other}),
    )
    words = ["system", "--run", few, "--run", many, "--workload", "cifar10"]
    assert energy(monkeypatch, *words) == 2
    assert "(de-rand1 0.2969, window 0.3125); pass --ratio" in capsys.readouterr().err
    assert energy(monkeypatch, *words, "--ratio", "0.3") == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 J"),
        (4.2, "4.2 J"),
        (1234, "1.23 kJ"),
        (5.6e-8, "56 nJ"),
        (3e-12, "3 pJ"),
        (-2e-3, "-2 mJ"),
        (7e9, "7 GJ"),
    ],
)
def test_si(value: float, text: str) -> None:
    assert si(value, "J") == text
