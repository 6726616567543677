# SPDX-License-Identifier: Apache-2.0
"""The step of one point of the update array (TE) from its forces (contract, section 11)."""

from amaranth import Module, Mux, signed
from amaranth.hdl import Assert
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import Config
from nms.rtl.embedding.te_lane import AXES
from nms.rtl.lib.fixed import half_up_by, product, product_latency, saturate
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.signatures import Payloads

FORCES = ("attract_x", "attract_y", "repel_x", "repel_y")


class TEUpdate(Block):
    """Velocity and position of one point a cycle from its forces (contract, section 11, step 8).

    ``grep = half_up(repel * scale, shift)``, ``g = (attract << X) - grep``,
    ``V' = sat(half_up(mom * V, 4) - half_up(g << c, sigma))``, ``Y' = sat(Y + V')``.

    Parameters
    ----------
    config : ``images`` and the formats

    Members
    -------
    valid, position, velocity, forces, sigma : a point, its old velocity, the sums of its row, and its sigma
    scale, shift : N * yz and the shift of the product; constant while points are under way
    early : the first part of the schedule; constant likewise
    new_valid, new_position, new_velocity : of the point

    Latency
    -------
    :attr:`latency` cycles.

    Throughput
    ----------
    One point a cycle.

    Reset
    -----
    No point is under way.

    Raises
    ------
    In simulation, a scaled repulsion that does not fit its format fails an assertion.
    """

    def __init__(self, config: Config) -> None:
        profile, derived = config.profile, config.derived
        self.profile, self.force = profile, derived.force
        scale = derived.count_width + profile.kernel_reciprocal.fraction + 1
        shift = profile.kernel_reciprocal.fraction + derived.normaliser.width - 1 - profile.kernel.fraction
        self.module = "te_update"
        self.parameters = (config.images, profile)
        force, speed = signed(derived.force.width), signed(profile.velocity.width)
        self.row = StructLayout({name: force for name in FORCES})
        self.speed = StructLayout({axis: speed for axis in AXES})
        point = Payloads(config).point
        super().__init__(
            {
                "valid": In(1),
                "position": In(point),
                "velocity": In(self.speed),
                "forces": In(self.row),
                "sigma": In(bits_for(derived.row_sum.integer)),
                "scale": In(scale),
                "shift": In(range(shift + 1)),
                "early": In(1),
                "new_valid": Out(1),
                "new_position": Out(point),
                "new_velocity": Out(self.speed),
            }
        )

    @property
    def _scaling_latency(self) -> int:
        """Cycles until the scaled repulsion is there."""
        return product_latency(self.force.width, len(self.scale))

    @property
    def latency(self) -> int:
        """Cycles: a register, the scaled repulsion, its shift and rounding, gradient, step, velocity."""
        return self._scaling_latency + 6

    def elaborate(self, platform: object) -> Module:
        m = Module()
        moves = follow(m, self.valid, self.latency)
        scaled = self._scaling_latency + 1  # cycles after which the scaled repulsion is there
        m.d.comb += self.new_valid.eq(moves[-1])
        sigma = delay(m, self.sigma, scaled + 3, moves)
        scale = delay(m, self.scale, 1, moves)  # near to its multipliers
        for axis in AXES:
            force = delay(m, self.forces[f"repel_{axis}"], 1, moves)
            halves = product(m, force, scale, moves[1:]).shift_left(1) >> self.shift
            shifted = delay(m, halves, 1, moves[scaled:])
            rounded = delay(m, (shifted + 1).shift_right(1), 1, moves[scaled + 1 :])
            repel = rounded[: self.force.width].as_signed()
            with m.If(moves[scaled + 2]):
                m.d.sync += Assert(rounded == repel, "the repulsion times N / Z is out of range")

            attract = delay(m, self.forces[f"attract_{axis}"], scaled + 2, moves)
            gradient = delay(m, Mux(self.early, attract << 1, attract) - repel, 1, moves[scaled + 2 :])
            doubled = Mux(self.early, gradient, gradient << 1)
            step = half_up_by(doubled, sigma)[: self.force.width + 3].as_signed()

            # half_up of 8/16 or 13/16 of the old velocity, as 8 v + 5 v without a multiplier
            old = delay(m, self.velocity[axis], scaled + 1, moves)
            five = delay(m, (old << 2) + old, 1, moves[scaled + 1 :])
            rest = delay(m, Mux(self.early, 0, five) + 8, 1, moves[scaled + 2 :])
            eight = delay(m, old, 2, moves[scaled + 1 :]) << 3
            kept = ((eight + rest) >> 4)[: len(old)].as_signed()

            kept, step = (delay(m, value, 1, moves[scaled + 3 :]) for value in (kept, step))
            velocity = delay(m, saturate(kept - step, self.profile.velocity), 1, moves[scaled + 4 :])
            position = delay(m, self.position[axis], self.latency, moves)
            m.d.comb += [
                self.new_velocity[axis].eq(velocity),
                self.new_position[axis].eq(saturate(position + velocity, self.profile.position)),
            ]
        return m
