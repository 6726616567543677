# SPDX-License-Identifier: Apache-2.0
"""The step of one point of the lean map from the force on it (contract, section 21)."""

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out

from nms.contract.config import LeanConfig
from nms.rtl.lean.lane import AXES, force_shape, point_layout
from nms.rtl.lib.fixed import bit_length, saturate


class MapUpdate(Component):
    """Velocity and position of one point a cycle.

    ``V' = sat(half_up(mom * V, 4) - half_up(F << c, sigma + 4))``, ``Y' = sat(Y + V')``.

    Parameters
    ----------
    config : ``images`` and the formats

    Members
    -------
    valid, row_force, point, velocity, row_sum : a point, and the sum of its row of P'
    early : the first part of the schedule; constant while points are under way
    new_valid, new_point, new_velocity : two cycles later
    """

    def __init__(self, config: LeanConfig) -> None:
        self.profile = config.profile
        self.places = self.profile.affinity.fraction - self.profile.position.fraction
        force = force_shape(config, config.images - 1)
        velocity = Shape(self.profile.velocity.width, signed=True)
        self.speed = StructLayout({axis: velocity for axis in AXES})
        super().__init__(
            {
                "valid": In(1),
                "row_force": In(StructLayout({axis: force for axis in AXES})),
                "point": In(point_layout(config)),
                "velocity": In(self.speed),
                "row_sum": In(config.derived.index_width + self.profile.affinity.fraction),
                "early": In(1),
                "new_valid": Out(1),
                "new_point": Out(point_layout(config)),
                "new_velocity": Out(self.speed),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stepped = Signal()
        m.d.sync += [stepped.eq(self.valid), self.new_valid.eq(stepped)]

        def register(enable: Value, value: Value, name: str) -> Signal:
            held = Signal(value.shape(), name=name, reset_less=True)
            with m.If(enable):
                m.d.sync += held.eq(value)
            return held

        # sigma is the length of (R - 1) >> 16, 0 for R = 0
        fraction = self.row_sum[: self.profile.affinity.fraction]
        whole = self.row_sum[len(fraction) :]
        sigma = bit_length(Mux(whole.any(), whole - ~fraction.any(), 0)[: len(whole)])
        for axis in AXES:
            force, old = self.row_force[axis], self.velocity[axis]
            doubled = Mux(self.early, force, force << 1).shift_right(self.places - 1)
            step = register(self.valid, (((doubled >> sigma) + 1).shift_right(1)), f"step_{axis}")
            slower = Mux(self.early, (old + 1).shift_right(1), ((old << 3) - old + 4).shift_right(3))
            kept = register(self.valid, slower, f"kept_{axis}")
            place = register(self.valid, self.point[axis], f"place_{axis}_1")
            velocity = register(stepped, saturate(kept - step, self.profile.velocity), f"velocity_{axis}")
            place = register(stepped, place, f"place_{axis}_2")
            m.d.comb += [
                self.new_velocity[axis].eq(velocity),
                self.new_point[axis].eq(saturate(place + velocity, self.profile.position)),
            ]
        return m
