# SPDX-License-Identifier: Apache-2.0
"""The page of a run says what the run left, and where it does not know, says so."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html
from matplotlib.figure import Figure
from PIL import Image

from nms import cli
from nms.contract.errors import UserError
from nms.golden import metrics
from nms.report import build, figures, loader, replay, svg, theme
from nms.report.data import Grid

CYCLES = {
    "affinity": 763,
    "distance": 2064,
    "embed": 37218,
    "emit": 328,
    "grid": 266,
    "load": 1047,
    "search": 900,
}
"""As ``results.json`` has them: sorted by name, not in the order of the phases."""  # fmt: skip

PARTS = dict.fromkeys(("registers", "combinational", "clock", "memory", "leakage"), 0.0)

ENERGY: dict[str, Any] = {
    "command": "nms energy sampler -c tiny",
    "digest": "0",
    "library": {"name": "sky130", "node_nm": 130},
    "voltage_V": 1.8,
    "frequency_Hz": 1e8,
    "wire_F_per_input": 0.0,
    "cycles": {"distance": 1000, "embed": 3000},
    "blocks": {
        "pe": {"phases": {"distance": PARTS | {"registers": 6e-6}, "embed": PARTS | {"clock": 4e-6}}},
        "te": {"phases": {"distance": PARTS, "embed": PARTS | {"registers": 6e-6, "memory": 24e-6}}},
    },
    "sampler": {
        "joule": 4e-5,
        "joule_per_image": 2.5e-6,
        "joule_per_kept_image": 8e-6,
        "watt": 1.0,
        "gops_per_watt": 10.0,
    },
    "per_operation": {"distance_element": 3e-12, "exp": 1e-9, "gradient_pair": None},
}
"""What ``nms energy -c`` writes, in round figures."""

HARDWARE: dict[str, Any] = {
    "level": "rtl",
    "tables": {"kept": {"compared": 5, "mismatches": 0}, "distance": {"compared": 256, "mismatches": 0}},
    "compared": 261,
    "mismatches": 0,
    "cycles": CYCLES,
    "utilisation": {"distance": 0.93, "embed": 0.484, "search": 0.973},
    "traffic": {"counters": {"bytes_read": 1024, "bytes_sent": 320}, "monitors": {"bytes_read": 1032}},
}


def silent(_: str) -> None:
    pass


def test_every_axis_has_a_name_and_a_unit() -> None:
    some = np.array([0.5, 0.25])
    drawn = [
        figures.draw_map(np.zeros((2, 2)), np.arange(2), np.array([1]), np.arange(2), GRID),
        figures.draw_convergence(some[:, None], 0.1, 0.2),
        figures.draw_steps(np.array([3, 4]), np.arange(2), np.array([True, True]), "generations"),
        figures.draw_errors({"a": some, "b": some}, 0.1, 0.3),
        figures.draw_divergence(some, 1),
        figures.draw_herding(some, some),
        figures.draw_energy({"pe": some}, {"clock": some}, ["load", "emit"]),
        figures.draw_timeline({"load": 2000, "emit": 98_000}, {}, 50),
    ]
    for figure in drawn:
        assert figure.get_figwidth() * 72 <= 340
        lower, labelled = figure.axes[-1], [axes for axes in figure.axes if axes.get_ylabel()]
        assert lower.get_xlabel()
        assert len(labelled) == 1
        for label in (lower.get_xlabel(), labelled[0].get_ylabel()):
            assert label == "phase" or "(" in label or "," in label or "cycles" in label, label
    (above,) = drawn[-1].axes[0].child_axes
    drawn[-1].draw_without_rendering()
    assert above.get_xlabel() == "milliseconds at 50 MHz"
    assert above.get_xlim() == (0, 2)


GRID = Grid((0.0, 0.0), 1.0, 2, np.array([0, 3]))


def make_run(factory: pytest.TempPathFactory, words: str) -> Path:
    """The directory that ``nms`` with these words has written."""
    directory = factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nms", *words.split(), str(directory)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 0
    return directory


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the model on 16 digits."""
    words = "run -c tiny --count 16 --perplexity 5 --iterations 100 --level golden -o"
    return make_run(tmp_path_factory, words)


@pytest.fixture
def directory(original: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(original, tmp_path / "run"))


@pytest.fixture(scope="module")
def page(original: Path) -> html.HtmlElement:
    """The page of the run."""
    return parse(original)


def parse(directory: Path) -> html.HtmlElement:
    return html.document_fromstring(build.build_page(loader.load(directory), silent))


def text(element: html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


def by_id(page: html.HtmlElement, name: str) -> str:
    return text(page.get_element_by_id(name))


def rewrite(directory: Path, **changes: object) -> None:
    path = directory / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def resave(directory: Path, **changes: np.ndarray) -> None:
    path = directory / "results.npz"
    with np.load(path) as file:
        values = dict(file)
    np.savez(path, **(values | changes))


def arrays(directory: Path) -> dict[str, np.ndarray]:
    with np.load(directory / "results.npz") as file:
        return dict(file)


class TestPage:
    def test_nothing_is_fetched(self, page: html.HtmlElement) -> None:
        """Neither by an element nor by a style or script: every reference is data or within the page."""
        references = [
            value
            for element in page.iter()
            for name, value in element.attrib.items()
            if name in ("src", "href", "srcset", "data", "poster", "action") or name.endswith(":href")
        ]
        assert len(references) > 16
        assert all(value.startswith(("data:", "#")) for value in references)
        source = html.tostring(page, encoding="unicode")
        assert "://" not in source
        assert all(inside.startswith("#") for inside in re.findall(r"url\(\s*['\"]?(.)", source))
        assert not re.search(r"@import|fetch\(|XMLHttpRequest|import\(", source)

    def test_ids_are_unique_and_referred_to(self, page: html.HtmlElement) -> None:
        ids = page.xpath("//@id")
        assert len(ids) == len(set(ids))
        for element in page.xpath("//*[@aria-labelledby]"):
            assert set(element.get("aria-labelledby").split()) <= set(ids)
        for reference in page.xpath("//@href[starts-with(., '#')]"):
            assert reference[1:] in ids

    def test_all_points(self, page: html.HtmlElement, original: Path) -> None:
        """Every image is on the map, among the pictures and in the table; the kept are marked in each."""
        values = arrays(original)
        kept = set(values["kept"].tolist())
        drawn = page.xpath("//figure[@id='map']//*[@class='point']/@data-index")
        assert sorted(map(int, drawn)) == list(range(16))
        assert {int(index) for index in drawn[-len(kept) :]} == kept  # on top of the others
        pictures = page.xpath("//ul[@class='gallery']/li")
        assert [int(item.get("data-index")) for item in pictures] == list(range(16))
        assert {int(item.get("data-index")) for item in pictures if item.get("class") == "kept"} == kept
        rows = page.xpath("//table[@id='points']/tbody/tr")
        assert {int(row.get("data-image")) for row in rows if "kept" in text(row).split()} == kept
        for row in rows:
            index, label, *cells = (text(cell) for cell in row)
            assert int(label) == values["labels"][int(index)]
            assert [float(cell) for cell in cells[1:3]] == pytest.approx(
                values["embedding"][int(index)], abs=1e-6
            )
            assert int(cells[6]) == values["generations"][int(index)]

    def test_pictures_are_the_images(self, page: html.HtmlElement, original: Path) -> None:
        images = arrays(original)["images"].reshape(-1, 8, 8)
        sources = page.xpath("//ul[@class='gallery']//img/@src")
        for image, source in zip(images, sources, strict=True):
            data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image)

    def test_figures_are_those_of_the_run(self, page: html.HtmlElement, original: Path) -> None:
        figures = json.loads((original / "results.json").read_text())
        search = figures["perplexity"]
        tiles = {text(tile[0]): text(tile[1]) for tile in page.xpath("//dl[@class='tiles']/div")}
        assert tiles["rows solved"].startswith(f"{search['rows']['solved']} of {figures['count']}")
        assert f"{search['true_error']['max']:.2g}" in tiles["largest perplexity error"]
        assert f"{search['true_error']['median']:.2g}" in tiles["largest perplexity error"]
        assert tiles["generations per row"].startswith(f"{search['generations']['median']:g}")
        assert tiles["generations per row"].endswith(f"{search['generations']['max']}")
        assert "cycles" not in tiles
        for name, value in figures["configuration"].items():
            assert f"{name} {value}" in by_id(page, "configuration")
        assert figures["digest"] in by_id(page, "configuration")
        for name, version in figures["versions"].items():
            assert f"{name} {version}" in by_id(page, "versions")
        assert by_id(page, "command").endswith(figures["command"])

    def test_every_plot_is_described_and_labelled(self, page: html.HtmlElement) -> None:
        plots = page.xpath("//figure/svg")
        assert len(plots) == 5
        for plot in plots:
            assert plot.get("role") == "img"
            title, description = (
                page.get_element_by_id(name) for name in plot.get("aria-labelledby").split()
            )
            assert len(text(title)) > 20
            assert len(text(description)) > 20
        words = text(page)
        for label in ("map x (no unit)", "generation (of 32 candidates)", "divergence KL(P‖Q), nats"):
            assert label in words
        assert all(image.get("alt") for image in page.xpath("//ul//img"))

    def test_without_hardware(self, page: html.HtmlElement) -> None:
        """What a run of the model cannot know is said to be missing."""
        assert "No hardware ran" in by_id(page, "compared")
        assert "Not counted" in by_id(page, "cycles")
        assert "Not counted in this run" in by_id(page, "traffic")
        assert "the batch is 1,024 bytes, the images kept are 320" in by_id(page, "traffic")
        assert "Not measured" in by_id(page, "energy")
        assert not page.xpath("//*[@id='replayed']")
        assert "It gave exactly the results that are stored" in by_id(page, "origin")

    def test_same_again(self, page: html.HtmlElement, original: Path) -> None:
        assert html.tostring(parse(original)) == html.tostring(page)


@pytest.fixture(scope="module")
def herded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of herding on 20 reduced digits."""
    return make_run(tmp_path_factory, "run -c herding --count 20 --side 4 --level golden -o")


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a lean map on 20 digits."""
    words = "run -c lean --pick hub --count 20 --perplexity 5 --iterations 20 --level golden -o"
    return make_run(tmp_path_factory, words)


class TestReducedImages:
    """Runs of herding and of a lean map."""

    def test_herding(self, herded: Path) -> None:
        page, values = parse(herded), arrays(herded)
        assert [plot.getparent().get("id") for plot in page.xpath("//figure/svg")] == ["mean"]
        assert "4 \N{MULTIPLICATION SIGN} 4 boxes" in text(page)
        for word in ("perplexity", "nats", "cells", "channels"):
            assert word not in text(page)
        assert "It gave exactly the results that are stored" in by_id(page, "origin")
        tiles = {text(tile[0]): text(tile[1]) for tile in page.xpath("//dl[@class='tiles']/div")}
        rows = values["reduced"].astype(float)
        error = np.sqrt(((rows[values["kept"]].mean(axis=0) - rows.mean(axis=0)) ** 2).mean())
        assert tiles["error of the mean"].startswith(f"{error:.3g} grey levels")
        pictures = page.xpath("//ul[@class='gallery']/li")
        kept = {int(item.get("data-index")) for item in pictures if item.get("class") == "kept"}
        assert kept == set(values["kept"].tolist())
        for index, item in enumerate(pictures):
            source = item.xpath("img/@src")[1].removeprefix("data:image/png;base64,")
            shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
            assert np.array_equal(shown, values["reduced"][index].reshape(4, 4))
        table = page.xpath("//table[@id='points']/tbody/tr")
        assert {int(row.get("data-image")) for row in table if "kept" in text(row).split()} == kept

    def test_random_images_by_arithmetic(self, herded: Path) -> None:
        run = loader.load(herded)
        rows, rng = run.values["reduced"].astype(float), np.random.default_rng(1)
        drawn = np.array([rows[rng.permutation(20)[:6]] for _ in range(20000)])
        means = drawn.cumsum(axis=1) / np.arange(1, 7)[:, None]
        errors = np.sqrt(((means - rows.mean(axis=0)) ** 2).mean(axis=(0, 2)))
        assert replay.choose_randomly(run) == pytest.approx(errors, rel=0.02)

    def test_another_selection_is_seen(self, herded: Path, tmp_path: Path) -> None:
        shutil.copytree(herded, tmp_path / "run")
        resave(tmp_path / "run", kept=np.arange(6))
        assert "kept (" in by_id(parse(tmp_path / "run"), "replayed")

    def test_hardware(self, herded: Path, tmp_path: Path) -> None:
        shutil.copytree(herded, tmp_path / "run")
        hardware = HARDWARE | {"utilisation": {}, "cycles": {"pick": 30, "load": 500}}
        rewrite(tmp_path / "run", **hardware)
        page = parse(tmp_path / "run")
        assert "agree bit for bit in all 261 values" in by_id(page, "compared")
        assert "530 cycles in all" in by_id(page, "cycles")
        assert "filled height" not in by_id(page, "cycles")
        rewrite(tmp_path / "run", tables={"affinity": {"compared": 1, "mismatches": 0}})
        with pytest.raises(UserError, match="affinity"):
            loader.load(tmp_path / "run")

    def test_lean_map(self, lean: Path) -> None:
        page, values = parse(lean), arrays(lean)
        assert len(page.xpath("//figure/svg")) == 4
        assert "with the largest sum of affinities" in text(page)
        assert "evaluations" in text(page)
        assert "generation" not in text(page)
        row = page.xpath("//table[@id='points']/tbody/tr")[3]
        assert float(text(row[3])) == pytest.approx(values["embedding"][3, 0], abs=1e-6)
        assert int(text(row[8])) == values["evaluations"][3]
        assert not page.xpath("//*[@id='replayed']")


class TestNearDuplicates:
    """Runs of 20 digits that leave some out: every image is on the page, with its mark."""

    WORDS = "--side 8 --count 20 --threshold 60 --level golden -o"

    def numbers(self, page: html.HtmlElement, path: str) -> list[int]:
        return [int(one) for one in page.xpath(path)]

    def test_map(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        words = f"run -c lean --pick hub --perplexity 5 --iterations 20 --ratio 0.2 {self.WORDS}"
        directory = make_run(tmp_path_factory, words)
        page, values = parse(directory), arrays(directory)
        standing = np.flatnonzero(values["standing"])
        assert 4 < len(standing) < 20
        assert self.numbers(page, "//figure[@id='map']//*[@class='point']/@data-index") == pytest.approx(
            sorted(standing, key=lambda image: image in values["kept"])
        )
        assert self.numbers(page, "//*[@class='bar']/@data-index") == standing.tolist()
        rows = page.xpath("//table[@id='points']/tbody/tr")
        assert [int(row.get("data-image")) for row in rows] == list(range(20))
        for image, row in enumerate(rows):
            told = [text(cell) for cell in row]
            assert (told[3] == "near-duplicate") == (image not in standing)
            if image in standing:
                place = standing.tolist().index(image)
                assert float(told[4]) == pytest.approx(values["embedding"][place, 0], abs=1e-6)
            else:
                assert set(told[4:]) == {""}
        marked = [text(item).startswith("≈") for item in page.xpath("//ul[@class='gallery']/li")]
        assert np.flatnonzero(~np.array(marked)).tolist() == standing.tolist()
        assert f"{20 - len(standing)} images were left out as near-duplicates" in text(page)
        assert "It gave exactly the results that are stored" in text(page)

    @pytest.mark.parametrize("ratio", [0.2, 0.9])
    def test_herding(self, ratio: float, tmp_path_factory: pytest.TempPathFactory) -> None:
        """With few kept, and with more kept than stand."""
        directory = make_run(tmp_path_factory, f"run -c herding --ratio {ratio} {self.WORDS}")
        page, values = parse(directory), arrays(directory)
        tiles = {text(tile[0]): text(tile[1]) for tile in page.xpath("//dl[@class='tiles']/div")}
        standing = values["standing"] == 1
        assert tiles["standing"].startswith(f"{standing.sum()} of 20")
        if ratio < 0.5:
            rows = values["reduced"].astype(float)
            mean = rows[standing].mean(axis=0)
            error = np.sqrt(((rows[values["kept"]].mean(axis=0) - mean) ** 2).mean())
            assert tiles["error of the mean"].startswith(f"{error:.3g} grey levels")
        else:
            assert "error of the mean" not in tiles
            assert "No more images stand than are to be kept" in text(page)
            assert "near-duplicate, kept" in {
                of.rpartition("\n")[2] for of in page.xpath("//ul[@class='gallery']/li/@data-about")
            }

    def test_another_verdict_is_seen(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """One image less stands, as hardware with a fault might find."""
        directory = make_run(tmp_path_factory, f"run -c herding --ratio 0.2 {self.WORDS}")
        values = arrays(directory)
        rows = values["standing"].sum() - 1
        standing = values["standing"].copy()
        standing[np.flatnonzero(standing)[-1]] = 0
        resave(directory, standing=standing, distance=values["distance"][:rows, :rows])
        rewrite(directory, standing=int(rows))
        assert "standing (1)" in by_id(parse(directory), "replayed")

    def test_another_count_is_refused(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        directory = make_run(tmp_path_factory, f"run -c herding --ratio 0.2 {self.WORDS}")
        resave(directory, standing=np.ones(20, np.int64))
        with pytest.raises(UserError, match="standing: must be 1 of"):
            loader.load(directory)


class TestHardware:
    def test_agrees(self, directory: Path) -> None:
        rewrite(directory, **HARDWARE)
        energy = ENERGY | {"digest": json.loads((directory / "results.json").read_text())["digest"]}
        (directory / "energy.json").write_text(json.dumps(energy))
        page = parse(directory)
        assert "all 261 values read out, 2 tables" in by_id(page, "compared")
        assert "bit for bit in all 261 values" in by_id(page, "origin")
        phases = [text(label) for label in page.xpath("//figure[@id='cycles']/svg//*[name()='text']")]
        order = [phase for phase in phases if phase in CYCLES]
        assert order == ["load", "distance", "search", "affinity", "embed", "grid", "emit"]
        assert {"37,218 · 48.4% busy", "2,064 · 93.0% busy", "763"} <= set(phases)
        assert f"{sum(CYCLES.values()):,} cycles in all, 0.426 ms at 100 MHz" in by_id(page, "cycles")
        assert re.search(r"Results of \d{4}-\d\d-\d\d, near-memory sampler", text(page))
        rows = [text(row) for row in page.xpath("//div[@id='traffic']//tr")]
        assert rows[0].endswith("counters monitors")
        assert rows[1].startswith("bytes_read")
        assert rows[1].endswith("1,024 1,032")
        assert rows[2].endswith("320")
        assert "they differ" in by_id(page, "traffic")
        assert "image 2.5 µJ" in by_id(page, "energy")
        assert "distance element 3 pJ" in by_id(page, "energy")
        [drawn] = page.xpath("//div[@id='energy']/*[name()='svg']")
        assert "te: 30 µJ; pe: 10 µJ; registers: 12 µJ" in text(drawn)
        assert {"distance", "embed", "clock", "leakage", "te"} <= {
            text(label) for label in drawn.xpath(".//*[name()='text']")
        }
        assert text(page.xpath("//div[@id='tables']//tbody/tr")[0]) == "distance 256 0"

    def test_differs(self, directory: Path) -> None:
        tables = {"kept": {"compared": 5, "mismatches": 2}}
        traffic = dict.fromkeys(("counters", "monitors"), HARDWARE["traffic"]["counters"])
        changes = {"tables": tables, "compared": 5, "mismatches": 2, "traffic": traffic}
        rewrite(directory, **(HARDWARE | changes))
        page = parse(directory)
        assert "they agree" in by_id(page, "traffic")
        assert "2 of 5 values differ" in by_id(page, "compared")
        assert "kept (2)" in by_id(page, "compared")
        assert "they are not the hardware's" in by_id(page, "origin")


class TestReplay:
    def test_way(self, original: Path) -> None:
        """It ends where the run ended, row by row and in the map."""
        run = loader.load(original)
        told: list[str] = []
        again = replay.replay(run, told.append)
        values = run.values
        np.testing.assert_array_equal((~np.isnan(again.errors)).sum(axis=0), values["generations"])
        last = again.errors[values["generations"] - 1, np.arange(16)]
        np.testing.assert_array_equal(last, np.abs(values["perplexity"] - 5.0))
        assert not np.any(np.diff(again.errors, axis=0) > 0)
        assert len(again.divergence) == 100 + 1
        assert again.divergence[-1] == pytest.approx(
            metrics.kl_divergence(values["affinity"], values["embedding"])
        )
        assert set(again.differences.values()) == {0}
        assert "model: map, iteration 100 of 100" in told

    def test_another_selection_is_seen(self, directory: Path, page: html.HtmlElement) -> None:
        kept = arrays(directory)["kept"]
        left_out = np.setdiff1d(np.arange(16), kept)
        resave(directory, kept=np.sort([left_out[0], *kept[1:]]))
        tampered = parse(directory)
        assert "kept (" in by_id(tampered, "replayed")
        assert "embedding" not in by_id(tampered, "replayed")
        assert "not this run's" in by_id(tampered, "origin")
        assert str(left_out[0]) in tampered.xpath("//li[@class='kept']/@data-index")
        assert str(kept[0]) not in tampered.xpath("//li[@class='kept']/@data-index")
        drawn = [html.tostring(each.xpath("//figure[@id='map']")[0]) for each in (page, tampered)]
        assert drawn[0] != drawn[1]

    def test_without_open_tsne(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nms.benchmarks.perplexity_searches._open_tsne", lambda *_: None)
        words = text(parse(directory))
        assert "openTSNE: not installed here, so not shown" in words
        assert "openTSNE at most" not in words
        assert "scikit-learn at most" in words


def test_planar_images(directory: Path) -> None:
    """Colour planes one after another, as CIFAR-10 stores them, become pixels of three channels."""
    figures = json.loads((directory / "results.json").read_text())
    images = np.random.default_rng(1).integers(0, 256, (16, 48), np.uint8)
    from nms.contract import provenance
    from nms.report.data import make_thumbnails

    given = figures["input"] | {"shape": [4, 4, 3], "planar": True, "sha256": provenance.digest(images)}
    rewrite(directory, input=given, pixels=48)
    resave(directory, images=images)
    source = make_thumbnails(loader.load(directory))[3]
    picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    np.testing.assert_array_equal(np.asarray(picture)[2, 1], images[3, [9, 25, 41]])


class TestBadInput:
    @pytest.mark.parametrize(
        ("file", "content", "said"),
        [
            ("results.json", None, "no results.json"),
            ("results.npz", None, "no results.npz"),
            ("results.json", b"{", "cannot be read as JSON"),
            ("results.json", b"\xff\xfe", "cannot be read as JSON"),
            ("results.json", b"[1]", "must hold one JSON object"),
            ("results.json", b"{}", "Field required"),
            ("results.npz", b"PK\x03\x04nothing", "damaged"),
            ("results.npz", b"", "damaged"),
            ("energy.json", b"no", "energy.json: cannot be read as JSON"),
            ("energy.json", b"{}", "command: Field required; must be written by nms energy sampler"),
            ("energy.json", json.dumps(ENERGY).encode(), "digest 0, but the run's configuration is"),
        ],
    )
    def test_files(self, file: str, content: bytes | None, said: str, directory: Path) -> None:
        path = directory / file
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UserError, match=re.escape(said)):
            loader.load(directory)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"digest": "000000000000"}, "digest 000000000000, but with this version"),
            ({"count": 15}, "shape"),
            ({"search": "guess"}, "'guess'"),
            ({"seed": -1}, "seed -1"),
            ({"cycles": {"lunch": 1}}, "'lunch' must be one of"),
            ({"count": "many"}, "count: "),
        ],
    )
    def test_figures(self, changes: dict[str, object], said: str, directory: Path) -> None:
        rewrite(directory, **changes)
        with pytest.raises(UserError, match=re.escape(said)):
            loader.load(directory)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"kept": np.array([0, 1, 2, 3, 16])}, "must be ascending indices of 16 images"),
            ({"kept": np.array([0, 2, 1, 3, 4])}, "must be ascending indices"),
            ({"kept": np.arange(4)}, "shape (4,)"),
            ({"images": np.zeros((16, 64), np.uint8)}, "images differ from those of results.json"),
            ({"status": np.full(16, 9)}, "status: must be 0 to 3"),
            ({"embedding": np.full((16, 2), np.nan)}, "embedding: must be finite"),
            ({"beta": np.full(16, "x")}, "must be numbers"),
            ({"beta": np.full(16, None)}, "damaged"),
        ],
    )
    def test_arrays(self, changes: dict[str, np.ndarray], said: str, directory: Path) -> None:
        resave(directory, **changes)
        with pytest.raises(UserError, match=re.escape(said)):
            loader.load(directory)

    def test_a_truncated_archive(self, directory: Path) -> None:
        path = directory / "results.npz"
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(UserError, match="damaged"):
            loader.load(directory)

    @pytest.mark.parametrize("name", ["nowhere", "empty"])
    def test_command(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """One line, status 2, nothing written."""
        (tmp_path / "empty").mkdir()
        monkeypatch.setattr(sys, "argv", ["nms", "report", str(tmp_path / name)])
        with pytest.raises(SystemExit) as exited:
            cli.main()
        assert exited.value.code == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1
        assert name in error[0]
        assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_command(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line that is printed names the page."""
    monkeypatch.setattr("nms.report.build.build_page", lambda run, tell: "<p>page</p>")
    monkeypatch.setattr(sys, "argv", ["nms", "report", str(directory)])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 0
    named = Path(capsys.readouterr().out.splitlines()[-1])
    assert named == directory / "report.html"
    assert named.read_text() == "<p>page</p>"


class TestTheme:
    @pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
    def test_contrast(self, colours: dict[str, str]) -> None:
        """WCAG 2: 4.5 for what is written, 3 for what is drawn."""
        written = {"text", "muted", "second", "third", "bad"}
        for name, colour in colours.items():
            if name in ("page", "card", "rule", "tint"):
                continue
            for ground in ("page", "card") if name in written else ("card", "tint"):
                least = 4.5 if name in written else 3.0
                assert contrast(colour, colours[ground]) >= least, (name, ground)

    def test_same_names(self) -> None:
        assert theme.LIGHT.keys() == theme.DARK.keys()
        assert len(set(theme.LIGHT.values())) == len(theme.LIGHT)

    def test_a_foreign_colour_is_refused(self) -> None:
        figure = Figure()
        figure.subplots().plot([1, 2], color="#123456")
        with pytest.raises(KeyError):
            svg.inline(figure, "plot", "title", "text")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.slow
def test_in_a_browser(original: Path, tmp_path: Path) -> None:
    """The script runs, and the page follows the theme of its surroundings."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium; apt-get install chromium")
    page = tmp_path / "report.html"
    build.write_page(original, page, silent)

    def browse(*options: str) -> str:
        profile = tmp_path / f"profile{len(list(tmp_path.iterdir()))}"
        return subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={profile}", "--window-size=390,844", *options, page.as_uri(),
            ],
            check=True, capture_output=True, text=True, timeout=120,
        ).stdout  # fmt: skip

    points = html.document_fromstring(browse("--dump-dom")).xpath("//*[@class='point']")
    assert len(points) == 16
    assert [point.get("tabindex") for point in points].count("0") == 1
    assert all(re.match(r"image \d+, class \d", point.get("aria-label")) for point in points)
    brightness = []
    for scheme in (0, 1):  # dark, light
        picture = tmp_path / f"{scheme}.png"
        browse(f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
        brightness.append(np.asarray(Image.open(picture).convert("L")).mean())
    assert brightness[0] < 80
    assert brightness[1] > 200
