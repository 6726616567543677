# SPDX-License-Identifier: Apache-2.0
"""Where outputs go: what is replaced, followed, written to and refused, and that nothing is left behind."""

import json
import os
import resource
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nms.contract import output
from nms.contract.errors import UserError


def fill(staging: Path) -> None:
    (staging / "first").write_text("new")


@contextmanager
def small_disk() -> Iterator[None]:
    """No file may have more than 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def list_names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class TestOneFile:
    def test_a_regular_file_is_replaced_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "page"
        path.write_text("old")
        held = path.open()
        output.write_file(path, "new")
        assert (path.read_text(), held.read()) == ("new", "old")
        held.close()
        assert list_names(tmp_path) == ["page"]

    def test_a_missing_folder_is_made(self, tmp_path: Path) -> None:
        output.check_file(tmp_path / "a" / "b" / "page")
        assert not list_names(tmp_path)
        output.write_file(tmp_path / "a" / "b" / "page", "new")
        assert list_names(tmp_path) == ["a", "a/b", "a/b/page"]

    def test_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "real").write_text("old")
        (tmp_path / "link").symlink_to("deep/real")
        output.check_file(tmp_path / "link")
        output.write_file(tmp_path / "link", "new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "deep" / "real").read_text() == "new"
        assert list_names(tmp_path) == ["deep", "deep/real", "link"]

    def test_a_pipe_is_written_to(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        output.check_file(pipe)
        read: list[str] = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
        reader.start()
        output.write_file(pipe, "new")
        reader.join()
        assert read == ["new"]
        assert pipe.is_fifo()

    def test_a_device_is_written_to(self) -> None:
        before = os.stat("/dev/null")
        output.check_file(Path("/dev/null"))
        output.write_file(Path("/dev/null"), "new")
        assert os.stat("/dev/null").st_ino == before.st_ino
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    def test_a_full_device(self) -> None:
        with pytest.raises(UserError, match="output '/dev/full': No space left on device"):
            output.write_file(Path("/dev/full"), "new")

    def test_what_the_shell_redirected_is_written_to(
        self, tmp_path: Path, capfd: pytest.CaptureFixture
    ) -> None:
        """As with ``-o /dev/stdout > page``: the file behind it stays the one that the shell opened."""
        output.write_file(Path("/dev/stdout"), "new")
        assert capfd.readouterr().out == "new"

    def test_anything_else_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        server = socket.socket(socket.AF_UNIX)
        server.bind("socket")
        Path("folder").mkdir()
        Path("dead").symlink_to("gone")
        Path("loop").symlink_to("loop")
        Path("file").write_text("")
        before = list_names(tmp_path)
        for name, reason in {
            "socket": "is a socket",
            "folder": "is a directory",
            "dead": "leads nowhere",
            "loop": "leads nowhere",
            "file/below": "Not a directory",
            "x" * 256: "File name too long",
        }.items():
            for refuse in (output.check_file, lambda path: output.write_file(path, "new")):
                with pytest.raises(UserError, match=f"output '{name}': .*{reason}"):
                    refuse(Path(name))
        assert list_names(tmp_path) == before
        server.close()

    def test_an_input_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "input").write_text("data")
        (tmp_path / "link").symlink_to("input")
        for name in ("input", "link"):
            with pytest.raises(UserError, match="is the input"):
                output.check_file(tmp_path / name, [tmp_path / "none", tmp_path / "input"])


class TestDirectory:
    def test_staged_inside(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The folder may be a mount point, and the one around it read-only: nothing is made beside it."""
        (tmp_path / "out").mkdir()

        def write(staging: Path) -> None:
            assert staging.parent == tmp_path / "out"
            assert list_names(tmp_path) == ["out", f"out/{staging.name}"]
            fill(staging)

        assert output.publish(tmp_path / "out", write) == [tmp_path / "out" / "first"]
        assert list_names(tmp_path) == ["out", "out/first"]

    def test_files_behind_links(self, tmp_path: Path) -> None:
        """A file on another file system is whole, too, before it is replaced."""
        elsewhere = Path("/dev/shm") / f"nms-test-{os.getpid()}"
        elsewhere.mkdir()
        (tmp_path / "first").symlink_to(elsewhere / "real")
        try:
            with pytest.raises(UserError, match="leads nowhere"):
                output.publish(tmp_path, fill)
            (elsewhere / "real").write_text("old")
            output.publish(tmp_path, fill)
            assert list_names(elsewhere) == ["real"]
            assert (elsewhere / "real").read_text() == "new"
        finally:
            for path in elsewhere.iterdir():
                path.unlink()
            elsewhere.rmdir()
        assert list_names(tmp_path) == ["first"]

    def test_a_long_name(self, tmp_path: Path) -> None:
        with output.reserve(tmp_path / ("x" * 255)):
            output.publish(tmp_path / ("x" * 255), fill)
        with pytest.raises(UserError, match="File name too long"), output.reserve(tmp_path / ("y" * 256)):
            pytest.fail("begins")

    @pytest.mark.parametrize("link", ["gone/out", "link"])
    def test_a_link_that_leads_nowhere(self, link: str, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(link)
        for name in ("link", "link/below"):
            with pytest.raises(UserError, match=r"'.*link' is a link that leads nowhere"):
                output.check_writable(tmp_path / name)

    def test_a_link_to_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        with output.reserve(tmp_path / "link"):
            output.publish(tmp_path / "link", fill)
        assert list_names(tmp_path) == ["link", "real", "real/first"]

    def test_inside_an_input(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("data").mkdir()
        Path("link").symlink_to("data")
        for path in ("data", "data/out", "link/a/b", "data/../data"):
            with (
                pytest.raises(UserError, match="inside the input 'data'"),
                output.reserve(Path(path), inputs=["data"]),
            ):
                pytest.fail("begins")
        with output.reserve(Path("database"), inputs=["data", "digits"]):
            pass
        assert list_names(tmp_path) == ["data", "link"]

    def test_a_file_of_it_is_an_input(self, tmp_path: Path) -> None:
        (tmp_path / "first").write_text("data")
        with (
            pytest.raises(UserError, match="is the input"),
            output.reserve(tmp_path, ["first"], [tmp_path / "first"]),
        ):
            pytest.fail("begins")

    def test_a_folder_in_the_place_of_a_file(self, tmp_path: Path) -> None:
        """Known before the work if the name is, else before any file is moved."""
        (tmp_path / "last").mkdir()
        with pytest.raises(UserError, match=r"'.*last': is a directory"), output.reserve(tmp_path, ["last"]):
            pytest.fail("begins")

        def write(staging: Path) -> None:
            fill(staging)
            (staging / "last").write_text("new")

        with pytest.raises(UserError, match=r"'.*last': is a directory"):
            output.publish(tmp_path, write)
        assert list_names(tmp_path) == ["last"]

    def test_reserved(self, tmp_path: Path) -> None:
        """One command at a time; what a killed one left is removed; nothing is left of one that fails."""
        with output.reserve(tmp_path / "a" / "b"):
            for _ in range(2):
                with (
                    pytest.raises(UserError, match="another command writes to it"),
                    output.reserve(tmp_path / "a" / "b"),
                ):
                    pytest.fail("begins")
        assert not list_names(tmp_path)
        (tmp_path / ".nms-left").mkdir()
        with output.reserve(tmp_path / "a"):
            assert list_names(tmp_path) == [".nms-left", "a"]
        with output.reserve(tmp_path):
            assert not list_names(tmp_path)

    @pytest.mark.parametrize("kind", ["text", "npy", "npz"])
    def test_a_full_disk(self, kind: str, tmp_path: Path) -> None:
        """One line, the earlier files as they were, nothing beside them."""
        (tmp_path / "first").write_text("old")

        def write(staging: Path) -> None:
            fill(staging)
            random = np.random.default_rng(1).integers(0, 256, 10_000, np.uint8)
            if kind == "text":
                (staging / "text").write_text("x" * 10_000)
            elif kind == "npy":
                np.save(staging / "a.npy", random)
            else:
                np.savez_compressed(staging / "a.npz", a=random)

        with small_disk(), pytest.raises(UserError, match=f"output '{tmp_path}': (File too large|.*written)"):
            output.publish(tmp_path, write)
        assert list_names(tmp_path) == ["first"]
        assert (tmp_path / "first").read_text() == "old"

    def test_a_defect_stays_one(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            output.publish(tmp_path / "out", lambda staging: (staging / "none").read_text())
        assert not list_names(tmp_path)


def test_earlier_results(tmp_path: Path) -> None:
    """The same command may be repeated, another one replaces nothing unless it is forced to."""
    record = tmp_path / "results.json"
    output.check_earlier(record, "nms run", force=False)
    for text, told in {
        json.dumps({"command": "nms run -c tiny"}): "has the results of `nms run -c tiny`",
        json.dumps({"provenance": {"command": "nms a"}}): "has the results of `nms a`",
        json.dumps([1]): "has other results",
        json.dumps({"provenance": {}}): "has other results",
        "{": "has other results",
    }.items():
        record.write_text(text)
        with pytest.raises(UserError, match=f"output '{tmp_path}': {told}; .* --force"):
            output.check_earlier(record, "nms run", force=False)
        output.check_earlier(record, "nms run", force=True)
    record.write_text(json.dumps({"command": "nms run"}))
    output.check_earlier(record, "nms run", force=False)
