# SPDX-License-Identifier: Apache-2.0
"""Scoreboards, packing and seeds, without a simulator."""

import json

import numpy as np
import pytest
from amaranth.hdl import Const, signed
from amaranth.lib.data import StructLayout

from nms.sim.models.disturbance import Disturbance, disturb
from nms.sim.models.scoreboard import SHOWN, Scoreboard
from nms.sim.models.seeds import derive
from nms.sim.models.streams import Pack
from nms.sim.models.streams import signed as as_signed
from nms.sim.verilator import context


@pytest.fixture(autouse=True)
def tally(monkeypatch, tmp_path):
    """A context as the runner gives it."""
    file = tmp_path / "tally.jsonl"
    monkeypatch.setenv(context.VARIABLE, context.Context(seed=9, tally=str(file), wanted="").dump())
    context.context.cache_clear()
    yield file
    context.context.cache_clear()


def fill_board(expected, got, minimum=1):
    board = Scoreboard("board", minimum)
    board.expect(expected)
    for value in got:
        board.got(value)
    return board


def test_equal_sequences_pass_and_are_counted(tally):
    fill_board([1, 2, 3], [1, 2, 3], minimum=3).finish()
    fill_board([np.int64(4)], [4]).finish()
    assert [json.loads(line)["compared"] for line in tally.read_text().splitlines()] == [3, 1]


@pytest.mark.parametrize(
    ("expected", "got", "minimum", "complaint"),
    [
        ([1, 2, 3], [1, 5, 3], 3, r"\[1\] expected 2, got 5"),
        ([1, 2], [1], 1, "1 expected values never came, the first 2"),
        ([1], [1, 7], 1, r"\[1\] unexpected 7"),
        ([], [], 1, "compared 0, at least 1 required"),
        ([1], [1], 2, "compared 1, at least 2 required"),
    ],
)
def test_everything_else_fails_and_is_still_counted(tally, expected, got, minimum, complaint):
    with pytest.raises(AssertionError, match=complaint) as failure:
        fill_board(expected, got, minimum).finish()
    assert "board (seed 9)" in str(failure.value)
    assert json.loads(tally.read_text())["compared"] == len(got)


def test_a_flood_of_mismatches_is_summarised():
    with pytest.raises(AssertionError, match=f"and {100 - SHOWN} more"):
        fill_board([0] * 100, [1] * 100).finish()


@pytest.mark.parametrize("disturbance", list(Disturbance))
def test_no_disturbance_goes_unseen(disturbance):
    values = list(range(10))
    with pytest.raises(AssertionError):
        fill_board(values, disturb(values, disturbance)).finish()


def test_packing_is_that_of_struct_layouts():
    inner = StructLayout({"b": signed(5), "c": 1})
    layout = StructLayout({"a": 3, "inner": inner, "none": 0, "d": signed(70)})
    pack, rng = Pack(layout), np.random.default_rng(0)
    assert pack.width == layout.size
    for _ in range(50):
        nested = {"b": int(rng.integers(-16, 16)), "c": int(rng.integers(2))}
        outer = {"a": int(rng.integers(8)), "none": 0, "d": int(rng.integers(-(1 << 62), 1 << 62)) << 7}
        packed = pack.pack(**outer, **nested)
        assert packed == Const.cast(layout.const(outer | {"inner": nested})).value & (1 << 79) - 1
        assert pack.unpack(packed) == outer | nested


@pytest.mark.parametrize("values", [{"a": 8, "b": 0}, {"a": 0, "b": 16}, {"a": -1, "b": 0}, {"a": 0}])
def test_what_does_not_fit_is_refused(values):
    with pytest.raises(ValueError, match=r"outside|expected"):
        Pack(StructLayout({"a": 3, "b": signed(5)})).pack(**values)


def test_signed_reading():
    assert [as_signed(value, 3) for value in range(8)] == [0, 1, 2, 3, -4, -3, -2, -1]


def test_generators_depend_on_seed_and_name_alone():
    draws = {(seed, name): derive(seed, name).integers(1 << 60) for seed in (1, 2) for name in ("a", "b")}
    assert len(set(draws.values())) == 4
    assert derive(1, "a").integers(1 << 60) == draws[1, "a"]
