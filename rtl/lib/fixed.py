# SPDX-License-Identifier: Apache-2.0
"""Fixed-point arithmetic that blocks share: rounding, saturation, leading ones, pipelined products.

Everything works on raw integers (value = raw * 2^-fraction), signed or unsigned as the operand is.
"""

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value, ValueLike, signed, unsigned

from nms.contract.formats import Fixed

TILE = 18
"""Bits of an operand that one hardware multiplier takes."""


def half_up(value: Value, n: int) -> Value:
    """``half_up(value, n)`` = floor(value / 2^n + 1/2), exact; no bit is lost at the top."""
    return value if n == 0 else (value + (1 << (n - 1))).shift_right(n)


def half_up_by(value: Value, n: ValueLike) -> Value:
    """``half_up(value, n)`` for an unsigned signal ``n``: one shifter, then one increment.

    floor(v / 2^n + 1/2) = floor((floor(2v / 2^n) + 1) / 2), so that n = 0 needs no case of its own.
    """
    return ((value.shift_left(1) >> n) + 1).shift_right(1)


def add_or_subtract(a: Value, b: Value, add: Value) -> Value:
    """``a + b`` where ``add``, ``a - b`` elsewhere, modulo the width of ``a``: one adder, not two.

    For a difference ``b`` is inverted, and the 1 that this lacks is carried in from a place below.
    """
    places = len(a) - len(b)
    extended = Cat(b, (b[-1] if b.shape().signed else Const(0)).replicate(places)) if places > 0 else b
    subtract = ~add
    other = extended[: len(a)] ^ subtract.replicate(len(a))
    return (Cat(subtract, a) + Cat(subtract, other))[1 : len(a) + 1]


def saturate(value: Value, form: Fixed) -> Value:
    """``sat(value, form)``: the nearest raw value of ``form``, in its width and signedness."""
    low = Mux(value < form.min, form.min, value) if value.shape().signed else value
    limited = Mux(value > form.max, form.max, low)[: form.width]
    return limited.as_signed() if form.signed else limited


def bit_length(value: Value) -> Value:
    """``bitlen(value)`` of an unsigned value: bits without leading zeros, 0 for 0. A tree."""
    if len(value) == 1:
        return value
    half = 1 << ((len(value) - 1).bit_length() - 1)
    low, high = value[:half], value[half:]
    return Mux(high.any(), half + bit_length(high), bit_length(low))


def square_rows(value: Value) -> list[Value]:
    """Rows whose sum is the exact square of an unsigned value.

    Products of two different bits are formed once and doubled. Those of bit i begin at place 2i; where a row
    ends below that, they continue it, so that there are hardly more than half as many rows as bits. In one
    sum with others, a square needs no sum of its own.
    """
    rows: list[Value] = []
    for i in range(len(value)):
        products = Cat(value[i], Const(0, 1), value[i + 1 :] & value[i].replicate(len(value) - 1 - i))
        for number, row in enumerate(rows):
            if len(row) <= 2 * i:
                rows[number] = Cat(row, Const(0, 2 * i - len(row)), products)
                break
        else:
            rows.append(products << 2 * i)
    return rows


def square(value: Value) -> Value:
    """The exact square of an unsigned value."""
    rows = square_rows(value)
    return sum(rows[1:], rows[0])[: 2 * len(value)]


def _tiles(value: Value) -> list[tuple[int, Value]]:
    """Pieces of at most ``TILE`` bits with their weights; only the topmost has a sign."""
    pieces = [(low, value[low : low + TILE]) for low in range(0, len(value), TILE)]
    if value.shape().signed:
        low, top = pieces[-1]
        pieces[-1] = (low, top.as_signed())
    return pieces


def product_latency(a: int, b: int) -> int:
    """Cycles of :func:`product` for operands of ``a`` and ``b`` bits: 1 to 3."""
    return 1 + (a > TILE) + (b > TILE)


def product(m: Module, a: ValueLike, b: ValueLike, moves: Value | None = None) -> Signal:
    """The exact product, ``product_latency(len(a), len(b))`` cycles later, one each cycle.

    Registered tile products; then, where an operand has more than one tile, a registered sum over
    the tiles of ``a`` and one over those of ``b``. Bit k of ``moves`` is the enable of the registers of stage
    k; without, all load in every cycle.
    """
    a, b = Value.cast(a), Value.cast(b)

    def register(value: Value, stage: int) -> Signal:
        held = Signal(value.shape(), reset_less=True)
        with m.If(1 if moves is None else moves[stage]):
            m.d.sync += held.eq(value)
        return held

    def add(terms: list[tuple[int, Value]]) -> Value:
        low, total = terms[0]
        for weight, term in terms[1:]:
            total = total + term.shift_left(weight - low)
        return total

    rows = []
    for low, tile in _tiles(b):
        parts = [(weight, register(piece * tile, 0)) for weight, piece in _tiles(a)]
        rows.append((low, register(add(parts), 1) if len(parts) > 1 else parts[0][1]))
    total = register(add(rows), product_latency(len(a), len(b)) - 1) if len(rows) > 1 else rows[0][1]
    width = len(a) + len(b)
    shape: Shape = signed(width) if a.shape().signed or b.shape().signed else unsigned(width)
    exact = Signal(shape)
    m.d.comb += exact.eq(total)
    return exact
