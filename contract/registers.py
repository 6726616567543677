# SPDX-License-Identifier: Apache-2.0
"""The registers of the AXI system and its results in memory, as data.

The hardware, its driver, ``docs/reference/registers.md``, the C header and the SystemRDL are generated from
this. Registers have 32 bits; a 64-bit value takes two, ``<name>_lo`` and, at the next offset, ``<name>_hi``.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any

from nms.contract.config import METHODS, Config, LeanConfig, ReducedConfig, SamplerConfig
from nms.contract.readout import Phase, Readout
from nms.contract.settings import LeanSettings, Pick, Search, Settings

IDENTITY = 0x4E4D5331
"""``NMS1``."""

VERSION = (0, 3)
"""Major and minor version of the registers."""

ADDRESS_BITS = 12
"""Bits of an address on ``s_axil``."""


class Access(StrEnum):
    """How software may access a register."""

    RO = "ro"  # read
    RW = "rw"  # read and, unless a job is running, written
    FREE = "rw, always"  # read and written at any time
    W1C = "rw1c"  # read; writing a one clears the bit
    WO = "wo"  # written: each one is a command; reads as 0


class Error(IntEnum):
    """Why a job was refused or stopped."""

    NONE = 0
    SETTING = 1  # illegal value; the error address is the register's offset
    READ_SLVERR = 2  # the error address is that of the beat
    READ_DECERR = 3
    WRITE_SLVERR = 4  # the error address is that of the burst
    WRITE_DECERR = 5
    ABORTED = 6


class Event(IntEnum):
    """Bits of ``irq_enable`` and ``irq_status``."""

    DONE = 0
    ERROR = 1
    ABORTED = 2


@dataclass(frozen=True)
class BitField:
    """Bits ``low`` to ``low + width - 1`` of a register."""

    name: str
    low: int
    width: int
    description: str


@dataclass(frozen=True)
class Register:
    """A 32-bit register whose bits outside fields read as 0; ``reset`` None: set by the configuration.

    In a configuration that does not have it (:meth:`exists`) it reads as 0, and what is written to it is
    ignored.
    """

    name: str
    offset: int
    access: Access
    description: str
    fields: tuple[BitField, ...]
    reset: int | None = 0
    methods: tuple[str, ...] = tuple(METHODS)
    """Of the configurations that have it, whatever their keys."""
    key: str = ""
    """With this key above 0, one of the published method has it too."""
    address_bits: int = 32
    """Of the configurations that have it: addresses have so many bits at least."""

    def exists(self, config: SamplerConfig) -> bool:
        """Whether a configuration has it."""
        return config.address_bits >= self.address_bits and config.has(self.methods, self.key)

    @property
    def mask(self) -> int:
        """The bits that belong to a field."""
        return sum(((1 << field.width) - 1) << field.low for field in self.fields)


def _register(
    name: str,
    offset: int,
    access: Access,
    description: str,
    *fields: BitField,
    reset: int | None = 0,
    methods: tuple[str, ...] = tuple(METHODS),
    key: str = "",
    address_bits: int = 32,
) -> list[Register]:
    whole = (BitField("value", 0, 32, description),)
    return [Register(name, offset, access, description, fields or whole, reset, methods, key, address_bits)]


def _pair(name: str, offset: int, access: Access, description: str, **options: Any) -> list[Register]:
    return [
        *_register(f"{name}_lo", offset, access, f"{description}; bits 31 to 0", **options),
        *_register(f"{name}_hi", offset + 4, access, f"{description}; bits 63 to 32", **options),
    ]


def _address(name: str, offset: int, access: Access, description: str) -> list[Register]:
    """A pair of registers, the upper one where addresses reach it."""
    low, high = _pair(name, offset, access, description)
    return [low, replace(high, address_bits=64)]


def _events() -> tuple[BitField, ...]:
    meaning = {
        Event.DONE: "a job has ended, all batches done",
        Event.ERROR: "a job was refused or stopped by an error",
        Event.ABORTED: "an abort is complete: nothing is under way on any bus",
    }
    return tuple(BitField(event.name.lower(), event, 1, text) for event, text in meaning.items())


COUNTED = [
    *((f"cycles_{p.name.lower()}", f"cycles of phase {p.name} in the last batch") for p in list(Phase)[1:]),
    ("trials", "candidates that the search of the last batch evaluated"),
    ("cycles_job", "cycles of the last job, from start to its end"),
    ("read_waits", "cycles of the last job in which reads were under way and m_axi gave no data"),
    ("write_waits", "cycles of the last job in which m_axi did not take write data that was offered"),
    ("stream_waits", "cycles of the last job in which m_axis did not take a beat that was offered"),
    ("bytes_read", "bytes that m_axi has read in the last job, whole beats"),
    ("bytes_written", "bytes that m_axi has written in the last job"),
    ("bytes_sent", "bytes that m_axis has sent in the last job"),
    ("bytes_fetched", "bytes of bytes_read that were read again to be sent"),
    ("standing", "images of the last batch that are no near-duplicates"),
]
"""Counters, from offset :data:`nms.contract.registers.COUNTERS` on, each in a pair: name and meaning."""

COUNTER_BITS = 48
"""Bits of a counter of a job, which wraps around; those above read as 0."""

BYTES = ("bytes_read", "bytes_written", "bytes_sent")
"""Names of the counters of the bytes that crossed the data buses."""

COUNTERS = 0x100
"""Offset of the first counter."""

_RO, _RW = Access.RO, Access.RW
_MAPPED, _REDUCED = ("desne", "lean"), ("herding", "lean")

REGISTERS: tuple[Register, ...] = (
    *_register("identity", 0x000, _RO, "The text NMS1", reset=IDENTITY),
    *_register(
        "version", 0x004, _RO, "Version of the registers",
        BitField("minor", 0, 16, "additions"), BitField("major", 16, 16, "incompatible changes"),
        reset=VERSION[0] << 16 | VERSION[1],
    ),
    *_pair("digest", 0x008, _RO, "Digest of the configuration, 48 bits", reset=None),
    *_register("max_images", 0x010, _RO, "Largest batch, images", reset=None),
    *_register("max_pixels", 0x014, _RO, "Largest image, bytes, reduced where it is", reset=None),
    *_register(
        "array", 0x018, _RO, "Sizes of the hardware, 0 of what it does not have",
        BitField("pes", 0, 8, "processing elements"), BitField("lanes", 8, 8, "bytes a PE takes in a cycle"),
        BitField("te_lanes", 16, 8, "pairs of the embedding in a cycle"),
        BitField("bus_bytes", 24, 8, "bytes of a beat of m_axi and m_axis"),
        reset=None,
    ),
    *_register(
        "fractions", 0x01C, _RO, "Fraction bits of the formats that software meets, 0 of one it does not",
        BitField("perplexity", 0, 8, "of the target"), BitField("position", 8, 8, "of the embedding"),
        BitField("mantissa", 16, 8, "of the mantissa of beta"),
        reset=None,
    ),
    *_register(
        "control", 0x020, Access.WO, "Commands",
        BitField("start", 0, 1, "begin a job; ignored while busy"),
        BitField("abort", 1, 1, "end the job; ignored unless busy"),
        BitField("clear", 2, 1, "clear done, error, error code and error address; ignored while busy"),
    ),
    *_register(
        "status", 0x024, _RO, "State of the job",
        BitField("busy", 0, 1, "a job is under way, or its last transactions are"),
        BitField("done", 1, 1, "the last job has ended well; cleared by start and clear"),
        BitField("error", 2, 1, "the last job was refused, stopped or aborted; cleared by start and clear"),
        BitField("writing", 3, 1, "results are being written"),
        BitField("phase", 8, 4, "phase of the sampler: " + ", ".join(f"{p:d} {p.name}" for p in Phase)),
    ),
    *_register("irq_enable", 0x028, Access.FREE, "irq is high while an enabled event is pending", *_events()),
    *_register("irq_status", 0x02C, Access.W1C, "Pending events", *_events()),
    *_register(
        "error_code", 0x030, _RO, "Why the last job was refused or stopped",
        BitField("code", 0, 4, ", ".join(f"{e:d} {e.name}" for e in Error)),
    ),
    *_register("batches_done", 0x034, _RO, "Batches of the job whose results are complete"),
    *_address("error_address", 0x038, _RO, "Address on m_axi, or offset of the register, of the error"),
    *_register("count", 0x040, _RW, "N, images in a batch: 4 to max_images"),
    *_register(
        "pixels", 0x044, _RW,
        "Bytes of an image: 1 to max_pixels or, if it is reduced, height * width * channels",
    ),
    *_register("keep", 0x048, _RW, "K, images to keep: 1 to N"),
    *_register("seed", 0x04C, _RW, "Seed of every random number", methods=_MAPPED),
    *_pair(
        "target", 0x050, _RW,
        "Perplexity, raw: above 1 and below N-1; of the method lean its entropy: below the bit length of N-1",
        methods=_MAPPED,
    ),
    *_register("iterations", 0x058, _RW, "Gradient iterations: 0 to 65535", methods=_MAPPED),
    *_register(
        "exaggerated", 0x05C, _RW, "Iterations of the first part of the schedule: 0 to 65535", methods=_MAPPED
    ),
    *_register(
        "search", 0x060, _RW, "Method of the search: " + ", ".join(f"{s:d} {s}" for s in Search),
        methods=("desne",),
    ),
    *_register("batches", 0x064, _RW, "Batches of the job: 1 or more"),
    *_register(
        "options", 0x068, _RW, "Which images are read, and what leaves the block",
        BitField("send_images", 0, 1, "send the kept images on m_axis"),
        BitField("write_results", 1, 1, "write the results of each batch to memory"),
        BitField("use_list", 2, 1, "the images of each batch are those of its list"),
    ),
    *_address("image_base", 0x070, _RW, "Address of the first image, a multiple of bus_bytes"),
    *_register("image_stride", 0x078, _RW, "Bytes from an image to the next, a multiple of bus_bytes"),
    *_register(
        "batch_stride", 0x07C, _RW, "Bytes from a batch's images to the next's, a multiple of bus_bytes"
    ),
    *_address("result_base", 0x080, _RW, "Address of the first batch's results, a multiple of bus_bytes"),
    *_register(
        "result_stride", 0x088, _RW, "Bytes from a batch's results to the next's, a multiple of bus_bytes"
    ),
    *_register(
        "table", 0x090, Access.FREE, "Table that data reads",
        BitField("index", 0, 4, ", ".join(f"{t:d} {t.name}" for t in Readout)),
    ),
    *_register("row", 0x094, Access.FREE, "Row that data reads", BitField("value", 0, 16, "row")),
    *_register("column", 0x098, Access.FREE, "Column that data reads", BitField("value", 0, 16, "column")),
    *_register(
        "data_lo", 0x0A0, _RO,
        "The table's value, bits 31 to 0. Reading moves on: to the next row of a vector, the next column, "
        "after the last (count - 1; of points 1) the next row. Only while not busy",
    ),
    *_register("data_hi", 0x0A4, _RO, "Bits 63 to 32 of the value that data_lo gave last, sign-extended"),
    *_address(
        "list_base", 0x0B0, _RW,
        "Address of the first batch's list, a multiple of bus_bytes: N numbers of 4 bytes, the image with "
        "number n lies at image_base + n * image_stride",
    ),
    *_register("list_stride", 0x0B8, _RW, "Bytes from a batch's list to the next's, a multiple of bus_bytes"),
    *_register(
        "shape", 0x0C0, _RW, "Size of an image in memory, if it is reduced",
        BitField("height", 0, 13, "rows: 1 to 4096"), BitField("width", 16, 13, "pixels of a row: 1 to 4096"),
        methods=_REDUCED, key="side",
    ),
    *_register(
        "reduction", 0x0C4, _RW, "What images are reduced to",
        BitField("side", 0, 6, "of the grid: 4, 8, 16 or 32, up to method.side; 0: images as they are"),
        BitField("channels", 8, 2, "bytes of a pixel: 1 or 3"),
        BitField("planes", 16, 1, "channels lie one after the other, each whole"),
        BitField("grey", 24, 1, "reduce the channels of a pixel to one; not with planes"),
        methods=_REDUCED, key="side",
    ),
    *_register(
        "pick", 0x0C8, _RW, "What of a batch is kept",
        BitField(
            "index", 0, 8,
            ", ".join(f"{p:d} {p}" for p in Pick) + "; herding has 4 alone, desne all but 4",
        ),
        methods=_REDUCED, key="picks",
    ),
    *_register(
        "evaluations", 0x0CC, _RW, "What the search may do",
        BitField("most", 0, 8, "evaluations of a row: 1 to 15"),
        methods=("lean",),
    ),
    *_register(
        "method", 0x0D0, _RO, "What the hardware does",
        BitField("index", 0, 8, ", ".join(f"{index} {name}" for index, name in enumerate(METHODS))),
        BitField("side", 8, 8, "largest side of the grid to which images are reduced; 0: none are"),
        BitField("window", 16, 9, "standing images that one can be compared with; 0: none is removed"),
        BitField("picks", 25, 1, "of a map not only the centre is picked"),
        BitField("narrow", 26, 1, "addresses on m_axi have 32 bits, not 64"),
        reset=None,
    ),
    *_register(
        "duplicates", 0x0D4, _RW, "Which images count as near-duplicates and are left out",
        BitField("threshold", 0, 8, "256ths of the squared norm of a profile; 0 leaves none out"),
        BitField("window", 8, 9, "standing images that one is compared with: 1 to method.window"),
        BitField("across", 24, 1, "those of the batches before count"),
        methods=_REDUCED,
    ),
    *(
        register
        for place, (name, meaning) in enumerate(COUNTED)
        for register in _pair(name, COUNTERS + 8 * place, _RO, meaning[0].upper() + meaning[1:])
    ),
)  # fmt: skip

BY_NAME: dict[str, Register] = {register.name: register for register in REGISTERS}


def holds(config: SamplerConfig, name: str) -> bool:
    """Whether a configuration has the register, or the pair of registers, of this name."""
    return BY_NAME[name if name in BY_NAME else f"{name}_lo"].exists(config)


def constants(config: SamplerConfig) -> dict[str, int]:
    """Values of the registers that are fixed when the hardware is generated, by name."""
    digest, array, fractions, window, picks = int(config.digest, 16), 0, 0, 0, 0
    method, narrow = list(METHODS).index(config.method), config.address_bits == 32
    if isinstance(config, Config):
        picks = config.picks
        profile = config.profile
        array = config.pes | config.lanes << 8 | config.te_lanes << 16
        fractions = _join(profile.perplexity.fraction, profile.position.fraction, profile.mantissa.fraction)
    if isinstance(config, LeanConfig):
        lean, picks = config.profile, 1
        array = config.map_lanes << 16
        fractions = _join(lean.entropy.fraction, lean.position.fraction, lean.mantissa.fraction)
    if isinstance(config, ReducedConfig):
        window = config.window
    return {
        "identity": IDENTITY,
        "version": VERSION[0] << 16 | VERSION[1],
        "digest_lo": digest & 0xFFFFFFFF,
        "digest_hi": digest >> 32,
        "max_images": config.images,
        "max_pixels": config.pixels,
        "array": array | config.bus_bits // 8 << 24,
        "fractions": fractions,
        "method": method | config.side << 8 | window << 16 | picks << 25 | narrow << 26,
    }


def setting_values(settings: Settings | LeanSettings) -> dict[str, int]:
    """The values of the registers that hold the settings of a batch."""
    published = isinstance(settings, Settings)
    names = ["count", "pixels", "keep", "seed", "target", "iterations", "exaggerated", "pick"]
    names.append("search" if published else "evaluations")
    values = {name: int(getattr(settings, name)) for name in names}
    for name in ("shape", "reduction") if published else ("shape", "reduction", "duplicates"):
        fields = BY_NAME[name].fields
        values[name] = sum(int(getattr(settings, field.name)) << field.low for field in fields)
    return values


def _join(*values: int) -> int:
    """A word of bytes, the first lowest."""
    return int.from_bytes(bytes(values), "little")


ROW_FIELDS: tuple[BitField, ...] = (
    BitField("mantissa", 0, 64, "M of beta2 = M * 2^(exponent - scale), raw"),
    BitField("exponent", 64, 8, "q, signed"),
    BitField("scale", 72, 8, "L"),
    BitField("status", 80, 8, "how the search ended: 0 SOLVED, 1 INFEASIBLE, 2 SATURATED, 3 UNCONVERGED"),
    BitField("generations", 88, 8, "generations of the search; of the method lean its evaluations"),
    BitField("reserved", 96, 32, "0"),
)
"""The record of a row in the results: 16 bytes, little-endian."""


def has_map(settings: Settings | LeanSettings) -> bool:
    """Whether the results of a batch have points and rows."""
    return isinstance(settings, Settings) or settings.pick != Pick.HERDING


def result_offsets(count: int, keep: int, mapped: bool = True) -> tuple[int, int, int]:
    """Offsets in bytes of the points and of the rows in a batch's results, and the results' size.

    The results start with the K kept images, ascending by their places in the batch, of 4 bytes each: the
    place or, with a list, the number there. They are padded with 0 to a multiple of 8.
    If they are ``mapped`` (:func:`has_map`), the N points follow, {x, y} of 4 bytes each, signed, and the N
    rows (:data:`ROW_FIELDS`).
    """
    points = 8 * -(-keep // 2)
    if not mapped:
        return points, points, points
    rows = points + 8 * count
    return points, rows, rows + 16 * count
