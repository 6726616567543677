# SPDX-License-Identifier: Apache-2.0
"""The cache: texts that are made once, folders that are kept while they are used, what the disk refuses."""

import errno
import os
import resource
from pathlib import Path

import pytest

from nms.contract import cache as kept
from nms.contract.cache import load_or_make
from nms.contract.errors import ToolError, UserError


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NMS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_text_is_made_once_for_a_key(cache: Path) -> None:
    made = iter("abc")
    assert load_or_make("kind", ["x", "y"], lambda: next(made)) == "a"
    assert load_or_make("kind", ["x", "y"], lambda: next(made)) == "a"
    assert load_or_make("kind", ["xy", ""], lambda: next(made)) == "b", "parts run into each other"
    assert load_or_make("other", ["x", "y"], lambda: next(made)) == "c"
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 3


def test_nothing_is_kept_of_what_fails(cache: Path) -> None:
    def fail() -> str:
        raise ValueError("no text")

    with pytest.raises(ValueError, match="no text"):
        load_or_make("kind", ["x"], fail)
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert load_or_make("kind", ["x"], lambda: "text") == "text"


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the shell means it: a relative path begins where the command was started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, place in {"cache": "cache", "~/a": "home/a", "/b": "/b"}.items():
        monkeypatch.setenv("NMS_CACHE", given)
        assert kept.cache_directory() == tmp_path / place
    monkeypatch.delenv("NMS_CACHE")
    monkeypatch.setattr(kept, "PACKAGE", tmp_path / "installed" / "nms")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert kept.cache_directory() == tmp_path / "home" / ".cache" / "nms"


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As of a user whom the machine does not know, in a container."""
    monkeypatch.delenv("NMS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(kept, "PACKAGE", tmp_path / "installed" / "nms")
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(UserError, match="no home directory; name a folder in NMS_CACHE"):
        kept.cache_directory()
    log = kept.keep_log("a tool", "words")
    assert log.read_text() == "words"
    log.unlink()


def test_a_text_on_a_full_disk(cache: Path) -> None:
    """It is done without the cache, and nothing half-written stays."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert load_or_make("kind", ["x"], lambda: "text" * 1000) == "text" * 1000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in cache.rglob("*")] == ["kind"]


def test_what_the_disk_refuses_names_the_variable(cache: Path) -> None:
    with pytest.raises(UserError, match=f"cache '{cache}': No space left on device; .* NMS_CACHE"):
        kept.store(cache / "x", lambda file: Path("/dev/full").write_text("x"))
    full = os.strerror(errno.ENOSPC)
    for complaint, raised in (("a.cpp: error: " + full, UserError), ("a.cpp: error: no type", ToolError)):
        with pytest.raises(raised), kept.writing():
            raise ToolError("the C++ compiler", "ended with status 2", complaint, "", Path("log"))
    assert not list(cache.iterdir())
    cache.rmdir()
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cache '.*': File exists; .* NMS_CACHE"), kept.writing():
        pytest.fail("begins")


def test_a_log_where_the_cache_cannot_be_written(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    log = kept.keep_log("a tool", "words")
    assert log.read_text() == "words"
    log.unlink()


def test_folders_in_use_stay(cache: Path) -> None:
    """However old they look: dates are those of a clock that may have been set back."""
    used, number = kept.make_folder(cache / "runs", "a-", keep=2)
    os.utime(used, (0, 0))
    others = []
    for index in range(4):
        folder, other = kept.make_folder(cache / "runs", "b-", keep=2)
        os.close(other)
        os.utime(folder, (index + 1, index + 1))
        others.append(folder)
    assert [folder.exists() for folder in (used, *others)] == [True, False, True, True, True]
    os.close(number)
    os.close(kept.make_folder(cache / "runs", "c-", keep=2)[1])
    assert [folder.exists() for folder in (used, *others)] == [False, False, False, True, True]


def test_cleaned(cache: Path) -> None:
    """All but what is used; its size is told by kind."""
    for name in ("0123456789abcdef", "building-x", "building/y", "building/z", "runs/a", "runs/b"):
        (cache / name).mkdir(parents=True)
        (cache / name / "file").write_text("1234")
    (cache / "netlist-grid.json").write_text("12345")
    (cache / "tmpx").write_text("123456")
    (cache / "notes").write_text("of somebody else")
    used = [kept.hold(cache / name) for name in ("runs/a", "building/y")]
    sizes = {"builds": 4, "netlists": 5, "runs": 8, "unfinished": 18}
    assert {shelf.kind: shelf.size for shelf in kept.measure() if shelf.entries} == sizes
    removed = {shelf.kind: shelf.size for shelf in kept.clean() if shelf.entries}
    assert removed == sizes | {"runs": 4, "unfinished": 14}
    for number in used:
        os.close(number)
    left = sorted(path.relative_to(cache).as_posix() for path in cache.rglob("[!.]*") if path.is_file())
    assert left == [
        "building/y/file",
        "notes",
        "runs/a/file",
    ]


def test_a_folder_is_built_once_and_held_by_no_bad_name(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def build(folder: Path) -> None:
        (folder / "program").write_text("x")

    built = kept.load_or_build("kind", ["x"], build)
    assert (built / "program").read_text() == "x"
    assert kept.load_or_build("kind", ["x"], pytest.fail) == built
    assert [path.name for path in (cache / "building").iterdir()] == [".lock"]
    monkeypatch.setenv("NMS_CACHE", str(tmp_path / "a b"))
    with pytest.raises(UserError, match=r"cache '.*a b': .* in a path with ' '; .* NMS_CACHE"):
        kept.load_or_build("kind", ["x"], build)


def test_where_yosys_keeps_itself(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the user or, where that cannot be written, here."""
    here = {"XDG_CACHE_HOME": str(cache / "tools")}
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".cache").mkdir(parents=True)
    assert kept.find_tool_cache() == {}
    monkeypatch.setattr(os, "access", lambda path, mode: "home" not in str(path))
    assert kept.find_tool_cache() == here
    for tool in kept.TOOLS:
        (tmp_path / "home" / ".cache" / tool).mkdir()
    assert kept.find_tool_cache() == {}
    monkeypatch.setattr(Path, "home", no_home)
    assert kept.find_tool_cache() == here
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match=f"neither in '{cache / 'tools'}'; name another folder in NMS_CACHE"):
        kept.find_tool_cache()
