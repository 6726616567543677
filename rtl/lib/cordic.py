# SPDX-License-Identifier: Apache-2.0
"""Hyperbolic CORDIC in base 2: ``Rotate`` gives 2^f, ``Decay`` 2^-f, ``Vector`` log2 m."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal, localcontext
from math import isqrt
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.fixed import add_or_subtract
from nms.rtl.lib.flow import follow
from nms.rtl.lib.hierarchy import Block

GUARD = 40
"""Decimal digits beyond those of the constants, far more than their rounding needs."""


def angle(index: int, fraction: int) -> int:
    """a_i = floor(atanh(2^-i)/ln 2 * 2^fraction + 1/2), with atanh(t)/ln 2 = log2((1+t)/(1-t))/2."""
    with localcontext() as context:
        context.prec = GUARD + fraction
        t = Decimal(2) ** -index
        turn = ((1 + t) / (1 - t)).ln() / (2 * Decimal(2).ln())
        return int(turn * 2**fraction + Decimal("0.5"))


def start(indices: Sequence[int], fraction: int) -> int:
    """x_0 = floor(2^fraction/G + 1/2), G = prod sqrt(1 - 2^-2i), exactly by integer square root.

    With 1/G^2 = a/b, floor(2^fraction/G + 1/2) = floor((floor(sqrt(4^(fraction+1) a/b)) + 1)/2).
    """
    a = b = 1
    for index in indices:
        a, b = a << 2 * index, b * ((1 << 2 * index) - 1)
    return (isqrt((a << 2 * (fraction + 1)) // b) + 1) // 2


class _Pipeline(Block, ABC):
    """Registers and handshake common to both: one register after every ``unroll`` rotations.

    All stages advance together: an item is taken in each cycle in which the output is empty or taken.
    """

    def __init__(
        self, indices: Sequence[int], fraction: int, unroll: int, tag: int, i: StructLayout, o: StructLayout
    ) -> None:
        self.indices, self.fraction, self.unroll, self.tag = tuple(indices), fraction, unroll, tag
        self.parameters = (self.indices, fraction, unroll, tag)
        super().__init__({"i": In(stream.Signature(i)), "o": Out(stream.Signature(o))})

    @property
    def latency(self) -> int:
        """Cycles from input to output."""
        return -(-len(self.indices) // self.unroll)

    def testbench_parameters(self) -> dict[str, Any]:
        return {"last": self.indices[-1]}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [advance.eq(self.o.ready | ~self.o.valid), self.i.ready.eq(advance)]
        valid = follow(m, self.i.valid, self.latency, advance)

        def register(value: Value, name: str, stage: int) -> Signal:
            held = Signal(value.shape(), name=f"{name}_{stage}", reset_less=True)
            with m.If(advance & valid[stage]):
                m.d.sync += held.eq(value)
            return held

        state, tag = self._first(self.i.payload), Value.cast(self.i.payload.tag)
        for stage in range(self.latency):
            for position in range(stage * self.unroll, min((stage + 1) * self.unroll, len(self.indices))):
                state = self._turn(m, position, state)
            state = {
                name: value if isinstance(value, Const) else register(value, name, stage)
                for name, value in state.items()
            }
            tag = register(tag, "tag", stage)
        m.d.comb += [self.o.valid.eq(valid[-1]), self.o.payload.tag.eq(tag)]
        self._last(m, state)
        return m

    def _rotate(
        self, m: Module, position: int, x: Value, y: Value, back: Value, places: int
    ) -> dict[str, Value]:
        """x and y, the latter of ``places`` bits, after one rotation.

        ``back`` is its direction, 1 where what drives it is negative.
        """
        index, shape = self.indices[position], signed(self.fraction + 2)
        old_x, old_y = Signal(shape, name=f"x_before_{position}"), Signal(shape, name=f"y_before_{position}")
        new_x, new_y = Signal(shape, name=f"x_at_{position}"), Signal(signed(places), name=f"y_at_{position}")
        m.d.comb += [
            old_x.eq(x),
            old_y.eq(y),
            new_x.eq(add_or_subtract(old_x, old_y.shift_right(index), back)),
            new_y.eq(add_or_subtract(old_y[:places], old_x.shift_right(index), back)),
        ]
        return {"x": new_x, "y": new_y}

    @abstractmethod
    def _first(self, item: Value) -> dict[str, Value]:
        """What the first stage begins with."""

    @abstractmethod
    def _turn(self, m: Module, position: int, state: dict[str, Value]) -> dict[str, Value]:
        """What is there after the rotation at a position."""

    @abstractmethod
    def _last(self, m: Module, state: dict[str, Value]) -> None:
        """The output, from what the last stage leaves."""


class _Angled(_Pipeline):
    """A pipeline that turns an angle f, 0 <= f < 1, to zero."""

    def _angle_widths(self) -> list[int]:
        """Bits of the angle left after each rotation, from the interval that it can be in."""
        low, high, widths = 0, (1 << self.fraction) - 1, []
        for index in self.indices:
            a = angle(index, self.fraction)
            low, high = min(-a, low + a), max(high - a, a - 1)
            widths.append(1 + max((-low - 1).bit_length(), high.bit_length()))
        return widths

    def _reduce_angle(self, m: Module, position: int, rest: Value) -> tuple[Value, dict[str, Value]]:
        """Direction of a rotation, 1 where the angle left is negative; and the angle left after it."""
        back = rest[-1] if rest.shape().signed else Const(0)
        if position + 1 == len(self.indices):
            return back, {}
        a = angle(self.indices[position], self.fraction)
        left = Signal(signed(self._angle_widths()[position]), name=f"rest_at_{position}")
        m.d.comb += left.eq(rest + Mux(back, a, -a))
        return back, {"rest": left}


class Rotate(_Angled):
    """2^f of an angle f, 0 <= f < 1, as ``x - y`` (contract, section 3, rotation).

    Parameters
    ----------
    indices : shift indices in the order of execution, from :func:`nms.contract.derived.cordic_indices`
    fraction : C, fraction bits of the angle, x and y
    unroll : rotations between two registers
    tag : bits that travel with each item

    Members
    -------
    i : stream of ``{angle: u0.C, tag}``
    o : stream of ``{x: s2.C, y: s2.C, tag}``, in order

    Latency
    -------
    :attr:`latency` cycles: one register after every ``unroll`` rotations.

    Throughput
    ----------
    One item a cycle. All stages advance together: an item is taken in each cycle in which the output is
    empty or taken.

    Reset
    -----
    The pipeline is empty.
    """

    def __init__(self, indices: Sequence[int], fraction: int, unroll: int, tag: int = 0) -> None:
        self.module = f"cordic_rotate_{indices[-1]}" + (f"_t{tag}" if tag else "")
        xy = signed(fraction + 2)
        super().__init__(
            indices,
            fraction,
            unroll,
            tag,
            StructLayout({"angle": fraction, "tag": tag}),
            StructLayout({"x": xy, "y": xy, "tag": tag}),
        )

    def _first(self, item: Value) -> dict[str, Value]:
        x = Const(start(self.indices, self.fraction), signed(self.fraction + 2))
        return {"x": x, "y": Const(0), "rest": item.angle}

    def _turn(self, m: Module, position: int, state: dict[str, Value]) -> dict[str, Value]:
        back, left = self._reduce_angle(m, position, state["rest"])
        return self._rotate(m, position, state["x"], state["y"], back, self.fraction + 2) | left

    def _last(self, m: Module, state: dict[str, Value]) -> None:
        m.d.comb += [self.o.payload.x.eq(state["x"]), self.o.payload.y.eq(state["y"])]


class Decay(_Angled):
    """2^-f of an angle f, 0 <= f < 1 (contract, section 3, decay).

    The rotation's x + y by one recurrence in place of two. The sum never reaches 2: it is x_0 times factors
    (1 - 2^-i) and (1 + 2^-i), which together, over the angle turned so far, t >= 0 up to rounding, are at
    most 2^-t.

    Parameters
    ----------
    indices : shift indices in the order of execution, from :func:`nms.contract.derived.cordic_indices`
    fraction : C, fraction bits of the angle and of the power
    unroll : steps between two registers
    tag : bits that travel with each item

    Members
    -------
    i : stream of ``{angle: u0.C, tag}``
    o : stream of ``{power: u1.C, tag}``, in order

    Latency
    -------
    :attr:`latency` cycles: one register after every ``unroll`` steps.

    Throughput
    ----------
    One item a cycle. All stages advance together: an item is taken in each cycle in which the output is
    empty or taken.

    Reset
    -----
    The pipeline is empty.
    """

    def __init__(self, indices: Sequence[int], fraction: int, unroll: int, tag: int = 0) -> None:
        self.module = f"cordic_decay_{indices[-1]}" + (f"_t{tag}" if tag else "")
        super().__init__(
            indices,
            fraction,
            unroll,
            tag,
            StructLayout({"angle": fraction, "tag": tag}),
            StructLayout({"power": fraction + 1, "tag": tag}),
        )

    def _first(self, item: Value) -> dict[str, Value]:
        return {"power": Const(start(self.indices, self.fraction), self.fraction + 1), "rest": item.angle}

    def _turn(self, m: Module, position: int, state: dict[str, Value]) -> dict[str, Value]:
        back, left = self._reduce_angle(m, position, state["rest"])
        old, power = (Signal(self.fraction + 1, name=f"power_{when}_{position}") for when in ("before", "at"))
        m.d.comb += [
            old.eq(state["power"]),
            power.eq(add_or_subtract(old, old.shift_right(self.indices[position]), back)),
        ]
        return {"power": power} | left

    def _last(self, m: Module, state: dict[str, Value]) -> None:
        m.d.comb += self.o.payload.power.eq(state["power"])


class Vector(_Pipeline):
    """``log = max(2t, 0)``, log2 of a mantissa m, 1 <= m < 2 (contract, section 3, vectoring).

    t starts with the sum of all angles, and each turn back takes twice its own off. What the turns of a
    stage take off, an adder for two of them, is taken off in the next stage, or behind the last. As t stays
    even or odd, half of it is kept, rounded down.

    Parameters
    ----------
    indices : shift indices in the order of execution, from :func:`nms.contract.derived.cordic_indices`
    fraction : C, fraction bits of the mantissa and of the logarithm
    unroll : rotations between two registers
    tag : bits that travel with each item

    Members
    -------
    i : stream of ``{mantissa: u1.C, tag}``
    o : stream of ``{log: u1.C, tag}``, in order

    Latency
    -------
    :attr:`latency` cycles: one register after every ``unroll`` rotations.

    Throughput
    ----------
    One item a cycle. All stages advance together: an item is taken in each cycle in which the output is
    empty or taken.

    Reset
    -----
    The pipeline is empty.
    """

    def __init__(self, indices: Sequence[int], fraction: int, unroll: int, tag: int = 0) -> None:
        self.module = f"cordic_vector_{indices[-1]}" + (f"_t{tag}" if tag else "")
        super().__init__(
            indices,
            fraction,
            unroll,
            tag,
            StructLayout({"mantissa": fraction + 1, "tag": tag}),
            StructLayout({"log": fraction + 1, "tag": tag}),
        )

    def _first(self, item: Value) -> dict[str, Value]:
        half = item.mantissa[1 : self.fraction]  # of m - 1: no adders for m + 1 and m - 1, and y is positive
        return {
            "x": Cat(half, Const(0b10, 2)),
            "y": Cat(half, Const(0, 1)),
            "turned": Const(self._total() >> 1, self.fraction),
            "backs": Const(0, 0),
        }

    def _turn(self, m: Module, position: int, state: dict[str, Value]) -> dict[str, Value]:
        # After index i the angle left has a tangent of at most 2^-i, so |y| <= x * 2^-i, x < 3/2, but for the
        # floors, each less than one: |y| < 4 * 2^-i
        index, y = self.indices[position], state["y"]
        back, backs, turned = y[-1], state["backs"], state["turned"]
        new = self._rotate(m, position, state["x"], y, back, self.fraction + 3 - index)
        if position % self.unroll == 0 and position:
            turned = Signal(signed(self.fraction + 1), name=f"turned_before_{position}")
            m.d.comb += turned.eq(self._subtract_angles(state["turned"], backs, position))
            backs = Const(0, 0)
        return new | {"turned": turned, "backs": Cat(backs, back)}

    def _subtract_angles(self, turned: Value, backs: Value, position: int) -> Value:
        """t / 2 without the angles of those turns before ``position`` that ``backs`` says went back."""
        for at in range(0, len(backs), 2):  # two turns are one of four constants, and one adder
            pair = backs[at : at + 2]
            first = position - len(backs) + at
            angles = [angle(index, self.fraction) for index in self.indices[first : first + len(pair)]]
            choices = [
                -sum(a for bit, a in enumerate(angles) if choice >> bit & 1)
                for choice in range(1 << len(pair))
            ]
            turned = turned + Array(choices)[pair]
        return turned

    def _last(self, m: Module, state: dict[str, Value]) -> None:
        turned = self._subtract_angles(state["turned"], state["backs"], len(self.indices))
        m.d.comb += self.o.payload.log.eq(Mux(turned < 0, 0, Cat(Const(self._total() % 2 << 1, 2), turned)))

    def _total(self) -> int:
        """The sum of all angles."""
        return sum(angle(index, self.fraction) for index in self.indices)
