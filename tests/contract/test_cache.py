# SPDX-License-Identifier: Apache-2.0
"""Texts that are made once and loaded afterwards."""

from pathlib import Path

import pytest

from nms.contract.cache import load_or_make


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
