# SPDX-License-Identifier: Apache-2.0
"""Settings of a job: from the registers to the blocks that they steer, and whether they are legal."""

from amaranth import Cat, Const, Module, Mux, Signal, Value

from nms.contract.config import Config, LeanConfig, ReducedConfig, SamplerConfig
from nms.contract.registers import ADDRESS_BITS, BY_NAME
from nms.contract.settings import SIDE_MAX, Pick, Search
from nms.rtl.bus.images import BATCHES
from nms.rtl.bus.register_file import RegisterFile
from nms.rtl.lean.sampler import LeanSampler
from nms.rtl.lib.fixed import bit_length
from nms.rtl.reduction.reduce import Reduce
from nms.rtl.sampler import Sampler


class JobSettings:
    """What the registers say of a job.

    Parameters
    ----------
    config : all
    registers : where the settings are
    sampler : the core that takes them
    reduction : what reduces images and checks their shape; ``None`` if nothing does

    Attributes
    ----------
    taken : bytes of an image that the core takes
    writes : results are written
    mapped : the results have points and rows
    illegal : a cycle after the registers, the offset of the first that is illegal, or 0
    """

    def __init__(
        self,
        config: SamplerConfig,
        registers: RegisterFile,
        sampler: Sampler | LeanSampler,
        reduction: Reduce | LeanSampler | None,
    ) -> None:
        self.config, self.registers, self.sampler, self.reduction = config, registers, sampler, reduction
        self.taken = reduction.length if isinstance(reduction, Reduce) else registers.pixels
        self.writes = self.option("write_results")
        self.mapped = Signal()
        self.illegal = Signal(ADDRESS_BITS)

    def both(self, name: str) -> Value:
        """A value of two registers, or of the lower one where the configuration has no other."""
        halves = [f"{name}_{half}" for half in ("lo", "hi")]
        return Cat(getattr(self.registers, half) for half in halves if BY_NAME[half].exists(self.config))

    def field(self, register: str, name: str) -> Value:
        """A setting that is a field of a register."""
        field = next(field for field in BY_NAME[register].fields if field.name == name)
        value: Value = getattr(self.registers, register)[field.low : field.low + field.width]
        return value

    def option(self, name: str) -> Value:
        """A field of the register of options."""
        return self.field("options", name)

    def connect(self, m: Module) -> None:
        """Join the registers to core and reduction, and check them."""
        config, given = self.config, self.registers
        if isinstance(config, Config):
            own = self._set_published(m, config)
        else:
            assert isinstance(config, ReducedConfig)
            own = self._set_reduced(m, config)
        if isinstance(config, LeanConfig):
            m.d.comb += self.mapped.eq(given.pick != Pick.HERDING)
        else:
            m.d.comb += self.mapped.eq(isinstance(config, Config))
        m.d.comb += [
            self.sampler.count.eq(given.count),
            self.sampler.keep.eq(given.keep),
            self.sampler.pixels.eq(self.taken),
        ]
        beat = config.bus_bits // 8 - 1
        illegal = (
            own
            | {
                "count": (given.count < 4) | (given.count > config.images),
                "keep": (given.keep < 1) | (given.keep > given.count),
                "batches": (given.batches < 1) | (given.batches >= 1 << BATCHES),
            }
            | {
                name: (getattr(given, name) & beat) != 0
                for name in (
                    "image_base_lo", "image_stride", "batch_stride", "result_base_lo", "result_stride",
                    "list_base_lo", "list_stride",
                )
            }
        )  # fmt: skip
        found: Value = Const(0, ADDRESS_BITS)
        for name in sorted(illegal, key=lambda name: BY_NAME[name].offset, reverse=True):
            found = Mux(illegal[name], BY_NAME[name].offset, found)
        m.d.sync += self.illegal.eq(found)

    def _set_published(self, m: Module, config: Config) -> dict[str, Value]:
        """Settings of the published method to the sampler; by register, whether it is illegal."""
        given, sampler, target = self.registers, self.sampler, self.both("target")
        words = Signal.like(sampler.words)
        m.d.sync += words.eq(_divide_by_lanes(self.taken[: config.pixels.bit_length()], config))
        m.d.comb += [sampler.words.eq(words), sampler.target.eq(target)]
        if isinstance(self.reduction, Reduce):
            m.d.comb += self.reduction.pixels.eq(given.pixels)
            image = self._set_reduction(m, self.reduction)
        else:
            m.d.comb += sampler.send_images.eq(self.option("send_images"))
            image = {"pixels": (given.pixels < 1) | (given.pixels > config.pixels)}
        for name in ("iterations", "exaggerated", "seed", "search", *(["pick"] if config.picks else [])):
            m.d.comb += getattr(sampler, name).eq(getattr(given, name))
        pick = {"pick": given.pick >= Pick.HERDING} if config.picks else {}
        fraction = config.profile.perplexity.fraction
        return (
            image
            | pick
            | {
                "target_lo": (target <= 1 << fraction) | (target >= (given.count - 1) << fraction),
                "iterations": given.iterations > 0xFFFF,
                "exaggerated": given.exaggerated > 0xFFFF,
                "search": given.search > max(Search),
            }
        )

    def _set_reduction(self, m: Module, reduction: Reduce | LeanSampler) -> dict[str, Value]:
        """Settings of an image to what reduces it; by register, whether it is illegal.

        Its check tells of all settings of an image at once: if the others are right, it is the number of
        bytes that is wrong, in memory or reduced.
        """
        given = self.registers
        shape = {name: self.field("shape", name) for name in ("height", "width")}
        grid = {name: self.field("reduction", name) for name in ("side", "channels", "planes", "grey")}
        for name, value in (shape | grid).items():
            m.d.comb += getattr(reduction, name).eq(value)
        side, channels = grid["side"], grid["channels"]
        known = Cat(side == one for one in (0, 4, 8, 16, 32) if one <= self.config.side).any()
        unclear = grid["grey"] & (grid["planes"] | (channels == 1))
        reduces, odd = side != 0, (channels != 1) & (channels != 3)
        illegal = {
            "shape": reduces & Cat((one < 1) | (one > SIDE_MAX) for one in shape.values()).any(),
            "reduction": ~known | unclear | (reduces & odd),
        }
        illegal["pixels"] = (given.pixels >= 1 << len(reduction.pixels)) | (
            reduction.illegal & ~illegal["shape"] & ~illegal["reduction"]
        )
        return illegal

    def _set_reduced(self, m: Module, config: ReducedConfig) -> dict[str, Value]:
        """As :meth:`_set_published`, of a sampler that always looks at reduced images."""
        given, sampler = self.registers, self.sampler
        illegal = self._set_reduction(m, sampler)
        removal = {name: self.field("duplicates", name) for name in ("threshold", "window", "across")}
        for name, value in removal.items():
            m.d.comb += getattr(sampler, name).eq(value)
        flat = (sampler.side == 0) | (sampler.height < 4) | (sampler.width < 4)
        beyond = (removal["window"] < 1) | (removal["window"] > config.window)
        illegal["duplicates"] = (removal["threshold"] != 0) & (flat | beyond)
        if not isinstance(config, LeanConfig):
            return illegal | {"pick": given.pick != Pick.HERDING}
        return illegal | self._set_map(m, config)

    def _set_map(self, m: Module, config: LeanConfig) -> dict[str, Value]:
        """As :meth:`_set_published`, of a map that has few bits."""
        given, sampler, target = self.registers, self.sampler, self.both("target")
        m.d.comb += sampler.target.eq(target)
        for name in ("iterations", "exaggerated", "seed", "pick", "evaluations"):
            m.d.comb += getattr(sampler, name).eq(getattr(given, name))
        mapped = given.pick != Pick.HERDING
        others = (given.count - 1)[: config.derived.count_width]
        reached = (target >> config.profile.entropy.fraction) >= bit_length(others)
        return {
            "pick": given.pick > max(Pick),
            "target_lo": mapped & ((target == 0) | reached),
            "iterations": mapped & (given.iterations > 0xFFFF),
            "exaggerated": mapped & (given.exaggerated > 0xFFFF),
            "evaluations": mapped & ((given.evaluations < 1) | (given.evaluations > 15)),
        }


def _divide_by_lanes(pixels: Value, config: Config) -> Value:
    """ceil(pixels / lanes) as a product: exact, because the reciprocal is rounded up and has enough bits."""
    lanes = config.lanes
    bits = len(pixels) + 1 + lanes.bit_length()
    reciprocal = -(-(1 << bits) // lanes)
    return ((pixels + (lanes - 1)) * reciprocal) >> bits
