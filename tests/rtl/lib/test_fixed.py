# SPDX-License-Identifier: Apache-2.0
"""The shared fixed-point pieces against Python's integers, in Amaranth's own simulator."""

import random
from collections.abc import Callable

import pytest
from amaranth import Module, Signal, signed
from amaranth.sim import Simulator

from nms.contract.formats import Fixed
from nms.rtl.lib.fixed import (
    add_or_subtract,
    bit_length,
    half_up,
    half_up_by,
    product,
    product_latency,
    saturate,
    square,
    square_rows,
)
from nms.rtl.lib.flow import follow


def run(m: Module, testbench: Callable, clocked: bool = False) -> None:
    simulator = Simulator(m)
    if clocked:
        simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("width", [3, 17, 40])
def test_rounding_and_saturation(width: int) -> None:
    m, form, natural = Module(), Fixed(True, 3, 7), Fixed(False, 3, 5)
    value, amount = Signal(signed(width)), Signal(6)
    fixed, unmoved, by = Signal(signed(64)), Signal(signed(64)), Signal(signed(64))
    limited, positive = Signal(signed(12)), Signal(12)
    m.d.comb += [
        fixed.eq(half_up(value, 7)),
        unmoved.eq(half_up(value, 0)),
        by.eq(half_up_by(value, amount)),
        limited.eq(saturate(value, form)),
        positive.eq(saturate(value, natural)),
    ]

    async def testbench(ctx) -> None:
        rng = random.Random(width)
        ends = [-(1 << width - 1), (1 << width - 1) - 1, 0, -1, 1]
        for v in ends + [rng.randrange(*ends[:2]) >> rng.randrange(width) for _ in range(300)]:
            n = rng.randrange(64)
            ctx.set(value, v)
            ctx.set(amount, n)
            assert ctx.get(fixed) == (v + 64) >> 7
            assert ctx.get(unmoved) == v
            assert ctx.get(by) == (v + (1 << n >> 1)) >> n
            assert ctx.get(limited) == max(form.min, min(form.max, v))
            assert ctx.get(positive) == max(natural.min, min(natural.max, v))

    run(m, testbench)


@pytest.mark.parametrize("width", [1, 2, 23, 64])
def test_leading_ones(width: int) -> None:
    m = Module()
    value, length = Signal(width), Signal(8)
    m.d.comb += length.eq(bit_length(value))

    async def testbench(ctx) -> None:
        rng = random.Random(width)
        ctx.set(value, 0)
        assert ctx.get(length) == 0
        for bits in list(range(1, width + 1)) * 5:
            v = 1 << bits - 1 | rng.randrange(1 << bits - 1)
            ctx.set(value, v)
            assert ctx.get(length) == bits

    run(m, testbench)


@pytest.mark.parametrize("left", [signed(40), signed(18), 19, 5])
@pytest.mark.parametrize("right", [signed(37), 54, 7])
def test_products(left: object, right: object) -> None:
    """A product of each item, exact, after the latency in cycles that advance; it holds until the next."""
    m = Module()
    a, b, given, advance = Signal(left), Signal(right), Signal(), Signal()
    latency = product_latency(len(a), len(b))
    assert 1 <= latency <= 3
    valid = follow(m, given, latency, advance)
    result = product(m, a, b, valid & advance.replicate(len(valid)))

    def some(rng: random.Random, signal: Signal) -> int:
        low = -(1 << len(signal) - 1) if signal.shape().signed else 0
        return rng.choice([low, low + (1 << len(signal)) - 1, low + rng.randrange(1 << len(signal))])

    async def testbench(ctx) -> None:
        rng, under_way, expected = random.Random(1), [None] * (latency - 1), 0
        for _ in range(200):
            x, y, comes, on = some(rng, a), some(rng, b), rng.random() < 0.7, rng.random() < 0.7
            for signal, value in ((a, x), (b, y), (given, comes), (advance, on)):
                ctx.set(signal, value)
            await ctx.tick()
            if on:
                under_way.append(x * y if comes else None)
                done = under_way.pop(0)
                expected = expected if done is None else done
                assert ctx.get(valid[-1]) == (done is not None)
            assert ctx.get(result) == expected

    run(m, testbench, clocked=True)


@pytest.mark.parametrize("narrow", [False, True], ids=["signed", "unsigned"])
def test_one_adder_for_sum_and_difference(narrow: bool) -> None:
    """Modulo the width of the first operand; the second is shorter, with its own sign or without."""
    m, a, add = Module(), Signal(signed(9)), Signal()
    b, result = Signal(5) if narrow else Signal(signed(5)), Signal(9)
    m.d.comb += result.eq(add_or_subtract(a, b, add))

    async def testbench(ctx) -> None:
        rng = random.Random(1)
        for _ in range(400):
            x, y, plus = rng.randrange(-256, 256), rng.randrange(32) - (0 if narrow else 16), rng.randrange(2)
            ctx.set(a, x)
            ctx.set(b, y)
            ctx.set(add, plus)
            assert ctx.get(result) == (x + y if plus else x - y) % 512

    run(m, testbench)


@pytest.mark.parametrize("width", [1, 2, 8, 11])
def test_square(width: int) -> None:
    m, value, total, alone = Module(), Signal(width), Signal(2 * width), Signal(3 * width)
    m.d.comb += [total.eq(sum(square_rows(value))), alone.eq(square(value))]

    async def testbench(ctx) -> None:
        for v in range(1 << width):
            ctx.set(value, v)
            assert ctx.get(total) == ctx.get(alone) == v * v

    run(m, testbench)
