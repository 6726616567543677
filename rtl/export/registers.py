# SPDX-License-Identifier: Apache-2.0
"""The registers as texts: a document, a C header and SystemRDL, all from ``contract/registers.py``.

``python -m nms.rtl.export.registers`` writes ``docs/reference/registers.md`` and
``examples/c/nms_registers.h``; with ``--check`` it only tells, by its exit status, whether they are fresh.
"""

import sys
from pathlib import Path

from nms.contract.config import METHODS
from nms.contract.readout import Readout
from nms.contract.registers import COUNTER_BITS, REGISTERS, ROW_FIELDS, Access, BitField, Error, Event
from nms.contract.settings import Pick

ROOT = Path(__file__).resolve().parents[2]

INTRODUCTION = """\
# Registers of the AXI system

Made from the registers of the specification by `python -m nms.rtl.export.registers`; do not edit.

`near_memory_sampler` is configured through `s_axil` (AXI4-Lite, 32 bits), reads images and writes results
through `m_axi` (AXI4) and sends the kept images through `m_axis` (AXI4-Stream, `tlast` with the last beat
of an image, its place in the batch, from 0 on, in `tuser`). `irq` is level-sensitive.

Image k of batch b lies at `image_base + b * batch_stride + k * image_stride` or, with `options.use_list`, at
`image_base + n * image_stride`, with n the number at `list_base + b * list_stride + 4 * k`, 32 bits,
little-endian.
Addresses are those modulo 2^64 or, where `method.narrow` is set, 2^32.

Counters of a job have {counter_bits} bits and wrap around; the upper bits read as 0.

A job: write the settings, then `start` to `control`; wait for `irq` or for `status.busy` to fall. Settings
are kept for the next job. An access to an offset without a register, a write to a read-only register and,
while busy, a write to a setting or a read of `data_lo` are answered by SLVERR and change nothing.

A job that is refused, or stopped by an error response on `m_axi`, sets `status.error`, `error_code` and
`error_address`; one that is aborted likewise, with code ABORTED. Bursts that were begun are completed, no
other is begun, an image of which a part was sent is ended by a beat with `tlast` and no byte in `tkeep`,
and then `busy` falls. The next `start` needs nothing else.

A register whose description ends with methods, or with `address_bits`, is that of these methods or of
addresses of so many bits alone: with the others it reads as 0, and what is written to it is ignored.

Access: `ro` read; `rw` read, and written unless busy; `rw, always`; `rw1c` read, and a one clears the bit;
`wo` a command, reads as 0.
"""

RESULTS = """\
## Results in memory

For batch b from `result_base + b * result_stride` on, little-endian, without gaps; {size} bytes in all for
N images and K kept. With `options.write_results` off nothing is written.

| bytes | what |
|---|---|
| 4 K, padded with 0 to a multiple of 8 | the kept images, ascending by k: k or, with lists, the number n |
| 8 N | for each image x and y of the embedding, 4 bytes each, signed, raw; not with herding |
| 16 N | for each row the record below; not with herding |

| bits of a record | name | what |
|---|---|---|
"""


def _bits(field: BitField) -> str:
    return str(field.low) if field.width == 1 else f"{field.low + field.width - 1}:{field.low}"


def markdown() -> str:
    """``docs/reference/registers.md``."""
    lines = [INTRODUCTION.format(counter_bits=COUNTER_BITS)]
    lines += ["| offset | register | access | reset | bits | what |", "|---|---|---|---|---|---|"]
    for register in REGISTERS:
        reset = "configuration" if register.reset is None else f"{register.reset:#x}"
        head = f"| {register.offset:#05x} | `{register.name}` | {register.access} | {reset} |"
        what = register.description
        if register.methods != tuple(METHODS):
            where = [*register.methods, *([f"desne with {register.key}"] if register.key else [])]
            what += f" ({', '.join(where)})"
        if register.address_bits > 32:
            what += f" (`address_bits` {register.address_bits})"
        if register.fields[0].name == "value" and len(register.fields) == 1:
            lines.append(f"{head} {_bits(register.fields[0])} | {what} |")
        else:
            lines.append(f"{head} | {what} |")
            lines += [f"| | | | | {_bits(f)} | `{f.name}`: {f.description} |" for f in register.fields]
    lines += ["", RESULTS.format(size="8 ceil(K/2) + 24 N, with herding 8 ceil(K/2),").rstrip()]
    lines += [f"| {_bits(field)} | `{field.name}` | {field.description} |" for field in ROW_FIELDS]
    return "\n".join(lines) + "\n"


def _enumeration(name: str, values: dict[str, int]) -> list[str]:
    """Lines of a C enumeration; C89 allows no comma at its end."""
    entries = ",\n".join(f"    NMS_{key.upper()} = {value}" for key, value in values.items())
    return ["", f"enum nms_{name} {{", entries, "};"]


def header() -> str:
    """The C header: offsets, masks, codes and the record of a row; C89 with ``stdint.h``, and C++."""
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Made from the registers of the contract by python -m nms.rtl.export.registers; do not edit. */",
        "#ifndef NMS_REGISTERS_H",
        "#define NMS_REGISTERS_H",
        "",
        "#include <stdint.h>",
        "",
    ]
    for register in REGISTERS:
        name = f"NMS_{register.name.upper()}"
        what = f"{register.access}: {register.description}"
        lines.append(f"#define {name} 0x{register.offset:03x}u /* {what} */")
        for field in register.fields:
            if field.name != "value":
                mask = ((1 << field.width) - 1) << field.low
                lines.append(f"#define {name}_{field.name.upper()} 0x{mask:08x}u /* {field.description} */")
    lines.append(f"#define NMS_IDENTITY_VALUE 0x{REGISTERS[0].reset:08x}u")
    lines += ["", "/* The value of a field that is one: field values are multiples of it. */"]
    lines.append("#define NMS_LOWEST(mask) ((mask) & (0u - (mask)))")
    lines += _enumeration("method", {name: index for index, name in enumerate(METHODS)})
    lines += _enumeration("pick", {f"pick_{one.name}": int(one) for one in Pick})
    lines += _enumeration("error", {f"error_{one.name}": int(one) for one in Error})
    lines += _enumeration("event", {f"event_{one.name}": 1 << one for one in Event})
    lines += _enumeration("table", {f"table_{one.name}": int(one) for one in Readout})
    types = {64: "uint64_t", 32: "uint32_t", 8: "uint8_t"}
    lines += ["", "struct nms_row {"]
    for field in ROW_FIELDS:
        kind = "int8_t" if field.name == "exponent" else types[field.width]
        lines.append(f"    {kind} {field.name}; /* {field.description} */")
    lines += ["};", "", "struct nms_point {", "    int32_t x, y; /* raw */", "};", "", "#endif"]
    return "\n".join(lines) + "\n"


RDL = {
    Access.RO: ("r", "rw"),
    Access.RW: ("rw", "r"),
    Access.FREE: ("rw", "r"),
    Access.W1C: ("rw", "rw"),
    Access.WO: ("w", "r"),
}
"""Access of software and of hardware."""


def systemrdl() -> str:
    """SystemRDL 2.0 of all registers."""
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Made from the registers of the specification; do not edit.",
        "addrmap nms_registers {",
        '    name = "Near-memory sampler";',
        "    default regwidth = 32;",
        "",
    ]
    for register in REGISTERS:
        software, hardware = RDL[register.access]
        lines += ["    reg {", f'        name = "{register.name}";']
        lines.append(f'        desc = "{register.description}";')
        for field in register.fields:
            lines += ["        field {", f'            desc = "{field.description}";']
            lines.append(f"            sw = {software}; hw = {hardware};")
            if register.access is Access.W1C:
                lines.append("            onwrite = woclr;")
            if register.access is Access.WO:
                lines.append("            singlepulse;")
            reset = ""
            if register.reset is not None:
                reset = f" = {field.width}'h{register.reset >> field.low & (1 << field.width) - 1:x}"
            top = field.low + field.width - 1
            lines.append(f"        }} {field.name}[{top}:{field.low}]{reset};")
        lines.append(f"    }} {register.name} @ 0x{register.offset:03x};")
    return "\n".join([*lines, "};"]) + "\n"


FILES = {"docs/reference/registers.md": markdown, "examples/c/nms_registers.h": header}
"""The files that are kept in the checkout."""


def main() -> None:
    """Write the files or, with ``--check``, compare them."""
    stale = [name for name, text in FILES.items() if _read(ROOT / name) != text()]
    if sys.argv[1:] == ["--check"]:
        for name in stale:
            print(f"{name} is stale: run python -m nms.rtl.export.registers", file=sys.stderr)
        sys.exit(bool(stale))
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(FILES[name]())
        print(ROOT / name)


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    main()
