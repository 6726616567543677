# SPDX-License-Identifier: Apache-2.0
"""Load the constants of the energy model: one table, each entry with value, unit and source.

The project's table is ``parameters.toml``. A user's file of the same form replaces the entries that it names.
"""

import math
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from nms.contract import toml
from nms.contract.config import nearest
from nms.contract.errors import UserError

DEFAULT = Path(__file__).with_name("parameters.toml")


class Quantity(BaseModel):
    """A number with its unit and its source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float = Field(ge=0, allow_inf_nan=False)
    unit: str
    source: str = Field(min_length=1)


def _in(unit: str, whole: bool = False, positive: bool = True, most: float = math.inf) -> AfterValidator:
    """Require a unit and, optionally, a whole number, a positive one, or at most ``most``."""

    def check(quantity: Quantity) -> Quantity:
        if quantity.unit != unit:
            raise ValueError(f"unit {quantity.unit!r}: must be {unit!r}")
        if whole and not quantity.value.is_integer():
            raise ValueError(f"value {quantity.value:g}: must be a whole number")
        if positive and not quantity.value:
            raise ValueError("value 0: must be positive")
        if quantity.value > most:
            raise ValueError(f"value {quantity.value:g}: must be at most {most:g}")
        return quantity

    return AfterValidator(check)


Number = Annotated[Quantity, _in("1")]
Share = Annotated[Quantity, _in("1", most=1)]
Whole = Annotated[Quantity, _in("1", whole=True)]
Passes = Annotated[Quantity, _in("1", positive=False)]
Bit = Annotated[Quantity, _in("bit", whole=True)]
Byte = Annotated[Quantity, _in("byte", whole=True)]
Bytes = Annotated[Quantity, _in("byte", positive=False)]
Image = Annotated[Quantity, _in("image", whole=True)]
Epoch = Annotated[Quantity, _in("epoch", whole=True, positive=False)]
Volt = Annotated[Quantity, _in("V")]
Nanosecond = Annotated[Quantity, _in("ns")]
Megahertz = Annotated[Quantity, _in("MHz")]
Cycle = Annotated[Quantity, _in("cycle")]
Milliampere = Annotated[Quantity, _in("mA", positive=False)]
Milliwatt = Annotated[Quantity, _in("mW", positive=False)]
Ohm = Annotated[Quantity, _in("ohm")]
Picofarad = Annotated[Quantity, _in("pF", positive=False)]
PerBit = Annotated[Quantity, _in("1/bit", positive=False)]
PicojoulePerBit = Annotated[Quantity, _in("pJ/bit", positive=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dram(_Section):
    """A rank of DDR4 devices."""

    chips: Whole
    width: Bit
    row: Byte
    burst: Whole
    vdd: Volt
    vpp: Volt
    clock: Nanosecond
    ras: Cycle
    rp: Cycle
    rrd: Cycle
    rfc: Cycle
    refi: Cycle
    correction: Number
    bus_use: Share


class Currents(_Section):
    """Supply currents (IDD) of one device, from one supply."""

    idd0: Milliampere
    idd2n: Milliampere
    idd2p: Milliampere
    idd3n: Milliampere
    idd3p: Milliampere
    idd4r: Milliampere
    idd4w: Milliampere
    idd5: Milliampere


class Io(_Section):
    """Drivers, terminations and pads of the data pins."""

    driver_device: Ohm
    driver_host: Ohm
    termination_device: Ohm
    termination_host: Ohm
    low_share: Share
    rises_data: PerBit
    rises_strobe: PerBit
    strobes: Whole
    pad_device: Picofarad
    pad_host: Picofarad
    internal_host: Picofarad


class Trace(_Section):
    """A line on the board."""

    resistance: Ohm
    capacitance: Picofarad


class Phy(_Section):
    """The host's side of the interface."""

    dynamic: PicojoulePerBit
    static: Milliwatt


class Link(_Section):
    """Kinds of link between the dies of one package."""

    ucie_standard: PicojoulePerBit
    ucie_advanced: PicojoulePerBit
    ucie_3d: PicojoulePerBit
    tsv: PicojoulePerBit


class Workload(_Section):
    """A data set, and the bytes of activations that a network saves for each image."""

    images: Image
    image_bytes: Byte
    activation_bytes: Bytes


class TrainingAccelerator(_Section):
    """How the training accelerator treats activations."""

    activation_crossings: Passes
    activation_bits: Bit


class Dq(_Section):
    """Dataset quantization (DQ)."""

    bins: Whole
    default_epochs: Epoch
    pixel_passes: Passes


class Nessa(_Section):
    """NeSSA, which selects near storage."""

    feedback_bytes: Bytes


class SamplerHardware(_Section):
    """The sampler as built."""

    clock: Megahertz
    request: Whole
    ahead: Whole


class Published(_Section):
    """Published ratios, to reproduce."""

    ratio: Share
    nessa: Number
    dq: Number


class Parameters(_Section):
    """All constants of the model."""

    dram: Dram
    currents: Currents
    pump: Currents
    io: Io
    trace: Trace
    phy: Phy
    link: Link
    cifar10: Workload
    imagenet224: Workload
    training: TrainingAccelerator
    dq: Dq
    nessa: Nessa
    sampler: SamplerHardware
    published: Published

    def scaled(self, factors: dict[str, float]) -> "Parameters":
        """A copy in which each entry in ``factors``, named ``section.entry``, is multiplied by its factor."""
        table = self.model_dump()
        for name, factor in factors.items():
            section, entry = name.split(".")
            table[section][entry]["value"] *= factor
        return Parameters.model_validate(table)


def load(path: Path | None = None) -> Parameters:
    """The project's table; with ``path``, the entries of that file replace the table's.

    Raises
    ------
    UserError
        The file cannot be read or is not TOML. An entry is unknown (the message has the nearest spelling),
        lacks its unit or source, has a unit other than the model's, or an impossible value.
    """
    table = toml.read(DEFAULT)
    if path is not None:
        if not path.exists():
            raise UserError(f"parameters {str(path)!r}: No such file; give the path of a TOML file")
        for section, entries in toml.read(path).items():
            if section not in table:
                raise UserError(f"{path}: no section {section!r}; {nearest(section, table)}")
            if not isinstance(entries, dict):
                raise UserError(f"{path}: {section} is {entries!r}; must be a section [{section}]")
            for entry, quantity in entries.items():
                if entry not in table[section]:
                    known = nearest(entry, table[section])
                    raise UserError(f"{path}: no entry {entry!r} in [{section}]; {known}")
                table[section][entry] = quantity
    try:
        return Parameters.model_validate(table)
    except ValidationError as error:
        raise UserError(f"{path or DEFAULT}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """The first error: where, the value, and what would be right."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        return f"{'.'.join(where[:-1])}: no key {where[-1]!r}; {nearest(where[-1], Quantity.model_fields)}"
    if first["type"] == "missing":
        return f"{'.'.join(where[:-1])}: {where[-1]} is missing; an entry needs value, unit and source"
    if first["type"] == "model_type":
        return f"{'.'.join(where)}: {first['input']!r}; must be {{ value = ..., unit = ..., source = ... }}"
    message = first["msg"].removeprefix("Value error, ")
    given = first["input"]
    said = "" if isinstance(given, Quantity) else f"{given!r}: "
    return f"{'.'.join(where)}: {said}{message}"
